# ruff: noqa: RUF001 (signs of many languages)
"""Words and marks that announce a final answer: "the answer is", `Answer:`, `####`, `<answer>`."""

import json
import re
from dataclasses import dataclass, replace
from typing import Literal

LOOSE, BARE, STATED, FINAL, MARKED = range(5)
"""How much an announcement says: words without a value; a box alone; "the answer is 5"; "answer: 5" or "final answer";
the mark of the family. The highest level in a text counts (reader.py)."""

Style = Literal["sentence", "label", "hashes", "before", "field"]

_ANSWER = re.compile(r"ans(?:wers?)?(?![a-z])")
_RESULT = re.compile(r"(?<=final )(?:result|solution|value|output)\b")
_CHOICE = re.compile(r"\b(?:option|choice)\b|(?<=correct )(?:options|choices|letters?|statements?)\b")
_FOREIGN_STEMS = ("respuesta", "resposta", "risposta", "antwo", "svar")
_FOREIGN = re.compile(
    r"\b(?:respuesta|resposta|risposta|réponse|antwort|antwoord|odpowiedź|svar(?:et)?|ответ)\b|答案|答え|정답|답"
)
"""These are searched in text of small letters, because a search that ignores case is ten times slower."""
_LEAD = re.compile(
    r"(?:\b(?:the|my|our|your|its|a|this|la|le|die|das|o|a)\s+)?(?:\b(?:final|correct|right|best|true|exact|short|numerical"
    r"|numeric|simplified|required|desired|overall|finale|richtige|最终|最后|正确)\s*){0,3}$",
)
_VERB = re.compile(
    r"(?P<gap>[\s*_\"'`]+(?:(?:to|for|of|in)\b[^.\n:;=?!$\\]{0,80}?\s)?|,\s*(?:therefore|thus|hence|then|of\s+course),?\s|\s*)(?:(?<!\w)(?:is|are|was|were|would\s+be|should\s+be"
    r"|must\s+be|will\s+be|becomes?|equals|comes\s+(?:out\s+)?to(?:\s+be)?|es|é|è|est|ist|lautet|är|er)\b(?!n't)"
    r"|是|为|為|は|은|는)(?:\s+(?:therefore|thus|hence|then|so|also|now|simply|just|clearly|indeed|actually|exactly))*"
    r"[\s*_]*(?P<colon>[:：])?",
)
_FOREIGN_ADJECTIVE = re.compile(r"\s+(?:final|finale|correcta|correta|correcte|corretta)\b")
_COLON = re.compile(r"[*_\"'`})\s]{0,6}(?:\([^()\n]{1,40}\)[*_\s]{0,4})?(?P<colon>[:：]|=(?!=)|—)")
_HEADING_END = re.compile(r"[ \t*_#:]*(?:\n[-=]{3,}[ \t]*)?(?:\n|$)")
_TAG = re.compile(r"<(?:final[ _-]?)?ans(?:wer)?>")
_JSON_TEXT = re.compile(r'\s*"((?:[^"\\\n]|\\.)*)"')
_JSON_BARE = re.compile(r"\s*(-?\d[\w.+-]*|true|false|null|\[[^\[\]{}\n]*\])\s*(?=[,}]|$)")
_MARKDOWN = " \t*_#>-`("
_HASHES = re.compile(r"(?P<start>^[ \t>*_`]*)?(?P<hashes>#{2,})(?P<colon>[ \t]*[:：])?", re.MULTILINE)
_AFTERWARDS = re.compile(
    r"(?:^|\n|(?<=[.!?:,])(?=\s))(?:[\s*_]*(?:so|thus|therefore|hence|then|and|option|choice|that)\b,?)*[\s*_]*"
    r"(?P<value>\$[^$\n]{1,200}\$|\\\([^\n]{1,200}?\\\)|\$?[^\s$]{1,60})[\s*_]+(?:is|are)\s+(?:the|our|my)\s+"
    r"(?:(?:final|correct|right)\s+)?$"
)
"""A whole value before the noun: mathematics in its delimiters, or one word of a sentence without others."""
_UNCERTAIN = re.compile(
    r"\b(?:if|whether|unless|suppose|supposing|assume|assuming|(?:might|may|could|would|can|people|you)\s+(?:think|say|expect"
    r"|guess))\b[^.,;:\n]{0,30}$",
)
_OTHER_ANSWERS = re.compile(
    r"\b(?:possible|wrong|incorrect|example|sample|following|previous|all|other|no|intermediate|partial|any|each)[\s*_]*$"
    r"|\b(?:check|verify|confirm|find|determine|comput|evaluat|calculat)(?:e|ing|s|ed)?\s+(?:(?:the|our|my|your|this)\s+)?$",
)
_CHOSEN = re.compile(r"\b(?:correct|right|best|the|our|my|final)\s+$")
_QUOTES = "\"“‘'`«"
_MAX_LEAD, _MAX_VALUE = 60, 260
_FEWER_HASHES_THAN = 7
"""A longer row of `#` is a line across the page."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An announcement at `text[start:end]`; its answer follows, or is `value` in the styles `before` and `field`."""

    start: int
    end: int
    level: int
    style: Style
    value: str = ""
    four: bool = False  # of hashes: exactly four


def announcements(text: str, family: str, choice: bool) -> list[Announcement]:
    """All announcements in order. `choice`: options are announced too, as in "the correct option is B"."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters become two
        lower = "".join(char.lower() if char.isascii() else char for char in text)
    nouns = list(_ANSWER.finditer(lower))
    if "final " in lower:
        nouns += _RESULT.finditer(lower)
    if choice:
        nouns += [noun for noun in _CHOICE.finditer(lower) if _CHOSEN.search(lower, noun.start() - 10, noun.start())]
    found = [mark for noun in nouns if (mark := _of_noun(text, lower, *noun.span(), False))]
    if not text.isascii() or any(stem in lower for stem in _FOREIGN_STEMS):
        found += [mark for noun in _FOREIGN.finditer(lower) if (mark := _of_noun(text, lower, *noun.span(), True))]
    if "##" in text:
        found += _hash_marks(text, family)
    return _joined(sorted(found, key=lambda mark: mark.start), text)


def _of_noun(text: str, lower: str, begin: int, end: int, foreign: bool) -> Announcement | None:
    """What the noun at `begin` to `end` announces; None for nothing, a condition, a quotation or other answers."""
    if lower[begin - 1 : begin].isalpha() and begin and not foreign:
        return None
    tag = _TAG.match(lower, max(0, lower.rfind("<", max(0, begin - 8), begin)))
    if tag and tag.start() <= begin < tag.end():
        return Announcement(tag.start(), tag.end(), FINAL, "label")
    before = lower[max(0, begin - _MAX_LEAD) : begin]
    lead = _LEAD.search(before)
    start = begin - (len(before) - lead.start() if lead else 0)
    if _UNCERTAIN.search(lower, max(0, start - _MAX_LEAD), start) or _OTHER_ANSWERS.search(before):
        return None
    if foreign and (adjective := _FOREIGN_ADJECTIVE.match(lower, end)):
        end = adjective.end()
    final = "final" in lower[start:end] or "最终" in lower[start:end]
    quoted = start > 0 and text[start - 1] in _QUOTES
    if (verb := _VERB.match(lower, end)) and lower[begin:end] != "ans":
        return (
            None if quoted else Announcement(start, verb.end(), FINAL if final or verb["colon"] else STATED, "sentence")
        )
    line = lower[max(lower.rfind("\n", 0, start) + 1, start - _MAX_LEAD) : start]
    alone = not line.strip(_MARKDOWN)  # at the line's start
    if colon := _COLON.match(text, end):
        key = lower[end : end + 1] in ('"', "'") and lower[begin - 1 : begin] in ('"', "'", "_")  # of JSON
        if key and (field := _JSON_TEXT.match(text, colon.end())):
            return Announcement(start, field.end(), FINAL, "field", _unescaped(field[1]))
        if key and (field := _JSON_BARE.match(text, colon.end())):
            return None if field[1] == "null" else Announcement(start, field.end(), FINAL, "field", field[1])
        clear = alone or final or (colon["colon"] != "=" and not lower[begin:end].endswith("s"))
        return Announcement(start, colon.end(), FINAL, "label") if clear and (key or alone or not quoted) else None
    if alone and (heading := _HEADING_END.match(text, end)):
        return Announcement(start, heading.end(), FINAL, "label")
    if value := _AFTERWARDS.search(lower, max(0, begin - _MAX_VALUE), begin):
        return Announcement(value.start("value"), end, STATED, "before", text[slice(*value.span("value"))])
    return None


def _unescaped(text: str) -> str:
    """The text of a JSON string, as it stands if its escapes are wrong, as in `"\frac{1}{2}"`."""
    try:
        return str(json.loads(f'"{text}"', strict=False)) if "\\\\" in text else text
    except ValueError:
        return text


def _hash_marks(text: str, family: str) -> list[Announcement]:
    """`####` anywhere, two to six `#` at a line's start; not after a quotation mark, because the format is quoted."""
    found: list[Announcement] = []
    for match in _HASHES.finditer(text):
        count = len(match["hashes"])
        quoted = text[match.start() - 1 : match.start()] in _QUOTES if match.start() else False
        if count < _FEWER_HASHES_THAN and (match["start"] is not None or (count == 4 and not quoted)):
            level = MARKED if family == "gsm8k" and count == 4 else FINAL
            found.append(Announcement(match.start("hashes"), match.end(), level, "hashes", four=count == 4))
    return found


def _joined(found: list[Announcement], text: str) -> list[Announcement]:
    """Each announcement once: "Final Answer: The final answer is" is one, with the higher level."""
    kept: list[Announcement] = []
    for mark in found:
        last = kept[-1] if kept else None
        if last and mark.start < last.end:
            continue
        if (
            last
            and "before" not in (last.style, mark.style)
            and not text[last.end : mark.start].strip(" \n\t*_:`\"'“>-}$")
        ):
            mark = replace(mark, start=last.start, level=max(last.level, mark.level))
            kept.pop()
        kept.append(mark)
    return kept
