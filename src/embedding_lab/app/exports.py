"""Writes a run as one HTML file, with the dashboard's page and all its data in it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedding_lab.app.adopted import set_of
from embedding_lab.app.measured_maps import measure_map
from embedding_lab.app.plugin import Computer
from embedding_lab.app.shared_neighbours import SharedNeighbours
from embedding_lab.board.dashboard.application import STATIC
from embedding_lab.board.dashboard.embedded import NEIGHBOURS, Steps, embedded_page
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.measured import measures_wanted
from embedding_lab.board.dashboard.sample_set import Map, SampleSet
from embedding_lab.embeddings import EmbeddingSet, Run
from embedding_lab.embeddings.files import publish_file
from embedding_lab.errors import LabError


def export_html(run: Run, path: Path, layers: Sequence[str] | None = None, steps: Steps = None) -> tuple[str, ...]:
    """Writes a run's layers into one file that is opened from disk. Maps without measures are measured first.

    Measures and neighbours are kept with the run where it can be written to.

    Args:
        run: the run.
        path: the file; one that is there is replaced.
        layers: the layers' names; all when left out.
        steps: the steps, "all" of them, or the "newest" of each layer; None: all where they hold few samples.

    Returns:
        What of the run is not in the file, in words.

    Raises:
        DataMissing: the run has no such layer or step, or the page was not built.
        InputError: there are too many samples.
        StorageError: the disk refuses.
    """

    @lru_cache(maxsize=1)  # one after the other: neighbours are remembered with it where nothing can be kept
    def at(layer: str, step: int | None) -> EmbeddingSet:
        return set_of(run, layer, step)

    def near(layer: str, step: int | None, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        found = SharedNeighbours(at(layer, step), "euclidean")(k)
        return found.indices, found.distances

    def measure(found: SampleSet, shown: Map) -> None:
        which = run.name, found.layer, found.step, measures_wanted(found, shown)
        with contextlib.suppress(LabError):  # the page says of a map that it was not measured
            near(found.layer, found.step, NEIGHBOURS)  # searched once, for the measures too
            measure_map(run.path.parent, *which, [run, aside(run.name)], embeddings=at(found.layer, found.step))

    with tempfile.TemporaryDirectory() as folder:

        def aside(name: str) -> Run:
            """Where measures of a run lie that cannot be written to, until its page is made."""
            return Run(Path(folder) / name)

        library = Library(run.path.parent, Computer(), aside=aside)
        page = embedded_page(library, run.name, layers, steps, near, STATIC, measure)
    publish_file(path, page.text.encode())
    return page.notes
