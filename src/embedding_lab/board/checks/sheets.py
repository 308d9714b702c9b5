"""Reads the Projector's sheets of thumbnails and lays their pictures out anew."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.thumbnails import SHEET_PIXELS
from embedding_lab.embeddings.png import as_png

MOST_PIXELS = 1 << 28
"""A larger sheet is not opened: it may be a few bytes that unfold to gigabytes."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")


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


def grid_of(size: tuple[int, int], cell: tuple[int, ...]) -> tuple[int, int] | None:
    """Columns and rows of a sheet; None where the thumbnail's size does not divide it."""
    if len(cell) != 2 or min(cell) < 1 or size[0] % cell[0] or size[1] % cell[1]:
        return None
    return size[0] // cell[0], size[1] // cell[1]


def square_sheet(path: Path, cell: tuple[int, int], pictures: Sequence[int]) -> tuple[bytes, tuple[int, int]]:
    """Pictures of a sheet on a square one that the page takes, smaller where they must be.

    Args:
        path: a sheet of at most MOST_PIXELS.
        cell: width and height of one of its pictures, which divide the sheet's.
        pictures: which to take, by their numbers row by row; one that is not there leaves its place empty.

    Returns:
        The sheet as PNG, and width and height of a picture on it.
    """
    from PIL import Image

    columns = max(1, math.isqrt(len(pictures) - 1) + 1)
    scale = min(1.0, SHEET_PIXELS / (columns * max(cell)))
    new_cell = max(1, int(cell[0] * scale)), max(1, int(cell[1] * scale))
    old = _opened(path)
    across, down = old.shape[1] // cell[0], old.shape[0] // cell[1]
    new = np.zeros((columns * new_cell[1], columns * new_cell[0], *old.shape[2:]), np.uint8)
    for place, number in enumerate(pictures):
        if number >= across * down:
            continue
        top, left = number // across * cell[1], number % across * cell[0]
        picture = old[top : top + cell[1], left : left + cell[0]]
        if new_cell != cell:
            picture = np.asarray(Image.fromarray(picture).resize(new_cell, Image.Resampling.LANCZOS))
        top, left = place // columns * new_cell[1], place % columns * new_cell[0]
        new[top : top + new_cell[1], left : left + new_cell[0]] = picture
    return as_png(new), new_cell


def _opened(path: Path) -> NDArray[Any]:
    from PIL import Image

    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MOST_PIXELS + 1
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            return np.asarray(picture if picture.mode in ("L", "RGB", "RGBA") else picture.convert("RGBA"))
    finally:
        Image.MAX_IMAGE_PIXELS = limit
