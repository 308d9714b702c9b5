"""How far an index must look to find enough true neighbours, and how many it finds: measured on samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding_lab.projection.cells import Cells
from embedding_lab.projection.search import EVERYWHERE, Found, Probing, neighbours_of_sample

ENOUGH = 0.98
"""The share of true neighbours an index must find."""

AIM = 0.985
"""What the search is set for, so that it passes on other rows too."""

SAMPLE = 640
"""Rows in each of the two samples: one to set the search with, one to measure it on."""

COSTLY = 0.35
"""Where more than this share of the rows would have to be looked at, all of them are: it costs no more."""


def measured_probing(cells: Cells, k: int, seed: int, threads: int) -> tuple[Probing, float]:
    """The least work at which the index finds enough of the k nearest, and the recall it then has.

    One sample of rows with known neighbours sets the search, another one measures it. Where the second
    finds too few, twice as many cells are looked into, and in the end all rows.
    """
    drawn = np.random.default_rng([seed, 1]).permutation(len(cells.base))
    setting, measuring = np.sort(drawn[:SAMPLE]), np.sort(drawn[SAMPLE : 2 * SAMPLE])
    true = neighbours_of_sample(cells, measuring, k, EVERYWHERE, threads)
    where = _least_probing(cells, setting, k, threads)
    while where != EVERYWHERE:
        recall = _recall(true, neighbours_of_sample(cells, measuring, k, where, threads))
        if recall >= ENOUGH:
            return where, recall
        where = _unless_costly(cells, 2 * (where.probes or 1))
    return EVERYWHERE, 1.0


def _least_probing(cells: Cells, places: NDArray[np.int64], k: int, threads: int) -> Probing:
    """The fewest cells, counted from each row outwards, that hold the aimed share of its neighbours."""
    true, _ = neighbours_of_sample(cells, places, k, EVERYWHERE, threads)
    holding = cells.of(cells.place[true].astype(np.int64))
    order = cells.around(cells.base[places], len(cells))
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(len(cells)), order.shape), axis=1)
    needed = np.sort(np.take_along_axis(rank, holding, axis=1), axis=None)
    return _unless_costly(cells, int(needed[int(np.ceil(AIM * needed.size)) - 1]) + 1)


def _unless_costly(cells: Cells, probes: int) -> Probing:
    """Probing so many cells, or everywhere where that is no more work.

    A row chooses its cells among those around its own cell: four times as many as it chooses, which loses
    next to nothing and spares measuring the distance to every centroid.
    """
    share = probes * float((cells.sizes**2).sum()) / len(cells.base) ** 2
    if share > COSTLY:
        return EVERYWHERE
    return Probing(probes, min(4 * probes + 32, len(cells)))


def _recall(true: Found, found: Found) -> float:
    return float(np.mean([np.isin(own, got).mean() for own, got in zip(true[0], found[0], strict=True)]))
