"""Some rows of samples, read only when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class SomeRows:
    """Some rows of an array-like, as an array-like of their own that holds none of them.

    Args:
        samples: gives rows for an array of positions.
        rows: positions, shape (m,).
    """

    def __init__(self, samples: Any, rows: NDArray[np.intp]) -> None:
        self._samples = samples
        self._rows = rows
        if hasattr(samples, "shape"):
            self.shape = (len(rows), *samples.shape[1:])
            self.ndim = len(self.shape)
            self.dtype = samples.dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        return np.asarray(self._samples[self._rows[rows]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:].astype(dtype, copy=False) if dtype is not None else self[:]
