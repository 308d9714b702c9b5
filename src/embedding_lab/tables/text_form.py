"""Finds out how a text of columns is written: its encoding, what stands between cells, whether names come first."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from embedding_lab.tables.lists import list_in

HEAD_BYTES = 1 << 18
"""So much of a file is looked at."""

LONGEST_HEAD_BYTES = 8 << 20
"""So much more is where it holds no two lines."""

MOST_ROWS = 50
TOLD = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars"}
"""What may stand between cells, and what it is called."""

UTF_8, WINDOWS = "utf-8-sig", "cp1252"
"""What text is written in; Windows' holds Latin-1."""

WHOLE = re.compile(r"[+-]?\d+")
DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")

MISSING = ("", "NA", "N/A", "n/a", "NULL", "null")


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
    encoding, lines = _head(path)
    marked = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    between = {each: _rows(lines[marked:] or lines[-1:], each) for each in (usual, *TOLD)}
    agreed = [
        each for each, rows in between.items() if rows and {len(row) for row in rows} == {max(2, len(rows[0]))}
    ]
    delimiter = max(agreed, key=lambda each: _share_of_values(between[each]), default=usual)
    point = "," if delimiter != "," and _has_decimal_commas(between[delimiter]) else "."
    comments, named = _comments(lines[:marked], between[delimiter], delimiter, point)
    rows = _rows(lines[comments:], delimiter)
    header = named or not rows or _names_first(rows, point)
    first = rows[0] if rows else []
    doubtful = any(_is_value(cell, point) for cell in first) and (header or not _is_plain(first, point))
    said = [f"The text is not UTF-8; it was read as {encoding}."] if encoding != UTF_8 else []
    said += [f"Between cells stand {TOLD[delimiter]}."] if delimiter != usual else []
    said += ["Numbers have a decimal comma."] if point == "," else []
    said += [f"Lines left out, since they begin with #: {comments:,}."] if comments else []
    said += [f"The first line was taken for {'names of columns' if header else 'a sample'}."] if doubtful else []
    return TextForm(encoding, delimiter, point, comments, header, tuple(said))


def is_number(cell: str, point: str = ".") -> bool:
    """Whether a cell says a number, or "nan" or "inf"."""
    return _number(cell, point) is not None


def _number(cell: str, point: str) -> float | None:
    try:
        return None if "_" in cell else float(cell.replace(point, "."))
    except ValueError:
        return None


def _is_value(cell: str, point: str = ".") -> bool:
    """Whether a cell says a number, or a list of some."""
    return is_number(cell, point) or len(list_in(cell) or ()) > 1


def _head(path: Path) -> tuple[str, list[str]]:
    """The encoding of a file and its first lines, whole ones."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if len(head.splitlines()) < 3:  # of which the last is cut
            head += file.read(LONGEST_HEAD_BYTES)
        more = file.read(1)
    encoding = _encoding(head)
    text = head.decode(encoding, "replace")
    lines = list(io.StringIO(text, newline=""))
    return encoding, lines[:-1] if more and len(lines) > 1 else lines


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in (UTF_8, WINDOWS):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return encoding
    return UTF_8


def _rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The first rows; of one that is no row of cells, none."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):  # a cell too large to be looked at
        rows.extend(islice(filter(None, csv.reader(lines, delimiter=delimiter)), MOST_ROWS))
    return rows


def _share_of_values(rows: Sequence[Sequence[str]]) -> float:
    """How many of the cells are numbers, whichever decimal point they have, or lists."""
    cells = [cell for row in rows for cell in row]
    return sum(_is_value(cell, ",") for cell in cells) / len(cells)


def _has_decimal_commas(rows: Sequence[Sequence[str]]) -> bool:
    """Whether numbers of several columns have a comma, and most of all; one column may hold lists, or thousands."""
    numbers = [(at, cell.strip()) for row in rows for at, cell in enumerate(row) if is_number(cell, ",")]
    commas = [(at, cell) for at, cell in numbers if DECIMAL_COMMA.fullmatch(cell)]
    return (
        len({at for at, _ in commas}) > 1
        and 2 * len(commas) >= len(numbers)
        and not any(DECIMAL_POINT.fullmatch(cell) for _, cell in numbers)
        and not all(THOUSANDS.fullmatch(cell) for _, cell in commas)
    )


def _comments(marked: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str, point: str) -> tuple[int, bool]:
    """How many lines that begin with # are no rows, and whether the next one names the columns, as numpy writes it.

    Args:
        marked: all lines that begin with # before the first that does not.
        rows: those after them.
        delimiter: what stands between cells.
        point: "." or ",".
    """
    width = len(rows[0]) if rows else 0
    if width < 2 or not any(_is_value(cell, point) for cell in rows[0]):  # the names follow
        return len(marked), False
    for at, line in enumerate(marked):
        cells = next(iter(_rows([line], delimiter)), [])
        values = any(_is_value(cell, point) for cell in cells)
        if len(cells) == width and (values or at + 1 == len(marked)):
            return at, not values
    return len(marked), False


def _names_first(rows: Sequence[Sequence[str]], point: str) -> bool:
    """Whether the first row names the columns; where it may be a sample, it is one."""
    first, below = rows[0], rows[1:]
    if not any(_is_value(cell, point) for cell in first):
        return True
    if _is_plain(first, point):
        return False
    if _counts(first):
        return any(cell not in MISSING and not WHOLE.fullmatch(cell) for row in below for cell in row)
    if any(not is_number(cell, point) and _is_value(cell, point) for cell in first):
        return False  # a list is no name
    columns = [[cell for cell in column if cell not in MISSING] for column in zip(*below, strict=False)]
    if any(
        column and cell not in MISSING and is_number(cell, point) != all(is_number(each, point) for each in column)
        for cell, column in zip(first, columns, strict=False)
    ):
        return True  # a text above numbers, or a number above texts
    return _may_be_names(first, columns, point)


def _is_plain(row: Sequence[str], point: str) -> bool:
    """Whether a row holds numbers and lists alone, and does not count."""
    return all(_is_value(cell, point) for cell in row) and not _counts(row)


def _counts(row: Sequence[str]) -> bool:
    """Whether a row says 0, 1, 2, as pandas names columns that have no names."""
    return len(row) > 2 and list(row) == [str(at) for at in range(len(row))]


def _may_be_names(row: Sequence[str], below: Sequence[Sequence[str]], point: str) -> bool:
    """Whether numbers beside a text may be names: whole ones such as years, or a scale above all it heads."""
    found = [(_number(cell, point), at) for at, cell in enumerate(row)]
    numbers = [(number, at) for number, at in found if number is not None and math.isfinite(number)]
    values = [number for number, _ in numbers]
    if all(number.is_integer() for number in values):
        return len(set(values)) == len(values)
    scale = len(values) > 2 and all(one < two for one, two in pairwise(values))
    return scale and all(number > float(cell.replace(point, ".")) for number, at in numbers for cell in below[at])
