"""Lays rows out in columns as wide as their contents, and says sizes; nothing is cut, whatever the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The rows below their headers; numbers stand right, words left.

    Args:
        headers: a name for each column.
        rows: as many cells each. None stays empty.
    """
    cells = [
        ["" if cell is None else f"{cell:,}" if _is_number(cell) else str(cell) for cell in row] for row in rows
    ]
    columns = list(zip(headers, *cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [any(_is_number(row[at]) for row in rows) for at in range(len(headers))]
    lines = (
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        )
        for row in [list(headers), *cells]
    )
    return "\n".join(line.rstrip() for line in lines)


def size_text(size_bytes: int) -> str:
    """A size on disk in thousands or millions of bytes, as disks are sold."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.1f} kB"


def _is_number(cell: object) -> bool:
    return isinstance(cell, int | float)
