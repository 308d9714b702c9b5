"""Exact neighbours of any number of points in up to three columns, such as a map's, from scipy's k-d tree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from embedding_lab.projection.cells import Cells
from embedding_lab.projection.search import Found

BLOCK_ROWS = 1 << 16


def neighbours_of_rows(tree: cKDTree, cells: Cells, k: int, threads: int) -> Found:
    """The k nearest other rows of every row, in the order of the rows' names; the tree holds `cells.base`."""
    names = np.empty((len(cells.base), k), dtype=np.int32)
    squared = np.empty((len(cells.base), k), dtype=np.float32)
    for start in range(0, len(cells.base), BLOCK_ROWS):
        own = cells.names[start : start + BLOCK_ROWS]
        near, distances = _nearest(tree, cells, cells.base[start : start + BLOCK_ROWS], k + 1, threads)
        others = near != own[:, None]
        others[others.all(axis=1), -1] = False  # cannot be, since rows differ; keeps the shape whatever happens
        names[own] = near[others].reshape(-1, k)
        squared[own] = distances[others].reshape(-1, k)
    return names, squared


def neighbours_of_points(tree: cKDTree, cells: Cells, points: NDArray[np.float32], k: int, threads: int) -> Found:
    """The k nearest rows of new points."""
    return _nearest(tree, cells, points, k, threads)


def _nearest(tree: cKDTree, cells: Cells, points: NDArray[np.float32], k: int, threads: int) -> Found:
    distances, places = tree.query(points.astype(np.float64), k=np.arange(1, k + 1), workers=threads)
    near = cells.names[places]
    order = np.lexsort((near, distances), axis=1)  # at equal distance by name
    squared = np.take_along_axis(distances, order, axis=1) ** 2
    return np.take_along_axis(near, order, axis=1), squared.astype(np.float32)
