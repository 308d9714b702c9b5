"""Runs points through the scan, group by group on all threads: the rows themselves, some, or new points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embedding_lab.progress import Progress, silent
from embedding_lab.projection.cells import Cells
from embedding_lab.projection.scan import nearest_cells, scan, settle
from embedding_lab.projection.threads import each

GROUP_ROWS = 256
"""Points that are searched together: enough for a fast matrix product, few enough for the cache."""

SAMPLE_GROUP_ROWS = 64

RUN_ROWS = 1024
"""Rows per list when all rows are searched."""

MANY_POINTS = 4_096
"""From so many new points on, those of one cell are searched together: one by one they take ten times as long."""

STAGE = "search neighbours"


@dataclass(frozen=True)
class Probing:
    """Where to look for a point's neighbours.

    Attributes:
        probes: how many cells, those with the nearest centroids; None looks at all rows.
        reach: among how many cells around the point's own they are chosen.
    """

    probes: int | None = None
    reach: int = 0


EVERYWHERE = Probing()


@dataclass(frozen=True, eq=False)
class _Group:
    """Points that lie near each other, and where their answers go."""

    points: NDArray[np.float32]
    selves: NDArray[np.int32]
    answers: NDArray[np.int64]
    cell: int


Found = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Names of rows and squared distances, both of shape (m, k), nearest first, at equal distance by name."""


def neighbours_of_rows(cells: Cells, k: int, where: Probing, threads: int, progress: Progress = silent) -> Found:
    """The k nearest other rows of every row, in the order of the rows' names."""
    return _run(cells, _own_groups(cells), len(cells.base), k, where, threads, progress)


def neighbours_of_sample(cells: Cells, places: NDArray[np.int64], k: int, where: Probing, threads: int) -> Found:
    """The k nearest other rows of the rows at these ascending places of the base."""
    own = cells.of(places)
    changes = np.flatnonzero(np.diff(own)) + 1
    every = np.arange(SAMPLE_GROUP_ROWS, len(places), SAMPLE_GROUP_ROWS)
    bounds = [0, *(every if where == EVERYWHERE else changes), len(places)]

    def groups() -> Iterator[_Group]:
        for start, stop in pairwise(bounds):
            some = places[start:stop]
            yield _Group(cells.base[some], cells.names[some], np.arange(start, stop), int(own[start]))

    return _run(cells, groups(), len(places), k, where, threads, silent)


def neighbours_of_points(cells: Cells, points: NDArray[np.float32], k: int, where: Probing, threads: int) -> Found:
    """The k nearest rows of new points; what one point finds does not depend on the others, but for rounding where
    there are many: then those of one cell are searched together.
    """
    own = cells.around(points, 1)[:, 0]
    order = np.argsort(own, kind="stable") if len(points) >= MANY_POINTS else np.arange(len(points))
    longest = GROUP_ROWS if len(points) >= MANY_POINTS else 1

    def groups() -> Iterator[_Group]:
        begin = 0
        for end in range(1, len(order) + 1):
            if end == len(order) or end - begin == longest or own[order[end]] != own[order[begin]]:
                some = order[begin:end]
                yield _Group(points[some], np.full(end - begin, -1, np.int32), some, int(own[some[0]]))
                begin = end

    return _run(cells, groups(), len(points), k, where, threads, silent)


def _own_groups(cells: Cells) -> Iterator[_Group]:
    for c in range(len(cells)):
        for start in range(cells.bounds[c], cells.bounds[c + 1], GROUP_ROWS):
            rows = slice(start, min(start + GROUP_ROWS, cells.bounds[c + 1]))
            names = cells.names[rows]
            yield _Group(cells.base[rows], names, names.astype(np.int64), c)


def _run(
    cells: Cells,
    groups: Iterator[_Group],
    points: int,
    k: int,
    where: Probing,
    threads: int,
    progress: Progress,
) -> Found:
    indices = np.empty((points, k), dtype=np.int32)
    squared = np.empty((points, k), dtype=np.float32)
    near = None if where.probes is None else _within_reach(cells, where.reach, k + 1)
    runs = np.arange(0, len(cells.base), RUN_ROWS)
    everything = np.append(runs, len(cells.base)).astype(np.int64)

    def work(batch: list[_Group]) -> int:
        for group in batch:
            if near is None:
                first = int(cells.bounds[group.cell]) // RUN_ROWS
                order = np.roll(np.arange(len(runs)), -first)
                starts, stops = everything[:-1][order], everything[1:][order]
                chosen = np.ones((len(runs), len(group.points)), dtype=np.bool_)
            else:
                lists = near[group.cell]
                starts, stops = cells.bounds[lists], cells.bounds[lists + 1]
                chosen = nearest_cells(
                    group.points, group.points[0], cells.centroids, lists, stops - starts, where.probes, k + 1
                )
            keys = np.empty((len(group.points), k), dtype=np.uint64)
            names = np.empty(keys.shape, dtype=np.int32)
            distances = np.empty(keys.shape, dtype=np.float32)
            scan(
                group.points,
                group.selves,
                group.points[0],
                cells.base,
                cells.names,
                starts,
                stops,
                chosen,
                k,
                keys,
            )
            settle(group.points, cells.base, cells.place, keys, names, distances)
            indices[group.answers] = names
            squared[group.answers] = distances
        return sum(len(group.points) for group in batch)

    finished = 0

    def done(rows: int) -> None:
        nonlocal finished
        finished += rows
        progress(STAGE, finished, points)

    each(work, _batches(groups), threads, done)
    return indices, squared


def _within_reach(cells: Cells, reach: int, rows: int) -> NDArray[np.int64]:
    """The cells around each cell, nearest first; more than `reach` where those hold fewer than so many rows."""
    near = cells.around(cells.centroids, reach)
    while near.shape[1] < len(cells) and cells.sizes[near].sum(axis=1).min() < rows:
        near = cells.around(cells.centroids, 2 * near.shape[1])
    return near


def _batches(groups: Iterator[_Group], rows: int = 1024) -> Iterator[list[_Group]]:
    batch: list[_Group] = []
    held = 0
    for group in groups:
        batch.append(group)
        held += len(group.points)
        if held >= rows:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
