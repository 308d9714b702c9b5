"""Makes maps of a run's layers, shows them while they form, and keeps them. `lab.project_run` lives here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from embedding_lab.app.maps import DIMS, GIVEN, METHOD, asked_parameters, project
from embedding_lab.board.finished_maps import list_maps
from embedding_lab.embeddings import LATEST, EmbeddingSet, Latest, Projection, Run, open_run
from embedding_lab.embeddings.projection import map_name
from embedding_lab.errors import BrokenFile, one_of
from embedding_lab.progress import Progress, silent
from embedding_lab.projection import Stopped, check_parameters

COST = 0.03
"""Publishing maps that form takes at most about this share of the time."""


@dataclass(frozen=True)
class MapReport:
    """One map that is there now.

    Attributes:
        layer: the layer's name.
        step: the training step; None where nothing changes.
        name: the map's name in the run.
        samples: how many points it has.
        quality: measures in total, see docs/trust.md.
        elapsed_seconds: how long it took; 0 where the same map was there already.
    """

    layer: str
    step: int | None
    name: str
    samples: int
    quality: Mapping[str, float]
    elapsed_seconds: float


@dataclass(frozen=True)
class MapsReport:
    """What was made of a run.

    Attributes:
        run: the run's folder.
        maps: one of each layer.
        notes: what the Projector could not be given as it is, in sentences.
    """

    run: Path
    maps: tuple[MapReport, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return asdict(self) | {"run": str(self.run)}


def project_run(
    run: str | Path,
    method: str = METHOD,
    *,
    layers: Sequence[str] | None = None,
    step: int | Latest | None = LATEST,
    dims: int = DIMS,
    seed: int = 0,
    metric: str = "euclidean",
    name: str | None = None,
    anew: bool = False,
    threads: int | None = None,
    say: Callable[[str], object] = lambda sentence: None,
    progress: Progress = silent,
    **own: Any,
) -> MapsReport:
    """Makes a map of each layer of a run, keeps it there, and adds it to the list of TensorBoard's own Projector.

    While a map forms, the points so far are published in state "forming". An interruption keeps the latest; the
    same call goes on from it where the method can. A finished map that the same call gave before is not made again.

    Args:
        run: the run's folder.
        method: "tsne", "umap" or "pca".
        layers: the layers' names; all when left out.
        step: the training step; of each layer the newest when left out.
        dims: 2 or 3; for "pca" also more.
        seed: of whatever is random.
        metric: "euclidean" or "cosine".
        name: the map's name; by method, dims and metric when left out. A map of the same name is replaced.
        anew: make the map from the start, also where the same is there.
        threads: how many work; None for one on every core.
        say: told what a person should know, one sentence at a time.
        progress: told how far each stage of each layer is.
        own: the method's own parameters, as for `project`.

    Returns:
        The maps with their measures.

    Raises:
        DataMissing: there is no run in this folder.
        UnknownName: no such layer, step, method, parameter or metric.
        InputError and its kinds: vectors that cannot be used.
        StorageError: the disk refuses; what was complete before is still there.
    """
    check_parameters(method, own, dims)
    into = open_run(run)
    name = name or map_name(method, dims, metric)
    reports, notes = [], {}
    for each in _chosen(into, layers, step):
        task = _Task(into, each, name, method, dims, seed, metric, own)
        began = time.perf_counter()
        there = None if anew else task.finished()
        made = there or task.make(anew, threads, say, _named(each.layer, progress))
        notes.update(dict.fromkeys(list_maps(into, each.layer)))
        took = 0.0 if there else time.perf_counter() - began
        reports.append(MapReport(each.layer, each.step, name, len(each), made.quality, took))
    return MapsReport(into.path, tuple(reports), tuple(notes))


@dataclass(frozen=True)
class _Task:
    """One map of one layer that is wanted."""

    run: Run
    embeddings: EmbeddingSet
    name: str
    method: str
    dims: int
    seed: int
    metric: str
    own: Mapping[str, Any]

    def finished(self) -> Projection | None:
        """The very map that is wanted, where it is there."""
        there = self._there()
        return there if there is not None and there.state == "complete" else None

    def make(self, anew: bool, threads: int | None, say: Callable[[str], object], progress: Progress) -> Projection:
        """Makes the map and keeps it; publishes it on the way."""
        layer, step = self.embeddings.layer, self.embeddings.step
        publisher = _Publisher(lambda forming: self.run.save_map(layer, step, self.name, forming))
        try:
            made = project(
                self.embeddings,
                self.method,
                dims=self.dims,
                seed=self.seed,
                metric=self.metric,
                threads=threads,
                forming=publisher,
                progress=progress,
                **{**self.own, **({} if anew else self._resumed(say))},
            )
        except KeyboardInterrupt:
            say(f"{layer}: {publisher.stop()}")
            raise
        self.run.save_map(layer, step, self.name, made)
        return made

    def _resumed(self, say: Callable[[str], object]) -> dict[str, Any]:
        """Where to go on, for a method that can."""
        there = self._there()
        if there is None or there.done is None or not there.checkpoint:
            return {}
        say(f"{self.embeddings.layer}: going on with {self.name!r}, stopped at {there.done} of {there.total}.")
        return {"resume": Stopped(there.done, there.checkpoint)}

    def _there(self) -> Projection | None:
        """A map that the same call gave, whatever its state."""
        asked = asked_parameters(self.method, self.metric, self.own)
        layer, step = self.embeddings.layer, self.embeddings.step
        if GIVEN in asked.values() or self.name not in self.run.maps(layer, step):
            return None
        try:
            found = self.run.map(layer, self.name, step)
        except BrokenFile:  # it is made again
            return None
        same = found.vectors == (self.embeddings.place and self.embeddings.place.generation)
        same = same and (found.method, found.seed, found.parameters) == (self.method, self.seed, asked)
        return found if same and found.points.shape == (len(self.embeddings), self.dims) else None


class _Publisher:
    """Publishes a map that forms: often enough to be watched, and seldom enough to cost little.

    Args:
        publish: puts a map in place.
    """

    def __init__(self, publish: Callable[[Projection], object]) -> None:
        self._publish = publish
        self._latest: Projection | None = None
        self._published: Projection | None = None
        self._next = 0.0

    def __call__(self, forming: Projection) -> None:
        """Hears of the map so far."""
        self._latest = forming
        if time.perf_counter() >= self._next:
            self._put_in_place(forming)

    def stop(self) -> str:
        """Publishes the latest map there is, and says what was kept."""
        latest = self._latest
        if latest is None:
            return "stopped before its map began to form."
        if latest is not self._published:
            self._put_in_place(latest)
        return f"stopped at {latest.done} of {latest.total}; the map so far is kept."

    def _put_in_place(self, forming: Projection) -> None:
        began = time.perf_counter()
        self._publish(forming)
        self._published = forming
        ended = time.perf_counter()
        self._next = ended + (ended - began) / COST


def _chosen(run: Run, layers: Sequence[str] | None, step: int | Latest | None) -> Iterator[EmbeddingSet]:
    """The sets to make maps of, opened one by one."""
    names = run.layers if layers is None else list(dict.fromkeys(layers))
    steps = {layer: run.steps(layer) for layer in names}
    if layers is None and not isinstance(step, Latest):  # of all layers, those that have this step
        names = [layer for layer in names if step in steps[layer]]
        if not names:
            raise one_of("Step", step, sorted({str(each) for known in steps.values() for each in known}))
    return (run.embeddings(layer, step, outputs=False) for layer in names)


def _named(layer: str, progress: Progress) -> Progress:
    """Says the layer in front of each stage."""

    def told(stage: str, done: int, total: int | None, note: str = "", /) -> None:
        progress(f"{layer}: {stage}", done, total, note)

    return told
