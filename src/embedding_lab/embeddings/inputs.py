"""Samples that are made of several arrays, for models with several inputs: side by side they count as one array.

A row of it holds a part of each, as numpy's structured arrays have it, so that whatever counts, slices or copies
samples need not know. Parts that have names bear them; those of a tuple are called by their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.arrays import as_array
from embedding_lab.errors import InputError, ShapeMismatch

Parts = NDArray[Any] | dict[str, NDArray[Any]] | tuple[NDArray[Any], ...]
"""One array, shape (b, ...), or those of several inputs."""


class SeveralInputs:
    """Arrays of n rows each as one array of n rows, read when it is asked for.

    Args:
        parts: by name: whatever numpy or a framework holds, shape (n, ...).

    Raises:
        ShapeMismatch: they have different numbers of rows.
        InputError: one cannot be read as an array.
    """

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self._parts = {str(name): _fixed(as_array(each, f"input {name!r}")) for name, each in parts.items()}
        rows = {name: len(each) for name, each in self._parts.items()}
        if len(set(rows.values())) != 1:
            raise ShapeMismatch(
                "The inputs do not have one row per sample each.",
                got=", ".join(f"{count:,} of {name!r}" for name, count in rows.items()) or "none at all",
                expected="the same number of all",
            )
        self.shape, self.ndim = (next(iter(rows.values())),), 1
        self.dtype = np.dtype([(name, each.dtype, each.shape[1:]) for name, each in self._parts.items()])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        parts = {name: np.asarray(each[rows]) for name, each in self._parts.items()}
        block = np.empty(len(next(iter(parts.values()))), self.dtype)
        for name, part in parts.items():
            block[name] = part
        return block


def are_several_inputs(data: Any, declared: bool) -> bool:
    """Whether a sequence holds the arrays of several inputs, rather than samples.

    Args:
        data: a tuple of arrays does; a list of arrays does where the model is known to have several inputs, and
            else means samples, one after the other.
        declared: whether the model has several.
    """
    in_order = isinstance(data, tuple) or (declared and isinstance(data, list))
    return in_order and len(data) > 0 and all(len(getattr(each, "shape", ())) > 0 for each in data)


def named_by_place(parts: Sequence[Any]) -> dict[str, Any]:
    """Arrays in order as `SeveralInputs` takes them."""
    return {str(place): each for place, each in enumerate(parts)}


def parts_of(samples: NDArray[Any]) -> Parts:
    """A batch as it was handed in: one array, a dictionary, or a tuple."""
    names = samples.dtype.names
    if names is None:
        return samples
    parts = {name: np.ascontiguousarray(samples[name]) for name in names}
    return tuple(parts.values()) if names == tuple(map(str, range(len(names)))) else parts


def shape_of(samples: Any) -> str:
    """The shape of one sample, as a message says it: "(28, 28)", or "'left' (5,), 'right' (3,)"."""
    if isinstance(samples, np.ndarray) and samples.dtype.names is not None:
        samples = parts_of(samples)
    if isinstance(samples, Mapping):
        return ", ".join(f"{name!r} {shape_of(each)}" for name, each in samples.items())
    if isinstance(samples, list | tuple):
        return ", ".join(shape_of(each) for each in samples)
    return str(tuple(getattr(samples, "shape", (0,))[1:]))


def _fixed(array: Any) -> Any:
    """Text in numpy's own type, whose rows have one size."""
    if array.dtype.kind not in "OT":
        return array
    if not all(isinstance(each, str) for each in array.ravel()):
        raise InputError("An input holds neither numbers nor text.", got=f"dtype {array.dtype}")
    return array.astype(np.str_)
