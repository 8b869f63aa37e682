# ruff: noqa: RUF001 (a minus sign)
"""What the words of a stated text are: a placeholder of a format, a heading, prose or a value."""

import re

_SOMEONES = r"(?:(?:your|the|my|insert|final|numerical|numeric|correct|short)[ _-])*"
_PLACEHOLDER = re.compile(
    r"<[^<>\d]*>|\[[^\[\]\d]*\b(?:answer|value|number|result)[^\[\]\d]*\]|\{[^{}\d]*(?:answer|value|number)[^{}\d]*\}"
    rf"|[(\[<]?{_SOMEONES}(?:answer|(?:number|value|result|solution) here)(?:[ _-]here)?[)\]>]?"
    rf"|\\text\s*\{{\s*{_SOMEONES}answer\s*\}}"
    r"|_+|[.…]+|\\l?dots|\\cdots|\?+|\\(?:square|Box|cdot)|#+|\[\]|\(\)|\{\}|xx+",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"(?:step|part|case|method|approach|solution|explanation|calculations?|conclusion|verification|check|given|problem"
    r"|reasoning|analysis|note|summary|understanding|setup|work|steps|details|proof|final\s+(?:step|calculation)"
    r"|let(?:'s|\s)|we\s|to\s+(?:find|solve|determine)|first|now|question|task|example|format)\b|\d+[.):]\s+[A-Z*]",
    re.IGNORECASE,
)
_NO_ANSWER = re.compile(
    r"(?:an?\s+(?:\w+\s+)?(?:value|integer|number|expression|equation|interval|set|tuple|fraction|string|letter|list)\b"
    r"(?!\s*(?:of\s+)?\S*\d)|in\s+the\s+form|of\s+the\s+form"
    r"|(?:not|among|supposed|expected|required|clear(?:ly)?|above|below|wrong|incorrect|correct|because|due|independent)\b)",
    re.IGNORECASE,
)
_VALUE_START = re.compile(
    r"[-+−±]?\s*(?:[\d\\$(\[{|.<€£¥₹√∞]|[A-Za-z](?![A-Za-z'])|[^\x00-\x7f]|(?-i:[A-Z]{2,})\b|\S{1,20}\s*[=<>≤≥]"
    r"|(?:true|false|yes|no|none|infinity|infinite|undefined|option|choice"
    r"|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b)",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_MATH = re.compile(r"\$[^$]*\$|\\[A-Za-z]+(?:\s*\{[^{}]*\})?|\\\(.*?\\\)")


def is_placeholder(text: str) -> bool:
    """Whether a text stands for an answer in a quoted format: `<answer>`, `[your answer]`, `ANSWER`, `...`, `___`."""
    return _PLACEHOLDER.fullmatch(text.strip("$ ")) is not None


def says_nothing(text: str) -> bool:
    """Whether a text after an announcement is none: a heading (`Step 1`), `an integer`, `not among them`."""
    return is_placeholder(text) or is_heading(text) or _NO_ANSWER.match(text) is not None


def is_heading(text: str) -> bool:
    """Whether a text begins as headings do, such as `Step 1`, `Solution`, `1. Add`."""
    return _HEADING.match(text) is not None


def is_value(text: str, most_words: int) -> bool:
    """Whether a text begins as a value does and has at most so many words outside mathematics."""
    return _VALUE_START.match(text) is not None and words(text) <= most_words


def words(text: str) -> int:
    """The number of words outside mathematics."""
    return len(_WORD.findall(_MATH.sub(" ", text)))
