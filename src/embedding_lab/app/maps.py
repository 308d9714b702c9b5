"""Makes the map of one set: neighbours, a method and the measures of trust joined. `lab.project` lives here."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.app.kept_index import made_index
from embedding_lab.app.measures import measures_of
from embedding_lab.app.plain_vectors import plain_set
from embedding_lab.app.shared_neighbours import SharedNeighbours
from embedding_lab.embeddings import EmbeddingSet, Projection
from embedding_lab.errors import StorageError
from embedding_lab.progress import Progress, silent
from embedding_lab.projection import (
    Stopped,
    check_parameters,
    fits_in_memory,
    method_of,
    own_parameters,
)

DIMS = 3
METHOD = "tsne"

GIVEN = "given"
"""Stands for a parameter that JSON cannot hold, such as an array of first places."""


def project(
    embeddings: Any,
    method: str = METHOD,
    *,
    dims: int = DIMS,
    seed: int = 0,
    metric: str = "euclidean",
    threads: int | None = None,
    forming: Callable[[Projection], object] | None = None,
    progress: Progress = silent,
    **own: Any,
) -> Projection:
    """Lays out embeddings on a map, and measures how far to trust it.

        vectors = lab.open_run("logs/mine").embeddings("embed_layer")
        map3 = lab.project(vectors, "tsne", dims=3, perplexity=50)
        map3.points, map3.quality["kept_10"], map3.per_sample["kept_10"]

    Neighbours are searched once for a set and a metric, and shared by all maps of it; those of a set that lies in
    a run are kept there for later. The map itself is not: `lab.project_run` keeps maps, and so does `run.save_map`.

    Args:
        embeddings: an EmbeddingSet, or vectors of shape (n, dims), real and finite.
        method: "tsne", "umap" or "pca".
        dims: 2 or 3; for "pca" also more.
        seed: of whatever is random; the same seed gives the same map on one machine.
        metric: how vectors are compared, "euclidean" or "cosine"; PCA itself knows no metric, its measures do.
        threads: how many work; None for one on every core. UMAP uses one.
        forming: told of the map on its way, a Projection in state "forming"; what it raises ends the work.
        progress: told how far each stage is.
        own: the method's own parameters, such as perplexity=50 or n_neighbors=30.

    Returns:
        Points, float32, shape (n, dims), with measures in total and per sample (`docs/trust.md`).

    Raises:
        UnknownName: no such method, parameter or metric.
        NotFinite: a vector holds NaN or infinity; the message names its row.
        InputError and its kinds: anything else that cannot be used.
    """
    each = embeddings if isinstance(embeddings, EmbeddingSet) else plain_set(embeddings)
    check_parameters(method, own, dims)
    neighbours = SharedNeighbours(each, metric, threads=threads, progress=progress)
    made = _Made(each, method, seed, asked_parameters(method, metric, own), _parent(own))

    def told(
        points: NDArray[np.float32],
        done: int,
        total: int,
        measures: Mapping[str, float],
        checkpoint: Mapping[str, NDArray[Any]],
    ) -> None:
        made.measures = dict(measures)
        if forming is not None:
            forming(made.projection(points, done=done, total=total, checkpoint=checkpoint))

    points = method_of(method)(
        each.vectors,
        dims=dims,
        seed=seed,
        metric=metric,
        neighbours=neighbours,
        forming=told,
        progress=progress,
        threads=threads,
        **own,
    )
    if not fits_in_memory(*each.vectors.shape) and each.place is not None:
        with contextlib.suppress(StorageError):  # the map is there, whether or not an index can be kept beside it
            made.measures["index_recall"] = made_index(each, metric, threads=threads, progress=progress).recall
    measures = measures_of(each, points, neighbours, metric=metric, threads=threads, progress=progress)
    made.measures |= measures.quality
    return made.projection(points, per_sample=measures.per_sample, state="complete")


def asked_parameters(method: str, metric: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """What a method is asked for, defaults included, as JSON can hold it."""
    asked = {"metric": metric, **own_parameters(method), **own}
    asked.pop("resume", None)  # says how the map came about, not which one was asked for
    return {name: _as_json(value) for name, value in asked.items()}


@dataclass
class _Made:
    """What all states of one map have in common.

    Attributes:
        measures: the latest figures.
    """

    embeddings: EmbeddingSet
    method: str
    seed: int
    parameters: Mapping[str, Any]
    parent: Mapping[str, Any] | None
    measures: dict[str, float] = field(default_factory=dict)

    def projection(self, points: NDArray[np.float32], **state: Any) -> Projection:
        place = self.embeddings.place
        told: dict[str, Any] = {"state": "forming", **state}
        return Projection(
            points=points,
            ids=self.embeddings.ids,
            method=self.method,
            parameters=self.parameters,
            seed=self.seed,
            parent=self.parent,
            quality=dict(self.measures),
            vectors=None if place is None else place.generation,
            **told,
        )


def _parent(own: Mapping[str, Any]) -> dict[str, Any] | None:
    """The map that this one starts from, or how far it was when it was stopped and gone on with."""
    if isinstance(own.get("resume"), Stopped):
        return {"stopped": own["resume"].done}
    first = own.get("init")
    if not isinstance(first, Projection):
        return None
    return {"method": first.method, "parameters": dict(first.parameters), "seed": first.seed}


def _as_json(value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return value.item() if isinstance(value, np.generic) else GIVEN
