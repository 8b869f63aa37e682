"""Choices: letters of single and multiple choice questions, with or without their texts, and truth values."""

import re
from collections.abc import Callable

from w2s.answers.forms.form import Form
from w2s.answers.text.brackets import enclosed, split_top

_LETTER = re.compile(r"[(\[]? ?([A-Za-z]) ?[)\]]?[.:]?")
_LEAD = re.compile(
    r"^(?:the )?(?:correct )?(?:options?|choices?|answers?)(?: (?:is|are))?:? ?(?=[(\[]? ?[A-Z])", re.IGNORECASE
)
_WITH_TEXT = re.compile(
    r"(?:[(\[] ?([A-Za-z]) ?[)\]]|([A-Z])(?: ?\)| ?[.:](?!\d)| -(?=.*[A-Za-z]{2})|, (?=[a-z])"
    r"| (?=because|since|as |\()| (?=\d)|= ?(?=-?[\d.]+))).*",
    re.DOTALL,
)
_SEVERAL_WITH_TEXT = re.compile(r"[(\[]? ?([A-Z]) ?(?:[)\]]|[).:])(?: [^,;]*)?")
_LABELLED = re.compile(r"(?:\( ?([A-Ha-h]) ?\)|([A-H])[.)]) ?(.+)")
_REASONED = re.compile(r"\(?([A-Ha-h])[).]?,? ((?:because|since|as) .+)")
_LABEL = re.compile(r"\(([a-h])\) (.+)")
_EITHER = re.compile(r"\(?[A-Z]\)?(?:(?:,| or) \(?[A-Z]\)?)* or \(?[A-Z]\)?")
"""`A or B` chooses neither."""
_UNOPENED = re.compile(r"(?<![(\[A-Za-z])(?<![(\[] )([A-Z]) ?\)")
"""The bracket of `A)`."""
_ONLY = re.compile(r" only$|^only ", re.IGNORECASE)
_ALL_OF = re.compile(r"^(?:both|all of) ", re.IGNORECASE)
_RUN = re.compile(r"[A-Z](?:[ /&+]*[A-Z])*|[a-z]|(?:[(\[] ?[A-Z] ?[)\]] ?){2,}")
"""Letters of several options without commas: `CA`, `A/C`, `(A)(C)`."""
_LAST_OPTION = "J"
_QUOTED = re.compile(r"(['\"])([A-Za-z])\1")
"""A letter of a list as programs print it, `['A', 'C']`."""
TRUTH = {
    **dict.fromkeys(("true", "t", "yes", "y", "correct", "right"), "true"),
    **dict.fromkeys(("false", "f", "no", "n", "incorrect", "wrong"), "false"),
}


def choice_form(text: str, several: bool) -> Form | None:
    """Option letters in upper case, sorted: `AC` for `A, C`, `[A, C]`, `(A) and (C)`, `A: water, C: ice`.

    With `several`, a run of capitals (`CA`, `A C`, `A/C`) is a letter each. None for a text that names no option.
    """
    text = _LEAD.sub("", text).strip()
    if _EITHER.fullmatch(text):
        return Form("|".join(sorted(re.findall("[A-Z]", text))), True)
    text = _bare_choice(text)
    if several and _RUN.fullmatch(text):
        return _letters(re.findall(r"[A-Za-z]", text))
    parts = [part for part in split_top(text.replace("&", ",")) if part]
    for pattern in (_LETTER, *((_SEVERAL_WITH_TEXT,) if several and len(parts) > 1 else ())):
        matches = [pattern.fullmatch(part) for part in parts]
        if matches and all(matches):
            return _letters([match[1] for match in matches if match])
    if (match := _WITH_TEXT.fullmatch(text)) and not (several and len(parts) > 1):
        return _letters([match[1] or match[2]])
    return None


def _bare_choice(text: str) -> str:
    """`A., C.` for `both A) and C) only`, `A, C` for `['A', 'C']`."""
    text = _UNOPENED.sub(r"\1.", text)
    text = _ALL_OF.sub("", _ONLY.sub("", text))
    if (brackets := enclosed(text)) and len(split_top(brackets[1])) > 1:
        text = brackets[1]
    return _QUOTED.sub(r"\2", text)


def letter_form(letter: str) -> Form:
    """A single letter: small if it may name an option, A to J; `K` and `k` are two quantities."""
    option = letter.upper() <= _LAST_OPTION
    return Form(letter.lower() if option else letter, option or letter.islower())


def labelled_form(text: str) -> Form | None:
    """An option with its text, of an answer of any kind: `(B) 12` and `D. None of the above` as `(b) 12`."""
    if match := _REASONED.fullmatch(text):
        return Form(f"({match[1].lower()}) {match[2]}", False)
    match = _LABELLED.fullmatch(text)
    if (
        match is None
        or re.match(r"[-+*/^=<>(,;]|and\b|or\b", match[3])
        or (match[2] and match[3][:1].isdigit() and "." in text[:2])
    ):
        return None
    return Form(f"({(match[1] or match[2]).lower()}) {match[3]}", False)


def label_of(form: str) -> tuple[str, str] | None:
    """(letter, text) of a canonical option with its text; None for any other text."""
    match = _LABEL.fullmatch(form)
    return (match[1], match[2]) if match else None


def truth_form(text: str, any_form: Callable[[str], Form]) -> Form:
    """`true` or `false`."""
    word = TRUTH.get(text.lower().strip(" ."))
    return Form(word, True) if word else any_form(text)


def _letters(letters: list[str]) -> Form:
    return Form("".join(sorted({letter.upper() for letter in letters})), True)
