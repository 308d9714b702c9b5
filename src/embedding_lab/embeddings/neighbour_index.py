"""An index for neighbours, in files beside the vectors it is of; what is in the files is `projection`'s to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.manifest import Draft, Facts, data_path, read_manifest_of

FACTS: Facts = {"metric": str, "recall": (int, float), "vectors": str, "how": dict}
"""What the manifest of an index says besides its files."""


@dataclass(frozen=True)
class NeighbourIndex:
    """An index that was kept.

    Attributes:
        files: its parts, in order.
        how: what its maker needs to open it.
        recall: the share of true neighbours that it finds, measured on some rows.
        generation: which writing of it lies there.
    """

    files: tuple[Path, ...]
    how: Mapping[str, Any]
    recall: float
    generation: str


def save_index(
    files: Files, folder: str, metric: str, vectors: str, make: Callable[[Callable[[str], Path]], Mapping[str, Any]]
) -> None:
    """Publishes an index as the current generation of its metric.

    Args:
        files: the run's files.
        folder: the neighbours' folder of a layer and step.
        metric: "euclidean" or "cosine".
        vectors: the generation of the vectors it is of.
        make: writes it: is given what gives paths for its parts, and returns `how`, with its "recall".

    Raises:
        StorageError: the disk refuses; the last generation stays.
    """
    name = _name(metric)
    with Draft(files, folder, name, "index") as draft:
        how = dict(make(lambda part: draft.new_file(f"{name}-{part}", ".faiss")))
        draft.publish({"metric": metric, "recall": how["recall"], "vectors": vectors, "how": how})


def read_index(files: Files, folder: str, metric: str, vectors: str) -> NeighbourIndex | None:
    """The index that was kept under a metric; None where there is none, or that of other vectors.

    Raises:
        BrokenFile: what is there cannot be read.
    """
    name = f"{folder}/{_name(metric)}.json"
    manifest = read_manifest_of(files, name, "index", FACTS, vectors)
    if manifest is None:
        return None
    parts = tuple(data_path(files, name, each) for each in manifest["files"])
    return NeighbourIndex(parts, manifest["how"], float(manifest["recall"]), str(manifest["generation"]))


def _name(metric: str) -> str:
    return f"index-{metric}"
