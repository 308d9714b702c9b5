"""Measures how many true neighbours remain where vectors had to be brought down to fewer dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.leading_axes import Blocks

NEIGHBOURS = 10
QUERIES = 100
BLOCK_ROWS = 1 << 14
GROUP = 16


def neighbours_kept(blocks: Blocks, values: NDArray[np.float32]) -> float:
    """How many of a sample's ten nearest neighbours are still among its ten nearest, on average.

    Args:
        blocks: the true vectors, n rows in all.
        values: what the page is given, shape (n, k), in the same order.

    Returns:
        0 to 10, measured by euclidean distance on up to 100 samples spread evenly over the rows.
        Between vectors of length 1 that is the order by cosine too.
    """
    queries = np.unique(np.linspace(0, len(values) - 1, QUERIES).astype(np.intp))
    count = min(NEIGHBOURS, len(values) - 1)
    true = _nearest(blocks(), np.concatenate(list(blocks(queries))), queries, count)
    shown = _nearest([values], values[queries], queries, count)
    kept = np.count_nonzero(true[:, :, None] == shown[:, None, :])
    return kept / len(queries) * NEIGHBOURS / count


def _nearest(
    blocks: Iterable[NDArray[np.float32]], queries: NDArray[np.float32], own_rows: NDArray[np.intp], count: int
) -> NDArray[np.intp]:
    """The rows nearest to each query but itself, in no order, shape (queries, count)."""
    who = rows = np.empty(0, np.intp)
    distances = np.empty(0, np.float32)
    farthest = np.empty((len(queries), 1), np.float32)
    doubled = -2 * queries
    start = 0
    for block in _parts(blocks):
        squared = doubled @ block.T  # the query's own length is missing, which does not change the order
        squared += np.einsum("ij,ij->i", block, block)
        inside = np.flatnonzero((own_rows >= start) & (own_rows < start + len(block)))
        squared[inside, own_rows[inside] - start] = np.inf
        if start == 0:
            farthest = _bound(squared, count)
        found, columns = np.divmod(np.flatnonzero(squared <= farthest), len(block))
        who, rows = np.concatenate([who, found]), np.concatenate([rows, start + columns])
        distances = np.concatenate([distances, squared[found, columns]])
        order = np.lexsort((distances, who))
        who, rows, distances = who[order], rows[order], distances[order]
        place = np.arange(len(who)) - np.searchsorted(who, who)  # among those of the same query
        nearest = place < count
        farthest[who[place == count - 1], 0] = distances[place == count - 1]
        who, rows, distances = who[nearest], rows[nearest], distances[nearest]
        start += len(block)
    return rows.reshape(len(queries), count)


def _bound(squared: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """What at least `count` distances of each query do not exceed, and few besides: shape (queries, 1).

    The least of every few distances are as many different ones; it costs less to choose among these than among all.
    """
    groups = squared.shape[1] // GROUP
    if groups < count:
        return np.full((len(squared), 1), np.inf, np.float32)
    least = squared[:, : groups * GROUP].reshape(len(squared), GROUP, groups).min(axis=1)
    return np.partition(least, count - 1, axis=1)[:, count - 1 : count]


def _parts(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """The same rows in blocks so small that the distances to them stay near the processor."""
    for block in blocks:
        for start in range(0, len(block), BLOCK_ROWS):
            yield block[start : start + BLOCK_ROWS]
