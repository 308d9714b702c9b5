"""Measures how far a map may be trusted, with the samples of its set: the one way that any map is measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.app.some_samples import some_of, spread
from embedding_lab.embeddings import EmbeddingSet, Neighbours
from embedding_lab.embeddings.measures import Measures
from embedding_lab.errors import InputError
from embedding_lab.progress import Progress, silent
from embedding_lab.projection import MOST_SAMPLES, WIDE, fits_in_memory, measure, measure_in_part

FEWEST = 3


def measures_of(
    embeddings: EmbeddingSet,
    points: NDArray[np.floating],
    neighbours: Callable[[int], Neighbours | None],
    *,
    metric: str,
    threads: int | None = None,
    progress: Progress = silent,
) -> Measures:
    """Compares a map with the vectors it shows, all of them or, of very many, some.

    Args:
        embeddings: the set.
        points: shape (n, 2 or more); a sample with NaN for its point is not on the map, and not compared either.
        neighbours: gives k neighbours of every sample, or None, in which case they are searched.
        metric: how vectors are compared, "euclidean" or "cosine".
        threads: how many work; None for one on every core.
        progress: told how far each stage is.

    Raises:
        InputError and its kinds: vectors that cannot be used.
    """
    how: dict[str, Any] = {"metric": metric, "threads": threads, "progress": progress}
    on_map = np.isfinite(points).all(axis=1)
    if not on_map.all():
        rows = np.flatnonzero(on_map)
        if len(rows) < FEWEST:
            return Measures()
        if not fits_in_memory(len(rows), embeddings.vectors.shape[1]):
            raise InputError(
                "A map of some samples whose vectors do not fit in memory is not measured.",
                got=f"{len(rows):,} of {len(points):,} samples",
                remedy="Log these samples alone, with the map.",
            )
        some = measures_of(some_of(embeddings, rows), points[rows], lambda _: None, **how)
        measured = {name: spread(values, rows, len(points)) for name, values in some.per_sample.items()}
        return Measures(some.quality, measured)
    how["labels"] = embeddings.dataset.labels
    if fits_in_memory(*embeddings.vectors.shape) and len(embeddings) <= MOST_SAMPLES:
        near = neighbours(WIDE) if len(embeddings) > 1 else None
        quality = measure(embeddings.vectors, points, neighbours=near, **how)
    else:
        quality = measure_in_part(embeddings.vectors, points, **how)
    return Measures(quality.totals, quality.per_sample)
