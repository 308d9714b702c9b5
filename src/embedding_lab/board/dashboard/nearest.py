"""The exact nearest neighbours of one sample, by one pass over the vectors.

With squared lengths kept, a squared distance is |x|² - 2 x·q + |q|²: one product of the matrix with a vector,
as fast as memory is read. Rounding could change the order, so that gives candidates only: all that may be among
the k nearest when rounding is at its worst. Their distances are then computed anew in double precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Metric = Literal["euclidean", "cosine"]
METRICS: tuple[Metric, ...] = ("euclidean", "cosine")

_BLOCK_BYTES = 64 << 20
_PART = 64
_SMALL = 1e-30
_UNIT = 2.0**-24
"""Half the distance from 1 to the next float32."""


@dataclass(frozen=True, eq=False)
class Lengths:
    """What is kept of the vectors between queries.

    Attributes:
        squares: their squared lengths, float32, shape (n,).
        inverse: one divided by each length, 0 for a vector of zeros; of the same shape.
        largest: the largest squared length.
        normal: whether none has lost digits at the lower end of float32.
    """

    squares: NDArray[np.float32]
    inverse: NDArray[np.float32]
    largest: float
    normal: bool

    @property
    def size_bytes(self) -> int:
        return self.squares.nbytes + self.inverse.nbytes


def lengths_of(vectors: Any) -> Lengths:
    """The squared lengths of vectors of shape (n, dims), read block by block."""
    squares = np.empty(len(vectors), np.float32)
    for rows, block in _blocks(vectors):
        with np.errstate(over="ignore"):
            squares[rows] = np.einsum("ij,ij->i", block, block)
    inverse = np.zeros(len(squares), np.float32)
    np.divide(1, np.sqrt(squares), out=inverse, where=squares > 0)
    small = squares[squares < _SMALL]
    return Lengths(squares, inverse, float(squares.max(initial=0)), not small.any())


def nearest_rows(
    vectors: Any, lengths: Lengths, query: NDArray[np.float32], k: int, metric: Metric, leave_out: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k vectors nearest to a query, nearest first; of equally near ones the lower rows.

    Args:
        vectors: finite, float32, shape (n, dims), memory-mapped or not.
        lengths: of these vectors.
        query: shape (dims,).
        k: how many; fewer where there are not so many.
        metric: "euclidean", or "cosine": 1 - cos, which is 1 for a vector of zeros and 0 between two of them.
        leave_out: a row that does not count, mostly the query's own.

    Returns:
        Rows, and their distances in double precision, each of shape (k,).
    """
    k = min(k, len(vectors) - (leave_out is not None))
    if k < 1:
        return np.empty(0, np.int64), np.empty(0)
    near, doubt = _estimates(vectors, lengths, query, metric)
    if leave_out is not None:
        near[leave_out] = np.inf
    worst = smallest(near, k)
    candidates = np.flatnonzero(near <= worst + 2 * doubt) if np.isfinite(worst + doubt) else np.arange(len(near))
    if leave_out is not None:
        candidates = candidates[candidates != leave_out]
    exact = np.concatenate([_distances(block, query, metric) for _, block in _blocks(vectors, candidates)])
    chosen = np.lexsort((candidates, exact))[:k]
    return candidates[chosen], exact[chosen]


def smallest(values: NDArray[np.float32], k: int) -> np.float32:
    """The k-th smallest of some values, of shape (n,) with n at least k.

    The k-th smallest minimum of small parts is no smaller than that, and only what is no larger must be looked at.
    """
    whole = len(values) // _PART * _PART
    if whole < k * _PART:
        return np.float32(np.partition(values, k - 1)[k - 1])
    bound = np.partition(values[:whole].reshape(-1, _PART).min(axis=1), k - 1)[k - 1]
    few = values[values <= bound]
    return np.float32(np.partition(few, k - 1)[k - 1])


def _estimates(
    vectors: Any, lengths: Lengths, query: NDArray[np.float32], metric: Metric
) -> tuple[NDArray[np.float32], float]:
    """Something that grows with the distance, float32, shape (n,), and how far rounding may have moved it."""
    products = np.empty(len(vectors), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows, block in _blocks(vectors):
            np.dot(block, query, out=products[rows])
        own = float(np.dot(query.astype(np.float64), query))
        # a sum of `dims` products is off by at most `dims` half units of the sum of their sizes
        rounding = (len(query) + 8) * _UNIT
        if metric == "euclidean":
            products *= -2
            products += lengths.squares
            return _or_infinite(products), rounding * (lengths.largest + 2 * np.sqrt(lengths.largest * own)) + 1e-37
        if own == 0:  # 0 from vectors of zeros, 1 from all others
            return np.where(lengths.squares == 0, np.float32(-1), np.float32(0)), 0.0
        products *= lengths.inverse
        products *= np.float32(-1 / np.sqrt(own))
        return _or_infinite(products), 4 * rounding if lengths.normal and own > _SMALL else np.inf


def _or_infinite(near: NDArray[np.float32]) -> NDArray[np.float32]:
    """What left the range of float32 is not known, and so belongs to the candidates."""
    return near if np.isfinite(near.sum(dtype=np.float64)) else np.full_like(near, np.inf)


def _distances(block: NDArray[np.float32], query: NDArray[np.float32], metric: Metric) -> NDArray[np.float64]:
    wide, target = block.astype(np.float64), query.astype(np.float64)
    if metric == "euclidean":
        return np.asarray(np.sqrt(((wide - target) ** 2).sum(axis=1)))
    own, lengths = np.linalg.norm(target), np.linalg.norm(wide, axis=1)
    none = lengths == 0
    if own == 0:
        return np.where(none, 0.0, 1.0)
    cosine = (wide @ target) / (np.where(none, 1, lengths) * own)
    return np.where(none, 1.0, np.maximum(1 - cosine, 0))


def _blocks(vectors: Any, rows: NDArray[np.int64] | None = None) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Vectors, or some of them, block by block as plain arrays; a mapped one is not copied."""
    count = len(vectors) if rows is None else len(rows)
    size = max(1, _BLOCK_BYTES // (4 * vectors.shape[1]))
    for start in range(0, count, size):
        part = slice(start, min(start + size, count))
        yield part, np.asarray(vectors[part if rows is None else rows[part]], np.float32)
