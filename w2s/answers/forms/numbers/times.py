"""Forms of times of day and dates: `6:00 pm` is `18:00`, `March 5, 2024` is `2024-03-05`."""

import re
from datetime import date

from w2s.answers.forms.form import Form
from w2s.answers.text.words import DAYS, MONTHS

_CLOCK = re.compile(r"(\d{1,2}) ?: ?(\d\d)(?: ?: ?(\d\d))?(?: ?([ap])\.? ?m\.?)?", re.IGNORECASE)
_HOUR = re.compile(r"(\d{1,2})(?: ?([ap])\.? ?m\.?| o'? ?clock)", re.IGNORECASE)
_WORDS = {"noon": "12:00 pm", "12 noon": "12:00 pm", "midnight": "00:00", "12 midnight": "00:00"}
_ZEROS = re.compile(r"(?<!\d)0(?=\d)")
_NUMERIC = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})|(\d{1,2})([-/.])(\d{1,2})\6(\d{4}|\d\d)", re.ASCII)
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAY = "|".join(sorted(DAYS, key=len, reverse=True))
_WORDED = re.compile(
    rf"(?:(?:{_DAY})\.?,? )?(?:(?P<month>{_MONTH})\.? (?:the )?(?P<day>\d{{1,2}})(?: ?(?:st|nd|rd|th))?"
    rf"|(?:the )?(?P<day2>\d{{1,2}})(?: ?(?:st|nd|rd|th))?(?: of)? (?P<month2>{_MONTH})\.?)(?:,? (?P<year>\d{{4}}))?",
    re.IGNORECASE,
)


def time_form(text: str) -> Form | None:
    """A time of day: `15:30` in 24 hours where morning or afternoon is known, else as written, `3:30`."""
    if text.lower() in _WORDS:
        return Form(_WORDS[text.lower()], True)
    if match := _CLOCK.fullmatch(text):
        hour, minute, second, half = match.groups()
    elif match := _HOUR.fullmatch(text):
        hour, minute, second, half = match[1], "00", None, match[2]
    else:
        return None
    rest = f":{minute}" + (f":{second}" if second else "")
    if int(minute) > 59:
        return None
    if half is None:
        return Form(f"{hour}{rest}", False)
    if not 1 <= int(hour) <= 12:
        return None
    if half.lower() == "p":
        return Form(f"12{rest} pm" if hour == "12" else f"{int(hour) + 12}{rest}", True)
    return Form(f"{hour}{rest} am" if hour in ("10", "11") else f"{int(hour) % 12:02}{rest}", True)


def times_of(text: str) -> frozenset[str] | None:
    """The times in 24 hours that a canonical time may mean; None for any other text. `3:30` may be 15:30."""
    match = _CLOCK.fullmatch(text)
    if match is None or int(match[2]) > 59 or int(match[1]) > 24:
        return None
    hour, rest = int(match[1]), text[len(match[1]) :].replace(" ", "")[:-2] if match[4] else text[len(match[1]) :]
    if match[4]:
        hour = hour % 12 + (12 if match[4].lower() == "p" else 0)
    if match[4] or hour > 12 or match[1].startswith("0"):
        return frozenset((f"{hour:02}{rest}",))
    return frozenset((f"{hour % 12:02}{rest}", f"{hour % 12 + 12:02}{rest}"))


def date_form(text: str) -> Form | None:
    """A date: `2024-03-05`, `4 july` without a year, and `3/4/2024` as written, because day or month may come first."""
    if match := _WORDED.fullmatch(text):
        month = MONTHS[(match["month"] or match["month2"]).lower().rstrip(".")]
        day = int(match["day"] or match["day2"])
        if match["year"]:
            return _iso(int(match["year"]), month, day)
        name = next(name for name, at in MONTHS.items() if at == month)
        return Form(f"{day} {name}", False) if 1 <= day <= 31 else None
    if not _NUMERIC.fullmatch(text) or ("." in text and not re.search(r"\d{4}", text)):
        return None
    dates = dates_of(text)
    if not dates:
        return None
    return Form(min(dates), True) if len(dates) == 1 else Form(re.sub(r"[-.]", "/", _ZEROS.sub("", text)), False)


def dates_of(text: str) -> frozenset[str] | None:
    """The dates in ISO form that a canonical date may mean; None for a text that is no date with a year."""
    match = _NUMERIC.fullmatch(text)
    if match is None:
        return None
    if match[1]:
        found = [_iso(int(match[1]), int(match[3]), int(match[4]))]
    else:
        first, second = int(match[5]), int(match[7])
        years = [int(match[8])] if len(match[8]) == 4 else [1900 + int(match[8]), 2000 + int(match[8])]
        found = [_iso(year, *order) for year in years for order in ((first, second), (second, first))]
    return frozenset(form.text for form in found if form) or None


def _iso(year: int, month: int, day: int) -> Form | None:
    try:
        return Form(date(year, month, day).isoformat(), True)
    except ValueError:
        return None
