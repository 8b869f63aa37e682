"""Removes LaTeX commands that change how an answer looks and not what it says, with their braces."""

import re

_KEEP = {
    **dict.fromkeys(
        "text textbf textit textrm texttt textnormal textsf textsc textup textmd emph underline mathrm mathbf mathit "
        "mathsf mathtt mathnormal mbox hbox operatorname boxed fbox pmb bm boldsymbol ensuremath ce num si unit "
        "mathopen mathclose mathrel mathbin mathord mathstrut smash underbrace uline".split(),
        1,
    ),
    **dict.fromkeys("SI qty".split(), 2),
}
"""Command -> number of arguments whose content is kept."""
_DROP = frozenset("color textcolor colorbox phantom hphantom vphantom hspace vspace label tag ref vskip hskip".split())
"""Commands whose first argument says nothing."""
_FONTS = re.compile(
    r"\\(?:rm|bf|it|sf|tt|em|cal|tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge"
    r"|displaystyle|textstyle|scriptstyle|limits|nolimits|left|right|middle|[bB]igg?[lrm]?|noindent|centering"
    r"|hfill|null|relax|strut|mathstrut|nobreak|protect|allowbreak)(?![A-Za-z])"
)
_COMMAND_OR_BRACE = re.compile(r"\\([A-Za-z]+)\s*\*?\s*(\{)?|\\.|[{}]", re.DOTALL)
_BARE_LINE = re.compile(r"\\overline\s*\{\s*([A-Z]{2,}|\\(?:text|mathrm)\{[^{}]*\})\s*\}")
"""A segment, `\\overline{AB}`; of other things a line is a conjugate, a mean or a number of digits."""
_DELIMITER_DOT = re.compile(r"(\\(?:left|right|middle))\s*\.")
"""An invisible delimiter: `\\left.` has no full stop."""
_OVER = re.compile(r"\\(over|choose)(?![A-Za-z])")


def unwrap(text: str) -> str:
    """`text` without wrappers, in linear time: `\\text{ m}` is ` m `, `\\color{red}5` is `5`.

    `\\SI{9.8}{m/s^2}` becomes `9.8 m/s^2`. Braces of other commands stay.
    """
    if "\\" not in text:
        return text
    text = _BARE_LINE.sub(r" \1 ", _FONTS.sub(" ", _DELIMITER_DOT.sub(r"\1", text)))
    result: list[str] = []
    closings: list[tuple[str, int]] = []
    position = 0
    for match in _COMMAND_OR_BRACE.finditer(text):
        if match.start() < position:
            continue
        result.append(text[position : match.start()])
        position = match.end()
        name, brace = match[1], match[2]
        if name in _KEEP and brace:
            result.append(" ")
            closings.append((" ", _KEEP[name] - 1))
        elif name in _DROP and brace:
            position = _after_group(text, position)
        elif match[0] == "}" and closings:
            closing, more = closings.pop()
            result.append(closing)
            if more and text[position : position + 1] == "{":
                position += 1
                closings.append((closing, more - 1))
        else:
            result.append(match[0])
            if match[0].endswith("{") and match[0] != "\\{":
                closings.append(("}", 0))
    return _infix("".join((*result, text[position:])))


def _after_group(text: str, start: int) -> int:
    """The position after the brace that closes the group whose content begins at `start`; the end if none does."""
    depth = 1
    for index in range(start, len(text)):
        depth += (text[index] == "{") - (text[index] == "}")
        if depth == 0:
            return index + 1
    return len(text)


def _infix(text: str) -> str:
    """`{a \\over b}` as `\\frac{a}{b}`, `{n \\choose k}` as `\\binom{n}{k}`; a text with more of them is unchanged."""
    found = _OVER.findall(text)
    if len(found) != 1:
        return text
    match = _OVER.search(text)
    assert match is not None
    start, depth = match.start(), 0
    while start > 0 and depth >= 0:
        start -= 1
        depth += (text[start] == "}") - (text[start] == "{")
    start = start + 1 if depth < 0 else 0
    end = match.end()
    depth = 0
    while end < len(text) and depth >= 0:
        depth += (text[end] == "{") - (text[end] == "}")
        end += 1
    end = end - 1 if depth < 0 else len(text)
    command = "\\frac" if match[1] == "over" else "\\binom"
    return f"{text[:start]}{command}{{{text[start : match.start()]}}}{{{text[match.end() : end]}}}{text[end:]}"
