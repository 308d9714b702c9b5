"""The partition behind the neighbour index: rows sorted into cells, each around a centroid.

A point's neighbours lie mostly in the few cells whose centroids are nearest to it, so only those are searched
(an inverted file: Jégou, Douze & Schmid, "Product quantization for nearest neighbor search", 2011, IV).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

CELLS_PER_ROOT = 2.0
"""Cells per square root of the rows: choosing cells and searching in them then cost about the same."""

TRAINING_ROWS = 40
"""Rows per centroid that k-means sees."""

ROUNDS = 4
"""Rounds of k-means. More rounds make no cell better to search, only rounder."""

TOO_FULL = 6
"""A cell this many times the average is split: cost grows with the square of its size."""

SPLITS = 6

LONE_ROWS = 512
"""Up to so many rows, every row is a cell of its own."""

Blocks = Callable[[], Iterator[tuple[slice, NDArray[np.float32]]]]
"""Gives all rows, block by block with their place; called for every pass."""

Pick = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Gives the rows of these numbers."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows in the order of their cells.

    Attributes:
        base: the rows, float32, shape (n, columns).
        names: the number of each row, int32, shape (n,).
        place: where the row of each number stands, int32, shape (n,).
        bounds: cell c is base[bounds[c] : bounds[c + 1]], int64, shape (cells + 1,); no cell is empty.
        centroids: float32, shape (cells, columns).
    """

    base: NDArray[np.float32]
    names: NDArray[np.int32]
    place: NDArray[np.int32]
    bounds: NDArray[np.int64]
    centroids: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.centroids)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows per cell, shape (cells,)."""
        return np.diff(self.bounds)

    def of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The cells in which these places of `base` lie."""
        return np.searchsorted(self.bounds, places, side="right") - 1

    def around(self, points: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """The `count` cells nearest to each of m points, nearest first, shape (m, count)."""
        _, near = faiss.knn(points, self.centroids, min(count, len(self)))
        return np.asarray(near, dtype=np.int64)


def partition(rows: int, blocks: Blocks, pick: Pick, columns: int, seed: int) -> Cells:
    """Sorts rows into about 2√n cells by k-means; cells that come out far too full are split.

    Args:
        rows: n, how many rows there are.
        blocks: gives all rows in passes; their float32 copy in the order of the cells is the only one made.
        pick: gives some rows.
        columns: values per row.
        seed: of the rows that k-means sees.
    """
    random = np.random.default_rng(seed)
    if rows <= LONE_ROWS:
        cell, centroids = np.arange(rows), pick(np.arange(rows))
    else:
        wanted = int(CELLS_PER_ROOT * np.sqrt(rows))
        centroids = _means(pick(_some(random, np.arange(rows), wanted * TRAINING_ROWS)), wanted, seed)
        cell = _nearest(rows, blocks, centroids)
        for _ in range(SPLITS):
            sizes = np.bincount(cell, minlength=len(centroids))
            full = np.flatnonzero(sizes > TOO_FULL * rows / wanted)
            if not len(full):
                break
            parts = [np.delete(centroids, full, axis=0)]
            for c in full:
                pieces = int(np.ceil(sizes[c] * wanted / rows))
                members = _some(random, np.flatnonzero(cell == c), pieces * TRAINING_ROWS)
                parts.append(_means(pick(members), pieces, seed))
            centroids = np.concatenate(parts)
            cell = _nearest(rows, blocks, centroids)
    return _sorted(rows, blocks, columns, cell, centroids)


def _some(random: np.random.Generator, numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    if len(numbers) <= count:
        return numbers
    return np.sort(random.choice(numbers, count, replace=False))


def _means(rows: NDArray[np.float32], count: int, seed: int) -> NDArray[np.float32]:
    count = min(count, len(rows))
    kmeans = faiss.Kmeans(
        rows.shape[1],
        count,
        niter=ROUNDS,
        seed=seed & 0x7FFFFFFF,
        min_points_per_centroid=1,
        max_points_per_centroid=TRAINING_ROWS,
    )
    kmeans.train(rows)
    return np.asarray(kmeans.centroids, dtype=np.float32)


def _nearest(rows: int, blocks: Blocks, centroids: NDArray[np.float32]) -> NDArray[np.int64]:
    cell = np.empty(rows, dtype=np.int64)
    for where, block in blocks():
        cell[where] = faiss.knn(block, centroids, 1)[1][:, 0]
    return cell


def _sorted(
    rows: int, blocks: Blocks, columns: int, cell: NDArray[np.int64], centroids: NDArray[np.float32]
) -> Cells:
    names = np.argsort(cell, kind="stable").astype(np.int32)
    place = np.empty(rows, dtype=np.int32)
    place[names] = np.arange(rows, dtype=np.int32)
    base = np.empty((rows, columns), dtype=np.float32)
    for where, block in blocks():
        base[place[where]] = block
    sizes = np.bincount(cell, minlength=len(centroids))
    bounds = np.concatenate([[0], np.cumsum(sizes[sizes > 0])]).astype(np.int64)
    return Cells(base, names, place, bounds, np.ascontiguousarray(centroids[sizes > 0]))
