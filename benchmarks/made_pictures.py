"""Pictures by the million, made of MNIST's as they are asked for: mixed, turned and shifted.

None is kept: a row is always the same picture, whichever others it is asked for with, so that millions of them need
no place on a disk.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

SIDE = 28
RUN = 2_000
"""So many rows, one after the other, are turned and shifted alike."""

MOST_TURNED = 0.35
"""In radians."""

MOST_SHIFTED = 2.0
"""In pixels."""

LEAST_SHARE = 0.6
"""Of the one picture in the mixture."""


class MadePictures:
    """An array-like of pictures, uint8, shape (rows, 28, 28), with their labels.

    Args:
        pictures: what they are made of, uint8, shape (n, 28, 28).
        labels: the classes of these, shape (n,).
        rows: how many there are to be.
        seed: of what is drawn.
    """

    def __init__(self, pictures: NDArray[np.uint8], labels: NDArray[np.int64], rows: int, seed: int = 0) -> None:
        self.shape, self.dtype, self.ndim = (rows, SIDE, SIDE), np.dtype(np.uint8), 3
        self._flat, self._classes, self._seed = pictures.reshape(len(pictures), -1), labels, seed
        self._by_class = np.argsort(labels, kind="stable")
        self._many = np.bincount(labels)
        self._begin = np.cumsum(self._many) - self._many

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, asked: Any) -> NDArray[np.uint8]:
        rows = np.arange(*asked.indices(len(self))) if isinstance(asked, slice) else np.atleast_1d(asked)
        made = np.empty((len(rows), SIDE * SIDE), np.uint8)
        for run in np.unique(rows // RUN):
            here = rows // RUN == run
            made[here] = self._made(rows[here], int(run))
        return made.reshape(*np.shape(rows if isinstance(asked, slice) else asked), SIDE, SIDE)

    def labels(self) -> NDArray[np.int64]:
        """The class of every row."""
        blocks = range(0, len(self), 1 << 20)
        return np.concatenate(
            [self._classes[self._one(np.arange(each, min(each + (1 << 20), len(self))))] for each in blocks]
        )

    def _one(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return (self._drawn(rows, 0) * len(self._flat)).astype(np.int64)

    def _made(self, rows: NDArray[np.int64], run: int) -> NDArray[np.uint8]:
        one = self._one(rows)
        kind = self._classes[one]
        other = self._by_class[self._begin[kind] + (self._drawn(rows, 1) * self._many[kind]).astype(np.int64)]
        share = (LEAST_SHARE + (1 - LEAST_SHARE) * self._drawn(rows, 2)).astype(np.float32)[:, None]
        mixed = self._flat[one] * share
        mixed += self._flat[other] * (1 - share)
        angle, down, right = (2 * self._drawn(np.full(1, run), each)[0] - 1 for each in (3, 4, 5))
        table = turned_and_shifted(angle * MOST_TURNED, down * MOST_SHIFTED, right * MOST_SHIFTED)
        return np.asarray((table @ mixed.T).T + np.float32(0.5), np.uint8)

    def _drawn(self, numbers: NDArray[np.int64], which: int) -> NDArray[np.float64]:
        """A number from 0 to 1 for each, always the same: the mixing of SplitMix64 (Steele, Lea & Flood 2014)."""
        with np.errstate(over="ignore"):
            z = (numbers.astype(np.uint64) * np.uint64(8) + np.uint64(which)) + np.uint64(self._seed << 40)
            z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (z ^ (z >> np.uint64(31))).astype(np.float64) / 2**64


@lru_cache(maxsize=64)
def turned_and_shifted(angle: float, down: float, right: float) -> csr_matrix:
    """The 784 × 784 table that takes pictures, as columns, to turned and shifted ones; linear between pixels."""
    middle = (SIDE - 1) / 2
    row, column = np.mgrid[:SIDE, :SIDE] - middle
    at = np.stack([np.cos(angle) * row - np.sin(angle) * column, np.sin(angle) * row + np.cos(angle) * column])
    at += np.array([middle - down, middle - right])[:, None, None]
    whole = np.floor(at).astype(int)
    entries: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
    for step in ((0, 0), (0, 1), (1, 0), (1, 1)):
        source = whole + np.array(step)[:, None, None]
        weight = np.prod(1 - np.abs(at - source), axis=0)
        inside = ((source >= 0) & (source < SIDE)).all(axis=0)
        entries.append((weight[inside], np.flatnonzero(inside), (source[0] * SIDE + source[1])[inside]))
    weights, targets, sources = (np.concatenate(each) for each in zip(*entries, strict=True))
    return csr_matrix((weights.astype(np.float32), (targets, sources)), shape=(SIDE**2, SIDE**2))
