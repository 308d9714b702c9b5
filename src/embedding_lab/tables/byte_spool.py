"""Keeps the files in a column, such as pictures, on disk while a table is read: memory does not grow with them."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding_lab.embeddings.files import storage_errors

BYTES_FIELD, PATH_FIELD = "bytes", "path"
"""As Hugging Face's datasets hold pictures and sounds in a column of structs."""

_TURNS = threading.Lock()


def holds_files(kind: pa.DataType) -> bool:
    """Whether a column of this type may hold files: bytes, or structs of bytes and a path."""
    if pa.types.is_struct(kind):
        names = {kind.field(at).name for at in range(kind.num_fields)}
        return BYTES_FIELD in names and _is_binary(kind.field(BYTES_FIELD).type)
    return _is_binary(kind)


class ByteSpool(Sequence[Any]):
    """Takes a column block by block; read back, each row is bytes, a path, or None. Its file goes with it."""

    def __init__(self) -> None:
        self._file: Any = tempfile.TemporaryFile(prefix="embedding-lab-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._ends: list[np.ndarray[Any, Any]] = []
        self._paths: list[pa.Array] = []
        self._size = self._rows = 0
        self._whole_ends: np.ndarray[Any, Any] | None = None
        self._whole_paths: pa.ChunkedArray | None = None

    def __len__(self) -> int:
        return self._rows

    def append(self, column: pa.Array) -> None:
        """Keeps the next rows of a column whose type `holds_files`.

        Raises:
            StorageError: the disk for temporary files refuses.
        """
        paths = pa.nulls(len(column), pa.string())
        if pa.types.is_struct(column.type):
            names = [column.type.field(at).name for at in range(column.type.num_fields)]
            if PATH_FIELD in names:
                paths = pc.struct_field(column, PATH_FIELD).cast(pa.string())
            column = pc.struct_field(column, BYTES_FIELD)
        with storage_errors(Path(tempfile.gettempdir())):
            for each in column:
                if each.is_valid:
                    self._file.write(each.as_buffer())
        sizes = np.asarray(pc.fill_null(pc.binary_length(column), 0), np.int64)
        ends = self._size + np.cumsum(sizes)
        self._ends.append(ends)
        self._paths.append(paths)
        self._rows += len(column)
        self._size = int(ends[-1]) if len(ends) else self._size
        self._whole_ends = self._whole_paths = None

    def __getitem__(self, row: Any) -> Any:
        if self._whole_ends is None or self._whole_paths is None:
            self._whole_ends, self._whole_paths = np.concatenate(self._ends), pa.chunked_array(self._paths)
            with storage_errors(Path(tempfile.gettempdir())):
                self._file.flush()
        begin = int(self._whole_ends[row - 1]) if row else 0
        size = int(self._whole_ends[row]) - begin
        if size:
            with storage_errors(Path(tempfile.gettempdir())):
                return _read_at(self._file, begin, size)
        return self._whole_paths[row].as_py()


def _read_at(file: Any, begin: int, size: int) -> bytes:
    """Bytes from a place, also while other threads read from others."""
    if hasattr(os, "pread"):
        return os.pread(file.fileno(), size, begin)
    with _TURNS:
        file.seek(begin)
        data: bytes = file.read(size)
        return data


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))
