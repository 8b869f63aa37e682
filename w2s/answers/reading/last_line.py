"""The answer in the last line of a text that has no marker of an answer and no phrase like `the answer is`."""

import re

from w2s.answers.reading.clause import clause, plain, trimmed
from w2s.answers.reading.values import computed, led, numeric_text
from w2s.answers.types import Unreadable

_MAX_LINE = 2000
"""Characters of a longer line that are read, its last ones."""
_CLOSING = re.compile(
    r"(?:please\s+)?(?:let\s+me\s+know|(?:i\s+)?hope|feel\s+free|is\s+there\s+anything|do\s+you\s+(?:have|need|want)|if\s+you"
    r"|thanks?|thank\s+you|would\s+you\s+like|good\s+luck|have\s+a\s+(?:nice|great|good)|happy\s+to|you're\s+welcome|note\b)",
    re.IGNORECASE,
)
_CONCLUSION = re.compile(r"\b(?:so|thus|hence|therefore|in\s+total|altogether|overall|finally)\b,?\s*", re.IGNORECASE)
_FURTHER = re.compile(r"\d.*\b(?:and|but|or)\b.*\d")
_MATH = re.compile(r"\$\$?([^$]+)\$\$?|\\\((.+?)\\\)")


def last_line(body: str) -> str | Unreadable:
    """The value in the last line that is no polite ending and no question; the line if it holds no single value.

    `12 apples, since 3*4 = 12.` is 12, `5 - 3 = 2` is 2, `3 apples for 4 children` is 3. `5 or 7 dollars` stays.
    """
    lines = [line.strip()[-_MAX_LINE:] for line in body.splitlines() if any(map(str.isalnum, line))]
    while len(lines) > 1 and (_CLOSING.match(lines[-1]) or lines[-1].endswith("?")):
        lines.pop()
    if not lines:
        return body.strip()
    if re.match(r"-\s+[\d$]", lines[-1]):
        return Unreadable("contradicting")  # a bullet or a sign
    sentences = _sentences(lines[-1])
    counted = [sentence for sentence, _ in sentences if any(map(str.isdigit, sentence))]
    if not counted:
        return plain(lines[-1])
    concluding = [sentence for sentence in counted[1:] if _CONCLUSION.match(sentence)]
    if len(counted) > 1 and not concluding:
        values = {_value(sentence) for sentence in counted}
        return values.pop() if len(values) == 1 else Unreadable("contradicting")
    sentence = concluding[-1] if concluding else counted[0]
    answer = _value(sentence)
    exclaimed = dict(sentences)[sentence] == "!"
    return Unreadable("contradicting") if exclaimed and answer.isdigit() and sentence == answer else answer


def _sentences(line: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    start = 0
    while start < len(line):
        end, ending = clause(line, start, len(line))
        end = max(end, start + 1)
        found.append((line[start:end].strip(), ending))
        start = end + 1
    return [(sentence, ending) for sentence, ending in found if any(map(str.isalnum, sentence))]


def _value(sentence: str) -> str:
    text = trimmed(sentence, announced=False)
    conclusions = list(_CONCLUSION.finditer(text))
    if conclusions and any(map(str.isdigit, text[conclusions[-1].end() :])):
        text = text[conclusions[-1].end() :]
    text = computed(led(text), True)
    spans = _MATH.findall(text)
    outside = _MATH.sub(" ", text)
    if len(spans) == 1 and not any(map(str.isdigit, outside)):
        return computed(plain(spans[0][0] or spans[0][1]), False)
    if spans:
        return text
    value = numeric_text(text) or text
    return text if _FURTHER.search(text) and not _FURTHER.search(value) else value
