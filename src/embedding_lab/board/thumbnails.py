"""Puts small pictures of all samples on one square sheet, as the stock Projector wants it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedding_lab.embeddings import Dataset
from embedding_lab.embeddings.png import as_png
from embedding_lab.errors import BrokenFile

SHEET_PIXELS = 8192
"""The page refuses a larger sheet."""

LARGEST_PIXELS = 48
"""The page draws thumbnails 30 pixels wide in three dimensions; larger ones only fill its memory."""

SMALLEST_PIXELS = 24
"""Smaller pictures are enlarged by a whole factor, or the page blurs them and mixes in their neighbours."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A square sheet of square cells, filled row by row in the order of the samples.

    Attributes:
        pixels: uint8, shape (side, side) or (side, side, 3).
        cell: the side of one thumbnail in pixels.
        columns: how many lie in a row; there are as many rows.
    """

    pixels: NDArray[np.uint8]
    cell: int
    columns: int

    def png(self) -> bytes:
        """The sheet as a PNG file."""
        return as_png(self.pixels)


def thumbnail_sheet(data: Dataset, rows: NDArray[np.intp] | None = None) -> Sheet:
    """The sheet of a dataset of pictures.

    Args:
        data: a dataset with pictures.
        rows: the positions that are shown, ascending; None for all.
    """
    shown = np.arange(len(data)) if rows is None else rows
    height, width = data.shown.shape[1:3]
    cell, columns = layout(len(shown), height, width)
    side = cell * columns
    colours = (3,) if data.shown.shape[3:] == (3,) else ()
    pixels = np.zeros((side, side, *colours), np.uint8)
    for row in range(math.ceil(len(shown) / columns)):
        pictures = np.asarray(data.shown[shown[row * columns : (row + 1) * columns]])
        small = _fitted(pictures.reshape(*pictures.shape[:3], *colours), cell)
        band = small.swapaxes(0, 1).reshape(cell, len(small) * cell, *small.shape[3:])
        pixels[row * cell : (row + 1) * cell, : band.shape[1]] = band
    return Sheet(pixels, cell, columns)


def layout(count: int, height: int, width: int) -> tuple[int, int]:
    """The side of a thumbnail in pixels, and how many lie in a row of a square sheet.

    The page finds a picture by dividing its number by the columns in floating point, and graphics
    cards may divide a little inexactly: 300 / 100 becomes 2.9999998, and the picture is a wrong
    one. Division by a power of two is exact everywhere, so that is what there are columns of,
    wherever it does not make the thumbnails smaller.
    """
    fewest = max(2, math.isqrt(count - 1) + 1)
    longest = max(height, width)
    wanted = longest * math.ceil(SMALLEST_PIXELS / longest) if longest < SMALLEST_PIXELS else longest
    cell = min(wanted, LARGEST_PIXELS, SHEET_PIXELS // fewest)
    return cell, _columns(fewest, cell)


def cut_from(sheet: Path, cell: int, places: NDArray[np.intp]) -> Sheet:
    """The sheet of some of another sheet's thumbnails.

    Args:
        sheet: the other one's file.
        cell: the side of a thumbnail on it.
        places: which thumbnails, counted row by row; for -1 there is none, and the cell is black.

    Raises:
        BrokenFile: the file is no such sheet.
    """
    try:
        with Image.open(sheet) as file:
            pixels = np.asarray(file)
    except (OSError, SyntaxError) as error:
        raise BrokenFile(f"{sheet} cannot be read.", got=str(error), remedy="Log this layer again.") from error
    before = pixels.shape[1] // cell
    if places.max() >= before * (pixels.shape[0] // cell):
        raise BrokenFile(f"{sheet} has too few thumbnails.", got=f"{pixels.shape}", remedy="Log this layer again.")
    columns = _columns(max(2, math.isqrt(len(places) - 1) + 1), cell)
    cut = np.zeros((columns * cell, columns * cell, *pixels.shape[2:]), np.uint8)
    for number, place in enumerate(places):
        if place >= 0:
            cut[_cell(number, columns, cell)] = pixels[_cell(int(place), before, cell)]
    return Sheet(cut, cell, columns)


def _cell(number: int, columns: int, side: int) -> tuple[slice, slice]:
    row, column = divmod(number, columns)
    return slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)


def _columns(fewest: int, cell: int) -> int:
    power_of_two = 1 << (fewest - 1).bit_length()
    return power_of_two if power_of_two * cell <= SHEET_PIXELS else fewest


def _fitted(pictures: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """Pictures scaled to fit a square cell, in its middle, the rest black: (m, cell, cell[, 3])."""
    height, width = pictures.shape[1:3]
    scale = cell / max(height, width)
    if scale >= 2:
        pictures = pictures.repeat(int(scale), axis=1).repeat(int(scale), axis=2)
    elif scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pictures = np.stack([_shrunk(picture, size) for picture in pictures])
    height, width = pictures.shape[1:3]
    if height == width == cell:
        return pictures
    top, left = (cell - height) // 2, (cell - width) // 2
    framed = np.zeros((len(pictures), cell, cell, *pictures.shape[3:]), np.uint8)
    framed[:, top : top + height, left : left + width] = pictures
    return framed


def _shrunk(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[Any]:
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))
