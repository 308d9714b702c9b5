"""A run: what lies on disk for one training or logging run, next to TensorBoard's event files."""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import maps
from embedding_lab.embeddings.dataset import Dataset
from embedding_lab.embeddings.embedding_set import EmbeddingSet
from embedding_lab.embeddings.event_file import ensure_event_file
from embedding_lab.embeddings.manifest import Draft
from embedding_lab.embeddings.measures import Measures, MeasuresOf, save_measures
from embedding_lab.embeddings.names import step_folder, step_number
from embedding_lab.embeddings.neighbour_index import save_index
from embedding_lab.embeddings.neighbours import Neighbours, save_neighbours
from embedding_lab.embeddings.outputs import OutputsWriter
from embedding_lab.embeddings.pictures import saving_pictures
from embedding_lab.embeddings.places import files_at
from embedding_lab.embeddings.projection import Projection
from embedding_lab.embeddings.samples import SampleTable
from embedding_lab.embeddings.stored_media import save_media
from embedding_lab.embeddings.stored_run import StoredRun, place_of, set_folder
from embedding_lab.embeddings.together import Together
from embedding_lab.embeddings.unfinished import Unfinished
from embedding_lab.embeddings.vectors import SHARD_BYTES, EmbeddingWriter
from embedding_lab.progress import Progress, silent


class Run(StoredRun):
    """One run. Use `create_run` to begin or to add, `open_run` to read (`open_runs.py`).

    A run that is not there yet appears with the first thing that is published in it: what is refused while it is
    written leaves none behind.

    Attributes:
        path: the run's folder.
        files: what lies in its part for the lab.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._tables: weakref.WeakKeyDictionary[Dataset, SampleTable] = weakref.WeakKeyDictionary()

    def begin(self) -> None:
        """Makes the folder a run: TensorBoard lists only folders with an event file, so there is always one.

        Raises:
            StorageError: the folder cannot be made or written.
        """
        ensure_event_file(files_at(self.path))

    def save_dataset(self, data: Dataset) -> str:
        """Keeps the table of a dataset's samples and returns its key."""
        self.begin()
        self._table(data).save(self.files, data)
        return self._table(data).key

    @contextlib.contextmanager
    def samples_ahead(self, data: Dataset) -> Iterator[None]:
        """Writes the table of a dataset's samples while their vectors come; it appears with what is published.

        Raises:
            StorageError: the folder cannot be made or written; what comes up later is raised by whoever publishes.
        """
        table = self._table(data)
        table.begin(self.files, data)
        try:
            yield
        finally:
            table.discard()

    @contextlib.contextmanager
    def saving_pictures(self, data: Dataset) -> Iterator[None]:
        """Keeps small pictures of the samples, and the originals where cheap, if they are pictures.

        They are compressed while the block runs, and kept when it ends, also by an error.
        """
        if data.pictures:
            with saving_pictures(self.files, self.save_dataset(data), data):
                yield
        else:
            yield

    def save_pictures(self, data: Dataset) -> None:
        """The same, with nothing to do meanwhile."""
        with self.saving_pictures(data):
            pass

    def save_media(self, data: Dataset) -> list[str]:
        """Keeps the files of columns of sounds and pictures; whole sentences on what was not kept."""
        return save_media(self.files, self.save_dataset(data), data) if data.media else []

    def embedding_writer(
        self,
        layer: str,
        data: Dataset,
        *,
        step: int | None = None,
        epoch: int | None = None,
        wall_time: float | None = None,
        split: str | None = None,
        pooling: str | None = None,
        model: str | None = None,
        shard_bytes: int = SHARD_BYTES,
    ) -> EmbeddingWriter:
        """A writer that takes the vectors of a layer block by block, in the order of the samples.

        Args:
            layer: the layer's name; "input" is reserved for the samples themselves.
            data: the samples, whose table is kept too when the vectors are published.
            step: the training step; None where nothing changes.
            epoch: the epoch that step lies in.
            wall_time: when the vectors were taken, seconds since 1970; now when left out.
            split: the part of the dataset.
            pooling: how further axes became one: "mean", "max", "flatten" or None.
            model: the model's fingerprint.
            shard_bytes: at most this many bytes of vectors in one file.
        """
        facts = self._facts(
            layer, data, step, epoch=epoch, wall_time=wall_time, split=split, pooling=pooling, model=model
        )
        draft = self._draft(set_folder(layer, step), "embeddings", data)
        return EmbeddingWriter(draft, data.ids, facts, shard_bytes)

    def put_shard(
        self, work: Unfinished, shard: str, layer: str, step: int | None, vectors: NDArray[np.float32]
    ) -> dict[str, Any]:
        """Puts one shard of a layer's vectors in place, for `publish_shards`; nobody sees it before.

        Args:
            work: what the shard is part of.
            shard: its name, letters and digits.
            layer: the layer's name.
            step: the training step.
            vectors: finite, shape (rows, dims).

        Returns:
            What `publish_shards` takes: name, bytes and sha256 of the file.

        Raises:
            StorageError: the disk refuses.
        """
        return work.put(set_folder(layer, step), f"vectors-{shard}", vectors)

    def publish_shards(
        self,
        work: Unfinished,
        layer: str,
        data: Dataset,
        shards: Sequence[tuple[int, Mapping[str, Any]]],
        dims: int,
        *,
        step: int | None = None,
        **facts: Any,
    ) -> None:
        """Publishes the vectors of a layer whose shards are in place.

        Args:
            work: what the shards are part of.
            layer: the layer's name.
            data: the samples of all shards, whose table is kept too.
            shards: the rows of each, and what `put_shard` gave, in the order of the samples.
            dims: how many numbers there are for a sample.
            step: the training step.
            **facts: epoch, wall_time, split, pooling and model, as `embedding_writer` takes them.

        Raises:
            StorageError: the disk refuses; readers still see what was there before.
        """
        rows = [count for count, _ in shards]
        with self._draft(set_folder(layer, step), "embeddings", data, work.generation) as draft:
            draft.publish(
                {
                    **self._facts(layer, data, step, **facts),
                    "shape": [sum(rows), dims],
                    "dtype": "float32",
                    "shard_rows": rows,
                },
                [file for _, file in shards],
            )

    def outputs_writer(self, data: Dataset, *, step: int | None = None, model: str | None = None) -> OutputsWriter:
        """A writer that takes what the model said at a step, block by block, in the order of the samples."""
        facts = {"step": step_number(step), "samples": self._table(data).key, "model": model}
        draft = self._draft(f"steps/{step_folder(step)}", "outputs", data)
        return OutputsWriter(draft, len(data), facts)

    def save_embeddings(self, *sets: EmbeddingSet, progress: Progress = silent) -> None:
        """Keeps whole embedding sets, and their outputs where they have some, reading them block by block.

        All are in place before the first is published: where one is refused, none is kept.

        Args:
            *sets: the sets.
            progress: told "log layers".

        Raises:
            InputError and its kinds: something in them cannot be kept.
            StorageError: the disk is full, read-only, or refuses.
        """
        with Together() as together:
            for data in dict.fromkeys(each.dataset for each in sets):
                together.enter_context(self.samples_ahead(data))
            for number, each in enumerate(sets):
                progress("log layers", number, len(sets))
                self._write_set(each, together)
            progress("log layers", len(sets), len(sets))

    def save_map(self, layer: str, step: int | None, name: str, projection: Projection) -> None:
        """Keeps a map of a layer at a step under a name; a later one of that name takes its place.

        A sample with NaN for its point is not on the map. TensorBoard's own Projector shows a finished map from the
        next start of a TensorBoard with the lab in it (`docs/maps.md`).
        """
        maps.save_map(self.files, f"{set_folder(layer, step)}/maps", name, projection)

    def save_measures(self, layer: str, step: int | None, of: MeasuresOf, measures: Measures) -> None:
        """Keeps the measures of a map that has none of its own; `map` gives them with it.

        Args:
            layer: the layer's name.
            step: the training step; None where nothing changes.
            of: the map, and the vectors it was compared with.
            measures: in total, and per sample of shape (n,).

        Raises:
            StorageError: the disk refuses; what was there before stays.
        """
        save_measures(self.files, f"{set_folder(layer, step)}/maps", of, measures)

    def save_neighbours(self, embeddings: EmbeddingSet, neighbours: Neighbours) -> None:
        """Keeps the neighbours of a set that was read from this run, beside its vectors."""
        folder = f"{set_folder(embeddings.layer, embeddings.step)}/neighbours"
        save_neighbours(self.files, folder, neighbours, place_of(embeddings).generation)

    def save_index(
        self, embeddings: EmbeddingSet, metric: str, make: Callable[[Callable[[str], Path]], Mapping[str, Any]]
    ) -> None:
        """Keeps an index for neighbours of a set that was read from this run; `make` writes its files."""
        folder = f"{set_folder(embeddings.layer, embeddings.step)}/neighbours"
        save_index(self.files, folder, metric, place_of(embeddings).generation, make)

    def _table(self, data: Dataset) -> SampleTable:
        if data not in self._tables:  # a step of ten layers comes here often with the same samples
            self._tables[data] = SampleTable(data)
        return self._tables[data]

    def _facts(
        self,
        layer: str,
        data: Dataset,
        step: int | None,
        *,
        epoch: int | None = None,
        wall_time: float | None = None,
        split: str | None = None,
        pooling: str | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """What the manifest of an embedding set says besides shapes and files."""
        return {
            "layer": layer,
            "step": step_number(step),
            "samples": self._table(data).key,
            "epoch": epoch,
            "wall_time": time.time() if wall_time is None else wall_time,
            "split": split,
            "pooling": pooling,
            "model": model,
        }

    def _draft(self, folder: str, kind: str, data: Dataset, generation: str | None = None) -> Draft:
        """A draft of something about samples, with which their table appears, and the run where there was none."""
        return Draft(self.files, folder, kind, kind, before=lambda: self.save_dataset(data), generation=generation)

    def _write_set(self, each: EmbeddingSet, together: Together) -> None:
        writer = self.embedding_writer(
            each.layer,
            each.dataset,
            step=each.step,
            epoch=each.epoch,
            wall_time=each.wall_time,
            split=each.split,
            pooling=each.pooling,
            model=each.model,
        )
        together.enter_writer(writer)
        rows = max(1, (1 << 24) // (4 * each.dims))
        for start in range(0, len(each), rows):
            writer.append(each.vectors[start : start + rows])
        if each.outputs is not None:
            outputs = self.outputs_writer(each.dataset, step=each.step, model=each.model)
            together.enter_writer(outputs).append(each.outputs)
