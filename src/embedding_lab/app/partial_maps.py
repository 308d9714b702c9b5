"""Makes a map of some of a layer's samples; the others are not on it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.app.maps import project
from embedding_lab.app.some_samples import some_of, spread
from embedding_lab.board.finished_maps import list_maps
from embedding_lab.embeddings import EmbeddingSet, Projection, Run

SECONDS_BETWEEN = 1.0


def project_some(
    run: Run, layer: str, step: int | None, rows: Sequence[int], method: str, *, name: str, **how: Any
) -> None:
    """Makes the map, keeps it with the run, and adds it to the list of TensorBoard's own Projector.

    On the way it is published in state "forming".

    Args:
        run: the run.
        layer: the layer's name.
        step: the training step; None where nothing changes.
        rows: the samples that are to be on it, ascending.
        method: "tsne", "umap" or "pca".
        name: the map's name.
        how: what `project` takes besides.

    Raises:
        As `project`, `Run.save_map` and `list_maps` do.
    """
    whole = run.embeddings(layer, step)
    chosen = np.asarray(rows, np.intp)
    some = some_of(whole, chosen)
    last = 0.0

    def forming(made: Projection) -> None:
        nonlocal last
        if time.monotonic() - last > SECONDS_BETWEEN:
            run.save_map(layer, step, name, _spread(made, whole, chosen))
            last = time.monotonic()

    run.save_map(layer, step, name, _spread(project(some, method, forming=forming, **how), whole, chosen))
    list_maps(run, layer)


def _spread(made: Projection, whole: EmbeddingSet, rows: NDArray[np.intp]) -> Projection:
    """The map of all samples: NaN where one is not on it."""
    return replace(
        made,
        points=spread(made.points, rows, len(whole)),
        ids=whole.ids,
        per_sample={name: spread(values, rows, len(whole)) for name, values in made.per_sample.items()},
        parent={**(made.parent or {}), "samples": len(rows)},
        checkpoint={},
    )
