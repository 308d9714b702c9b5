"""All sample sets of a log directory, opened when asked for, and what was read of them, kept up to a limit."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedding_lab.board.dashboard.cache import Cache
from embedding_lab.board.dashboard.computing import Computing, Jobs, KeptIndex
from embedding_lab.board.dashboard.first_map import with_first_map
from embedding_lab.board.dashboard.foreign_lists import ForeignList, foreign_list
from embedding_lab.board.dashboard.logdir import LogDir
from embedding_lab.board.dashboard.manifests import Manifests
from embedding_lab.board.dashboard.measured import with_measures
from embedding_lab.board.dashboard.nearest import Lengths, Metric, lengths_of
from embedding_lab.board.dashboard.noted import with_notes
from embedding_lab.board.dashboard.own_format import open_set, state_of_set
from embedding_lab.board.dashboard.sample_set import Map, SampleSet
from embedding_lab.embeddings.run import Run
from embedding_lab.embeddings.sampling import fair_order
from embedding_lab.errors import BrokenFile, DataMissing, one_of


class Library:
    """What the routes read from.

    Args:
        logdir: the log directory.
        computing: makes what is not there yet; None where nothing can be computed.
        jobs: makes what takes longer; None where nothing can.
        aside: where measures of a run lie that are not kept with it; where the jobs put them when left out.
    """

    def __init__(
        self,
        logdir: Path,
        computing: Computing | None = None,
        jobs: Jobs | None = None,
        aside: Callable[[str], Run | None] | None = None,
    ) -> None:
        self.logdir = LogDir(logdir)
        self.computing = computing
        self.jobs = jobs
        self._aside = aside or (jobs.aside if jobs else lambda _: None)
        self.cache = Cache()
        self.manifests = Manifests()

    def set(self, run: str, layer: str, step: int | None) -> SampleSet:
        """The samples of a layer at a step.

        Raises:
            UnknownName: there is no such run, layer or step.
            BrokenFile: what is there cannot be read.
        """
        opened, aside = self.logdir.run(run), self._aside(run)
        found = with_first_map(self._open(run, layer, step), self.computing)
        found = with_measures(found, [opened, aside] if aside else [opened], self.manifests, self.cache)
        return with_notes(found, opened, self.cache)

    def foreign(self, run: str) -> ForeignList | None:
        """What others wrote for the stock Projector in a run."""
        path = self.logdir.lists.get(run)
        return None if path is None else foreign_list(path, run, self.logdir.path, self.cache)

    def _open(self, run: str, layer: str, step: int | None) -> SampleSet:
        opened, foreign = self.logdir.run(run), self.foreign(run)
        try:
            return self._with_pictures(self._own(run, opened, layer, step), foreign)
        except DataMissing:
            if foreign is not None and layer in foreign.entries and step is None:
                return foreign.open_set(layer, self.cache)
            known = [*opened.layers, *(foreign.entries if foreign else ())]
            if layer not in known:
                raise one_of(f"Layer of run {run!r}", layer, known) from None
            if layer in opened.layers and step not in (steps := opened.steps(layer)):
                raise one_of(f"Step of layer {layer!r}", step, steps) from None
            raise

    def _own(self, name: str, run: Run, layer: str, step: int | None) -> SampleSet:
        """A set of ours, opened again only when something was published for it."""
        key = ("set", str(run.path), layer, step, state_of_set(run, layer, step))
        return self.cache.get(key, lambda: open_set(name, run, layer, step, self.manifests), lambda _: 5000)

    def _with_pictures(self, found: SampleSet, foreign: ForeignList | None) -> SampleSet:
        """The set with the pictures of the list that its vectors were taken from, where it has none of its own."""
        if found.pictures is not None or foreign is None or found.layer not in foreign.entries:
            return found
        theirs = foreign.open_set(found.layer, self.cache)
        return dataclasses.replace(found, pictures=theirs.pictures) if theirs.rows == found.rows else found

    def order(self, rows: int) -> NDArray[np.uint32]:
        """The rows at their places: an order in which every beginning is a fair sample."""
        return self.cache.get(("order", rows), lambda: fair_order(rows), _bytes)

    def bounds(self, map_: Map) -> tuple[list[float], list[float]]:
        """The smallest and largest coordinates of a map; zeros where no sample is on it."""

        def make() -> tuple[list[float], list[float]]:
            points = self.points(map_)
            low, high = np.full(map_.dims, np.inf), np.full(map_.dims, -np.inf)
            for start in range(0, len(points), 1 << 18):
                axes = np.array(points[start : start + (1 << 18), : map_.dims].T, order="C")
                there = np.isfinite(axes).all(axis=0)
                low = np.minimum(low, axes.min(axis=1, where=there, initial=np.inf))
                high = np.maximum(high, axes.max(axis=1, where=there, initial=-np.inf))
            there = np.isfinite(low)
            return np.where(there, low, 0).tolist(), np.where(there, high, 0).tolist()

        return self.cache.get(("bounds", map_.generation), make, lambda _: 200)

    def vectors(self, found: SampleSet) -> Any:
        """The vectors of a set, opened once: pages of a file that were read stay mapped."""
        return self.cache.get(("vectors", found.key), found.vectors, _bytes_in_memory)

    def index(self, found: SampleSet, metric: Metric) -> KeptIndex | None:
        """What finds neighbours in a set of which there is too much to look at all; None where nothing was kept."""
        generation = found.facts.get("generation")
        if self.computing is None or generation is None:
            return None
        run, vectors = self.logdir.run(found.run), self.vectors(found)
        with contextlib.suppress(BrokenFile):  # what cannot be read is as good as none: all are looked at
            return self.computing.index(run, found.layer, found.step, vectors, str(generation), metric)
        return None

    def lengths(self, found: SampleSet) -> Lengths:
        """How long the vectors of a set are, measured once."""
        vectors = self.vectors(found)
        return self.cache.get(("lengths", found.key), lambda: lengths_of(vectors), lambda made: made.size_bytes)

    def ids(self, found: SampleSet) -> pa.Array:
        """The ids of a set, an Arrow array of n texts, read once."""
        return self.cache.get(("ids", found.key[-1]), found.ids, lambda ids: int(ids.nbytes))

    def points(self, map_: Map) -> NDArray[np.float32]:
        """The points of a map, opened or computed once."""
        return self.cache.get(("points", map_.generation), map_.points, _bytes_in_memory)


def _bytes(values: NDArray[Any]) -> int:
    return values.nbytes


def _bytes_in_memory(values: Any) -> int:
    return values.nbytes if isinstance(values, np.ndarray) and not isinstance(values, np.memmap) else 1000
