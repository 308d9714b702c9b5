"""What a file of vectors holds, and what the user says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Choice:
    """Names that the user gives for parts of a file; what is left out is guessed.

    Attributes:
        vectors: the columns, arrays or tensors that are the vectors.
        labels: the column of labels.
        ids: the column of ids.
    """

    vectors: Sequence[str] = ()
    labels: str | None = None
    ids: str | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """The content of a file.

    Attributes:
        vectors: array-like, shape (n, dims); memory-mapped where the file is large.
        labels: shape (n,), or None.
        ids: unique text, shape (n,), or None.
        images: uint8, array-like, shape (n, height, width[, 1 or 3]), or None.
        columns: all else that can be shown, each of shape (n,); sounds and further pictures as `Media`.
        said: whole sentences on what was taken for what, and what was left out.
    """

    vectors: Any
    labels: Any = None
    ids: Any = None
    images: Any = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    said: tuple[str, ...] = ()
