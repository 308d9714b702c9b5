"""Takes vectors that come from nobody knows where, and makes embedding sets of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import EmbeddingSet, as_dataset
from embedding_lab.embeddings.arrays import as_array
from embedding_lab.errors import EmptyData, InputError, ShapeMismatch


def plain_set(vectors: Any, dataset: str = "samples", layer: str = "embeddings", **described: Any) -> EmbeddingSet:
    """Plain vectors as an embedding set.

    Args:
        vectors: real numbers, shape (n, dims); memory-mapped ones stay so.
        dataset: a name for their samples.
        layer: a name for the vectors.
        described: what `as_dataset` takes besides: labels, class_names, ids, columns, images.

    Raises:
        InputError and its kinds: something does not fit together.
    """
    return plain_sets({layer: vectors}, dataset, **described)[0]


def plain_sets(layers: Mapping[str, Any], dataset: str = "samples", **described: Any) -> list[EmbeddingSet]:
    """Plain vectors of the same samples in several layers, as an embedding set each; all else as `plain_set`."""
    tables = {layer: _table(vectors) for layer, vectors in layers.items()}
    rows = {layer: len(table) for layer, table in tables.items()}
    if len(set(rows.values())) > 1:
        raise ShapeMismatch(
            "The layers are not of the same samples.",
            got=", ".join(f"{count:,} in {layer!r}" for layer, count in rows.items())[:200],
            expected="a row for each sample in all of them",
            remedy="Log each alone, with layer=…",
        )
    data = replace(as_dataset(next(iter(tables.values())), name=dataset, **described), samples=None)
    return [EmbeddingSet(table, data, layer) for layer, table in tables.items()]


def _table(vectors: Any) -> NDArray[Any]:
    """Vectors as an array of numbers, shape (n, dims).

    Raises:
        InputError and its kinds: they are none.
    """
    if hasattr(vectors, "nnz"):
        raise InputError(
            "Embeddings that are sparse are not written as they are.",
            got=f"{type(vectors).__name__} of shape {vectors.shape}",
            expected="a table of numbers, shape (n, dims)",
            remedy="Bring them down first, with sklearn.decomposition.TruncatedSVD, or hand in .toarray().",
        )
    table: NDArray[Any] = np.asanyarray(as_array(vectors, "embeddings"))
    if len(table) == 0:
        raise EmptyData("There are no samples.", got=f"shape {table.shape}", expected="at least one sample")
    if table.dtype.kind == "O":
        table = _stacked(table)
    if table.ndim != 2 or table.dtype.kind not in "fiub":
        raise ShapeMismatch(
            "Embeddings must be a table of numbers.",
            got=f"shape {table.shape}, dtype {table.dtype}",
            expected="shape (n, dims), float or int",
            remedy=_remedy(table),
        )
    return table


def _stacked(objects: NDArray[Any]) -> NDArray[Any]:
    """Vectors that Python holds one by one, as a column of pandas does, in one array; what are none as they are."""
    try:
        rows = [np.asarray(row, np.float64) for row in objects]
    except (TypeError, ValueError):
        return objects
    other = next((at for at, row in enumerate(rows) if row.shape != rows[0].shape), None)
    if other is not None:
        raise ShapeMismatch(
            "The embeddings are not of one length.",
            got=f"shape {rows[other].shape} in row {other:,}, and {rows[0].shape} before",
            expected="as many numbers in each",
        )
    return np.stack(rows)


def _remedy(table: NDArray[Any]) -> str:
    if table.dtype.names:
        return "Hand in numpy.lib.recfunctions.structured_to_unstructured(X)."
    if table.dtype.kind == "c":
        return "Hand in numpy.hstack([X.real, X.imag]), or numpy.abs(X)."
    if table.dtype.kind not in "fiub":
        return "Make numbers of them first, such as X.astype(numpy.float32)."
    if table.ndim == 1:
        return (
            "Of one sample hand in X.reshape(1, -1), of one number for each sample X.reshape(-1, 1); of vectors by "
            "name list(X.values()), ids=list(X)."
        )
    return "Flatten or pool further axes first, for instance X.reshape(len(X), -1)."
