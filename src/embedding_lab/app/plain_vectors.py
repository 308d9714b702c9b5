"""Takes vectors that come from nobody knows where, and makes an embedding set of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from embedding_lab.embeddings import EmbeddingSet, as_dataset
from embedding_lab.embeddings.arrays import as_array
from embedding_lab.errors import InputError, ShapeMismatch


def plain_set(
    vectors: Any, dataset: str = "samples", layer: str = "embeddings", *, images: Any = None, **described: Any
) -> EmbeddingSet:
    """Plain vectors as an embedding set.

    Args:
        vectors: real numbers, shape (n, dims); memory-mapped ones stay so.
        dataset: a name for their samples.
        layer: a name for the vectors.
        images: n pictures of any kind.
        described: what `as_dataset` takes besides: labels, class_names, ids, columns.

    Raises:
        InputError and its kinds: something does not fit together.
    """
    if hasattr(vectors, "nnz"):
        raise InputError(
            "Embeddings that are sparse are not written as they are.",
            got=f"{type(vectors).__name__} of shape {vectors.shape}",
            expected="a table of numbers, shape (n, dims)",
            remedy="Bring them down first, with sklearn.decomposition.TruncatedSVD, or hand in .toarray().",
        )
    table = np.asanyarray(as_array(vectors, "embeddings"))
    if table.ndim != 2 or table.dtype.kind not in "fiub":
        raise ShapeMismatch(
            "Embeddings must be a table of numbers.",
            got=f"shape {table.shape}, dtype {table.dtype}",
            expected="shape (n, dims), float or int",
            remedy="Flatten or pool further axes first, for instance X.reshape(len(X), -1).",
        )
    data = as_dataset(table, name=dataset, images=images, **described)
    return EmbeddingSet(table, replace(data, samples=None), layer)
