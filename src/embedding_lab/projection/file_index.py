"""Neighbours among vectors of which no copy fits in memory: an index in files, and the vectors where they lie.

An inverted file with product quantisation (Jégou, Douze & Schmid, "Product quantization for nearest neighbor
search", 2011), by faiss: every row stands in the list of its nearest centroid with a code of a byte for each few
columns. The codes near a point name candidates; their distances are then computed anew from the vectors. How many
lists and candidates are looked at is found by measuring, and the recall is measured on other rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import psutil
from numpy.typing import NDArray

from embedding_lab.embeddings import Neighbours
from embedding_lab.embeddings.large import temporary_array
from embedding_lab.errors import StorageError
from embedding_lab.progress import Progress, silent
from embedding_lab.projection.frame import BLOCK_VALUES, Frame, as_vectors, row_blocks
from embedding_lab.projection.recall import AIM, ENOUGH
from embedding_lab.projection.search import STAGE
from embedding_lab.projection.threads import faiss_threads, usable

LARGEST_COPY = 1 << 30
"""Vectors whose float32 copy takes more bytes, or more than an eighth of the machine's memory, are not copied."""

LISTS_PER_ROOT = 1.3
TRAINING_ROWS = 40
"""Rows per list that k-means sees."""

ROUNDS = 6
COLUMNS_PER_CODE = 4
MOST_CODES = 64
WORDS = 256
"""Of a code book: what a byte can name."""

PART_ROWS = 1 << 22
"""So many rows go into one file: their codes are in memory until it is written."""

MEASURED_ROWS = 256
"""Rows in each of the two samples: one to choose where to look, one to measure the recall."""

MEASURED_K = 10

RUNGS = ((8, 8), (16, 16), (32, 32), (64, 64), (128, 128), (256, 256))
"""Lists that are looked into, and candidates for each neighbour asked for: the first that suffices is taken."""

ASKED_ROWS = 1_024
"""So many are asked for at once, where neighbours of all are."""

LEARNING, INDEXING, MEASURING = "learn the index", "index vectors", "measure recall"


def fits_in_memory(rows: int, columns: int) -> bool:
    """Whether neighbours are searched in a copy of the vectors and not in files: the one place that says so."""
    return 4 * rows * columns <= min(LARGEST_COPY, int(psutil.virtual_memory().total) // 8)


def build_index(
    vectors: Any,
    new_file: Callable[[str], Path],
    *,
    metric: str = "euclidean",
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Makes the index of vectors, which are read block by block, in a file for each four million.

    Args:
        vectors: real and finite, shape (n, dims); memory-mapped ones stay so.
        new_file: gives the path of a file to write, by the number of the part, such as "00000".
        metric: "euclidean" or "cosine".
        seed: of the rows that are learned from and measured.
        threads: how many work; None for one on every core.
        progress: told "learn the index", "index vectors" in rows, and "measure recall".

    Returns:
        What `FileIndex` must be told besides the files, as JSON can hold it.

    Raises:
        InputError and its kinds: vectors that cannot be used.
        StorageError: the disk refuses.
    """
    vectors = as_vectors(vectors)
    progress(LEARNING, 0, None)
    frame = Frame.fit(vectors, metric)
    with faiss_threads(usable(threads)):
        parts = _written_parts(_trained(vectors, frame, seed), vectors, frame, new_file, progress)
        progress(MEASURING, 0, None)
        probes, candidates, recall = _measured(_Searched(_Parts(parts), vectors, frame), seed)
    return {
        "metric": metric,
        "centre": frame.centre.tolist(),
        "scale": frame.scale,
        "probes": probes,
        "candidates": candidates,
        "recall": recall,
    }


class FileIndex:
    """An index that `build_index` made, opened; only what is looked at comes into memory.

    Args:
        vectors: those it was made of.
        files: its parts, in order.
        facts: as `build_index` gave them.
        threads: how many work; None for one on every core.

    Attributes:
        recall: the share of the ten nearest neighbours that it finds, measured on some rows.
    """

    def __init__(
        self, vectors: Any, files: Sequence[Path], facts: Mapping[str, Any], threads: int | None = None
    ) -> None:
        frame = Frame(facts["metric"], np.asarray(facts["centre"], np.float64), float(facts["scale"]))
        self._searched = _Searched(_Parts(files), as_vectors(vectors), frame)
        self._where = int(facts["probes"]), int(facts["candidates"])
        self.recall = float(facts["recall"])
        self._threads = usable(threads)

    def __len__(self) -> int:
        return len(self._searched.vectors)

    def neighbours_of(self, rows: NDArray[np.int64], k: int) -> Neighbours:
        """The k nearest of some rows among all others: shape (m, k), or (m, n - 1) where there are fewer."""
        k = min(k, len(self) - 1)
        with faiss_threads(self._threads):
            indices, squared = self._searched.nearest(rows, k, *self._where)
        frame = self._searched.frame
        return Neighbours(indices.astype(np.int32), frame.distances(squared), frame.metric, self.recall)

    def neighbours(self, k: int, *, progress: Progress = silent) -> Neighbours:
        """The k nearest of every row."""
        k, rows = min(k, len(self) - 1), len(self)
        indices, distances = temporary_array((rows, k), np.int32), temporary_array((rows, k), np.float32)
        for start in range(0, rows, ASKED_ROWS):
            where = np.arange(start, min(start + ASKED_ROWS, rows))
            found = self.neighbours_of(where, k)
            indices[where], distances[where] = found.indices, found.distances
            progress(STAGE, int(where[-1]) + 1, rows)
        return Neighbours(indices, distances, self._searched.frame.metric, self.recall)


class _Parts:
    """The files of an index, memory-mapped, searched as one."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.index = _opened(files[0])
        self._parts = [_opened(file) for file in files]
        each: Any = faiss.InvertedListsPtrVector()  # type: ignore[attr-defined]  # its stubs know few names
        for part in self._parts:
            each.push_back(part.invlists)
        self._lists = faiss.HStackInvertedLists(each.size(), each.data())
        self.index.replace_invlists(self._lists, False)
        self.index.ntotal = sum(part.ntotal for part in self._parts)

    def search(self, points: NDArray[np.float32], count: int, probes: int) -> NDArray[np.int64]:
        """Rows whose codes are near to each point, shape (m, count); -1 where the lists hold no more."""
        look = faiss.SearchParametersIVF(nprobe=min(probes, self.index.nlist))  # type: ignore[call-arg]
        return np.asarray(self.index.search(_padded(points, self.index.d), count, params=look)[1])


def _opened(file: Path) -> Any:
    """A part, memory-mapped."""
    flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY | faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE
    return faiss.read_index(str(file), flags)


class _Searched:
    """Lists with codes, the vectors they are of, and the frame that both are compared in."""

    def __init__(self, parts: _Parts, vectors: Any, frame: Frame) -> None:
        self.parts, self.vectors, self.frame = parts, vectors, frame

    def nearest(
        self, rows: NDArray[np.int64], k: int, probes: int, candidates: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k nearest of some rows among all others, and their squared distances in the frame, each (m, k)."""
        names, squared = np.empty((len(rows), k), np.int64), np.empty((len(rows), k), np.float32)
        step = max(1, BLOCK_VALUES // ((candidates * k + 1) * len(self.frame.centre)))
        for start in range(0, len(rows), step):
            some = slice(start, start + step)
            points = self.frame.place(self.vectors[rows[some]])
            found = self._candidates(points, k, probes, candidates * k)
            names[some], squared[some] = self._settled(points, rows[some], found, k)
        return names, squared

    def _candidates(self, points: NDArray[np.float32], k: int, probes: int, count: int) -> NDArray[np.int64]:
        """The same as `_Parts.search`, in more lists where these do not hold k others of every point."""
        count = min(count + 1, len(self.vectors))
        found = self.parts.search(points, count, probes)
        while probes < self.parts.index.nlist and (found >= 0).sum(axis=1).min() <= k:
            probes *= 2
            found = self.parts.search(points, count, probes)
        return found

    def _settled(
        self, points: NDArray[np.float32], rows: NDArray[np.int64], found: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The nearest of the candidates by their true distances; at equal distance the lower row."""
        different, place = np.unique(found, return_inverse=True)
        them = self.frame.place(self.vectors[np.maximum(different, 0)])[place.reshape(found.shape)]
        squared = np.square(them - points[:, None]).sum(axis=2)
        squared[(found < 0) | (found == rows[:, None])] = np.inf
        order = np.lexsort((found, squared), axis=1)[:, :k]
        return np.take_along_axis(found, order, axis=1), np.take_along_axis(squared, order, axis=1)


def _trained(vectors: Any, frame: Frame, seed: int) -> Any:
    """An empty index that knows its centroids and code books."""
    rows, columns = int(vectors.shape[0]), len(frame.centre)
    lists = max(1, min(int(LISTS_PER_ROOT * np.sqrt(rows)), rows // TRAINING_ROWS))
    codes = min(MOST_CODES, max(min(columns, 8), -(-columns // COLUMNS_PER_CODE)))
    width = codes * -(-columns // codes)
    index = faiss.IndexIVFPQ(faiss.IndexFlatL2(width), width, lists, codes, 8)
    index.use_precomputed_table = -1
    index.cp.niter, index.cp.seed, index.cp.max_points_per_centroid = ROUNDS, seed & 0x7FFFFFFF, TRAINING_ROWS
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
    index.pq.cp.niter, index.pq.cp.seed, index.pq.cp.max_points_per_centroid = ROUNDS, seed & 0x7FFFFFFF, 128
    drawn = np.random.default_rng([seed, 6]).choice(rows, min(rows, max(lists * TRAINING_ROWS, 1 << 15)), False)
    learned = np.resize(np.sort(drawn), max(len(drawn), WORDS))  # faiss asks for as many as there are words
    index.train(_padded(frame.place(vectors[learned]), width))
    return index


def _written_parts(
    index: Any, vectors: Any, frame: Frame, new_file: Callable[[str], Path], progress: Progress
) -> list[Path]:
    """Codes every row, and writes the lists of each part as it is full."""
    written: list[Path] = []
    rows = int(vectors.shape[0])
    progress(INDEXING, 0, rows)
    for where, block in row_blocks(vectors):
        numbers = np.arange(where.start, where.stop, dtype=np.int64)
        index.add_with_ids(_padded(frame.place(block), index.d), numbers)
        progress(INDEXING, where.stop, rows)
        if index.ntotal >= PART_ROWS or where.stop == rows:
            written.append(new_file(f"{len(written):05d}"))
            _write(index, written[-1])
            index.reset()
    return written


def _write(index: Any, file: Path) -> None:
    try:
        faiss.write_index(index, str(file))
    except RuntimeError as error:  # what faiss makes of everything
        raise StorageError(
            f"The index could not be written to {file}.",
            got=str(error)[:200],
            remedy="Free some space, or choose another folder.",
        ) from error


def _measured(searched: _Searched, seed: int) -> tuple[int, int, float]:
    """Where to look, and the recall on rows that did not choose it."""
    rows = len(searched.vectors)
    k = min(MEASURED_K, rows - 1)
    if k == 0:
        return *RUNGS[0], 1.0
    drawn = np.random.default_rng([seed, 1]).choice(rows, min(rows, 2 * MEASURED_ROWS), replace=False)
    true = _true_neighbours(searched, drawn, k)
    half = len(drawn) // 2

    def recall(of: slice, probes: int, candidates: int) -> float:
        squared = searched.nearest(drawn[of], k, probes, candidates)[1]
        farthest = true[of][:, -1:] * np.float32(1 + 1e-5)  # of equally far ones any is as good
        return float((squared <= farthest).mean())

    for probes, candidates in RUNGS:
        if recall(slice(half), probes, candidates) < AIM and (probes, candidates) != RUNGS[-1]:
            continue
        measured = recall(slice(half, None), probes, candidates)
        if measured >= ENOUGH:
            break
    return probes, candidates, measured


def _true_neighbours(searched: _Searched, rows: NDArray[np.int64], k: int) -> NDArray[np.float32]:
    """The squared distances of the k true nearest others of some rows: one pass over all vectors."""
    points = searched.frame.place(searched.vectors[rows])
    best = np.full((len(rows), k), np.inf, np.float32)
    for where, block in row_blocks(searched.vectors):
        squared, found = faiss.knn(points, searched.frame.place(block), min(k + 1, len(block)))
        squared[found + where.start == rows[:, None]] = np.inf
        best = np.sort(np.concatenate([best, squared], axis=1), axis=1)[:, :k]
    return best


def _padded(points: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Points with columns of zeros to a width that codes divide."""
    missing = width - points.shape[1]
    return np.pad(points, ((0, 0), (0, missing))) if missing else points
