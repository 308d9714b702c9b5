"""Finds out how a text of columns is written: its encoding, what stands between cells, whether names come first."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 1 << 18
"""So much of a file is looked at, and its first two lines however long they are."""

MOST_ROWS = 50
DELIMITERS = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars"}
"""What may stand between cells; the first that all rows looked at agree on does."""

WINDOWS = "cp1252"
"""What text that is not UTF-8 most often is; it holds Latin-1."""

DECIMAL_COMMA, DECIMAL_POINT = r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?", r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?"


@dataclass(frozen=True)
class TextForm:
    """How a text of columns was written.

    Attributes:
        encoding: a name of Python's.
        delimiter: what stands between cells.
        decimal_point: "." or ",".
        comments: so many lines before the first row say something else.
        header: whether the first row names the columns.
        said: whole sentences on what is unusual.
    """

    encoding: str
    delimiter: str
    decimal_point: str
    comments: int
    header: bool
    said: tuple[str, ...]


def text_form(path: Path, usual: str) -> TextForm:
    """The form of a file.

    Args:
        path: the file.
        usual: what its name says stands between cells.

    Raises:
        OSError: it cannot be read.
    """
    head = _head(path)
    encoding = _encoding(head)
    lines = head.decode(encoding, "replace").splitlines(keepends=True)
    marked = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    delimiter = next((each for each in DELIMITERS if _agree(_rows(lines[marked:], each))), usual)
    rows = _rows(lines[marked:], delimiter)
    named = marked > 0 and bool(rows) and len(_cells(lines[marked - 1], delimiter)) == len(rows[0]) > 1
    if named:  # as numpy.savetxt writes names
        rows.insert(0, _cells(lines[marked - 1].removeprefix("#"), delimiter))
    point = "," if delimiter != "," and _has_decimal_commas(rows) else "."
    said = [f"The text is not UTF-8; it was read as {encoding}."] if encoding != "utf-8-sig" else []
    said += [f"Between cells stand {DELIMITERS[delimiter]}."] if delimiter != usual else []
    said += ["Numbers have a decimal comma."] if point == "," else []
    return TextForm(encoding, delimiter, point, marked - named, named or _names_first(rows, point), tuple(said))


def is_number(cell: str, point: str = ".") -> bool:
    """Whether a cell says a number; words such as "nan" do not."""
    try:
        float(cell.replace(point, ".") if point != "." else cell)
    except ValueError:
        return False
    return any(each.isdigit() for each in cell)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        whole = len(head) < HEAD_BYTES
        if not whole and head.count(b"\n") < 2:
            head += file.readline() + file.readline()
    return head if whole or head.count(b"\n") < 2 else head[: head.rindex(b"\n") + 1]


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return WINDOWS
    return "utf-8-sig"


def _rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The first rows; of one that is no row of cells, none."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter):
            if row and len(rows) < MOST_ROWS:
                rows.append(row)
    except csv.Error:  # a cell too large to be looked at
        pass
    return rows


def _cells(line: str, delimiter: str) -> list[str]:
    return next(iter(_rows([line], delimiter)), [])


def _agree(rows: Sequence[Sequence[str]]) -> bool:
    return bool(rows) and len(rows[0]) > 1 and len({len(row) for row in rows}) == 1


def _has_decimal_commas(rows: Sequence[Sequence[str]]) -> bool:
    cells = [cell.strip() for row in rows for cell in row]
    commas = any(re.fullmatch(DECIMAL_COMMA, cell) for cell in cells)
    return commas and not any(re.fullmatch(DECIMAL_POINT, cell) for cell in cells)


def _names_first(rows: Sequence[Sequence[str]], point: str) -> bool:
    """Whether the first row is a header: it holds no numbers, but such that count the columns."""
    if not rows:
        return True
    numbers = [cell for cell in rows[0] if is_number(cell, point)]
    if len(numbers) == 1 < len(rows[0]):  # a year among names
        return True
    second = rows[1] if len(rows) > 1 else ()
    return not numbers or (_count(numbers) and not _count([cell for cell in second if is_number(cell, point)]))


def _count(numbers: Sequence[str]) -> bool:
    """Whether numbers go up by one, as pandas names columns that have no names."""
    if len(numbers) < 2 or not all(re.fullmatch(r"\d+", each) for each in numbers):
        return False
    first = int(numbers[0])
    return [int(each) for each in numbers] == list(range(first, first + len(numbers)))
