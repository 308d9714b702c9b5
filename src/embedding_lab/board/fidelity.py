"""Measures how many true neighbours remain where vectors had to be brought down to fewer dimensions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.leading_axes import Blocks

NEIGHBOURS = 10
QUERIES = 200
BLOCK_ROWS = 4096


def neighbours_kept(blocks: Blocks, values: NDArray[np.float32]) -> float:
    """How many of a sample's ten nearest neighbours are still among its ten nearest, on average.

    Args:
        blocks: the true vectors, n rows in all.
        values: what the page is given, shape (n, k), in the same order.

    Returns:
        0 to 10, measured by euclidean distance on up to 200 samples spread evenly over the rows.
        Between vectors of length 1 that is the order by cosine too.
    """
    queries = np.unique(np.linspace(0, len(values) - 1, QUERIES).astype(np.intp))
    count = min(NEIGHBOURS, len(values) - 1)
    true = _nearest(blocks(), np.concatenate(list(blocks(queries))), queries, count)
    shown = _nearest(_in_blocks(values), values[queries], queries, count)
    kept = [len(np.intersect1d(*pair, assume_unique=True)) for pair in zip(true, shown, strict=True)]
    return float(np.mean(kept)) * NEIGHBOURS / count


def _nearest(
    blocks: Iterator[NDArray[np.float32]], queries: NDArray[np.float32], own_rows: NDArray[np.intp], count: int
) -> NDArray[np.intp]:
    """The rows nearest to each query but itself, in no order, shape (queries, count)."""
    distances = np.empty((len(queries), 0), np.float32)
    rows = np.empty((len(queries), 0), np.intp)
    farthest = np.full((len(queries), 1), np.inf, np.float32)
    start = 0
    for block in blocks:
        # the query's own length is missing, which does not change the order
        squared = np.einsum("ij,ij->i", block, block) - 2 * (queries @ block.T)
        inside = np.flatnonzero((own_rows >= start) & (own_rows < start + len(block)))
        squared[inside, own_rows[inside] - start] = np.inf
        # only what is nearer to some query than the farthest it has: most of a later block is not
        nearer = np.flatnonzero((squared < farthest).any(axis=0))
        distances = np.concatenate([distances, squared[:, nearer]], axis=1)
        rows = np.concatenate([rows, np.tile(start + nearer, (len(queries), 1))], axis=1)
        if rows.shape[1] >= count:
            best = np.argpartition(distances, count - 1, axis=1)[:, :count]
            distances, rows = np.take_along_axis(distances, best, axis=1), np.take_along_axis(rows, best, axis=1)
            farthest = distances.max(axis=1, keepdims=True)
        start += len(block)
    return rows


def _in_blocks(values: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(values), BLOCK_ROWS):
        yield values[start : start + BLOCK_ROWS]
