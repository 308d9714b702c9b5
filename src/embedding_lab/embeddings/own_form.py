"""Samples that some models take as they were handed over: rows of a data frame, or pictures of Pillow.

For whoever counts, slices or reads samples they are an array like any other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.arrays import as_array
from embedding_lab.embeddings.gallery import Gallery
from embedding_lab.errors import InputError


class OwnForm(ABC):
    """Samples in their own form, array-like of n rows; some rows of them are in that form too.

    Attributes:
        own: what was handed over.
        shape, dtype: of the array; where it holds no numbers, dtype object.
    """

    own: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return len(self.own)

    @property
    def ndim(self) -> int:
        """The axes of the array."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """What the array takes."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __getitem__(self, rows: Any) -> Any:
        places = np.arange(len(self))[rows]
        return self._some(places) if places.ndim else np.asarray(self._some(places[None]))[0]

    def numbers(self) -> Any:
        """The array, for a model that takes no other form.

        Raises:
            InputError: there is none of one shape and of numbers or text.
        """
        return as_array(self.own, "data")

    @abstractmethod
    def _some(self, places: NDArray[np.intp]) -> OwnForm:
        """The rows at these places."""

    @abstractmethod
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The array; where it would hold no numbers something that tells these samples from others."""


class FrameRows(OwnForm):
    """A data frame of pandas or polars: an array of its numbers, or of objects where others are among them.

    Args:
        frame: the rows.
        array: the same as an array; made when left out.
    """

    def __init__(self, frame: Any, array: NDArray[Any] | None = None) -> None:
        self.own = frame
        self._array = _array_of(frame) if array is None else array
        self.shape, self.dtype = self._array.shape, self._array.dtype

    def _some(self, places: NDArray[np.intp]) -> FrameRows:
        frame = self.own.iloc[places] if hasattr(self.own, "iloc") else self.own[places]
        return FrameRows(frame, self._array[places])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self._array.astype(self.dtype if dtype is None else dtype, copy=bool(copy))


class PictureRows(OwnForm):
    """Pictures of Pillow: an array where they are of one size and mode, else their thumbnails.

    Args:
        pictures: one or more.
        of_one_form: whether all are, of which these are a part; found out when left out.
    """

    def __init__(self, pictures: list[Any], of_one_form: bool | None = None) -> None:
        self.own = pictures
        forms = ((each.size, each.mode) for each in pictures)
        self._of_one_form = len(set(forms)) == 1 if of_one_form is None else of_one_form
        first = np.asarray(pictures[0]) if self._of_one_form and pictures else np.empty((), object)
        self.shape, self.dtype = (len(pictures), *first.shape), first.dtype

    def _some(self, places: NDArray[np.intp]) -> PictureRows:
        return PictureRows([self.own[place] for place in places], self._of_one_form)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        array = np.asarray(self.numbers() if self._of_one_form else Gallery(self.own, "samples")[:])
        return array if dtype is None else array.astype(dtype)


def as_samples(data: Any) -> Any:
    """Samples in their own form where they have one that some model takes; any other as an array.

    Args:
        data: what `as_array` takes, and what it does not: data frames, and n pictures of Pillow in a list, a tuple,
            an array of objects or a column of pandas or polars.

    Raises:
        InputError: it cannot be read as samples.
    """
    if type(data).__name__ == "DataFrame" and type(data).__module__.partition(".")[0] in ("pandas", "polars"):
        return FrameRows(data)
    pictures = _pictures_in(data)
    return PictureRows(pictures) if pictures else as_array(data, "data")


def batch_of(samples: Any, rows: Any) -> Any:
    """Some samples, for a model: in their own form where they have one, else an array of shape (b, ...)."""
    batch = samples[rows]
    return batch if isinstance(batch, OwnForm) else np.asarray(batch)


def _array_of(frame: Any) -> NDArray[Any]:
    try:
        return np.asarray(as_array(frame, "data"))
    except InputError:  # told when a model wants numbers
        return np.asarray(frame.to_numpy(), object)


def _pictures_in(data: Any) -> list[Any]:
    """The pictures of Pillow in a list, a tuple or an axis of objects; none where others are among them."""
    objects = str(getattr(data, "dtype", "")).lower() == "object" and getattr(data, "ndim", 1) == 1
    held = (isinstance(data, list | tuple) or objects) and all(map(_is_of_pillow, data))
    return list(data) if held else []


def _is_of_pillow(thing: Any) -> bool:
    return any(each.__module__ == "PIL.Image" for each in type(thing).__mro__)
