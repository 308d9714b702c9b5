"""Takes pictures of any kind for what they are, and gives them as one array that is read when it is asked for.

Arrays of every layout and range keep their size. Single things (files, their bytes, pictures of Pillow, arrays of
their own sizes) become thumbnails of one size, and each can still be had as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.cores import cores
from embedding_lab.embeddings.arrays import FRAMES, HUGGING_FACE, as_array, named_columns
from embedding_lab.embeddings.decoding import PictureForm, decoded, form_of
from embedding_lab.embeddings.held_files import BYTES, file_of, values_of
from embedding_lab.embeddings.pixels import CHANNELS, Brightness, Layout, without_alpha
from embedding_lab.embeddings.some_rows import SomeRows
from embedding_lab.errors import BrokenFile, DataMissing, InputError, LabError, ShapeMismatch, StorageError

THUMBNAIL_PIXELS = 64
"""The longer side of a thumbnail; smaller pictures stay as they are."""

LOOKED_AT = 512
"""Sizes, colours and ranges are known from so many pictures, spread evenly."""

TABLES = ("DataFrame", "Table", "RecordBatch", "Dataset")
"""What the libraries of tables call what has columns."""

UNREADABLE = (BrokenFile, DataMissing, ShapeMismatch, StorageError)


def as_pictures(images: Any, what: str = "images", folder: Path | None = None) -> Any:
    """Pictures of any kind as an array-like of shape (n, height, width[, 1 or 3]), uint8, read block by block.

    Args:
        images: an array or tensor of shape (n, height, width), or with 1, 3 or 4 channels first or last, of any
            numbers; or n paths, bytes of files, pictures of Pillow, or arrays, of mixed sizes and kinds; also as
            a column of pandas, polars, Arrow or of Hugging Face's datasets, or a table that has no other. None
            among them is an empty picture.
        what: the name for messages.
        folder: what paths are relative to.

    Returns:
        The array itself where it is uint8 already, or a `Converted` or a `Gallery`, which tell what they `said`.

    Raises:
        ShapeMismatch: the arrays are no pictures.
        InputError: nothing of it is a picture, or a table has several columns.
    """
    if isinstance(images, Converted | Gallery):
        return images
    images = _only_column(images, what)
    if isinstance(images, str | Path | BYTES):
        raise InputError(
            f"The {what} are one for all samples.", got=f"{images!r:.80}", expected="a list, one for each sample"
        )
    things = values_of(images)
    if things is None or (len(things) and isinstance(things[0], list | int | float)):
        array = as_array(images, what)
        return array if _is_raw(array) else Converted(array, what)
    return Gallery(things, what, folder)


def _only_column(images: Any, what: str) -> Any:
    """The column of a table that has one; what is no table as it is."""
    kind = type(images)
    if kind.__name__ not in TABLES or kind.__module__.partition(".")[0] not in (*FRAMES, HUGGING_FACE):
        return images
    columns = named_columns(images)
    if len(columns) != 1:
        raise InputError(
            f"The {what} are one column.",
            got=f"a table of {len(columns)}: {', '.join(columns):.80}",
            expected='the column itself, as table["image"]',
        )
    return next(iter(columns.values()))


def looks_like_pictures(samples: Any) -> bool:
    """Whether samples that are no raw pictures may be some: numbers with two further axes and one of channels."""
    shape = tuple(getattr(samples, "shape", ()))
    numbers = getattr(getattr(samples, "dtype", None), "kind", "") in tuple("fiu")
    return numbers and len(shape) == 4 and (shape[1] in CHANNELS or shape[3] in CHANNELS) and min(shape) > 0


class Converted:
    """An array of numbers as pictures of eight bits.

    Args:
        array: array-like, shape (n, …), as `Layout` understands it.
        what: the name for messages.

    Attributes:
        said: whole sentences on what was taken for what.
    """

    def __init__(self, array: Any, what: str) -> None:
        self._array = array
        self._layout = Layout.of(tuple(array.shape[1:]), what)
        rows = _spread(len(array))
        blocks = (np.asarray(array[rows[start : start + 32]]) for start in range(0, len(rows), 32))
        self._brightness = Brightness.of(blocks, what)
        colours = (3,) if self._layout.channels > 1 else ()
        self.shape = (len(array), self._layout.height, self._layout.width, *colours)
        self.dtype, self.ndim = np.dtype(np.uint8), len(self.shape)
        self.said = _range_said(self._brightness, what)

    def __len__(self) -> int:
        return int(self.shape[0])

    def some_rows(self, rows: NDArray[np.intp]) -> Converted:
        """The pictures of these rows, still to be read."""
        part = copy.copy(self)
        part._array = SomeRows(self._array, rows)
        part.shape = (len(rows), *self.shape[1:])
        return part

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        picked = np.asarray(self._array[rows])
        single = picked.ndim == len(self._array.shape) - 1
        pictures = self._layout.last(picked[None] if single else picked)
        pictures = without_alpha(self._brightness.eight_bits(pictures))
        return pictures[0] if single else pictures


class Gallery:
    """Single pictures as thumbnails of one size: that of all where it is the same, else a square.

    What cannot be read is an empty picture, and told. Files are decoded by several threads.

    Args:
        things: has a length, and a path, bytes, a picture of Pillow, an array or None for each row.
        what: the name for messages.
        folder: what paths are relative to.

    Attributes:
        original_size: width and height of the pictures; the greatest of those looked at where they differ.
        shrunk: whether the thumbnails are smaller.
        pixels: how many all pictures have, about.

    Raises:
        InputError: none of those looked at is a picture.
    """

    def __init__(self, things: Any, what: str, folder: Path | None = None) -> None:
        self._things, self._what, self._folder = things, what, folder
        self._rows = np.arange(len(things))
        self._unreadable: dict[int, str] = {}
        self._brightness: Brightness | None = None
        rows = _spread(len(things)).tolist()
        self._brightness = self._range(rows)
        forms = [form for row in rows if (form := self._form(row)) is not None]
        if not forms:
            raise InputError(
                f"None of the {what} can be read as a picture.",
                got=next(iter(self._unreadable.values()), "nothing but None"),
                expected="paths, bytes of files, pictures of Pillow, or arrays",
            )
        heights, widths = {form.height for form in forms}, {form.width for form in forms}
        colour = any(form.colour for form in forms)
        self.original_size = max(widths), max(heights)
        self.pixels = round(np.mean([form.height * form.width for form in forms]) * len(things))
        one_size = len(heights) == len(widths) == 1
        width, height = self.original_size if one_size else (max(self.original_size),) * 2
        scale = min(1.0, THUMBNAIL_PIXELS / max(width, height))
        self.shrunk = scale < 1
        self._thumbnail = PictureForm(max(1, round(height * scale)), max(1, round(width * scale)), colour)
        self.shape = (len(things), *self._thumbnail.shape)
        self.dtype, self.ndim = np.dtype(np.uint8), len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        chosen = np.arange(len(self))[rows]
        places = np.atleast_1d(chosen).tolist()
        pictures = np.zeros((len(places), *self.shape[1:]), np.uint8)
        first = self._things[int(self._rows[places[0]])] if places else None
        if isinstance(first, str | Path | BYTES | Mapping):  # files, which Pillow decodes side by side
            with ThreadPoolExecutor(cores()) as threads:
                found = threads.map(self._small, places)
                for at, picture in enumerate(found):
                    pictures[at] = picture
        else:
            for at, place in enumerate(places):
                pictures[at] = self._small(place)
        return pictures if np.ndim(chosen) else pictures[0]

    def some_rows(self, rows: NDArray[np.intp]) -> Gallery:
        """The pictures of these rows, still to be read."""
        part = copy.copy(self)
        part._rows, part._unreadable = self._rows[rows], {}
        part.shape = (len(rows), *self.shape[1:])
        part.pixels = self.pixels * len(rows) // max(1, len(self))
        return part

    def original(self, row: int) -> NDArray[np.uint8]:
        """One picture as it is, upright: uint8, (height, width[, 3]); a black pixel where there is none."""
        return self._read(row, None, np.zeros((1, 1), np.uint8))

    @property
    def said(self) -> tuple[str, ...]:
        """Whole sentences on what was taken for what, and on what could not be read so far."""
        said = () if self._brightness is None else _range_said(self._brightness, self._what)
        if self._unreadable:
            row, reason = min(self._unreadable.items())
            count = f"{len(self._unreadable):,} of the {len(self):,} {self._what}"
            said += (f"Left empty, since they cannot be read: {count}; the first, in row {row:,}: {reason}.",)
        return said

    def _small(self, row: int) -> NDArray[np.uint8]:
        return self._read(row, self._thumbnail, np.zeros(self.shape[1:], np.uint8))

    def _read(self, row: int, form: PictureForm | None, empty: NDArray[np.uint8]) -> NDArray[np.uint8]:
        try:
            source = self._source(row)
            return empty if source is None else decoded(source, form)
        except UNREADABLE as error:
            self._unreadable[row] = _reason(error)
            return empty

    def _form(self, row: int) -> PictureForm | None:
        try:
            source = self._source(row)
            return None if source is None else form_of(source)
        except UNREADABLE as error:
            self._unreadable[row] = _reason(error)
            return None

    def _source(self, row: int) -> Any:
        """What `decoding` takes; arrays become pictures of Pillow."""
        value = self._things[int(self._rows[row])]
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            raise DataMissing("Nothing is fetched from the web.", got=value)
        thing = file_of(value, self._folder)
        array = _array_in(thing)
        if array is None or self._brightness is None:
            return thing
        return _as_pillow(array, self._brightness, self._what)

    def _range(self, rows: Sequence[int]) -> Brightness | None:
        """The range of values where the things are arrays."""
        arrays = [array for row in rows if (array := _array_in(self._things[row])) is not None]
        return Brightness.of(arrays, self._what) if arrays else None


def _reason(error: LabError) -> str:
    """Why a picture cannot be read, in a part of a sentence."""
    return ": ".join(part for part in (error.happened.rstrip("."), error.got) if part)


def _array_in(thing: Any) -> NDArray[Any] | None:
    """The numbers of an array, a tensor or a picture whose pixels have a range of their own; None of all else."""
    if getattr(thing, "mode", None) in ("F", "I") or (hasattr(thing, "shape") and hasattr(thing, "dtype")):
        return np.asarray(as_array(thing, "picture"))
    return None


def _as_pillow(array: NDArray[Any], brightness: Brightness, what: str) -> Any:
    from PIL import Image

    layout = Layout.of(array.shape, what)
    return Image.fromarray(without_alpha(brightness.eight_bits(layout.last(array[None])))[0])


def _is_raw(array: Any) -> bool:
    """Whether it is shown as it is."""
    shape = tuple(array.shape)
    return array.dtype == np.uint8 and (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3)))


def _spread(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, max(0, count - 1), LOOKED_AT).astype(np.int64))[: max(count, 0)]


def _range_said(brightness: Brightness, what: str) -> tuple[str, ...]:
    if brightness.usual:
        return ()
    return (f"The {what} show {brightness.black:.4g} as black and {brightness.white:.4g} as white.",)
