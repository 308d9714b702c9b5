"""The nearest neighbours of every vector: exact for small sets, else by an index whose recall is measured.

Everything that needs neighbours (t-SNE, UMAP, measures of trust, label checks) takes a `Neighbours`, so
they are computed once for a set and a metric. `docs/neighbours.md` explains how.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from embedding_lab.embeddings import Neighbours
from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.progress import Progress, silent
from embedding_lab.projection import tree
from embedding_lab.projection.cells import Cells, partition
from embedding_lab.projection.duplicates import equal_rows, row_marks, spread
from embedding_lab.projection.file_index import FileIndex, build_index, fits_in_memory
from embedding_lab.projection.frame import Frame, as_vectors, column_extremes, row_blocks
from embedding_lab.projection.recall import measured_probing
from embedding_lab.projection.search import (
    EVERYWHERE,
    STAGE,
    Found,
    Probing,
    neighbours_of_points,
    neighbours_of_rows,
)
from embedding_lab.projection.threads import faiss_threads, usable

EXACT_ROWS = 20_000
"""Up to so many rows every distance is computed."""

TREE_COLUMNS = 3
"""Up to so many columns a k-d tree finds the exact neighbours of any number of rows."""


def find(
    vectors: Any,
    k: int,
    *,
    metric: str = "euclidean",
    exact: bool | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = silent,
) -> Neighbours:
    """The k nearest neighbours of every vector.

    Args:
        vectors: real and finite, shape (n, dims); memory-mapped ones are read in blocks.
        k: neighbours for each, 1 or more; where n <= k there are only n - 1.
        metric: "euclidean" or "cosine". Under "cosine" vectors of zeros are 0 from each other and 1 from
            the rest.
        exact: True computes every distance, False uses an index; None does what suits the size.
        seed: of the index; the result is the same bytes for the same seed and number of threads.
        threads: how many work; None for one on every core.
        progress: told "search neighbours" in samples.

    Raises:
        InputError and its kinds: k < 1, an unknown metric, no vectors, or values that are not finite.
    """
    how: Any = {"metric": metric, "seed": seed, "threads": threads}
    vectors = as_vectors(vectors)
    if exact is None and vectors.shape[1] > TREE_COLUMNS and not fits_in_memory(*vectors.shape):
        with tempfile.TemporaryDirectory() as folder:
            files: list[Path] = []

            def new_file(part: str) -> Path:
                files.append(Path(folder) / part)
                return files[-1]

            facts = build_index(vectors, new_file, **how, progress=progress)
            return FileIndex(vectors, files, facts, threads).neighbours(_at_least_one(k), progress=progress)
    return Index(vectors, exact=exact, **how).neighbours(k, progress=progress)


class Index:
    """Vectors made ready to be asked for neighbours, of themselves or of new ones; arguments as for `find`.

    One float32 copy of the distinct vectors is kept.

    Attributes:
        metric: "euclidean" or "cosine".
        groups: which vectors are equal; each group is searched once.
        cells: the distinct vectors, in the order of their cells; a cell's row is named by its group.
    """

    def __init__(
        self,
        vectors: Any,
        *,
        metric: str = "euclidean",
        exact: bool | None = None,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        vectors = as_vectors(vectors)
        self.metric = metric
        self._seed = seed
        self._threads = usable(threads)
        self._dims = int(vectors.shape[1])
        self._frame = Frame.fit(vectors, metric)
        marks = np.empty((vectors.shape[0], 2), dtype=np.uint64)
        for where, block in row_blocks(vectors):
            row_marks(self._frame.place(block), marks[where])
        self.groups = equal_rows(marks)
        distinct = len(self.groups)
        self._exact = distinct <= EXACT_ROWS if exact is None else exact
        with faiss_threads(self._threads):
            self.cells = self._partition(vectors)
        self._probing: dict[int, tuple[Probing, float]] = {}
        self._tree: cKDTree | None = None
        if distinct > EXACT_ROWS and self.cells.base.shape[1] <= TREE_COLUMNS and exact is None:
            self._tree = cKDTree(self.cells.base.astype(np.float64))

    def __len__(self) -> int:
        return len(self.groups.group)

    def neighbours(self, k: int, *, progress: Progress = silent) -> Neighbours:
        """The k nearest neighbours of every vector of the index, as `find` gives them."""
        k = min(_at_least_one(k), len(self) - 1)
        count = min(k, len(self.groups) - 1)
        with faiss_threads(self._threads):
            found, recall = self._distinct_neighbours(count, progress)
        if len(self.groups) < len(self):
            rows = np.arange(len(self), dtype=np.int32)
            group = self.groups.group
            found = self._spread((found[0][group], found[1][group]), rows, k)
        progress(STAGE, len(self), len(self))
        return Neighbours(found[0], self._frame.distances(found[1]), self.metric, recall)

    def query(self, vectors: Any, k: int) -> Neighbours:
        """The k vectors of the index nearest to each of m new vectors: indices of shape (m, k).

        What one new vector finds does not depend on the others, but for rounding where thousands come at once. One
        that equals a vector of the index finds
        it, at distance 0. The recall given is that measured for the index's own vectors.

        Raises:
            ShapeMismatch: the new vectors have other columns.
        """
        vectors = as_vectors(vectors)
        if vectors.shape[1] != self._dims:
            raise ShapeMismatch(
                "The new vectors do not fit the index.",
                got=f"{vectors.shape[1]} columns",
                expected=f"{self._dims}, as the vectors it was made of",
            )
        column_extremes(vectors)
        k = min(_at_least_one(k), len(self))
        count = min(k, len(self.groups))
        parts = []
        with faiss_threads(self._threads):
            recall = 1.0 if self._tree is not None else self._where(count)[1]
            for _, block in row_blocks(vectors):
                points = self._frame.place(block)
                parts.append(self._nearest_groups(points, count))
        found = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
        if len(self.groups) < len(self):
            found = self._spread(found, np.full(len(found[0]), -1, dtype=np.int32), k)
        return Neighbours(found[0], self._frame.distances(found[1]), self.metric, recall)

    def _partition(self, vectors: Any) -> Cells:
        groups, first = self.groups, self.groups.first

        def blocks() -> Iterator[tuple[slice, NDArray[np.float32]]]:
            # Groups are numbered by their first row, so those that begin in a block are a run of numbers.
            for where, block in row_blocks(vectors):
                begin, end = np.searchsorted(first, [where.start, where.stop])
                if begin < end:
                    yield slice(begin, end), self._frame.place(block[first[begin:end] - where.start])

        def pick(numbers: NDArray[np.int64]) -> NDArray[np.float32]:
            return self._frame.place(vectors[first[numbers]])

        columns = len(self._frame.centre)
        return partition(len(groups), blocks, pick, columns, self._seed)

    def _distinct_neighbours(self, k: int, progress: Progress) -> tuple[Found, float]:
        if k == 0:
            nothing = (len(self.groups), 0)
            return (np.empty(nothing, dtype=np.int32), np.empty(nothing, dtype=np.float32)), 1.0
        if self._tree is not None:
            return tree.neighbours_of_rows(self._tree, self.cells, k, self._threads), 1.0
        where, recall = self._where(k)
        return neighbours_of_rows(self.cells, k, where, self._threads, progress), recall

    def _nearest_groups(self, points: NDArray[np.float32], k: int) -> Found:
        if self._tree is not None:
            return tree.neighbours_of_points(self._tree, self.cells, points, k, self._threads)
        return neighbours_of_points(self.cells, points, k, self._where(k)[0], self._threads)

    def _where(self, k: int) -> tuple[Probing, float]:
        if self._exact:
            return EVERYWHERE, 1.0
        if k not in self._probing:
            self._probing[k] = measured_probing(self.cells, k, self._seed, self._threads)
        return self._probing[k]

    def _spread(self, found: Found, own: NDArray[np.int32], k: int) -> Found:
        indices = np.empty((len(own), k), dtype=np.int32)
        squared = np.empty((len(own), k), dtype=np.float32)
        groups = self.groups
        spread(found[0], found[1], groups.group, groups.members, groups.bounds, own, indices, squared)
        return indices, squared


def _at_least_one(k: int) -> int:
    if k < 1:
        raise InputError("A sample needs a neighbour.", got=f"k={k}", expected="1 or more")
    return int(k)
