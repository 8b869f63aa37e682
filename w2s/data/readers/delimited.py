"""CSV and TSV with a header line. Cells are text: what a number or a missing value is, the other modules decide."""

import csv
from collections import Counter
from collections.abc import Iterator
from io import BufferedReader, TextIOWrapper

from w2s.data.readers.read import MAX_ROW, Read


def delimited(file: BufferedReader, path: str, delimiter: str) -> Iterator[Read]:
    """The rows of a file; an empty line is none. A quoted cell may hold line ends.

    Raises ValueError with the line where quotes do not close or close in another row, a row has more or fewer cells
    than the header, a header names a column twice, or another sign separates the cells.
    """
    csv.field_size_limit(MAX_ROW)  # of the process; the default of 128 KiB is less than a long solution
    text = TextIOWrapper(file, "utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        place = f"{path}:{reader.line_num + 1}"
        try:
            cells = next(reader, None)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f'{place} cannot be read ({error}): write it in UTF-8, with cells quoted by "') from error
        if cells is None:
            return
        if not cells:
            continue
        if header is None:
            header = cells
            if twice := [name for name, count in Counter(header).items() if count > 1]:
                raise ValueError(f"{place} names the column {twice[0]!r} twice: rename one")
            if len(header) == 1 and (sign := next((sign for sign in ",;\t|" if sign in header[0]), "")):
                raise ValueError(
                    f"{place}: its cells are separated by {sign!r}, and {delimiter!r} is expected: write it with "
                    f"{delimiter!r}, or name a file with tabs .tsv and one with commas .csv"
                )
        elif len(cells) != len(header):
            raise ValueError(
                f'{place} has {len(cells)} cells, the header {len(header)}: quote cells that hold {delimiter!r}, " or '
                "line ends"
            )
        elif delimiter == "\t" and (merged := _merged(cells)):
            raise ValueError(
                f"{place}: its cell {merged[:40]!r} begins with a quotation mark that closes in a later row: double "
                "the quotation marks, and put such cells in quotation marks, or give JSON Lines"
            )
        else:
            yield Read(place, dict(zip(header, cells, strict=True)), header)


def _merged(cells: list[str]) -> str:
    """A quoted cell that has swallowed rows of a file whose writer does not quote: its first line goes on with all
    cells behind it. Not so certain where commas separate, which texts have too."""
    for number, cell in enumerate(cells[:-1]):
        first, end, _ = cell.partition("\n")
        if end and first.count("\t") == len(cells) - 1 - number:
            return cell
    return ""
