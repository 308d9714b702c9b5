"""What a Parquet file of a run holds besides plain columns, as other tools want it: thumbnails and neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedding_lab.embeddings import EmbeddingSet, Neighbours, Run
from embedding_lab.embeddings.pictures import read_pictures
from embedding_lab.embeddings.png import as_png
from embedding_lab.errors import DataMissing

NEIGHBOURS = "neighbors"
"""As Apple's Embedding Atlas and most libraries spell it."""


def nested_columns(run: Run, sets: Sequence[EmbeddingSet]) -> dict[str, Any]:
    """Pictures as structs of bytes and path, as Hugging Face's datasets have them, and each layer's neighbours.

    Neighbours are those that were kept with the run: structs of ids, which are row numbers, and distances.
    """
    columns: dict[str, Any] = {}
    thumbnails = with_pictures(run, sets[0]).dataset.images
    if thumbnails is not None:
        columns["image"] = _PictureColumn(thumbnails)
    for each in sets:
        kept = run.neighbours(each)
        if kept is not None:
            columns[NEIGHBOURS if len(sets) == 1 else f"{each.layer}_{NEIGHBOURS}"] = _NeighbourColumn(kept)
    return columns


def with_pictures(run: Run, each: EmbeddingSet) -> EmbeddingSet:
    """The set with the small pictures of its samples, where the run has some."""
    try:
        stored = read_pictures(run.files, run.save_dataset(each.dataset))
    except DataMissing:
        return each
    return replace(each, dataset=replace(each.dataset, images=stored.thumbnails()))


class _PictureColumn:
    """Pictures as PNG files, made when a block is written."""

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self._pictures = pictures

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, rows: slice) -> pa.Array:
        files = [as_png(np.asarray(picture)) for picture in self._pictures[rows]]
        return pa.array([{"bytes": file, "path": None} for file in files], _PICTURE)


class _NeighbourColumn:
    """Neighbours, a struct of two lists for each sample."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def __len__(self) -> int:
        return len(self._neighbours)

    def __getitem__(self, rows: slice) -> pa.Array:
        indices, distances = self._neighbours.indices[rows], self._neighbours.distances[rows]
        ends = pa.array(np.arange(len(indices) + 1, dtype=np.int32) * indices.shape[1])
        lists = [pa.ListArray.from_arrays(ends, pa.array(each.reshape(-1))) for each in (indices, distances)]
        return pa.StructArray.from_arrays(lists, ["ids", "distances"])


_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
