"""The route that says how far a selection is real: whether its samples are neighbours in the layer too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.dashboard.answers import Answer, as_json
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.nearest import Lengths
from embedding_lab.board.dashboard.places import set_of

NEAR = 10
MOST_PRODUCTS = 2e10
"""So many multiplications are a second or two."""

FEWEST_LOOKED_AT = 30
MOST_IN_INDEX = 1_000
_BLOCK_NUMBERS = 8 << 20


def trust(library: Library, asked: Asked) -> Answer:
    """The share of these rows' nearest neighbours in the layer that are among these rows."""
    found = set_of(library, asked.part("set"))
    rows = asked.rows("rows", found.rows)
    k = min(NEAR, len(rows) - 1)
    if k < 1:
        return as_json({"k": 0, "kept": 0, "of": 0, "share": None, "looked_at": 0})
    chosen = np.zeros(found.rows, bool)
    chosen[rows] = True
    index = library.index(found, "euclidean")
    most = (
        MOST_IN_INDEX
        if index is not None
        else max(FEWEST_LOOKED_AT, int(MOST_PRODUCTS / (found.rows * found.dims)))
    )
    order = library.order(found.rows)
    some = order[chosen[order]][:most].astype(np.int64)  # in the fair order every beginning is a fair sample
    if index is not None:
        near = index.neighbours_of(some, k).indices.astype(np.int64)
    else:
        near = _nearest(library.vectors(found), library.lengths(found), some, k)
    kept = int(chosen[near].sum())
    return as_json({"k": k, "kept": kept, "of": near.size, "share": kept / near.size, "looked_at": len(some)})


def _nearest(vectors: Any, lengths: Lengths, rows: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """The k nearest rows of each of some rows, shape (m, k), by euclidean distance in single precision."""
    queries = np.asarray(vectors[rows], np.float32)
    best = np.full((len(rows), k), np.inf, np.float32)
    names = np.zeros((len(rows), k), np.int64)
    size = max(k + 1, _BLOCK_NUMBERS // max(len(rows), vectors.shape[1]))
    for start in range(0, len(vectors), size):
        block = np.asarray(vectors[start : start + size], np.float32)
        near = lengths.squares[start : start + size] - 2 * (queries @ block.T)
        inside = (rows >= start) & (rows < start + size)
        near[inside, rows[inside] - start] = np.inf
        few = min(k, near.shape[1])
        first = np.argpartition(near, few - 1, axis=1)[:, :few]
        both = np.hstack([best, np.take_along_axis(near, first, axis=1)])
        both_names = np.hstack([names, first + start])
        kept = np.argpartition(both, k - 1, axis=1)[:, :k]
        best, names = np.take_along_axis(both, kept, axis=1), np.take_along_axis(both_names, kept, axis=1)
    return names
