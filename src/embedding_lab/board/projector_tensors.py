"""Turns the vectors of a layer into tensors of which each view of the stock Projector says what is true.

The page takes vectors as they come below 50 dimensions, and then

* its PCA does not subtract the mean, so it is right only for vectors whose mean is zero;
* its t-SNE and UMAP take `1 - a·b` for the distance and drop what is negative, so their neighbours are right
  only for vectors of length 1;
* its list of nearest points compares by cosine or by euclidean distance, whatever the vectors are.

No tensor can be right for all of that (a shifted vector has another cosine), hence two:
`pca_tensor` for PCA and euclidean distance, `cosine_tensor` for t-SNE, UMAP and cosine.

From 50 dimensions on the page subtracts the mean and gives every vector length 1 by itself, unless the user
unticks "Spherize data", which makes every view wrong at once. So wider vectors are brought down to 49
dimensions. `docs/decisions/0003-what-the-stock-projector-gets.md` weighs the alternatives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.leading_axes import Axes, Blocks, leading_axes

WIDEST = 49
"""From one dimension more on the page changes vectors before it shows them."""

NARROWEST = 3
"""The page's first view is three-dimensional and stays empty for fewer dimensions."""

SHOWN_COMPONENTS = 10
"""So many principal components the page offers."""

LENGTH = 0.99995
"""Just below 1, so that rounding never makes `1 - a·b` negative and a neighbour is never dropped."""

BELOW = 0.99
"""A component that is not shown gets at most this part of the variance of the last one shown."""

ROUNDING = 1e-7
"""A length below this, where numbers are about 1, is rounding."""

NEGLIGIBLE = 1e-6
"""Of the variance, this part is as good as none."""

AXES_ROWS = 10_000
"""So many vectors tell the axes that hold most of the cosines: others would only keep a little less."""

BLOCK_BYTES = 1 << 22


@dataclass(frozen=True, eq=False)
class LayerVectors:
    """The vectors of a layer in the rows that are shown, read block by block as often as needed.

    Attributes:
        vectors: numbers, array-like of shape (n, dims); may be memory-mapped.
        rows: the positions that are shown, ascending; None for all.
    """

    vectors: Any
    rows: NDArray[np.intp] | None = None

    @property
    def dims(self) -> int:
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.vectors) if self.rows is None else len(self.rows)

    def blocks(self, only: NDArray[np.intp] | None = None) -> Iterator[NDArray[np.float32]]:
        """The vectors as they are, block by block; `only` those at some positions among the shown."""
        positions = self.rows if only is None else only if self.rows is None else self.rows[only]
        count = len(self) if only is None else len(only)
        size = max(1, BLOCK_BYTES // (4 * self.dims))
        for start in range(0, count, size):
            part = slice(start, start + size) if positions is None else positions[start : start + size]
            yield np.asarray(self.vectors[part], dtype=np.float32)

    def centred(self, only: NDArray[np.intp] | None = None) -> Iterator[NDArray[np.float32]]:
        """The vectors with their mean moved to zero, at a scale where no number is much larger than 1."""
        mean, reach = self._mean_and_reach
        for block in self.blocks(only):
            yield (block - mean) / reach  # in this order nothing is left of vectors that are all alike

    def directions(self, only: NDArray[np.intp] | None = None) -> Iterator[NDArray[np.float32]]:
        """The vectors at length 1; a zero vector, which has no direction, stays zero."""
        _, reach = self._mean_and_reach
        for block in self.blocks(only):
            yield unit(block / reach)

    @cached_property
    def _mean_and_reach(self) -> tuple[NDArray[np.float32], np.float32]:
        """The mean, and the largest number without its sign."""
        total, reach = np.zeros(self.dims), np.float32(0)
        for block in self.blocks():
            total += block.sum(axis=0, dtype=np.float64)
            reach = max(reach, block.max(), -block.min())
        return (total / len(self)).astype(np.float32), reach or np.float32(1)


@dataclass(frozen=True, eq=False)
class Points:
    """What the page is given of a layer for some of its views.

    Attributes:
        values: float32, shape (n, k).
        variance_overstated: by how many percentage points "total variance described" reads too much.
        apart: how many rows have no direction and lie in a dimension of their own.
    """

    values: NDArray[np.float32]
    variance_overstated: float = 0.0
    apart: int = 0


def pca_tensor(layer: LayerVectors) -> Points:
    """Vectors for which the page's PCA, its variances and its euclidean neighbours are those of the layer.

    The vectors are centred and turned into their principal axes, which changes no distance, and
    scaled as a whole to at most length 1. From more than 49 dimensions the 49 widest axes are kept;
    the 39 that the page does not show carry the variance of all that was left out, so the variance
    it states is that of all dimensions, and so is the mean squared distance of two points.
    """
    axes = leading_axes(layer.centred, layer.dims, WIDEST)
    variances, missing = carried(axes)
    gains = np.sqrt(np.divide(variances, axes.spread, out=np.ones_like(variances), where=axes.spread > 0))
    values = _along(layer.centred, axes.directions * gains)
    overstated = 0.0
    if missing > 0:
        top = axes.spread[:NARROWEST].sum()
        overstated = 100 * float(top / (axes.total - missing) - top / axes.total)
    return Points(at_most_one(values), overstated)


def cosine_tensor(layer: LayerVectors) -> Points:
    """Vectors for which the page's cosine neighbours, and those of its t-SNE and UMAP, are those of the layer.

    The vectors get length 1 and are not centred. From more than 49 dimensions the 49 axes are kept that
    hold most of the cosines. Zero vectors have no cosine; scikit-learn puts them at distance 1 from
    everything, and so does one more dimension in which they alone lie.
    """
    some = np.unique(np.linspace(0, len(layer) - 1, AXES_ROWS).astype(np.intp))
    axes = leading_axes(lambda only=None: layer.directions(some), layer.dims, WIDEST)
    return _apart(_along(layer.directions, axes.directions), most_dims=WIDEST)


def euclidean_full_width(layer: LayerVectors) -> Points:
    """All dimensions for euclidean neighbours, right once "Spherize data" is unticked."""
    return Points(at_most_one(np.concatenate(list(layer.centred()))))


def cosine_full_width(layer: LayerVectors) -> Points:
    """All dimensions for cosine, t-SNE and UMAP, right once "Spherize data" is unticked."""
    return _apart(np.concatenate(list(layer.directions())), most_dims=layer.dims + 1)


def carried(axes: Axes) -> tuple[NDArray[np.float64], float]:
    """The variances the kept axes are given, so that together they make up the total.

    The components that the page shows keep theirs. The others are raised alike, though to less
    than the last one shown, or the page would show them instead.

    Returns:
        Variances of shape (count,), and how much of the total still found no place: 0 but for
        vectors that spread almost evenly over very many dimensions.
    """
    shown, hidden = axes.spread[:SHOWN_COMPONENTS], axes.spread[SHOWN_COMPONENTS:]
    wanted = axes.total - float(shown.sum())
    if len(hidden) == 0 or wanted - float(hidden.sum()) <= NEGLIGIBLE * axes.total:
        return axes.spread, 0.0
    raised = _raised(hidden, wanted, cap=BELOW * float(shown[-1]))
    missing = wanted - float(raised.sum())
    return np.concatenate([shown, raised]), missing if missing > NEGLIGIBLE * axes.total else 0.0


def _raised(variances: NDArray[np.float64], wanted: float, cap: float) -> NDArray[np.float64]:
    """Variances, descending, times the one factor that makes their sum `wanted` while none exceeds the cap."""
    for held in range(len(variances)):  # so many of the largest are held at the cap
        rest, left = variances[held:], wanted - held * cap
        if rest[0] == 0:  # nothing along these axes that could be raised
            return np.concatenate([np.full(held, cap), rest])
        if left * rest[0] < cap * rest.sum():
            return np.concatenate([np.full(held, cap), rest / rest.sum() * left])
    return np.full(len(variances), cap)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors of shape (n, dims) at length 1; zero vectors stay zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    lengths[lengths == 0] = 1
    directions: NDArray[np.float32] = vectors / lengths
    return directions


def _along(blocks: Blocks, directions: NDArray[np.float64]) -> NDArray[np.float32]:
    single = directions.astype(np.float32)
    return np.concatenate([block @ single for block in blocks()])


def at_most_one(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """All vectors scaled by one factor, to length 1 at most: the page's t-SNE runs only where `1 - a·b` is not
    negative.
    """
    longest = np.sqrt(np.einsum("ij,ij->i", values, values).max())
    if longest < ROUNDING:  # every vector is the mean, and what is left is rounding
        return _wide_enough(np.zeros_like(values))
    return _wide_enough(values * np.float32(LENGTH / longest))


def _apart(values: NDArray[np.float32], most_dims: int) -> Points:
    """Vectors at length 1, and those without a direction in a dimension of their own."""
    alone = np.einsum("ij,ij->i", values, values) < ROUNDING**2
    if alone.any():
        values = np.column_stack([np.where(alone[:, None], 0, values[:, : most_dims - 1]), alone]).astype(
            np.float32
        )
    return Points(_wide_enough(np.float32(LENGTH) * unit(values)), apart=int(alone.sum()))


def _wide_enough(values: NDArray[np.float32]) -> NDArray[np.float32]:
    missing = NARROWEST - values.shape[1]
    return values if missing <= 0 else np.pad(values, ((0, 0), (0, missing)))
