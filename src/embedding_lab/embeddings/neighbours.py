"""The nearest neighbours of a set's samples, in memory and on disk: found once, shared by whatever needs them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.manifest import Draft, Facts, data_path, read_manifest_of
from embedding_lab.embeddings.vectors import NO_ARRAY
from embedding_lab.errors import BrokenFile, InputError, ShapeMismatch

FACTS: Facts = {"metric": str, "recall": (int, float), "shape": list, "vectors": str}
"""What the manifest of neighbours says besides its files."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest neighbours of n samples.

    Attributes:
        indices: row numbers, int32, shape (n, k), nearest first; never the sample itself, none twice. Where
            the squared distances are equal the lower row comes first.
        distances: float32, shape (n, k), ascending, in the vectors' own units; under "cosine" 1 - cos.
        metric: "euclidean" or "cosine".
        recall: the share of true neighbours among them: 1.0 when exact, else measured on some rows.

    Raises:
        ShapeMismatch: neighbours and distances are not both (n, k).
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]
    metric: str
    recall: float

    def __post_init__(self) -> None:
        if self.indices.ndim != 2 or self.indices.shape != self.distances.shape:
            raise ShapeMismatch(
                "Neighbours and their distances do not fit.",
                got=f"shapes {self.indices.shape} and {self.distances.shape}",
                expected="both (n, k)",
            )

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def k(self) -> int:
        """How many neighbours each sample has: fewer than asked for where there were no more samples."""
        return int(self.indices.shape[1])

    def holds(self, k: int) -> bool:
        """Whether each sample has k neighbours, or all there can be."""
        return self.k >= min(k, len(self) - 1)

    def nearest(self, k: int) -> Neighbours:
        """The first k of them.

        Raises:
            InputError: there are fewer, though there are more samples.
        """
        if not self.holds(k):
            raise InputError("There are not so many neighbours.", got=f"{self.k} for each", expected=f"{k} or more")
        return Neighbours(self.indices[:, :k], self.distances[:, :k], self.metric, self.recall)


def save_neighbours(files: Files, folder: str, neighbours: Neighbours, vectors: str) -> None:
    """Publishes neighbours as the current generation of their metric.

    Args:
        files: the run's files.
        folder: the neighbours' folder of a layer and step.
        neighbours: of all its samples.
        vectors: the generation of the vectors they are of.

    Raises:
        StorageError: the disk refuses; the last generation stays.
    """
    with Draft(files, folder, neighbours.metric, "neighbours") as draft:
        with draft.new_file(neighbours.metric, ".npz").open("wb") as file:
            np.savez(
                file,
                indices=np.ascontiguousarray(neighbours.indices, "<i4"),
                distances=np.ascontiguousarray(neighbours.distances, "<f4"),
            )
        draft.publish(
            {
                "metric": neighbours.metric,
                "recall": neighbours.recall,
                "shape": list(neighbours.indices.shape),
                "vectors": vectors,
            }
        )


def read_neighbours(files: Files, folder: str, metric: str, vectors: str, rows: int) -> Neighbours | None:
    """The neighbours that were kept under a metric; None where there are none, or those of other vectors.

    Args:
        files: the run's files.
        folder: the neighbours' folder of a layer and step.
        metric: "euclidean" or "cosine".
        vectors: the generation of the vectors they must be of.
        rows: how many samples there are.

    Raises:
        BrokenFile: what is there cannot be read.
    """
    name = f"{folder}/{metric}.json"
    manifest = read_manifest_of(files, name, "neighbours", FACTS, vectors)
    if manifest is None:
        return None
    try:
        with np.load(data_path(files, name, manifest["files"][0]), allow_pickle=False) as arrays:
            indices, distances = arrays["indices"], arrays["distances"]
        found = Neighbours(indices, distances, metric, float(manifest["recall"]))
        _check(found, rows)
    except (KeyError, IndexError, OSError, zipfile.BadZipFile, *NO_ARRAY) as error:
        raise BrokenFile(f"{files.address(name)} lists neighbours that cannot be read.", got=str(error)) from error
    return found


def _check(found: Neighbours, rows: int) -> None:
    """Row numbers go into compiled code, which trusts them."""
    if (found.indices.dtype, found.distances.dtype) != (np.dtype("<i4"), np.dtype("<f4")):
        raise ValueError(f"{found.indices.dtype} and {found.distances.dtype}")
    if len(found) != rows or found.k >= rows:
        raise ValueError(f"shape {found.indices.shape} for {rows:,} samples")
    if found.indices.size and not 0 <= found.indices.min() <= found.indices.max() < rows:
        raise ValueError(f"row numbers from {found.indices.min()} to {found.indices.max()} of {rows:,} samples")
