"""How far a map of very many samples may be trusted: the measures of `quality.py` for some, each against all.

Neighbours of all samples would take hours and many gigabytes. A thousand samples, drawn with equal chances, tell
the totals within a standard error that is given with each. Vectors and map are read block by block, three times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Neighbours
from embedding_lab.progress import Progress, silent
from embedding_lab.projection.frame import Frame, as_vectors, row_blocks
from embedding_lab.projection.quality import NEAR, WIDE, Quality, compared, label_agreement, rank_correlation
from embedding_lab.projection.ranks import nearer_rows_read_in_blocks
from embedding_lab.projection.search import STAGE
from embedding_lab.projection.threads import faiss_threads, usable

LOOKED_AT = 1_000

Blocks = Callable[[], Iterator[NDArray[np.float32]]]


def measure_in_part(
    vectors: Any,
    points: Any,
    *,
    metric: str = "euclidean",
    labels: Any = None,
    samples: int = LOOKED_AT,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = silent,
) -> Quality:
    """Compares a map with the vectors it shows, for some samples.

    Args:
        vectors: real and finite, shape (n, dims).
        points: positions on the map, shape (n, 2 or more), any scale.
        metric: how vectors are compared; points always by euclidean distance.
        labels: int, shape (n,), -1 where a sample has none.
        samples: how many are looked at, drawn with equal chances.
        seed: of the draw.
        threads: how many work; None for one on every core.
        progress: told "search neighbours" and "rank neighbours" in rows.

    Returns:
        The totals of `quality.measure` except "kl", and for each "<measure>_error", the standard error of the mean.
        Neighbours are the true ones. There are no values per sample.

    Raises:
        InputError and its kinds: tables that cannot be used.
    """
    vectors, points = as_vectors(vectors), as_vectors(points)
    rows = int(vectors.shape[0])
    progress(STAGE, 0, rows)
    chosen = np.sort(np.random.default_rng([seed, 4]).choice(rows, min(samples, rows), replace=False))
    with faiss_threads(usable(threads)):
        layer, plane = _Table(vectors, metric), _Table(points, "euclidean")
        near, on_map = (each.neighbours(chosen, WIDE, progress) for each in (layer, plane))
        found = compared(near, on_map, rows)
        worst = NEAR * (2 * rows - 3 * NEAR - 1) / 2
        for name, table, others in (("trustworthiness", layer, on_map), ("continuity", plane, near)):
            ranks = 1 + table.nearer(chosen, others.indices[:, :NEAR], progress)
            found[name] = 1 - np.maximum(ranks - NEAR, 0).sum(axis=1) / worst
    if labels is not None:
        for name, neighbours in (("label_agreement", near), ("label_agreement_map", on_map)):
            found[name] = label_agreement(neighbours, labels, of=chosen)
    totals: dict[str, float] = {}
    unseen = 1 - len(chosen) / rows  # drawn without replacement
    for name, values in found.items():
        seen = values[np.isfinite(values)]
        if len(seen) > 1:
            totals[name] = float(seen.mean())
            totals[f"{name}_error"] = float(seen.std(ddof=1) * np.sqrt(unseen / len(seen)))
    correlation = rank_correlation(vectors, points, metric=metric, seed=seed)
    if correlation is not None:
        totals["rank_correlation"] = correlation
    return Quality(totals)


class _Table:
    """Rows of a table as they are compared, read from where they lie."""

    def __init__(self, table: Any, metric: str) -> None:
        self._table, self._metric = table, metric
        self._frame = Frame.fit(table, metric)

    def neighbours(self, chosen: NDArray[np.int64], k: int, progress: Progress) -> Neighbours:
        """The true neighbours of some rows among all: one pass."""
        asking = self._rows(chosen)
        best = np.full((len(chosen), k + 1), np.inf, np.float32)
        names = np.full(best.shape, -1, np.int64)
        for where, block in row_blocks(self._table):
            squared, found = faiss.knn(asking, self._frame.place(block), min(k + 1, len(block)))
            squared = np.concatenate([best, squared], axis=1)
            squared[np.concatenate([names, found + where.start], axis=1) == chosen[:, None]] = np.inf
            order = np.argsort(squared, axis=1, kind="stable")[:, : k + 1]
            best = np.take_along_axis(squared, order, axis=1)
            names = np.take_along_axis(np.concatenate([names, found + where.start], axis=1), order, axis=1)
            progress(STAGE, where.stop, len(self._table))
        return Neighbours(names[:, :k].astype(np.int32), self._frame.distances(best[:, :k]), self._metric, 1.0)

    def nearer(self, chosen: NDArray[np.int64], others: NDArray[np.int32], progress: Progress) -> NDArray[np.int64]:
        """How many rows are nearer to some rows than others of each are: one pass."""

        def blocks() -> Iterator[NDArray[np.float32]]:
            return (self._frame.place(block) for _, block in row_blocks(self._table))

        targets = self._rows(others.ravel().astype(np.int64)).reshape(*others.shape, -1)
        return nearer_rows_read_in_blocks(blocks, self._rows(chosen), targets, progress)

    def _rows(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        different, inverse = np.unique(numbers, return_inverse=True)
        return self._frame.place(self._table[different])[inverse]
