"""Some samples of a set as a set of their own, and what was found out about them back among all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import EmbeddingSet


def some_of(whole: EmbeddingSet, rows: NDArray[np.intp]) -> EmbeddingSet:
    """The samples of some rows, with their vectors in memory; it lies in no run."""
    return EmbeddingSet(np.asarray(whole.vectors[rows]), whole.dataset.take(rows), whole.layer, whole.step)


def spread(values: NDArray[np.floating], rows: NDArray[np.intp], total: int) -> NDArray[np.float32]:
    """Values of some rows, shape (m, …), among all: shape (total, …), NaN for the others."""
    whole = np.full((total, *values.shape[1:]), np.nan, np.float32)
    whole[rows] = values
    return whole
