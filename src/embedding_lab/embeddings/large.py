"""Room for arrays too large to be held: temporary files that the system pages in and out, gone with the arrays."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from embedding_lab.embeddings.files import storage_errors

HELD_BYTES = 64 << 20
"""A smaller array is held in memory."""


def temporary_array(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros; a large one is mapped from a file.

    Raises:
        StorageError: the disk for temporary files refuses.
    """
    size = np.dtype(dtype).itemsize * int(np.prod(shape, dtype=np.int64))
    if size <= HELD_BYTES:
        return np.zeros(shape, dtype)
    with storage_errors(Path(tempfile.gettempdir())), tempfile.TemporaryFile(prefix="embedding-lab-") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)  # a disk that is full is no error later, but the end
        return np.asarray(np.memmap(file, dtype, "w+", shape=shape))
