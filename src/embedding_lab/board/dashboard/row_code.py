"""Sets of rows as short text, in requests and answers; `frontend/src/data/row_code.ts` writes and reads the same.

Each row's distance from the one before, seven bits to a byte, least first, the eighth bit saying that more follow;
in the alphabet of base64url, unpadded. A million rows among a million take 1.3 MB.
"""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LONGEST = 5
"""Bytes of a distance of 32 bits."""


def encode_rows(rows: ArrayLike) -> str:
    """The text of some rows, in whatever order, each once."""
    gaps = np.diff(np.unique(np.asarray(rows, np.int64)), prepend=0).astype(np.int64)
    parts = (gaps[:, None] >> (7 * np.arange(_LONGEST))) & 127
    used = np.maximum(1, (gaps[:, None] >= 1 << (7 * np.arange(_LONGEST))).sum(axis=1))
    at = np.arange(_LONGEST)
    parts |= np.where(at < used[:, None] - 1, 128, 0)
    coded = parts[at < used[:, None]].astype(np.uint8).tobytes()
    return base64.urlsafe_b64encode(coded).decode().rstrip("=")


def longest_code(total: int) -> int:
    """How many characters the rows of `total` samples take at most: a byte more stands for 128 rows left out."""
    return 4 * (total + _LONGEST) // 3 + 4


def decode_rows(text: str) -> NDArray[np.int64]:
    """The rows of a text, ascending, each once.

    Raises:
        ValueError: it is no such text.
    """
    coded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if not coded:
        return np.empty(0, np.int64)
    numbers = np.frombuffer(coded, np.uint8)
    ends = np.flatnonzero(numbers < 128)
    if len(ends) == 0 or ends[-1] != len(numbers) - 1:
        raise ValueError("it ends amid a row")
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(len(numbers)) - np.repeat(starts, np.diff(ends, prepend=-1))
    if places.max() >= _LONGEST:
        raise ValueError("a row is too large")
    gaps = np.add.reduceat((numbers & 127).astype(np.int64) << (7 * places), starts)
    if (gaps[1:] == 0).any():
        raise ValueError("a row is named twice")
    return np.cumsum(gaps)
