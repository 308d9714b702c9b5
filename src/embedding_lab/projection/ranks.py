"""How many rows are nearer to a point than a given other one: counted, without sorting all distances."""
# The arguments of compiled functions are arrays; numba takes no annotations.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from collections.abc import Iterator

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
