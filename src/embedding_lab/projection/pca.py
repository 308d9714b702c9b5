"""Principal components: the exact ones, of vectors of any size, read once and in blocks.

Products of columns are summed in float32 over runs of rows (a rank-k update: half a matrix product) and over
the runs in float64, after columns far from 0 are moved there. For 70,000 MNIST pictures every point is then
within 2·10⁻⁵ of the first component's spread from where float64 puts it. Where there are more columns than
rows the components come from the smaller Gram matrix of the rows, in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, eigh

from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.progress import Progress, silent
from embedding_lab.projection.frame import as_vectors, column_extremes, row_blocks, spread_rows
from embedding_lab.projection.method import Forming

SUM_ROWS = 8192
SUM_VALUES = 1 << 23
"""Rows, and values, summed in float32 before float64 takes over."""

GRAM_COLUMNS = 512

FAR = 4.0
"""A column whose mean is more than so many standard deviations from 0 is moved before it is squared."""


def project(
    vectors: Any,
    *,
    dims: int,
    seed: int,
    metric: str,
    neighbours: object,
    forming: Forming,
    progress: Progress,
    threads: int | None,
) -> NDArray[np.float32]:
    """A map by principal components, as `embedding_lab.projection.method.Method`; any number of dims.

    It needs neither neighbours nor a seed, and knows no metric. Where the vectors have fewer columns than the map,
    the rest is 0.
    """
    points = points_of(vectors, dims, progress=progress)
    forming(points, 1, 1, {}, {})
    return points


def check() -> None:
    """Refuses nothing: there is no parameter to choose."""


def points_of(vectors: Any, k: int, *, progress: Progress = silent) -> NDArray[np.float32]:
    """Vectors along their first k principal components, float32, shape (n, k); 0 beyond their columns."""
    vectors = as_vectors(vectors)
    if k < 1:
        raise InputError("A map needs a dimension.", got=f"dims={k}", expected="1 or more")
    points = np.zeros((vectors.shape[0], k), dtype=np.float32)
    found = fit_pca(vectors, min(k, vectors.shape[1]), progress=progress).points
    points[:, : found.shape[1]] = found
    return points


@dataclass(frozen=True, eq=False)
class Origin:
    """What vectors are moved by and multiplied with before their products are summed in float32.

    Attributes:
        near: float64, shape (dims,), values of float32: near the mean, or 0 where that is near.
        scale: a power of two; 1 for everyday numbers.
    """

    near: NDArray[np.float64]
    scale: float

    @classmethod
    def around(cls, near: NDArray[np.float64], reach: float) -> Origin:
        """The origin for values that lie within `reach` of `near`: their squares stay within float32."""
        everyday = reach == 0 or 1e-6 < reach < 1e6
        scale = 1.0 if everyday else float(2.0 ** np.clip(-np.floor(np.log2(reach)), -1000, 1000))
        with np.errstate(over="ignore"):
            rounded = near.astype(np.float32).astype(np.float64)
        return cls(np.where(np.isfinite(rounded), rounded, near), scale)

    def place(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """Vectors of shape (b, dims) seen from it; float32 ones that need no change come back as they are."""
        if block.dtype == np.float32 and self.scale == 1.0:
            return np.subtract(block, self.near, dtype=np.float32) if self.near.any() else block
        with np.errstate(over="ignore"):
            placed: NDArray[np.float32] = ((block - self.near) * self.scale).astype(np.float32)
        return placed


@dataclass(frozen=True, eq=False)
class PCA:
    """The k directions in which n vectors vary most, and where each vector lies along them.

    Attributes:
        points: the vectors along the components, float32, shape (n, k), of mean zero.
        components: orthonormal directions, float64, shape (k, dims). The sign is the one that makes the value
            of largest size positive.
        mean: float64, shape (dims,).
        variances: of the points along each component, descending, float64, shape (k,); divided by n - 1.
        total_variance: of the vectors in all directions.
        origin: what vectors are moved by before they are multiplied with the components.
    """

    points: NDArray[np.float32]
    components: NDArray[np.float64]
    mean: NDArray[np.float64]
    variances: NDArray[np.float64]
    total_variance: float
    origin: Origin

    @property
    def explained(self) -> NDArray[np.float64]:
        """The share of the total variance along each component, shape (k,); zeros where nothing varies."""
        if self.total_variance == 0:
            return np.zeros_like(self.variances)
        return self.variances / self.total_variance

    def transform(self, vectors: Any) -> NDArray[np.float32]:
        """Vectors of shape (m, dims) along the components, float32, shape (m, k).

        Raises:
            ShapeMismatch: they have other columns.
            NotFinite: a value is NaN or infinite.
        """
        vectors = as_vectors(vectors)
        if vectors.shape[1] != len(self.mean):
            raise ShapeMismatch(
                "The vectors do not fit the components.",
                got=f"{vectors.shape[1]} columns",
                expected=f"{len(self.mean)}, as the vectors they were made of",
            )
        column_extremes(vectors)
        return _along(vectors, self.origin, self.mean, self.components, silent)


def fit_pca(vectors: Any, k: int, *, progress: Progress = silent) -> PCA:
    """The first k principal components of vectors.

    Args:
        vectors: real and finite, shape (n, dims); memory-mapped ones are read in blocks, never copied whole.
        k: how many components, 1 to dims. Beyond what the vectors span they have variance 0.
        progress: told "principal components" in samples.

    Raises:
        InputError and its kinds: no vectors, values that are not finite, or k out of range.
    """
    vectors = as_vectors(vectors)
    rows, dims = vectors.shape
    if not 1 <= k <= dims:
        raise InputError("There are not so many components.", got=f"k={k}", expected=f"1 to {dims}, the columns")
    if dims <= rows:
        origin, mean, scatter = _scatter(vectors)
        spectrum, components = _largest(scatter, k)
        total = float(np.trace(scatter))
    else:
        low, high = column_extremes(vectors)
        origin = Origin.around(high / 2 + low / 2, float((high / 2 - low / 2).max()))
        mean, gram = _gram(vectors, origin.scale)
        spectrum, left = _largest(gram, min(k, rows))
        components = _completed(_from_rows(vectors, mean, left, spectrum), k)
        spectrum = np.concatenate([spectrum, np.zeros(k - len(spectrum))])
        total = float(np.trace(gram))
    components = _signed(components)
    degrees = max(rows - 1, 1)
    return PCA(
        points=_along(vectors, origin, mean, components, progress),
        components=components,
        mean=mean,
        variances=np.maximum(spectrum, 0) / degrees / origin.scale**2,
        total_variance=max(total, 0.0) / degrees / origin.scale**2,
        origin=origin,
    )


def _scatter(vectors: Any) -> tuple[Origin, NDArray[np.float64], NDArray[np.float64]]:
    """A origin, the mean, and the scaled sum of products of all columns about it, shape (dims, dims)."""
    some = spread_rows(vectors)
    with np.errstate(over="ignore", invalid="ignore"):
        middle, spread = np.median(some, axis=0), some.std(axis=0)
        near = np.where(np.abs(middle) > FAR * spread, middle, 0.0)
        origin = Origin.around(near, float(np.abs(some - near).max()))
        found = _sums(vectors, origin)
    if not all(np.isfinite(part).all() for part in found):  # there are values that the few rows did not show
        low, high = column_extremes(vectors)
        origin = Origin.around(near, float(np.maximum(high - near, near - low).max()))
        found = _sums(vectors, origin)
    scatter, total = found
    rows = vectors.shape[0]
    rest = total / rows
    upper = np.triu(scatter)
    return (
        origin,
        origin.near + rest / origin.scale,
        upper + np.triu(upper, 1).T - rows * np.outer(rest, rest),
    )


def _sums(vectors: Any, origin: Origin) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sum of products, in its upper triangle, and the sum of all vectors in the origin."""
    dims = vectors.shape[1]
    scatter = np.zeros((dims, dims))
    total = np.zeros(dims)
    for _, large in row_blocks(vectors, SUM_VALUES):
        for start in range(0, len(large), SUM_ROWS):
            block = np.ascontiguousarray(origin.place(large[start : start + SUM_ROWS]))
            scatter += blas.ssyrk(1.0, block.T)  # the transpose of a block in C order is one in Fortran order
            total += blas.sgemv(1.0, block.T, np.ones(len(block), dtype=np.float32))
    return scatter, total


def _gram(vectors: Any, scale: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean, and the scaled products of all rows with each other about it, shape (n, n)."""
    rows, dims = vectors.shape
    gram = np.zeros((rows, rows))
    mean = np.empty(dims)
    for start in range(0, dims, GRAM_COLUMNS):
        columns = slice(start, min(start + GRAM_COLUMNS, dims))
        block = np.asarray(vectors[:, columns], dtype=np.float64)
        mean[columns] = block.mean(axis=0)
        block = (block - mean[columns]) * scale
        gram += block @ block.T
    return mean, gram


def _from_rows(
    vectors: Any, mean: NDArray[np.float64], left: NDArray[np.float64], spectrum: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Directions in the columns from directions in the rows; only those along which something varies."""
    dims = vectors.shape[1]
    varies = spectrum > 1e-11 * spectrum.max(initial=0)  # less is rounding of the products
    components = np.empty((int(varies.sum()), dims))
    for start in range(0, dims, GRAM_COLUMNS):
        columns = slice(start, min(start + GRAM_COLUMNS, dims))
        components[:, columns] = left[varies] @ (np.asarray(vectors[:, columns], dtype=np.float64) - mean[columns])
    sizes = np.abs(components).max(axis=1, keepdims=True, initial=0)
    components /= np.where(sizes == 0, 1, sizes)
    components /= np.linalg.norm(components, axis=1, keepdims=True)
    return components


def _completed(components: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Adds directions at right angles to those there are, up to k."""
    have, dims = components.shape
    if have >= k:
        return components[:k]
    spare = np.random.default_rng(0).normal(size=(k - have, dims))
    for _ in range(2):  # once for the direction, once more for the last digits
        spare -= (spare @ components.T) @ components
        spare = np.linalg.qr(spare.T)[0].T
    return np.concatenate([components, spare])


def _largest(matrix: NDArray[np.float64], k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The k largest eigenvalues of a symmetric matrix, descending, and their vectors, shape (k, size)."""
    size = len(matrix)
    values, vectors = eigh(matrix, subset_by_index=[size - k, size - 1], check_finite=False)
    return values[::-1], np.ascontiguousarray(vectors[:, ::-1].T)


def _signed(components: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    return components * np.where(largest < 0, -1.0, 1.0)


def _along(
    vectors: Any,
    origin: Origin,
    mean: NDArray[np.float64],
    components: NDArray[np.float64],
    progress: Progress,
) -> NDArray[np.float32]:
    points = np.empty((vectors.shape[0], len(components)), dtype=np.float32)
    directions = np.ascontiguousarray(components.T / origin.scale, dtype=np.float32)
    offset = ((mean - origin.near) @ components.T).astype(np.float32)
    for where, block in row_blocks(vectors):
        points[where] = origin.place(block) @ directions
        points[where] -= offset
        progress("principal components", where.stop, vectors.shape[0])
    return points
