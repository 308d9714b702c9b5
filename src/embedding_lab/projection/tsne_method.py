"""t-SNE in the table of methods: of all samples, or of a fair sample with everything else placed on its map.

The map of a million samples takes minutes and memory for 90 neighbours of each. Beyond two million, and wherever
it is asked for, the map is made of a sample (`landmarks.py`), and all others are placed on it by `TSNE.transform`,
block by block: then hardly anything but the points themselves grows with the samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Neighbours
from embedding_lab.errors import InputError
from embedding_lab.progress import Progress
from embedding_lab.projection.frame import as_vectors, row_blocks
from embedding_lab.projection.kernel import Weighting
from embedding_lab.projection.landmarks import landmarks
from embedding_lab.projection.method import Forming, NeighboursOf, Stopped
from embedding_lab.projection.tsne import TSNE

MOST_SAMPLES = 2_000_000
"""Up to so many all are laid out, unless a sample is asked for."""

SAMPLE = 200_000
"""So many of more."""


def project(
    vectors: Any,
    *,
    dims: int,
    seed: int,
    metric: str,
    neighbours: NeighboursOf,
    forming: Forming,
    progress: Progress,
    threads: int | None,
    perplexity: float = 30.0,
    affinity: str = "perplexity",
    exaggeration: float = 1.0,
    max_iter: int = 600,
    init: Any = "pca",
    weighting: Weighting = "neighbours",
    interval: int = 25,
    sample: int | None = None,
    resume: Stopped | None = None,
) -> NDArray[np.float32]:
    """A t-SNE map; the shared arguments are those of `Method`, the others those of `TSNE`.

    Args:
        vectors: as in `Method`.
        dims: 2 or 3.
        seed: as in `Method`.
        metric: as in `Method`.
        neighbours: asked for three times the perplexity, or half of it for uniform affinities; not for a sample.
        forming: told of the map every `interval` iterations; what is not in the sample is NaN.
        progress: told "t-SNE iterations", with the divergence so far; for a sample "choose samples" and "place
            samples" too.
        threads: as in `Method`.
        perplexity: the effective number of neighbours that a sample cares for.
        affinity: "perplexity" or "uniform".
        exaggeration: after the early phase.
        max_iter: iterations in all.
        init: the first map.
        weighting: "neighbours" or "gradient".
        interval: iterations between two maps.
        sample: make the map of so many samples, and place the others on it; None for all, or 200,000 of more than
            two million.
        resume: a map that was stopped, to go on with; it becomes the very map that it would have been.
    """
    vectors = as_vectors(vectors)
    tsne = TSNE(
        dims,
        perplexity=perplexity,
        affinity=affinity,
        exaggeration=exaggeration,
        max_iter=max_iter,
        init=init,
        weighting=weighting,
        metric=metric,
        random_state=seed,
        n_jobs=threads,
        callback_interval=interval,
    )

    def fit(chosen: Any, known: Neighbours | None, spread: Callable[[NDArray[np.float32]], Any]) -> NDArray[Any]:
        def told(iteration: int, points: NDArray[np.float32], divergence: float) -> None:
            progress("t-SNE iterations", iteration, max_iter, f"KL {divergence:.3f}")
            measures = {"kl": divergence}
            if len(points) < len(vectors):
                measures["sample"] = len(points)
            forming(spread(points), iteration, max_iter, measures, tsne.checkpoint())

        progress("t-SNE iterations", 0 if resume is None else resume.done, max_iter)
        tsne.set_params(callback=told)
        return tsne.fit_transform(chosen, neighbours=known, resume=None if resume is None else resume.checkpoint)

    size = sample_size(len(vectors), sample)
    if size == len(vectors):
        known = neighbours(tsne.neighbours_needed()) if len(vectors) > 1 else None
        return fit(vectors, known, lambda points: points)

    rows = landmarks(vectors, size, metric=metric, seed=seed, progress=progress)

    def spread(points: NDArray[np.float32]) -> NDArray[np.float32]:
        all_points = np.full((len(vectors), dims), np.nan, np.float32)
        all_points[rows] = points
        return all_points

    if not isinstance(init, str):
        tsne.set_params(init=np.asarray(getattr(init, "points", init))[rows])
    fit(vectors[rows], None, spread)
    places = np.empty((len(vectors), dims), np.float32)
    for where, block in row_blocks(vectors):
        progress("place samples", where.start, len(vectors))
        places[where] = tsne.transform(block)
    progress("place samples", len(vectors), len(vectors))
    return places


def check(*, interval: int, sample: int | None, resume: Stopped | None, **own: Any) -> None:
    """Refuses parameters that are out of range.

    Raises:
        InputError: one is.
    """
    TSNE(callback_interval=interval, **own).check()
    sample_size(MOST_SAMPLES, sample)


def sample_size(samples: int, asked: int | None) -> int:
    """How many of so many samples a map is made of; all where that is their number.

    Raises:
        InputError: a sample of fewer than two is asked for.
    """
    if asked is None:
        return samples if samples <= MOST_SAMPLES else SAMPLE
    if asked < 2:
        raise InputError("There is no such sample.", got=f"sample={asked!r}", expected="a whole number from 2 on")
    return min(samples, int(asked))
