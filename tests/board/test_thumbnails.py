"""The sheet of thumbnails: every picture where the page looks for it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from embedding_lab.board.thumbnails import Sheet, layout, thumbnail_sheet
from embedding_lab.embeddings import as_dataset

Pixels = NDArray[np.uint8]


def pictures(count: int, height: int, width: int, *colours: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(1, 256, (count, height, width, *colours)).astype(np.uint8)


def cut_out(sheet: Sheet, number: int) -> Pixels:
    row, column = divmod(number, sheet.columns)
    cell = sheet.cell
    return sheet.pixels[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell]


def exact(a: np.float32, b: np.float32) -> np.float32:
    return a / b


def coarse(a: np.float32, b: np.float32) -> np.float32:
    """Division as graphics cards do it, by a reciprocal that may be off by one in its last place."""
    reciprocal = np.float32(1) / b
    if not float(reciprocal).hex().split("p")[0].endswith("0000000000000"):  # powers of two have an exact one
        reciprocal = np.nextafter(reciprocal, np.float32(0))
    return a * reciprocal


@given(
    count=st.integers(2, 40),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    colours=st.sampled_from([(), (3,)]),
)
@settings(max_examples=60, deadline=None)
def test_every_picture_lies_in_its_cell(count: int, height: int, width: int, colours: tuple[int, ...]) -> None:
    given_pictures = pictures(count, height, width, *colours)
    sheet = thumbnail_sheet(as_dataset(given_pictures))
    assert sheet.pixels.shape == (sheet.cell * sheet.columns, sheet.cell * sheet.columns, *colours)
    for number, picture in enumerate(given_pictures):
        alone = thumbnail_sheet(as_dataset(np.stack([picture, picture])))
        if alone.cell == sheet.cell:
            np.testing.assert_array_equal(cut_out(sheet, number), cut_out(alone, 0))
    beyond = np.delete(np.arange(sheet.columns**2), np.arange(count))
    assert not any(cut_out(sheet, int(number)).any() for number in beyond)


def test_pictures_of_a_handy_size_are_not_touched() -> None:
    given_pictures = pictures(10, 28, 28)
    sheet = thumbnail_sheet(as_dataset(given_pictures))
    assert (sheet.cell, sheet.columns) == (28, 4)
    for number, picture in enumerate(given_pictures):
        np.testing.assert_array_equal(cut_out(sheet, number), picture)


def test_tiny_pictures_grow_by_a_whole_factor() -> None:
    given_pictures = pictures(5, 8, 8)
    sheet = thumbnail_sheet(as_dataset(given_pictures))
    assert sheet.cell == 24
    np.testing.assert_array_equal(cut_out(sheet, 3)[1::3, 1::3], given_pictures[3])


def test_huge_pictures_shrink_and_keep_their_shape() -> None:
    given_pictures = np.zeros((3, 500, 1000, 3), np.uint8)
    given_pictures[1, :, :, 0] = 200
    sheet = thumbnail_sheet(as_dataset(given_pictures))
    small = cut_out(sheet, 1)
    assert sheet.cell == 48
    assert (small[12:36, :, 0] == 200).all()
    assert not small[:12].any()
    assert not small[36:].any()


@pytest.mark.parametrize(("height", "width"), [(1, 300), (300, 1), (40, 7)])
def test_long_pictures_lie_in_the_middle(height: int, width: int) -> None:
    sheet = thumbnail_sheet(as_dataset(np.full((2, height, width), 255, np.uint8)))
    lit = np.argwhere(cut_out(sheet, 1))
    assert len(lit) > 0
    centre = (lit.min(axis=0) + lit.max(axis=0)) / 2
    np.testing.assert_allclose(centre, (sheet.cell - 1) / 2, atol=0.5)


@given(count=st.integers(2, 100_000), height=st.integers(1, 2000), width=st.integers(1, 2000))
def test_whatever_is_shown_fits_the_largest_sheet_at_a_readable_size(count: int, height: int, width: int) -> None:
    cell, columns = layout(count, height, width)
    assert columns**2 >= count
    assert cell * columns <= 8192
    assert 24 <= cell <= 48


@pytest.mark.parametrize(
    ("count", "division"),
    [
        *((count, division) for count in (2, 1797, 10_000, 60_000) for division in (exact, coarse)),
        (70_000, exact),  # with a power of two of columns the thumbnails would have to be smaller
    ],
)
def test_the_page_finds_every_thumbnail_however_its_card_divides(
    find_sprite: Any, count: int, division: Any
) -> None:
    _, columns = layout(count, 28, 28)
    firsts = np.arange(0, count, columns)  # the first of a row is where a division that is a little off goes wrong
    for number in (*firsts.tolist(), *(firsts[1:] - 1).tolist()):
        assert find_sprite(number, columns, division) == divmod(number, columns)


def test_the_file_holds_what_the_sheet_holds() -> None:
    for colours in ((), (3,)):
        sheet = thumbnail_sheet(as_dataset(pictures(7, 20, 30, *colours)))
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(sheet.png()))), sheet.pixels)


def test_only_the_shown_rows_are_on_it() -> None:
    given_pictures = pictures(9, 28, 28)
    sheet = thumbnail_sheet(as_dataset(given_pictures), np.array([2, 8]))
    np.testing.assert_array_equal(cut_out(sheet, 0), given_pictures[2])
    np.testing.assert_array_equal(cut_out(sheet, 1), given_pictures[8])
    assert not cut_out(sheet, 2).any()


def test_pictures_with_a_single_channel_are_grey() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (9, 28, 28), dtype=np.uint8)
    grey, channel = (thumbnail_sheet(as_dataset(each)) for each in (pictures, pictures[..., None]))
    assert np.array_equal(grey.pixels, channel.pixels)
