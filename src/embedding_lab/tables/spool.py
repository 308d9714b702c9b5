"""Keeps vectors on disk while they are read, so that a file may be larger than the memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import EmptyData, ShapeMismatch


class Spool:
    """Takes vectors block by block; a context manager, whose file goes when it is left."""

    def __init__(self) -> None:
        self._file: Any = tempfile.TemporaryFile(prefix="embedding-lab-")  # noqa: SIM115
        self._rows = self._dims = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, block: NDArray[Any]) -> None:
        """Keeps the next vectors.

        Args:
            block: numbers, shape (rows, dims).

        Raises:
            ShapeMismatch: it has another width than the first one, or none.
            StorageError: the disk for temporary files refuses.
        """
        if len(block) == 0:
            return
        if block.ndim != 2 or block.shape[1] == 0 or (self._rows and block.shape[1] != self._dims):
            raise ShapeMismatch(
                "The vectors are not of one length." if block.shape[-1] else "The vectors hold no numbers.",
                got=f"{block.shape[-1]} numbers after row {self._rows:,}",
                expected=f"{self._dims} as in the rows before" if self._rows else "a row of numbers per sample",
            )
        self._rows, self._dims = self._rows + len(block), block.shape[1]
        with storage_errors(Path(tempfile.gettempdir())):
            self._file.write(np.ascontiguousarray(block, np.float32).data)

    def vectors(self) -> NDArray[np.float32]:
        """All that was kept, memory-mapped: shape (n, dims).

        Raises:
            EmptyData: nothing was.
        """
        if self._rows == 0:
            raise EmptyData("The file holds no samples.", expected="at least one row")
        with storage_errors(Path(tempfile.gettempdir())):
            self._file.flush()
        return np.memmap(self._file, np.float32, "r", shape=(self._rows, self._dims))
