"""Measures a map of a log directory that has no measures, whoever made it and wherever its vectors came from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from embedding_lab.app.adopted import set_of
from embedding_lab.app.measures import measures_of
from embedding_lab.app.shared_neighbours import SharedNeighbours
from embedding_lab.embeddings import EmbeddingSet, Run
from embedding_lab.embeddings.measures import Measures, MeasuresOf
from embedding_lab.errors import StorageError
from embedding_lab.progress import Progress, silent
from embedding_lab.projection.frame import METRICS
from embedding_lab.projection.pca import points_of

SHOWN_DIMS = 3
"""What a viewer shows of a map that has more."""


def measure_map(
    logdir: Path,
    run_name: str,
    layer: str,
    step: int | None,
    of: MeasuresOf,
    places: Iterable[Run],
    progress: Progress = silent,
    *,
    embeddings: EmbeddingSet | None = None,
) -> None:
    """Measures a map and keeps the measures; nothing else is written, neither neighbours nor an index.

    Args:
        logdir: the log directory.
        run_name: the run's name.
        layer: the layer's name, or that of an entry in a list that others wrote for the stock Projector.
        step: the training step; None where nothing changes.
        of: the map. One that lies nowhere is the first one, of principal components.
        places: where the measures are kept: in the first of these runs that can be written to.
        progress: told how far each stage is.
        embeddings: the layer's set at that step, where it was read already: what is remembered with it serves.

    Raises:
        UnknownName: there is no such layer or step.
        InputError and its kinds: vectors that cannot be used.
        BrokenFile: they cannot be read.
        StorageError: no place can be written to.
    """
    run = Run(logdir / run_name)
    if embeddings is None:
        embeddings = set_of(run, layer, step, outputs=False)
    metric = "euclidean"
    if layer in run.layers and of.name in run.maps(layer, step):
        shown = run.map(layer, of.name, step)
        points = shown.points[:, :SHOWN_DIMS]
        asked = shown.parameters.get("metric")
        metric = asked if asked in METRICS else metric
    else:
        points = points_of(embeddings.vectors, SHOWN_DIMS, progress=progress)
    shared = SharedNeighbours(embeddings, metric)
    measures = measures_of(embeddings, points, lambda _: shared.known(), metric=metric, progress=progress)
    _keep(places, layer, step, of, measures)


def _keep(places: Iterable[Run], layer: str, step: int | None, of: MeasuresOf, measures: Measures) -> None:
    refused = StorageError("There is no place for measures.", remedy="Name a run that may be written to.")
    for place in places:
        try:
            return place.save_measures(layer, step, of, measures)
        except StorageError as error:
            refused = error
    raise refused
