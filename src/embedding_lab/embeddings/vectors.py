"""Vectors on disk: .npy shards that are written as a stream and read as a memory map."""

from __future__ import annotations

import tokenize
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from embedding_lab.embeddings.embedding_set import check_finite
from embedding_lab.embeddings.files import Files, storage_errors
from embedding_lab.embeddings.manifest import DataFile, Draft, data_path
from embedding_lab.errors import BrokenFile, ShapeMismatch

SHARD_BYTES = 2 << 30
"""Shards stay below what every file system and object store takes in one piece."""

NO_ARRAY = (ValueError, TypeError, EOFError, OverflowError, MemoryError, SyntaxError, tokenize.TokenError)
"""What numpy raises of a spoiled .npy file, whose header it reads as Python source."""


class ShardWriter:
    """Writes the rows of a table of numbers to the data files of a draft, each at most so large.

    Args:
        draft: the generation that the files are of.
        stem: what their names begin with.
        rows: how many are to come.
        shard_bytes: at most this many bytes of numbers in one file.

    Attributes:
        rows: how many have come.
        width: numbers in a row; 0 before the first one.
    """

    def __init__(self, draft: Draft, stem: str, rows: int, shard_bytes: int = SHARD_BYTES) -> None:
        self._draft = draft
        self._stem = stem
        self._all_rows = rows
        self._shard_bytes = shard_bytes
        self._shard: DataFile | None = None
        self._ends: list[int] = []
        self.rows = 0
        self.width = 0

    def append(self, block: NDArray[np.float32]) -> None:
        """Writes the next rows: float32, little-endian, in C order, shape (b, width)."""
        self.width = block.shape[1]
        while len(block):
            if self._shard is None or self.rows == self._ends[-1]:
                self._shard = self._new_shard()
            part = block[: self._ends[-1] - self.rows]
            self._shard.write(part.data)
            self.rows += len(part)
            block = block[len(part) :]

    @property
    def shard_rows(self) -> list[int]:
        """The rows of each file, in order."""
        return np.diff(self._ends, prepend=0).tolist()

    def _new_shard(self) -> DataFile:
        rows = min(max(1, self._shard_bytes // (4 * self.width)), self._all_rows - self.rows)
        shard = self._draft.stream(f"{self._stem}-{len(self._ends):05d}", ".npy")
        self._ends.append(self.rows + rows)
        npy.write_array_header_1_0(shard, {"descr": "<f4", "fortran_order": False, "shape": (rows, self.width)})
        return shard


class EmbeddingWriter:
    """Takes the vectors of one layer block by block and publishes them when all have come.

    A context manager: leaving it normally publishes, leaving it by an error or an interruption
    discards, and readers still see what was there before.

    Args:
        draft: the generation to write; the writer ends it.
        ids: the samples' ids in row order, shape (n,).
        facts: what the manifest says besides shapes and files: layer, step, samples, …
        shard_bytes: at most this many bytes of vectors in one file.
    """

    def __init__(
        self,
        draft: Draft,
        ids: NDArray[np.str_],
        facts: Mapping[str, Any],
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        self._draft = draft
        self._ids = ids
        self._facts = facts
        self._shards = ShardWriter(draft, "vectors", len(ids), shard_bytes)

    @property
    def rows(self) -> int:
        """How many have come."""
        return self._shards.rows

    def __enter__(self) -> EmbeddingWriter:
        return self

    def append(self, block: NDArray[Any]) -> None:
        """Writes the vectors of the next samples.

        Args:
            block: shape (rows, dims), any float or int type; stored as float32.

        Raises:
            ShapeMismatch: the block has another width than the first one, or there are too many rows.
            NotFinite: a value is NaN or infinite; the sample is named.
            StorageError: the disk refuses.
        """
        block = np.ascontiguousarray(block, dtype="<f4")
        self._check_shape(block)
        check_finite(block, self._ids[self.rows : self.rows + len(block)], str(self._facts["layer"]))
        self._shards.append(block)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._draft:
            if kind is None:
                self.place()
                self._publish()

    def place(self) -> None:
        """Puts the files in place when all vectors have come; no reader sees them before they are published.

        Raises:
            ShapeMismatch: vectors are missing.
            StorageError: the disk refuses.
        """
        if self.rows != len(self._ids):
            raise ShapeMismatch(
                f"Vectors of layer {self._facts['layer']!r} are missing.",
                got=f"{self.rows:,} rows",
                expected=f"one for each of the {len(self._ids):,} samples",
            )
        self._draft.place()

    def _publish(self) -> None:
        self._draft.publish(
            {
                **self._facts,
                "shape": [self.rows, self._shards.width],
                "dtype": "float32",
                "shard_rows": self._shards.shard_rows,
            }
        )

    def _check_shape(self, block: NDArray[Any]) -> None:
        dims = self._shards.width
        if block.ndim != 2 or block.shape[1] < 1 or (dims and block.shape[1] != dims):
            raise ShapeMismatch(
                f"A block of layer {self._facts['layer']!r} has the wrong shape.",
                got=f"shape {block.shape}",
                expected=f"shape (rows, {dims or 'dims'})",
            )
        if self.rows + len(block) > len(self._ids):
            raise ShapeMismatch(
                f"Layer {self._facts['layer']!r} has more vectors than there are samples.",
                got=f"at least {self.rows + len(block):,} rows",
                expected=f"{len(self._ids):,}",
            )


class ShardedArray:
    """Several memory-mapped arrays that read as one, of shape (n, dims).

    Slices and row positions give an array in memory of just those rows; `np.asarray` reads all.
    """

    def __init__(self, shards: Sequence[NDArray[np.float32]]) -> None:
        self.shards = list(shards)
        self._ends = np.cumsum([len(shard) for shard in self.shards])
        self.shape = (int(self._ends[-1]), int(self.shards[0].shape[1]))
        self.dtype = self.shards[0].dtype
        self.ndim = 2

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:
        if isinstance(rows, tuple):
            return np.asarray(self[rows[0]][(..., *rows[1:])])
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(len(self))
            return self._range(start, max(start, stop))
        positions = np.arange(len(self))[rows]
        return self._pick(np.atleast_1d(positions)).reshape(*np.shape(positions), self.shape[1])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("several shards cannot be one array without a copy")
        return self[:].astype(dtype or self.dtype, copy=False)

    def _range(self, start: int, stop: int) -> NDArray[np.float32]:
        parts = [np.empty((0, self.shape[1]), self.dtype)]
        for begin, shard in zip(self._ends - [len(s) for s in self.shards], self.shards, strict=True):
            parts.append(shard[max(0, start - begin) : max(0, stop - begin)])
        return np.concatenate(parts)

    def _pick(self, positions: NDArray[np.intp]) -> NDArray[np.float32]:
        picked = np.empty((len(positions), self.shape[1]), self.dtype)
        home = np.searchsorted(self._ends, positions, side="right")
        for number in np.unique(home):
            here = home == number
            begin = self._ends[number] - len(self.shards[number])
            picked[here] = self.shards[number][positions[here] - begin]
        return picked


def read_vectors(files: Files, manifest_name: str, manifest: Mapping[str, Any]) -> Any:
    """The vectors of a manifest, memory-mapped. See `read_shards`."""
    return read_shards(files, manifest_name, manifest, manifest["files"])


def read_shards(files: Files, manifest_name: str, facts: Mapping[str, Any], listed: Sequence[Any]) -> Any:
    """A table of numbers, memory-mapped: an array for one shard, else a `ShardedArray`.

    Args:
        files: where it lies.
        manifest_name: what lists the files.
        facts: `shape` and `shard_rows`, as the manifest has them.
        listed: the files, in order.

    Returns:
        Array-like, float32, shape (n, dims).

    Raises:
        BrokenFile: a shard is missing, has another size, or is not what the manifest says.
    """
    shape, counts = facts["shape"], facts["shard_rows"]
    whole = [*shape, *counts]
    if len(shape) != 2 or not all(type(number) is int and number > 0 for number in whole):
        raise BrokenFile(f"The shape in {manifest_name} cannot be trusted.", got=f"{shape}, shards of {counts}")
    if not counts or len(counts) != len(listed) or sum(counts) != shape[0]:
        raise BrokenFile(
            f"The shards of {manifest_name} do not add up.",
            got=f"{len(listed)} files for shards of {counts} rows",
            expected=f"{shape[0]:,} rows in all",
        )
    shards = [
        mapped_array(data_path(files, manifest_name, file), (count, shape[1]))
        for file, count in zip(listed, counts, strict=True)
    ]
    return shards[0] if len(shards) == 1 else ShardedArray(shards)


def mapped_array(path: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    """A stored table of numbers, memory-mapped.

    Args:
        path: the .npy file.
        shape: what its manifest says.

    Returns:
        float32, of that shape, read-only.

    Raises:
        BrokenFile: it is no such array.
        StorageError: the disk refuses.
    """
    try:
        with storage_errors(path):
            array: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    except NO_ARRAY as error:
        raise BrokenFile(f"{path} is no .npy file.", got=str(error)) from error
    if array.dtype != np.dtype("<f4") or array.shape != shape:
        raise BrokenFile(
            f"{path} is not what its manifest says.",
            got=f"{array.dtype} {array.shape}",
            expected=f"float32 {shape}",
        )
    return array
