"""Reads the Projector's table of samples line by line, as the page does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from embedding_lab.board.checks.tensor_files import MOST_ROWS

LONGEST_LINE = 1 << 20
SINGLE_COLUMN = "label"


@dataclass(frozen=True, eq=False)
class Metadata:
    """A table of samples.

    Attributes:
        lines: its first lines without their ends, blank ones too, as many as the page can use.
        returns: whether lines end in a carriage return or hold one.
        utf8: whether it is text in UTF-8; what is not was read by its bytes.
    """

    lines: tuple[str, ...]
    returns: bool
    utf8: bool

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """The lines that the page does not drop."""
        return tuple(line for line in self.lines if line.strip())

    @cached_property
    def header(self) -> bool:
        """Whether the page takes the first line for a header: because it holds a tab."""
        return bool(self.filled) and "\t" in self.filled[0]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.filled[0].split("\t")) if self.header else (SINGLE_COLUMN,)

    @cached_property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The cells of the samples; a line that is short has fewer."""
        return tuple(tuple(line.split("\t")) for line in self.filled[int(self.header) :])

    def column(self, at: int) -> list[str]:
        """The cells of a column; "" where one is missing."""
        return [row[at] if at < len(row) else "" for row in self.rows]


def read_metadata(path: Path, most_lines: int = MOST_ROWS + 2) -> Metadata:
    """Reads a table, as much of it as the page can use unless told otherwise.

    Raises:
        OSError: it cannot be read.
    """
    lines: list[str] = []
    returns, utf8 = False, True
    with path.open("rb") as file:
        while len(lines) < most_lines and (raw := file.readline(LONGEST_LINE)):
            try:
                line = raw.decode("utf-8-sig" if not lines else "utf-8")
            except UnicodeDecodeError:
                utf8, line = False, raw.decode("latin-1")
            line = line.removesuffix("\n")
            returns = returns or "\r" in line
            lines.append(line.removesuffix("\r"))
    return Metadata(tuple(lines), returns, utf8)


def count_lines(path: Path) -> int:
    """How many samples a table describes."""
    try:
        return len(read_metadata(path).rows)
    except OSError:
        return 0


def looks_like_number(text: str) -> bool:
    """Whether the page takes a cell for a number."""
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().lower() not in ("nan", "inf", "-inf", "+inf", "infinity", "-infinity") and "_" not in text
