"""Maps on disk: points as .npy, measures per sample as Parquet, what a map that forms goes on from as .npz, and a
manifest that tells how they came about.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.manifest import Draft, Facts, data_path, read_manifest
from embedding_lab.embeddings.measures import Measures, MeasuresOf, read_measures
from embedding_lab.embeddings.names import folder_name
from embedding_lab.embeddings.projection import Projection
from embedding_lab.embeddings.vectors import NO_ARRAY
from embedding_lab.errors import BrokenFile, LabError

FACTS: Facts = {
    "name": str,
    "method": str,
    "parameters": dict,
    "seed": (int, NoneType),
    "parent": (dict, NoneType),
    "quality": dict,
    "state": str,
    "done": (int, NoneType),
    "total": (int, NoneType),
    "vectors": (str, NoneType),
}
"""What the manifest of a map says besides its files."""


@dataclass(frozen=True)
class FinishedMap:
    """What is known of a map in state "complete" before it is read.

    Attributes:
        layer: the layer's name.
        step: the training step; None where nothing changes.
        name: the map's name.
        generation: which writing of it lies there.
    """

    layer: str
    step: int | None
    name: str
    generation: str


def save_map(files: Files, folder: str, name: str, projection: Projection) -> None:
    """Publishes a map as the current generation of its name.

    Args:
        files: the run's files.
        folder: the maps' folder of a layer and step.
        name: the map's name, such as "tsne-3d".
        projection: the map; also one in state "forming", which the next one replaces.

    Raises:
        StorageError: the disk refuses; the last generation stays.
    """
    stem = folder_name(name)
    with Draft(files, folder, stem, "map") as draft:
        # written through an open file: np.save would add its own ending to a draft's name
        with draft.new_file(stem, ".npy").open("wb") as file:
            np.save(file, np.ascontiguousarray(projection.points, "<f4"))
        if projection.per_sample:
            table = pa.table({measure: pa.array(values) for measure, values in projection.per_sample.items()})
            pq.write_table(table, draft.new_file(stem, ".parquet"), compression="zstd")
        if projection.checkpoint:
            with draft.new_file(stem, ".npz").open("wb") as file:
                np.savez(file, **projection.checkpoint)  # type: ignore[arg-type]  # taken for allow_pickle
        facts = {fact: getattr(projection, fact) for fact in FACTS if fact != "name"}
        draft.publish({"name": name, "shape": list(projection.points.shape), **facts})


def read_map(files: Files, folder: str, name: str, ids: NDArray[np.str_], vectors: str) -> Projection:
    """A map by its name, with the measures that were made after it where it was saved without.

    Args:
        files: the run's files.
        folder: the maps' folder of a layer and step.
        name: the map's name.
        ids: the ids of the layer's samples, shape (n,).
        vectors: the generation of the vectors that lie there now.

    Raises:
        DataMissing: there is no such map.
        BrokenFile: it cannot be read.
    """
    manifest_name = f"{folder}/{folder_name(name)}.json"
    manifest = read_manifest(files, manifest_name, "map", FACTS)
    paths = {file["name"].rpartition(".")[2]: data_path(files, manifest_name, file) for file in manifest["files"]}
    facts: dict[str, Any] = {fact: manifest.get(fact) for fact in FACTS if fact != "name"}
    try:
        points = np.load(paths["npy"], allow_pickle=False)
        table = pq.read_table(paths["parquet"]) if "parquet" in paths else None
        own = {measure: table[measure].to_numpy() for measure in table.column_names} if table else {}
        after = _measures(files, folder, MeasuresOf(name, str(manifest.get("generation")), vectors), len(points))
        return Projection(
            points=points,
            ids=ids,
            checkpoint=_arrays(paths["npz"]) if "npz" in paths else {},
            per_sample={**after.per_sample, **own},
            **{**facts, "quality": {**after.quality, **facts["quality"]}},
        )
    except (KeyError, OSError, zipfile.BadZipFile, pa.ArrowException, LabError, *NO_ARRAY) as error:
        raise BrokenFile(f"Map {name!r} in {files.address(folder)} cannot be read.", got=str(error)) from error


def _measures(files: Files, folder: str, of: MeasuresOf, rows: int) -> Measures:
    """What was measured after the map was saved; what cannot be read is as good as nothing."""
    found = None
    with contextlib.suppress(LabError):
        found = read_measures(files, folder, of, rows)
    return found or Measures()


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def map_names(files: Files, folder: str, vectors: str) -> list[str]:
    """The names of the maps in a folder, sorted, without those of vectors that were replaced since.

    Args:
        files: the run's files.
        folder: the maps' folder of a layer and step.
        vectors: the generation of the vectors that lie there now.
    """
    found = [read_manifest(files, each, "map", FACTS) for each in _manifests(files, folder)]
    return sorted(each["name"] for each in found if each.get("vectors") in (None, vectors))


def finished_maps(files: Files, folder: str, vectors: str) -> Iterator[tuple[str, str]]:
    """Names and generations of the maps in state "complete", likewise; what cannot be read is passed over."""
    for each in _manifests(files, folder):
        with contextlib.suppress(LabError):
            found = read_manifest(files, each, "map", FACTS)
            if found["state"] == "complete" and found["vectors"] in (None, vectors):
                yield found["name"], str(found.get("generation"))


def _manifests(files: Files, folder: str) -> list[str]:
    return [f"{folder}/{each}" for each in files.list(folder) if each.endswith(".json")]
