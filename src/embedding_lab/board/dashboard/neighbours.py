"""The route that shows a sample's neighbours in the original vectors, and whether the map keeps them.

They are exact, unless the vectors are so many that an index was kept with them: then the answer says its recall.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.dashboard.answers import Answer, as_json
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.nearest import METRICS, Metric, nearest_rows, smallest
from embedding_lab.board.dashboard.places import set_of
from embedding_lab.board.dashboard.sample_set import Map, SampleSet
from embedding_lab.board.dashboard.samples import ids_at

MOST_NEIGHBOURS = 200


def neighbours(library: Library, asked: Asked) -> Answer:
    """The k nearest of a row, those of them that are near on the map too, and those that are near there alone."""
    found = set_of(library, asked)
    row = asked.number("row", 0, found.rows - 1)
    k = asked.number("k", 1, MOST_NEIGHBOURS, 10)
    wanted = asked.one_of("metric", METRICS) if asked.has("metric") else _usual(library, found)
    metric = next(each for each in METRICS if each == wanted)
    shown = asked.optional_text("map")
    began = time.perf_counter()
    with ThreadPoolExecutor(1, "embedding-lab-ids") as meanwhile:
        reading = meanwhile.submit(library.ids, found)  # which takes as long as the search, the first time
        rows, distances, recall = _nearest(library, found, row, k, metric)
        on_map = None if shown is None else near_on_map(library, found.map(shown), row, k)
    elapsed = time.perf_counter() - began
    false = [] if on_map is None else [int(each) for each in on_map if each not in rows]
    ids = ids_at(reading.result(), [*rows.tolist(), *false])
    return as_json(
        {
            "metric": metric,
            "elapsed_ms": round(1000 * elapsed, 1),
            "recall": recall,
            "neighbours": [
                {"row": int(each), "id": name, "distance": float(far), "kept": _kept(each, on_map)}
                for each, name, far in zip(rows, ids, distances, strict=False)
            ],
            "false_neighbours": [
                {"row": each, "id": name} for each, name in zip(false, ids[len(rows) :], strict=True)
            ],
        }
    )


def _usual(library: Library, found: SampleSet) -> Metric:
    """The metric where none is named: that of an index, since by another all vectors must be read; else cosine."""
    return next((each for each in METRICS if library.index(found, each) is not None), "cosine")


def _nearest(
    library: Library, found: SampleSet, row: int, k: int, metric: Metric
) -> tuple[NDArray[np.integer], NDArray[np.floating], float]:
    """The k nearest of a row, how far they are, and how many of the true ones are among them."""
    index = library.index(found, metric)
    if index is not None:
        near = index.neighbours_of(np.array([row]), k)
        return near.indices[0], near.distances[0], index.recall
    vectors = library.vectors(found)
    return *nearest_rows(vectors, library.lengths(found), np.array(vectors[row]), k, metric, leave_out=row), 1.0


def near_on_map(library: Library, shown: Map, row: int, k: int) -> NDArray[np.int64] | None:
    """The k rows nearest on a map; None where the sample itself is not on it."""
    points = library.points(shown)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.asarray(points[:, : shown.dims] - points[row, : shown.dims])
        squares = np.square(apart, out=apart) @ np.ones(shown.dims, np.float32)
    if not np.isfinite(squares[row]):
        return None
    squares[row] = np.inf
    np.nan_to_num(squares, copy=False, nan=np.inf, posinf=np.inf)
    k = min(k, int(np.isfinite(squares).sum()))
    if k == 0:
        return np.empty(0, np.int64)
    candidates = np.flatnonzero(squares <= smallest(squares, k))
    return candidates[np.argsort(squares[candidates], kind="stable")[:k]]


def _kept(row: np.int64, on_map: NDArray[np.int64] | None) -> bool | None:
    return None if on_map is None else bool(row in on_map)
