"""Exports embedding sets so that every view of TensorBoard's own Projector shows them rightly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from embedding_lab.board.as_drawn import as_drawn
from embedding_lab.board.metadata import sample_table
from embedding_lab.board.projector_config import (
    Entry,
    add_to_config,
    digest,
    listed_cell,
    opens_as_run,
    raw_tensor,
    set_folder,
    taking_turns,
    tensor_name,
)
from embedding_lab.board.projector_tensors import NARROWEST, LayerVectors, at_most_one
from embedding_lab.board.thumbnails import cut_from, layout, thumbnail_sheet
from embedding_lab.board.views import layer_views
from embedding_lab.embeddings import Dataset, EmbeddingSet, Projection, check_finite, create_run
from embedding_lab.embeddings.files import publish_file, storage_errors
from embedding_lab.embeddings.sampling import fair_sample
from embedding_lab.progress import Progress, silent

Shown = TypeVar("Shown")

MOST_ROWS = 100_000
"""The page shows the first so many and no more."""


TELLING_STRETCH = 1.02
"""A map that is drawn longer one way than another by more is worth a note."""


@dataclass(frozen=True)
class ShownTensor:
    """One entry of the page's list.

    Attributes:
        name: as the page lists it: layer, step, and the views it is right for.
        layer: the layer's name.
        step: the training step; None where nothing changes.
        shape: (rows, dims) as the page shows it.
        path: the raw tensor.
    """

    name: str
    layer: str
    step: int | None
    shape: tuple[int, int]
    path: Path


@dataclass(frozen=True)
class ProjectorExport:
    """What the stock Projector was given.

    Attributes:
        run_path: the run's folder.
        tensors: what the page lists now of the sets that were exported.
        notes: whole sentences on whatever could not be shown as it is.
        files: what the list names of it, each once.
    """

    run_path: Path
    tensors: tuple[ShownTensor, ...]
    notes: tuple[str, ...]
    files: tuple[Path, ...]

    @property
    def size_bytes(self) -> int:
        """How much disk the export takes."""
        return sum(each.stat().st_size for each in self.files)


def write_stock_projector(
    run_path: str | Path, sets: Iterable[EmbeddingSet], *, progress: Progress = silent
) -> ProjectorExport:
    """Writes embedding sets into a run for TensorBoard's own Projector.

    Every set becomes two tensors, one for PCA and euclidean distance, one for t-SNE, UMAP and cosine: the
    page shows no view rightly with vectors as they are, and not all of them with one tensor. Sets
    exported before stay; the same layer at the same step is replaced. A TensorBoard that runs
    already shows the new tensors after a restart.

    Args:
        run_path: the run's folder; made where it does not exist.
        sets: the embedding sets; pictures among their samples become thumbnails.
        progress: told how many sets are done.

    Returns:
        The tensors by the names the page lists, and notes on what could not be shown as it is.

    Raises:
        NotFinite: vectors hold NaN or infinity.
        BrokenFile: the run's list of tensors cannot be read.
        StorageError: the disk refuses; the list is as it was before.
    """
    chosen = list(sets)
    for each in chosen:
        check_finite(each.vectors, each.ids, each.layer)
    return _exported(run_path, chosen, _Export.add, "write layers for the Projector", progress)


@dataclass(frozen=True, eq=False)
class ShownMap:
    """A finished map that the page is to draw as it is.

    Attributes:
        embeddings: the set it shows.
        title: what the page's list calls it, such as "t-SNE 3-D".
        projection: the map; samples with NaN for their point are left out, of more than three dimensions the first
            three are shown.
        path: where its tensor goes, relative to the run, in a folder of its own; the name tells the content.
    """

    embeddings: EmbeddingSet
    title: str
    projection: Projection
    path: str


def write_map(run_path: str | Path, shown: ShownMap) -> ProjectorExport:
    """Adds a finished map to a run's list for TensorBoard's own Projector, as a tensor of three columns.

    The page's first view, PCA, draws it as it is (`as_drawn.py` says how), with as many points as it can take.
    A map in the plane has zeros for its third column. Measures per sample become columns to colour by. What the
    list had from the map's folder is replaced; everything else stays.

    Args:
        run_path: the run's folder; made where it does not exist.
        shown: the map; thumbnails are drawn for samples that are pictures, and found where the run has them.

    Returns:
        The tensors by the names the page lists, and notes on what could not be shown as it is.

    Raises:
        BrokenFile: the run's list of tensors cannot be read.
        StorageError: the disk refuses; the list is as it was before.
    """
    return _exported(run_path, [shown], _Export.add_map, "write a map for the Projector", silent)


def _exported(
    run_path: str | Path,
    chosen: Sequence[Shown],
    add: Callable[[_Export, Shown], None],
    stage: str,
    progress: Progress,
) -> ProjectorExport:
    path = create_run(run_path).path
    with taking_turns(path), ThreadPoolExecutor(max_workers=1) as beside, _a_core_left():
        export = _Export(path, beside)
        for number, each in enumerate(chosen):
            progress(stage, number, len(chosen))
            add(export, each)
        export.finish_drawing()
        progress(stage, len(chosen), len(chosen))
        if export.folders:
            add_to_config(export.run_path, export.folders, export.entries)
    files = tuple(export.run_path / path for path in sorted(export.paths))
    return ProjectorExport(export.run_path, tuple(export.tensors), tuple(export.notes), files)


def _a_core_left() -> AbstractContextManager[Any]:
    """Matrix products on one core less, for the thread that draws: those that share a core wait for each other."""
    blas = ThreadpoolController().select(user_api="blas")
    threads = min((each["num_threads"] for each in blas.info()), default=1)
    limited: AbstractContextManager[Any] = blas.limit(limits=max(1, threads - 1))
    return limited


class _Export:
    """Writes the files of one export; what sets have in common is written once.

    Args:
        run_path: the run's folder.
        beside: draws thumbnails meanwhile: compressing them takes as long as a wide layer's tensors.
    """

    def __init__(self, run_path: Path, beside: Executor) -> None:
        self.run_path = run_path
        self._beside = beside
        self._drawn: dict[str, Future[str]] = {}
        self.folders: list[str] = []
        self.entries: list[Entry] = []
        self.tensors: list[ShownTensor] = []
        self.paths: set[str] = set()
        self.notes: dict[str, None] = {}  # in their order, each once
        if not opens_as_run(run_path.resolve().name):
            self.note(f"The page cannot open run {run_path.name!r}: take & + # % out of its name.")

    def add(self, each: EmbeddingSet) -> None:
        """Writes the files of one set."""
        if not self._listed(each, len(each)):
            return
        rows = self._shown_rows(each.dataset)
        sheet, cell = self._sheet(each.dataset, rows)  # first, since it is drawn while the tensors are computed
        shown = layer_views(each.layer, LayerVectors(each.vectors, rows))
        for note in shown.notes:
            self.note(note)
        metadata = self._metadata(each, rows)
        folder = set_folder(each.layer, each.step)
        self.folders.append(folder)
        for view in shown.views:
            raw = raw_tensor(view.points.values)
            path = self._keep(f"{folder}/{view.slug}-{digest(raw)}.f32", raw)
            self._list(each, view.shows, path, view.points.values.shape, metadata, sheet, cell)

    def add_map(self, shown: ShownMap) -> None:
        """Writes the files of one map, in a folder of its own inside its layer's: they go together."""
        each = shown.embeddings
        points = shown.projection.points[:, :NARROWEST]
        on_map = np.isfinite(points).all(axis=1)
        if not self._listed(each, int(on_map.sum())):
            return
        if on_map.all():
            rows = self._shown_rows(each.dataset)
            sheet, cell = self._sheet(each.dataset, rows)
        else:
            rows = self._shown_rows_among(each.dataset, np.flatnonzero(on_map))
            sheet, cell = self._sheet_of_some(each.dataset, rows)
        measures = {f"map {name}": values for name, values in shown.projection.per_sample.items()}
        told = replace(each.dataset, columns={**each.dataset.columns, **measures})
        metadata = self._metadata(replace(each, dataset=told), rows)
        self.folders.append(shown.path.rpartition("/")[0])
        drawn = as_drawn(points if rows is None else points[rows])
        if drawn.stretch > TELLING_STRETCH:
            self.note(
                f"{each.layer}: the page draws {shown.title} up to {drawn.stretch - 1:.0%} longer one way than "
                f"another, since it stretches all axes to one length. Nearest points are right."
            )
        raw = raw_tensor(at_most_one(drawn.values))
        self._list(each, shown.title, self._keep(shown.path, raw), drawn.values.shape, metadata, sheet, cell)

    def _listed(self, each: EmbeddingSet, samples: int) -> bool:
        if samples < 2:
            self.note(f"{each.layer}: the page lists no tensor of a single sample, so there is none.")
        return samples > 1

    def _list(
        self,
        each: EmbeddingSet,
        shows: str,
        path: str,
        shape: tuple[int, ...],
        metadata: str,
        sheet: str,
        cell: int,
    ) -> None:
        """Enters one tensor that was written into the page's list."""
        # the page sorts its list by name, as text
        step = [] if each.step is None else [f"step {each.step:05d}"]
        name = tensor_name(" · ".join([each.layer, *step, shows]))
        shape = (shape[0], shape[1])
        self.entries.append(Entry(name, shape, path, metadata, sheet, cell))
        self.tensors.append(ShownTensor(name, each.layer, each.step, shape, self.run_path / path))

    def note(self, text: str) -> None:
        """Keeps a sentence for the user, once."""
        self.notes[text] = None

    def _shown_rows(self, data: Dataset) -> NDArray[np.intp] | None:
        """The rows the page can take; None for all."""
        if len(data) <= MOST_ROWS:
            return None
        self.note(
            f"{data.name}: {MOST_ROWS:,} of {len(data):,} samples are shown, of each class its share: the page "
            f"takes no more."
        )
        return fair_sample(len(data), data.labels, MOST_ROWS, seed=0)

    def _shown_rows_among(self, data: Dataset, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """The rows the page can take of some of a dataset's."""
        shown = self._shown_rows(data.take(rows))
        return rows if shown is None else rows[shown]

    def _metadata(self, each: EmbeddingSet, rows: NDArray[np.intp] | None) -> str:
        table = sample_table(each.dataset, each.outputs, rows)
        for note in table.notes:
            self.note(note)
        content = table.tsv()
        return self._keep(f"projector/metadata-{digest(content)}.tsv", content)

    def _sheet(self, data: Dataset, rows: NDArray[np.intp] | None) -> tuple[str, int]:
        """The sheet of thumbnails and the side of one, drawn only where the run does not have it yet."""
        count = len(data) if rows is None else len(rows)
        path = _sheet_path(data, count)
        if not data.pictures:
            cell = listed_cell(self.run_path, path)
            return (path, cell) if cell else ("", 0)
        cell, _ = layout(count, *data.shown.shape[1:3])
        self.paths.add(path)
        if path not in self._drawn and not (self.run_path / path).exists():
            self._drawn[path] = self._beside.submit(lambda: self._keep(path, thumbnail_sheet(data, rows).png()))
        return path, cell

    def _sheet_of_some(self, data: Dataset, rows: NDArray[np.intp]) -> tuple[str, int]:
        """The sheet of some samples, cut from that of all which the run has."""
        whole_rows = self._shown_rows(data)
        whole = _sheet_path(data, len(data) if whole_rows is None else len(whole_rows))
        cell = listed_cell(self.run_path, whole)
        if not cell:
            return "", 0
        places = rows if whole_rows is None else places_in(whole_rows, rows)
        if (places < 0).any():
            self.note(f"{data.name}: samples that the page does not show of all have no thumbnail on this map.")
        path = f"projector/thumbnails-{digest(f'{whole} {cell}'.encode() + rows.tobytes())}-{len(rows)}.png"
        self.paths.add(path)
        if path not in self._drawn and not (self.run_path / path).exists():
            self._drawn[path] = self._beside.submit(
                lambda: self._keep(path, cut_from(self.run_path / whole, cell, places).png())
            )
        return path, cell

    def finish_drawing(self) -> None:
        """Waits for the thumbnails; raises what went wrong with them."""
        for each in self._drawn.values():
            each.result()

    def _keep(self, path: str, content: bytes) -> str:
        """Publishes a file whose name tells its content, unless it is there."""
        self.paths.add(path)
        target = self.run_path / path
        with storage_errors(target):
            there = target.exists() and target.stat().st_size == len(content)
        if not there:
            publish_file(target, content)
        return path


def places_in(rows: NDArray[np.intp], wanted: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where each wanted row stands among ascending rows; -1 where it is not among them."""
    places = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
    return np.where(rows[places] == wanted, places, -1)


def _sheet_path(data: Dataset, count: int) -> str:
    return f"projector/thumbnails-{data.fingerprint}-{count}.png"
