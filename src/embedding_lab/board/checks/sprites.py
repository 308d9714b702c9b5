"""Checks of the Projector's sheets of thumbnails: too large for the page, or with pictures at the wrong points."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.checks.entry_mends import entry_mend, set_numbers, take_file_out
from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.meant import points_of_entries
from embedding_lab.board.checks.mender import Mender
from embedding_lab.board.checks.projector_files import Entry
from embedding_lab.board.thumbnails import SHEET_PIXELS

MOST_PIXELS = 1 << 28
"""A larger sheet is not opened: it may be a few bytes that unfold to gigabytes."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")


def check_sprites(logdir: LogDir) -> Iterator[Finding]:
    """Sheets of thumbnails that the page refuses, waits for, or reads in the wrong order."""
    for entry, points in points_of_entries(logdir):
        path = entry.meant("sprite")
        if path is not None:
            yield from _judged(entry, path, points)


def _judged(entry: Entry, path: Path, points: int) -> Iterator[Finding]:
    size = picture_size(path)
    if size is None:
        yield _finding(
            "sprite-unreadable",
            entry,
            "its sheet of thumbnails is no picture, so the page waits at 'Fetching sprite image…' for ever",
            path,
            "",
            "Write it again, or take it out of the list.",
            take_file_out(entry, "sprite"),
        )
        return
    width, height = size
    cell = tuple(entry.proto.sprite.single_image_dim)
    grid = _grid(size, cell)
    if grid is None:
        yield _finding(
            "sprite-dimensions",
            entry,
            "its sheet of thumbnails cannot be cut into pictures",
            path,
            f"{width} × {height} pixels, single_image_dim {list(cell)}",
            "Name the width and height of one thumbnail; --fix takes the sheet out of the list.",
            take_file_out(entry, "sprite"),
        )
        return
    columns, rows = grid
    got = f"{width} × {height} pixels, {columns} × {rows} pictures for {points:,} points"
    mend = _retiler(entry, path, cell, points) if width * height <= MOST_PIXELS else None
    if columns * rows < min(points, SHEET_PIXELS**2):
        yield _finding(
            "sprite-too-few",
            entry,
            "its sheet has fewer pictures than there are points, so the last points have none or a wrong one",
            path,
            got,
            "Write a sheet with one picture per point.",
            None,
        )
    elif max(size) > SHEET_PIXELS:
        yield _finding(
            "sprite-too-large",
            entry,
            f"its sheet is larger than {SHEET_PIXELS:,} pixels, so the page refuses it and stays unusable",
            path,
            got,
            f"Put smaller pictures on a square sheet of at most {SHEET_PIXELS:,} pixels.",
            mend,
        )
    elif columns != rows:
        yield _finding(
            "sprite-not-square",
            entry,
            "its sheet has not as many rows as columns, so the pictures belong to the wrong points",
            path,
            got,
            "Put the pictures on a square sheet.",
            mend,
        )


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height of a picture; None where it is none that a browser shows."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a large sheet is what we are here to find
        try:
            with path.open("rb") as file, Image.open(file, formats=_FORMATS) as picture:
                return picture.size
        except Image.DecompressionBombError:
            return _png_size(path)
        except (OSError, ValueError, SyntaxError, ArithmeticError, IndexError, KeyError, TypeError):
            return None


def _png_size(path: Path) -> tuple[int, int] | None:
    """What a PNG says of itself in its first bytes; it is not unfolded."""
    with path.open("rb") as file:
        head = file.read(24)
    if not head.startswith(b"\x89PNG\r\n\x1a\n") or len(head) < 24:
        return None
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def _grid(size: tuple[int, int], cell: tuple[int, ...]) -> tuple[int, int] | None:
    """Columns and rows of a sheet; None where the thumbnail's size does not divide it."""
    if len(cell) != 2 or min(cell) < 1 or size[0] % cell[0] or size[1] % cell[1]:
        return None
    return size[0] // cell[0], size[1] // cell[1]


def _finding(name: str, entry: Entry, what: str, path: Path, got: str, remedy: str, mend: Mend | None) -> Finding:
    return Finding(
        name,
        "error",
        "Projector",
        f"{entry.name!r}: {what}.",
        run=entry.file.run,
        file=path,
        got=got,
        rule=f"as many rows as columns, filled row by row, at most {SHEET_PIXELS:,} pixels a side",
        remedy=remedy,
        mend=mend,
    )


def _retiler(entry: Entry, path: Path, cell: tuple[int, ...], points: int) -> Mend:
    def change(mender: Mender, new: Any) -> None:
        sheet, new_cell = _tiled_anew(path, (cell[0], cell[1]), points)
        new.sprite.image_path = mender.put(entry, f"{entry.name}-thumbnails.png", sheet)
        set_numbers(new.sprite.single_image_dim, new_cell)

    return entry_mend(entry, "put its thumbnails on a square sheet", change)


def _tiled_anew(path: Path, cell: tuple[int, int], points: int) -> tuple[bytes, tuple[int, int]]:
    """The pictures of a sheet on a square one, smaller where they must be; the sheet as PNG and the new size."""
    from PIL import Image

    columns = max(1, math.isqrt(points - 1) + 1)
    scale = min(1.0, SHEET_PIXELS / (columns * max(cell)))
    new_cell = max(1, int(cell[0] * scale)), max(1, int(cell[1] * scale))
    old = _opened(path)
    across = old.shape[1] // cell[0]
    new = np.zeros((columns * new_cell[1], columns * new_cell[0], *old.shape[2:]), np.uint8)
    for number in range(points):
        top, left = number // across * cell[1], number % across * cell[0]
        picture = old[top : top + cell[1], left : left + cell[0]]
        if new_cell != cell:
            picture = np.asarray(Image.fromarray(picture).resize(new_cell, Image.Resampling.LANCZOS))
        top, left = number // columns * new_cell[1], number % columns * new_cell[0]
        new[top : top + new_cell[1], left : left + new_cell[0]] = picture
    file = io.BytesIO()
    Image.fromarray(new).save(file, "PNG", compress_level=4)
    return file.getvalue(), new_cell


def _opened(path: Path) -> NDArray[Any]:
    from PIL import Image

    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MOST_PIXELS + 1
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            return np.asarray(picture if picture.mode in ("L", "RGB", "RGBA") else picture.convert("RGBA"))
    finally:
        Image.MAX_IMAGE_PIXELS = limit
