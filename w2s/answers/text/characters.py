"""Spells Unicode characters as the ASCII or LaTeX that means the same: `x⁴` is `x^{4}`, `⅓` is `\\frac{1}{3}`."""

import re
import unicodedata

# ruff: noqa: RUF001 (the table is about look-alike characters)
EN_DASH = "–"
"""Between two numbers it marks a range; everywhere else it is a minus sign."""
_FIXED = {
    **dict.fromkeys("−—‐‑‒―﹣－", "-"),
    **dict.fromkeys("·⋅∙∗•⋆", "*"),
    **dict.fromkeys("×✕⨯", "\\times "),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad✓✔■□▪◼∎", ""),
    **dict.fromkeys("\u00a0\u202f\u2009\u2002\u2003\u3000\t\n\r\x0b\x0c\u2028\u2029\u2061\u2062", " "),
    **dict.fromkeys("÷⁄∕", "/"),
    **dict.fromkeys("‘’ʹʼ", "'"),
    **dict.fromkeys("“”„″", '"'),
    **{"∶": ":", "º": "°", "˚": "°", "，": ",", "；": ";", "。": ".", "、": ",", "∣": "|", "％": "%", "＋": "+"},
    **{"∞": "\\infty ", "≤": "<=", "≥": ">=", "⩽": "<=", "⩾": ">=", "≠": "\\neq ", "≡": "\\equiv "},
    **{"∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "∉": "\\notin ", "⊂": "\\subset ", "±": "\\pm ", "∓": "\\mp "},
    **{"√": "\\sqrt", "∛": "\\sqrt[3]", "∜": "\\sqrt[4]", "∅": "\\emptyset ", "⌀": "\\emptyset "},
    **{"→": "\\to ", "⟶": "\\to ", "⇒": "\\to ", "⇌": "\\to ", "∠": "\\angle ", "△": "\\triangle ", "∘": "\\circ "},
    **{"ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℕ": "\\mathbb{N}", "ℚ": "\\mathbb{Q}", "ℂ": "\\mathbb{C}"},
    **{"∑": "\\sum ", "∏": "\\prod ", "∫": "\\int ", "∂": "\\partial ", "∇": "\\nabla ", "⌊": "\\lfloor "},
    **{"⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "ħ": "\\hbar ", "ℏ": "\\hbar ", "ℓ": "\\ell "},
    **{"…": "...", "⋯": "...", "\u212b": "\u00c5", "µ": "\\mu ", "Ω": "\\Omega ", "ϵ": "\\epsilon ", "ϕ": "\\phi "},
    **{"ς": "\\sigma ", "ϑ": "\\vartheta ", "ϱ": "\\rho ", "π": "pi", "Π": "\\Pi "},
}
_PRIME = re.compile("(?<=[A-Za-z)}])′")
"""After a digit it means feet or minutes."""
_RAISED, _LOWERED, _END = "\ue000", "\ue001", "\ue002"


class _Spellings(dict[int, str]):
    """Code point -> spelling, found once for each character that occurs."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = _FIXED[char] if char in _FIXED else _by_name(char)
        return self[code]


_SPELLINGS = _Spellings()


def plain(text: str) -> str:
    """`text` without the Unicode characters that have a spelling in ASCII or LaTeX; an en dash stays."""
    if text.isascii():
        return text.translate({9: " ", 10: " ", 13: " "}) if "\n" in text or "\t" in text or "\r" in text else text
    text = _PRIME.sub("'", text).translate(_SPELLINGS)
    if _END not in text:
        return text
    parts = re.split(f"([{_RAISED}{_LOWERED}{_END}])", text)
    result: list[str] = []
    open_mark = ""
    for index, part in enumerate(parts):
        if part in (_RAISED, _LOWERED):
            if open_mark == part and result[-1] == "}":
                result.pop()  # `⁻¹` is one exponent
            else:
                result.append("^{" if part == _RAISED else "_{")
            open_mark = part
        elif part == _END:
            result.append("}")
        elif part:
            result.append(part)
            open_mark = open_mark if index and parts[index - 1] in (_RAISED, _LOWERED) else ""
    return "".join(result)


def _by_name(char: str) -> str:
    if char.isascii() or char == EN_DASH:
        return char
    form, _, rest = unicodedata.decomposition(char).partition(" ")
    name = unicodedata.name(char, "")
    if form == "<fraction>":
        over, _, under = unicodedata.normalize("NFKC", char).partition("\u2044")
        return f"\\frac{{{over}}}{{{under}}}" if under else char
    if form in ("<super>", "<sub>") and char not in "ªº":
        mark = _RAISED if form == "<super>" else _LOWERED
        return mark + unicodedata.normalize("NFKC", char).replace("\u2212", "-") + _END
    if name.startswith("GREEK ") and (letter := re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)", name)):
        spelling = {"LAMDA": "LAMBDA"}.get(letter[2], letter[2])
        return f"\\{spelling.capitalize() if letter[1] == 'CAPITAL' else spelling.lower()} "
    if form in ("<wide>", "<narrow>", "<font>") and rest:
        normal = unicodedata.normalize("NFKC", char)
        return normal if normal == char else normal.translate(_SPELLINGS)
    return char
