"""How many rows are nearer to a point than a given other one: counted, without sorting all distances."""
# The arguments of compiled functions are arrays; numba takes no annotations.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embedding_lab.progress import Progress, silent
from embedding_lab.projection.neighbours import Index
from embedding_lab.projection.scan import FAST, from_products, moved, square
from embedding_lab.projection.threads import each

GROUP_ROWS = 64
RUN_ROWS = 1024

ROUNDING = np.float32(4e-7)
"""Distances that differ by less than this share of the squares they come from count as equal."""

Group = tuple[NDArray[np.int64], NDArray[np.int64]]


def nearer_rows(
    index: Index,
    rows: NDArray[np.int64],
    others: NDArray[np.int32],
    threads: int,
    progress: Progress = silent,
) -> NDArray[np.int64]:
    """For rows i and some others j of each, how many rows are nearer to i than j is, i itself not counted.

    Rows as near as j are not nearer, so equal distances share the lowest rank. All distances are computed.

    Args:
        index: of the n vectors.
        rows: m row numbers.
        others: row numbers, shape (m, k).
        threads: how many work.
        progress: told "rank neighbours" in samples.

    Returns:
        Counts from 0 to n - 2, shape (m, k).
    """
    cells, groups = index.cells, index.groups
    counts = np.zeros(others.shape, dtype=np.int64)
    places = cells.place[groups.group[rows]].astype(np.int64)
    targets = cells.place[groups.group[others]]
    twins = np.diff(groups.bounds)[cells.names].astype(np.float32)  # rows that each row of the base stands for

    def work(group: Group) -> int:
        members, own = group
        found = np.empty((len(members), others.shape[1]), dtype=np.int64)
        points = cells.base[own]
        _count_nearer(points, points[0], own, cells.base, twins, targets[members], found)
        counts[members] = found
        return len(members)

    finished = 0

    def done(some: int) -> None:
        nonlocal finished
        finished += some
        progress("rank neighbours", finished, len(rows))

    each(work, _groups(places, cells.of(places)), threads, done)
    return counts


def nearer_rows_read_in_blocks(
    blocks: Callable[[], Iterator[NDArray[np.float32]]],
    points: NDArray[np.float32],
    targets: NDArray[np.float32],
    progress: Progress = silent,
) -> NDArray[np.int64]:
    """The same where the rows are too many to be held: they are read once, block by block.

    Args:
        blocks: gives all rows, float32, shape (b, columns) each.
        points: m of the rows, shape (m, columns).
        targets: k other rows for each, shape (m, k, columns).
        progress: told "rank neighbours" in rows.

    Returns:
        Counts, shape (m, k); the point itself is not counted.
    """
    counts = np.zeros(targets.shape[:2], dtype=np.int64)
    lengths = np.einsum("mc,mc->m", points, points)
    limits = np.square(points[:, None] - targets).sum(axis=2)
    limits -= ROUNDING * (lengths[:, None] + np.square(targets).sum(axis=2))
    counts -= limits > 0  # each point comes along among the rows, at distance 0
    done = 0
    for block in blocks():
        norms = np.einsum("bc,bc->b", block, block)
        for first in range(0, len(block), RUN_ROWS):
            part = slice(first, first + RUN_ROWS)
            _add_below(points @ block[part].T, lengths, norms[part], limits, counts)
        done += len(block)
        progress("rank neighbours", done, None)
    return counts


def _groups(places: NDArray[np.int64], cells: NDArray[np.int64]) -> Iterator[Group]:
    """Points of one cell together, so that the first of them is a good origin for all."""
    order = np.argsort(places, kind="stable")
    begin = 0
    for i in range(1, len(order) + 1):
        if i == len(order) or i - begin == GROUP_ROWS or cells[order[i]] != cells[order[begin]]:
            yield order[begin:i], places[order[begin:i]]
            begin = i


@njit(nogil=True, cache=True, fastmath=FAST)
def _below(squared, limit, weights):
    total = np.float32(0)  # whole numbers, exact up to 2²⁴
    for j in range(squared.size):
        total += weights[j] if squared[j] < limit else np.float32(0)
    return total


@njit(nogil=True, cache=True)
def _add_below(products, lengths, norms, limits, counts):
    weights = np.ones(norms.size, np.float32)
    for i in range(products.shape[0]):
        from_products(products, i, lengths[i], norms, norms.size)
        for t in range(limits.shape[1]):
            counts[i, t] += np.int64(_below(products[i], limits[i, t], weights))


@njit(nogil=True, cache=True)
def _count_nearer(points, origin, places, base, weights, targets, counts):
    count, dims = points.shape
    asked = targets.shape[1]
    own = np.empty((count, dims), np.float32)
    lengths = np.empty(count, np.float32)
    moved(points, origin, own, lengths)
    limits = np.empty((count, asked), np.float32)
    for i in range(count):
        for t in range(asked):
            target = base[targets[i, t]]
            limits[i, t] = square(points[i], target)
            limits[i, t] -= ROUNDING * (lengths[i] + square(target, origin))
    counts[:] = 0
    other = np.empty((RUN_ROWS, dims), np.float32)
    norms = np.empty(RUN_ROWS, np.float32)
    room = np.empty(count * RUN_ROWS, np.float32)
    for first in range(0, base.shape[0], RUN_ROWS):
        width = min(RUN_ROWS, base.shape[0] - first)
        moved(base[first : first + width], origin, other, norms)
        squared = room[: count * width].reshape(count, width)
        np.dot(own, other[:width].T, squared)
        for i in range(count):
            from_products(squared, i, lengths[i], norms, width)
            self = places[i] - first
            for t in range(asked):
                counts[i, t] += np.int64(_below(squared[i], limits[i, t], weights[first : first + width]))
                if 0 <= self < width and squared[i, self] < limits[i, t]:
                    counts[i, t] -= 1
