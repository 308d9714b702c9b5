"""The coordinates in which distances are computed: centred, scaled, and for cosine on the unit sphere.

Single precision holds seven digits. Far from the origin they go to waste on the offset, and squares of
very small or very large numbers leave its range. Distances do not change when all vectors move together,
so they are moved near the origin and scaled by a power of two, in double precision, before they become
float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embedding_lab.errors import EmptyData, InputError, NotFinite, ShapeMismatch, one_of

Metric = Literal["euclidean", "cosine"]
METRICS = ("euclidean", "cosine")

BLOCK_VALUES = 1 << 21  # a block takes 16 MB in double precision
SAMPLE_ROWS = 512
REACH = 2.0**50
"""How far the farthest vector lies from the origin of a frame: squares stay below 2¹⁰⁶, and what is 10³⁰
times smaller than the farthest vector still has a square above the smallest float32."""
FARTHEST = 2.0**60
"""How far a new vector may lie from it: farther ones are drawn nearer along their direction."""
MODERATE_EXPONENT = 100
"""Up to this power of two, and down to the same with a minus, numbers and their distances are floats of 32 bits."""


def as_vectors(vectors: Any) -> Any:
    """The vectors as an array of shape (n, dims), memory-mapped ones as they are; values are not read.

    Raises:
        ShapeMismatch: they are not a table.
        EmptyData: there is no row or no column.
        InputError: they are not real numbers.
    """
    if not (hasattr(vectors, "shape") and hasattr(vectors, "dtype")):
        vectors = np.asarray(vectors)
    if len(vectors.shape) != 2:
        raise ShapeMismatch(
            "The vectors are not a table.", got=f"shape {vectors.shape}", expected="shape (n, dims)"
        )
    if 0 in vectors.shape:
        raise EmptyData(
            "There are no vectors.", got=f"shape {vectors.shape}", expected="at least one row and column"
        )
    if vectors.dtype.kind not in "fiub":
        raise InputError("The vectors are not real numbers.", got=f"dtype {vectors.dtype}", expected="float or int")
    return vectors


def row_blocks(vectors: Any, values: int = BLOCK_VALUES) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Runs of rows with about so many values, with their place."""
    rows, dims = vectors.shape
    step = max(1, values // dims)
    for start in range(0, rows, step):
        where = slice(start, min(start + step, rows))
        yield where, np.asarray(vectors[where])


def spread_rows(vectors: Any, count: int = SAMPLE_ROWS) -> NDArray[np.float64]:
    """Up to `count` rows at equal steps through the vectors, shape (≤ count, dims)."""
    rows = np.unique(np.linspace(0, vectors.shape[0] - 1, min(count, vectors.shape[0])).astype(np.int64))
    return np.asarray(vectors[rows], dtype=np.float64)


def column_extremes(vectors: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The smallest and the largest value of every column, each of shape (dims,); refuses NaN and infinity.

    Raises:
        NotFinite: a value is NaN or infinite; the message names its row.
    """
    low = np.full(vectors.shape[1], np.inf)
    high = np.full(vectors.shape[1], -np.inf)
    for where, block in row_blocks(vectors):
        least, most = block.min(axis=0), block.max(axis=0)  # NaN wins in both
        if not (np.isfinite(least).all() and np.isfinite(most).all()):
            _refuse(block, where.start)
        np.minimum(low, least, out=low)
        np.maximum(high, most, out=high)
    return low, high


def extreme_exponent(vectors: Any) -> int:
    """The power of two of the largest number, where that is too large or too small for float32 to reckon with its
    square; 0 where it is not.

    Raises:
        NotFinite: a value is NaN or infinite; the message names its row.
    """
    low, high = column_extremes(vectors)
    exponent = int(np.frexp(max(float(high.max()), -float(low.min())))[1])
    return exponent if abs(exponent) > MODERATE_EXPONENT else 0


def moderate(vectors: Any, exponent: int) -> Any:
    """The vectors divided by two to the power of `exponent`; what is still too large then is cut off."""
    if exponent == 0:
        return vectors
    with np.errstate(over="ignore"):
        scaled = np.ldexp(np.asarray(vectors, np.float64), -exponent)
    return np.clip(scaled, -(2.0**MODERATE_EXPONENT), 2.0**MODERATE_EXPONENT)


def _refuse(block: NDArray[Any], start: int) -> None:
    bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
    raise NotFinite(
        "The vectors hold NaN or infinity.",
        got=f"the first in row {start + int(bad[0]):,}, {len(bad):,} such rows near it",
        expected="finite numbers",
        remedy="Look at that sample and at the model's weights: a diverged training gives such vectors.",
    )


@dataclass(frozen=True, eq=False)
class Frame:
    """How vectors become the float32 rows that are searched.

    Under "cosine" every row has length one, and a further column gives vectors without a direction (all
    zeros) one of their own, at right angles to all others: their cosine distance is 0 to each other and 1
    to the rest.

    Attributes:
        metric: "euclidean" or "cosine".
        centre: the origin, float64, shape (columns,): medians of some rows, which one far outlier cannot
            pull, or 0 in columns that are not far from it.
        scale: what differences are multiplied with, a power of two, so that no digit is lost.
    """

    metric: Metric
    centre: NDArray[np.float64]
    scale: float

    @classmethod
    def fit(cls, vectors: Any, metric: str) -> Frame:
        """The frame for these vectors, shape (n, dims): one pass over them.

        Raises:
            UnknownName: the metric is neither "euclidean" nor "cosine".
            NotFinite: a value is NaN or infinite.
        """
        low, high = column_extremes(vectors)
        if metric == "euclidean":
            with np.errstate(over="ignore"):
                centre = np.median(spread_rows(vectors), axis=0).astype(np.float32).astype(np.float64)
                # Where moving gains nothing the column stays: then float32 vectors keep every digit.
                centre[np.maximum(high - centre, centre - low) > np.maximum(high, -low) / 2] = 0
                reach = float(np.maximum(high - centre, centre - low).max()) * np.sqrt(len(centre))
            return cls("euclidean", centre, _power_of_two(reach))
        if metric == "cosine":
            return cls("cosine", np.median(directions(spread_rows(vectors)), axis=0), _power_of_two(2.0))
        raise one_of("Metric", metric, METRICS)

    def place(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """Vectors of shape (b, dims) in this frame, float32, shape (b, columns)."""
        rows = np.asarray(block, dtype=np.float64)
        rows = directions(rows) if self.metric == "cosine" else rows
        rows = rows - self.centre
        rows *= self.scale
        if max(rows.max(), -rows.min()) > FARTHEST:
            largest = np.abs(rows).max(axis=1, keepdims=True)
            rows *= np.minimum(1, FARTHEST / np.maximum(largest, 1) / np.sqrt(rows.shape[1]))
        return np.ascontiguousarray(rows, dtype=np.float32)

    def distances(self, squared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distances in the vectors' own units from squared distances in this frame.

        Raises:
            InputError: one is too large for float32.
        """
        own = np.sqrt(squared, dtype=np.float64)
        own /= self.scale
        if self.metric == "cosine":
            own = own * own / 2  # |u - v|² = 2 - 2 cos for directions u and v
        if own.size and own.max() > np.finfo(np.float32).max:
            raise InputError(
                "The distances between the vectors are too large for float32.",
                got=f"up to {own.max():.3g}",
                expected=f"at most {np.finfo(np.float32).max:.3g}",
                remedy="Divide the vectors by a constant.",
            )
        return own.astype(np.float32)


def _power_of_two(reach: float) -> float:
    if reach == 0 or not np.isfinite(reach):
        return 1.0 if reach == 0 else 2.0**-1000
    return float(2.0 ** np.clip(np.floor(np.log2(REACH / reach)), -1000, 1000))


def directions(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length one, with a further column that is 1 for rows of zeros: shape (b, dims + 1)."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    empty = largest == 0
    units = rows / np.where(empty, 1.0, largest)  # squares of very small or large numbers would leave the range
    units /= np.where(empty, 1.0, np.linalg.norm(units, axis=1, keepdims=True))
    return np.concatenate([units, empty.astype(np.float64)], axis=1)
