"""A column that holds files: their bytes, their paths, or both, as tables, lists and datasets have them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedding_lab.embeddings.arrays import HUGGING_FACE, ArrowRows

BYTES = bytes | bytearray | memoryview

IN_TEXT = re.compile(r"data:[\w/+.-]+;base64,")
"""How a text begins that holds a file, as web pages have them."""

OBJECTS = (*"OUST", "String", "Binary", "Object", "Struct")
"""How types of columns begin that may hold files: numpy's and pandas' kinds, polars' names."""


def values_of(column: Any) -> Any:
    """The values of a column by their rows, where they may be files; None of arrays, numbers and what is no column.

    Args:
        column: a list, an array of objects, or a column of pandas, polars, Arrow or of Hugging Face's datasets.
    """
    if type(column).__module__.partition(".")[0] in ("pyarrow", HUGGING_FACE):
        return ArrowRows(column)
    dtype = getattr(column, "dtype", None)
    if dtype is not None and not getattr(dtype, "kind", str(dtype)).startswith(OBJECTS):
        return None
    if isinstance(column, Sequence | np.ndarray):
        return column
    return list(column) if hasattr(column, "__iter__") else None


def file_of(value: Any, folder: Path | None) -> Any:
    """What a value holds: the path of a file, its bytes, or the value itself where it is no file.

    Args:
        value: of a column.
        folder: what paths are relative to.
    """
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str) and (found := IN_TEXT.match(value)):
        return _bytes_in(value[found.end() :])
    if isinstance(value, str | Path):
        return Path(value) if folder is None else folder / value
    return value


def _bytes_in(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None
