"""The cells of one row by the source's fields: their texts, or an error with place, field, rule and way out."""

import re
import unicodedata
from typing import Any, NamedTuple, NoReturn

from w2s.data.cells.chat import chat, content_text, is_chat_text
from w2s.data.cells.text import cell_text, shown
from w2s.data.rows import Row
from w2s.recipe import Source

ONE_VALUE = ("question", "solution", "id")
"""Fields that are no list; the values of a list of answers or labels are joined by commas."""
INVISIBLE = ("Cc", "Cf", "Zl", "Zp", "Zs")
"""Unicode's categories of signs that nobody sees: controls, zero-width signs, spaces."""
ESCAPES = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
LOST_BACKSLASH = re.compile(
    r"[\b][A-Za-z]{2,}|\f(rac|orall)|\t(imes|heta|herefore|riangle|ext[a-z]*(?=\{))(?![a-z])"
    r"|\r(ight|ho)(?![a-z])|\n(eq|abla|otin)(?![a-z.])"
)
"""What JSON makes of LaTeX whose backslashes were not doubled: of \\frac, a form feed and `rac`."""


class Cells(NamedTuple):
    """The cells of one row by the source's field."""

    field: str
    """The recipe's field that holds the source, for errors."""
    source: Source
    row: Row

    def cell(self, name: str) -> Any:
        """The cell of the column in the source's field `name`; None where there is none."""
        column = getattr(self.source, name)
        return None if column is None else self.row.values.get(column)

    def refuse(self, name: str, rule: str) -> NoReturn:
        """Raise ValueError with the place, the column, its field, the cell and the rule."""
        named = f"{getattr(self.source, name)!r} ({self.field}.{name})"
        raise ValueError(f"{self.row.place}: {named} is {shown(self.cell(name))}; {rule}")

    def text(self, name: str, needed: bool = True) -> str:
        """The text of a cell, or of the turn in it."""
        cell = self.cell(name)
        another = f"repair the row, or name another column in {self.field}.{name}"
        try:
            if turns := chat(cell):
                who, content = ("a user", turns.question) if name == "question" else ("an assistant", turns.solution)
                if content is None:
                    raise ValueError(f"no last turn of {who} has text; the roles of its turns are {turns.roles}")
                text = content_text(content)
            elif isinstance(cell, list) and name in ONE_VALUE:
                raise ValueError("it must be text or a number, not a list")
            else:
                text = cell_text(cell)
        except ValueError as error:
            self.refuse(name, f"{error}: {another}")
        if lost := LOST_BACKSLASH.search(cell if isinstance(cell, str) else text):
            command = ESCAPES[lost[0][0]] + lost[0][1:]
            way = rf"JSON has read the backslash of \{command} as an escape: write \\{command} in the file"
            self.refuse(name, f"it is LaTeX without a backslash, because {way}")
        if needed and all(unicodedata.category(char) in INVISIBLE for char in text):
            self.refuse(name, f"it must not be empty: repair the row, or leave it out with {self.field}.where")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            rule = "is half of a surrogate pair, which no table can hold: repair the row"
            self.refuse(name, f"character {error.start + 1} {rule}")
        return text

    def question(self) -> str:
        """The question, which is text or a turn."""
        cell, source = self.cell("question"), self.source
        if isinstance(cell, str) and is_chat_text(cell):
            self.refuse(
                "question", "it is a chat written as text: write the turns as objects, in JSON Lines or Parquet"
            )
        if not isinstance(cell, str) and not chat(cell):
            self.refuse("question", "a question must be text: repair the row, or leave it out with `where`")
        if source.question in (source.solution, source.answer) and not chat(cell):
            self.refuse("question", "only a chat holds question and solution in one column: name two columns")
        return self.text("question")
