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
        images: raw uint8 pictures, shape (n, height, width[, 1 or 3]).
        described: what `as_dataset` takes besides: labels, class_names, ids, columns.

    Raises:
        InputError and its kinds: something does not fit together.
    """
    table = np.asanyarray(as_array(vectors, "embeddings"))
    if table.ndim != 2 or table.dtype.kind not in "fiub":
        raise ShapeMismatch(
            "Embeddings must be a table of numbers.",
            got=f"shape {table.shape}, dtype {table.dtype}",
            expected="shape (n, dims), float or int",
            remedy="Flatten or pool further axes first, for instance X.reshape(len(X), -1).",
        )
    samples = table if images is None else np.asarray(as_array(images, "images"))
    data = as_dataset(samples, name=dataset, **described)
    if images is None:
        return EmbeddingSet(table, replace(data, samples=None), layer)
    if not data.pictures:
        raise InputError(
            "The images cannot be shown.",
            got=f"dtype {data.samples.dtype}, shape {data.samples.shape}",
            expected="uint8 of shape (n, height, width[, 1 or 3])",
            remedy="For floats from 0 to 1: (images * 255).astype('uint8').",
        )
    return EmbeddingSet(table, data, layer)
