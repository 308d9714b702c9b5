"""What can be read of a run: its layers at every step, their samples, and what was found out about them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any

from embedding_lab.embeddings import maps
from embedding_lab.embeddings.dataset import Dataset
from embedding_lab.embeddings.embedding_set import EmbeddingSet, Outputs, Place
from embedding_lab.embeddings.manifest import Facts, read_manifest
from embedding_lab.embeddings.maps import FinishedMap
from embedding_lab.embeddings.names import folder_name, step_folder, step_of, true_name
from embedding_lab.embeddings.neighbour_index import NeighbourIndex, read_index
from embedding_lab.embeddings.neighbours import Neighbours, read_neighbours
from embedding_lab.embeddings.notes import Notes
from embedding_lab.embeddings.outputs import read_outputs
from embedding_lab.embeddings.places import files_at
from embedding_lab.embeddings.projection import Projection
from embedding_lab.embeddings.samples import read_dataset
from embedding_lab.embeddings.vectors import read_vectors
from embedding_lab.errors import BrokenFile, DataMissing, InputError, one_of

PLUGIN_FOLDER = "plugins/embedding_lab"

EMBEDDING_FACTS: Facts = {
    "layer": str,
    "step": (int, NoneType),
    "samples": str,
    "shape": list,
    "shard_rows": list,
    "epoch": (int, NoneType),
    "wall_time": (int, float),
    "split": (str, NoneType),
    "pooling": (str, NoneType),
    "model": (str, NoneType),
}
"""What the manifest of an embedding set says besides its files."""

OUTPUT_FACTS: Facts = {"step": (int, NoneType), "samples": str, "rows": int, "model": (str, NoneType)}


class Latest:
    """Stands for the newest step of a layer, where no step is named."""


LATEST = Latest()


class StoredRun(Notes):
    """What lies on disk of one training or logging run; the part of a `Run` that only reads, besides the notes.

    Attributes:
        path: the run's folder.
        files: what lies in its part for the lab.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = files_at(path / PLUGIN_FOLDER)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def name(self) -> str:
        """The folder's name, which is the run's name in TensorBoard."""
        return self.path.name

    @property
    def layers(self) -> list[str]:
        """The names of all layers that have vectors at any step, sorted."""
        folders = [each for each in self.files.list("layers") if self._step_folders(f"layers/{each}")]
        return sorted(self._layer_name(folder) for folder in folders)

    def steps(self, layer: str) -> list[int | None]:
        """The steps at which a layer has vectors, ascending; None (nothing changes) comes first.

        Raises:
            UnknownName: the run has no such layer.
        """
        steps = [step_of(each) for each in self._step_folders(f"layers/{folder_name(layer)}")]
        if not steps:
            raise one_of("Layer", layer, self.layers, remedy=f"Layers of run {self.path} are listed above.")
        return sorted(steps, key=lambda step: -1 if step is None else step)

    def dataset(self, key: str) -> Dataset:
        """The dataset of a key, without its samples."""
        return read_dataset(self.files, key)

    def embeddings(self, layer: str, step: int | Latest | None = LATEST, *, outputs: bool = True) -> EmbeddingSet:
        """The vectors of a layer, memory-mapped, with their samples and outputs.

        Args:
            layer: the layer's name.
            step: the training step; the newest when left out.
            outputs: whether to read what the model said too, which of millions takes memory.

        Raises:
            UnknownName: the run has no such layer or step.
            BrokenFile: what is there cannot be read.
        """
        steps = self.steps(layer)
        chosen = steps[-1] if isinstance(step, Latest) else step
        if chosen not in steps:
            raise one_of(f"Step of layer {layer!r}", chosen, steps)
        name = f"{set_folder(layer, chosen)}/embeddings.json"
        manifest = read_manifest(self.files, name, "embeddings", EMBEDDING_FACTS)
        vectors = read_vectors(self.files, name, manifest)
        return EmbeddingSet(
            vectors=vectors,
            dataset=self.dataset(manifest["samples"]),
            outputs=self._outputs_for(chosen, manifest["samples"], manifest["model"]) if outputs else None,
            **{fact: manifest[fact] for fact in EMBEDDING_FACTS if fact not in ("samples", "shape", "shard_rows")},
        ).lying_in(Place(self.path, str(manifest.get("generation"))))

    def vectors(self, layer: str, step: int | None = None) -> Any:
        """The vectors of a layer at a step alone: array-like, float32, shape (n, dims), memory-mapped.

        Raises:
            DataMissing: there are none.
            BrokenFile: what is there cannot be read.
        """
        name = f"{set_folder(layer, step)}/embeddings.json"
        return read_vectors(self.files, name, read_manifest(self.files, name, "embeddings", EMBEDDING_FACTS))

    def outputs(self, step: int | None = None) -> Outputs:
        """What the model said at a step.

        Raises:
            DataMissing: nothing was kept for this step.
            BrokenFile: it cannot be read.
        """
        name = f"steps/{step_folder(step)}/outputs.json"
        return read_outputs(self.files, name, read_manifest(self.files, name, "outputs", OUTPUT_FACTS))

    def map(self, layer: str, name: str, step: int | Latest | None = LATEST) -> Projection:
        """A map of a layer by its name, at the newest step unless one is named."""
        embeddings = self.embeddings(layer, step, outputs=False)
        known = self.maps(layer, embeddings.step)
        if name not in known:
            raise one_of(f"Map of layer {layer!r}", name, known)
        folder = f"{set_folder(layer, embeddings.step)}/maps"
        return maps.read_map(self.files, folder, name, embeddings.ids, place_of(embeddings).generation)

    def maps(self, layer: str, step: int | None = None) -> list[str]:
        """The names of the maps of a layer at a step; maps of vectors that were replaced since are none of it."""
        folder = set_folder(layer, step)
        try:
            manifest = read_manifest(self.files, f"{folder}/embeddings.json", "embeddings", EMBEDDING_FACTS)
        except DataMissing:
            return []
        return maps.map_names(self.files, f"{folder}/maps", str(manifest.get("generation")))

    def finished_maps(self, layer: str | None = None) -> Iterator[FinishedMap]:
        """The maps in state "complete" of a layer, or of all, at every step; what cannot be read is passed over."""
        for each in self.layers if layer is None else [layer]:
            for step in self.steps(each):
                folder = set_folder(each, step)
                if not self.files.list(f"{folder}/maps"):
                    continue
                with contextlib.suppress(BrokenFile):
                    manifest = read_manifest(self.files, f"{folder}/embeddings.json", "embeddings", EMBEDDING_FACTS)
                    vectors = str(manifest.get("generation"))
                    for name, generation in maps.finished_maps(self.files, f"{folder}/maps", vectors):
                        yield FinishedMap(each, step, name, generation)

    def neighbours(self, embeddings: EmbeddingSet, metric: str = "euclidean") -> Neighbours | None:
        """The neighbours that were kept of a set that was read from this run; None where there are none.

        Raises:
            BrokenFile: what is there cannot be read.
        """
        folder = f"{set_folder(embeddings.layer, embeddings.step)}/neighbours"
        return read_neighbours(self.files, folder, metric, place_of(embeddings).generation, len(embeddings))

    def index(
        self, layer: str, step: int | None, metric: str = "euclidean", *, vectors: str
    ) -> NeighbourIndex | None:
        """The index that was kept of this generation of a layer's vectors; None where there is none.

        Raises:
            BrokenFile: what is there cannot be read.
        """
        return read_index(self.files, f"{set_folder(layer, step)}/neighbours", metric, vectors)

    def has_shard(self, layer: str, step: int | None, file: Mapping[str, Any]) -> bool:
        """Whether a shard that was put in place is still there as a whole."""
        try:
            return self.files.stamp(f"{set_folder(layer, step)}/{file['name']}").size == int(file["bytes"])
        except DataMissing:
            return False

    def _step_folders(self, layer_folder: str) -> list[str]:
        """The steps that were published; a writer that was killed leaves a folder without a manifest."""
        steps = self.files.list(layer_folder)
        return [each for each in steps if "embeddings.json" in self.files.list(f"{layer_folder}/{each}")]

    def _layer_name(self, folder: str) -> str:
        name = true_name(folder)
        if name is not None:
            return name
        manifest = f"layers/{folder}/{self._step_folders(f'layers/{folder}')[0]}/embeddings.json"
        return str(read_manifest(self.files, manifest, "embeddings", EMBEDDING_FACTS)["layer"])

    def _outputs_for(self, step: int | None, samples: str, model: str | None) -> Outputs | None:
        """The outputs of a step, where they are of the same samples and no other model."""
        name = f"steps/{step_folder(step)}/outputs.json"
        try:
            manifest = read_manifest(self.files, name, "outputs", OUTPUT_FACTS)
        except DataMissing:
            return None
        same = manifest["samples"] == samples and model in (None, manifest["model"])
        return read_outputs(self.files, name, manifest) if same else None


def place_of(embeddings: EmbeddingSet) -> Place:
    """Where the vectors of a set lie. Raises InputError where they lie in no run."""
    if embeddings.place is None:
        raise InputError(
            f"The vectors of layer {embeddings.layer!r} lie in no run.",
            expected="a set as `run.embeddings` gives it",
        )
    return embeddings.place


def set_folder(layer: str, step: int | None) -> str:
    """Where in a run lies what belongs to a layer at a step."""
    return f"layers/{folder_name(layer)}/{step_folder(step)}"
