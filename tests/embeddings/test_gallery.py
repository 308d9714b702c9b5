"""Pictures of any kind become thumbnails that show what was handed in, read block by block and in any order."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from embedding_lab.embeddings import Run, as_dataset
from embedding_lab.embeddings.gallery import Gallery, as_pictures
from embedding_lab.embeddings.media import as_media
from embedding_lab.embeddings.pictures import read_pictures
from embedding_lab.errors import InputError, ShapeMismatch


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def as_png(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


RANGES: dict[str, Callable[[NDArray[np.uint8]], NDArray[Any]]] = {
    "uint8": lambda raw: raw,
    "int64": lambda raw: raw.astype(np.int64),
    "0 to 1": lambda raw: raw.astype(np.float32) / 255,
    "-1 to 1": lambda raw: raw.astype(np.float64) / 127.5 - 1,
    "0 to 255": lambda raw: raw.astype(np.float16),
    "16 bits": lambda raw: raw.astype(np.uint16) * 257,
    "normalised": lambda raw: (raw.astype(np.float32) - 120) / 58,
}


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(sorted(RANGES)),
    rows=st.integers(1, 5),
    height=st.integers(5, 9),
    width=st.integers(5, 9),
    channels=st.sampled_from([None, 1, 3]),
    first=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_arrays_of_any_range_and_layout_show_the_pixels_they_were_made_of(
    kind: str, rows: int, height: int, width: int, channels: int | None, first: bool, seed: int
) -> None:
    raw = noise(rows, height, width, *([] if channels is None else [channels]), seed=seed)
    raw.reshape(rows, -1)[0, :2] = 0, 255  # the whole range is in them
    given = RANGES[kind](raw)
    if channels is not None and first:
        given = np.moveaxis(given, -1, 1)
    shown = as_pictures(given)
    expected = raw[..., 0] if channels == 1 else raw
    assert shown.dtype == np.uint8
    got = np.asarray(shown[:]).reshape(expected.shape)
    assert np.abs(got.astype(int) - expected).max() <= 1
    order = np.random.default_rng(seed).permutation(rows)
    np.testing.assert_array_equal(np.asarray(shown[order]).reshape(expected.shape), got[order])
    np.testing.assert_array_equal(np.asarray(shown[rows - 1]).reshape(expected.shape[1:]), got[-1])


def test_a_range_that_is_no_usual_one_is_said() -> None:
    said = as_pictures(np.linspace(-2, 3, 300).reshape(3, 10, 10)).said
    assert said == ("The images show -2 as black and 3 as white.",)
    assert as_pictures(np.linspace(0, 1, 300).reshape(3, 10, 10)).said == ()


def test_values_that_are_no_numbers_are_black() -> None:
    pictures = np.ones((2, 4, 4))
    pictures[1, 2, 2] = np.nan
    shown = as_pictures(pictures)[:]
    assert shown[1, 2, 2] == 0
    assert shown[0].min() == 255


def test_what_is_transparent_is_white() -> None:
    pictures = np.zeros((2, 4, 4, 4), np.uint8)
    pictures[1, :, :, 3] = 255
    shown = as_pictures(pictures)[:]
    assert shown.shape == (2, 4, 4, 3)
    assert shown[0].min() == 255
    assert shown[1].max() == 0


KINDS: dict[str, Callable[[Path, NDArray[np.uint8], int], Any]] = {
    "bytes": lambda folder, picture, row: as_png(picture),
    "Pillow": lambda folder, picture, row: Image.fromarray(picture),
    "array": lambda folder, picture, row: picture,
    "float array": lambda folder, picture, row: picture / 255,
    "bytes in a mapping": lambda folder, picture, row: {"bytes": as_png(picture), "path": None},
    "path": lambda folder, picture, row: kept(folder / f"{row}.png", picture),
    "path in a mapping": lambda folder, picture, row: {
        "bytes": None,
        "path": kept(folder / f"{row}.png", picture),
    },
}


def kept(path: Path, picture: NDArray[np.uint8]) -> str:
    path.write_bytes(as_png(picture))
    return str(path)


@pytest.mark.parametrize("colours", [(), (3,)], ids=["grey", "colour"])
@pytest.mark.parametrize("kind", KINDS)
def test_small_pictures_of_one_size_are_shown_bit_by_bit_whatever_holds_them(
    tmp_path: Path, kind: str, colours: tuple[int, ...]
) -> None:
    raw = noise(5, 12, 20, *colours)
    shown = as_pictures([KINDS[kind](tmp_path, picture, row) for row, picture in enumerate(raw)])
    assert shown.shape == raw.shape
    np.testing.assert_array_equal(shown[np.array([4, 0, 2])], raw[[4, 0, 2]])
    np.testing.assert_array_equal(shown.original(3), raw[3])


@pytest.mark.parametrize("colours", [(), (3,)], ids=["grey", "colour"])
def test_pictures_of_one_size_that_numpy_took_apart_to_numbers_are_shown_as_well(colours: tuple[int, ...]) -> None:
    raw = noise(5, 12, 20, *colours)
    taken_apart = np.array([Image.fromarray(picture) for picture in raw], object)
    for data in (as_dataset(np.zeros((5, 2)), images=taken_apart), as_dataset(taken_apart)):
        np.testing.assert_array_equal(data.shown[:], raw)


def test_columns_of_arrow_are_read_row_by_row() -> None:
    raw = noise(3, 12, 20)
    column = pa.array([as_png(picture) for picture in raw])
    np.testing.assert_array_equal(as_pictures(column)[:], raw)
    structs = pa.chunked_array([pa.array([{"bytes": as_png(picture), "path": "a.png"} for picture in raw])])
    np.testing.assert_array_equal(as_pictures(structs)[:], raw)


def table_of(kind: str, columns: dict[str, Any]) -> Any:
    if kind == "arrow":
        return pa.table(columns)
    library = pytest.importorskip(kind, reason=f"no {kind}: pip install {kind}")
    return library.Dataset.from_dict(columns) if kind == "datasets" else library.DataFrame(columns)


@pytest.mark.parametrize("kind", ["arrow", "pandas", "polars", "datasets"])
def test_a_table_of_one_column_is_that_column_and_of_several_none(kind: str) -> None:
    raw = noise(3, 12, 20)
    column = [as_png(picture) for picture in raw]
    shown = as_dataset(np.zeros((3, 2)), images=table_of(kind, {"image": column})).shown
    np.testing.assert_array_equal(shown[:], raw)
    with pytest.raises(InputError, match=r'one column\. Got: a table of 2: a, b\. Expected: .* table\["image"\]'):
        as_pictures(table_of(kind, {"a": column, "b": column}))


def test_pictures_of_mixed_sizes_lie_whole_in_the_middle_of_a_square_and_their_originals_are_kept(run: Run) -> None:
    sizes = [(30, 90), (90, 30), (200, 100), (64, 64)]
    things = [Image.fromarray(np.full((*size, 3), 200, np.uint8)) for size in sizes]
    data = as_dataset(np.zeros((4, 2)), images=things)
    assert data.shown.shape == (4, 64, 64, 3)
    wide = data.shown[0]
    assert wide[32].min() == 200  # as wide as the square
    assert wide[5].max() == 0
    run.save_pictures(data)
    stored = read_pictures(run.files, run.save_dataset(data))
    assert stored.manifest["original"] == [100, 200]
    for row, (height, width) in enumerate(sizes):
        assert Image.open(io.BytesIO(stored.original(row))).size == (width, height)


def test_large_files_are_shrunk_upright(tmp_path: Path) -> None:
    photo = np.zeros((300, 400, 3), np.uint8)
    photo[:, 200:] = 255
    image = Image.fromarray(photo)
    exif = image.getexif()
    exif[0x0112] = 6  # taken with the camera on its side
    image.save(tmp_path / "a.jpg", exif=exif)
    shown = as_pictures([tmp_path / "a.jpg"] * 3)
    assert shown.shape == (3, 64, 48, 3)
    assert shown[0][:20].mean() < 20 < 200 < shown[0][-20:].mean()


def test_what_cannot_be_read_is_empty_and_told_and_the_rest_is_shown(tmp_path: Path) -> None:
    raw = noise(4, 12, 20)
    shown = as_pictures([as_png(raw[0]), None, b"no picture", "gone.png"], folder=tmp_path)
    np.testing.assert_array_equal(shown[:][0], raw[0])
    assert shown[:][1:].max() == 0
    (said,) = shown.said
    assert said.startswith("Left empty, since they cannot be read: 2 of the 4 images; the first, in row 2")


@pytest.mark.parametrize("given", [["gone.png", "gone too.png"], [b"", b"x"], [None, None], ["a text", "another"]])
def test_what_holds_no_picture_at_all_is_refused(given: list[Any]) -> None:
    with pytest.raises(InputError, match="None of the images can be read"):
        as_pictures(given)


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 5, 2), (3, 2, 5, 5), (3, 4, 4, 4, 3), (3, 0, 4)])
def test_arrays_that_are_no_pictures_are_refused_with_what_would_be(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeMismatch, match="1, 3 or 4 channels first or last"):
        as_pictures(np.zeros(shape))


def test_only_what_is_asked_for_is_held(tmp_path: Path) -> None:
    kept(tmp_path / "a.png", noise(8, 8))
    many = Gallery([tmp_path / "a.png"] * 300_000, "images")
    assert many.shape == (300_000, 8, 8)
    assert many[299_990:].shape == (10, 8, 8)


def test_samples_with_channels_show_themselves_and_images_are_shown_in_place_of_samples() -> None:
    raw = noise(6, 3, 8, 8)
    data = as_dataset(raw / 255)
    np.testing.assert_array_equal(data.shown[2], np.moveaxis(raw[2], 0, -1))
    part = as_dataset(np.zeros((6, 4)), images=raw).take([5, 1])
    np.testing.assert_array_equal(part.shown[0], np.moveaxis(raw[5], 0, -1))
    assert as_dataset(np.zeros((6, 8, 8))).shown is None  # may be anything: say images=…


def test_opening_pictures_side_by_side_leaves_the_warnings_of_the_process_alone(tmp_path: Path) -> None:
    names = []
    for number in range(64):
        names.append(tmp_path / f"{number}.png")
        Image.fromarray(np.full((5, 4), number, np.uint8)).save(names[-1])
    before = list(warnings.filters)
    assert as_pictures(names)[:].shape == (64, 5, 4)
    assert warnings.filters == before


def test_a_part_of_pictures_is_read_only_when_it_is_asked_for(tmp_path: Path) -> None:
    names = [tmp_path / f"{number}.png" for number in range(6)]
    for number, name in enumerate(names):
        Image.fromarray(np.full((5, 4), 10 * number, np.uint8)).save(name)
    data = as_dataset(np.arange(6), name="tiny", images=names).take([4, 1])
    names[4].unlink()
    assert data.images is not None
    np.testing.assert_array_equal(data.images[1], np.full((5, 4), 10))
    np.testing.assert_array_equal(data.images.original(1), np.full((5, 4), 10))
    assert not data.images[0].any()
    assert "Left empty" in data.images.said[-1]


def test_pictures_in_texts_are_read_and_addresses_are_not_fetched() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (4, 5), np.uint8)
    text = "data:image/png;base64," + base64.b64encode(as_png(picture)).decode()
    found = as_pictures([text, "https://example.org/a.png", "data:image/png;base64,?"])
    np.testing.assert_array_equal(found[0], picture)
    assert not found[1:].any()
    assert "row 1: Nothing is fetched from the web: https://example.org/a.png." in found.said[0]
    media = as_media([None, text])
    assert media is not None
    assert (media.kind, media.names().tolist()) == ("image", [None, "image/png"])
    with pytest.raises(InputError, match="one for all samples"):
        as_pictures(text)


def test_whole_numbers_of_pillow_have_a_range_of_their_own() -> None:
    pictures = [Image.fromarray(np.full((2, 2), value, np.int32)) for value in (0, 128, 255)]
    assert as_pictures(pictures)[:].max(axis=(1, 2)).tolist() == [0, 128, 255]
