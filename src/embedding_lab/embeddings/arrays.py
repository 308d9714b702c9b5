"""Reads what any library holds as arrays of numpy: tensors of frameworks, tables and columns of data frames.

Nothing is imported to find out what it is: the names of its classes say so, or what it can do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedding_lab.errors import InputError, LabError

FRAMES = ("pandas", "polars", "pyarrow")
"""Libraries whose tables and columns are read by way of Arrow, which knows their missing values and categories."""

NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)


def as_array(values: Any, what: str) -> Any:
    """Values with n samples on their first axis: arrays of any library's as they are, all else as numpy's.

    Args:
        values: anything numpy can read, a tensor on any device, or a table or column of pandas, polars or Arrow.
            A table's columns of numbers become the columns of an array, a column of lists of one length its rows.
        what: the name for messages.

    Raises:
        InputError: they have no first axis, or their parts differ in shape.
    """
    try:
        array = _as_array(values)
    except LabError:
        raise
    except (ValueError, TypeError, AttributeError, pa.ArrowException) as error:
        raise InputError(
            f"The {what} cannot be read as an array.", got=str(error).rstrip("."), expected="n samples of one shape"
        ) from error
    if len(array.shape) == 0:
        raise InputError(
            f"The {what} has no samples axis.", got=f"{values!r:.80}", expected="an array of n samples"
        )
    return array


def _as_array(values: Any) -> Any:
    library = type(values).__module__.partition(".")[0]
    if library in FRAMES:
        return _from_arrow(_as_arrow(values, library))
    if hasattr(values, "detach") and hasattr(values, "cpu"):  # a tensor of PyTorch
        values = values.detach().cpu()
        return (values.float() if "float" in str(values.dtype) and values.element_size() < 4 else values).numpy()
    if not (hasattr(values, "shape") and isinstance(getattr(values, "dtype", None), np.dtype)):
        values = values.numpy() if hasattr(values, "numpy") else np.asarray(values)
    return values.astype(np.float32) if "float" in str(values.dtype) and values.dtype.kind == "V" else values


def _as_arrow(values: Any, library: str) -> Any:
    """A pyarrow Table, ChunkedArray or Array of the same values."""
    if library == "pyarrow":
        return values
    if library == "polars":
        return values.to_arrow()
    return pa.Table.from_pandas(values, preserve_index=False) if hasattr(values, "columns") else pa.array(values)


def _from_arrow(values: Any) -> NDArray[Any]:
    """Shape (n,) of a column, (n, k) of a column of lists and of a table of numbers."""
    if isinstance(values, pa.Table | pa.RecordBatch):
        return _from_table(values)
    column = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_list(column.type):
        return _from_lists(column)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _from_lists(column: Any) -> NDArray[Any]:
    inner = column.flatten()
    widths = [column.type.list_size] if pa.types.is_fixed_size_list(column.type) else np.diff(column.offsets)
    if column.null_count or inner.null_count or len(np.unique(widths)) > 1:
        raise InputError(
            "A column of lists is no table of numbers.",
            got="missing values" if column.null_count or inner.null_count else "lists of different lengths",
            expected="lists of one length, without missing values",
        )
    return _from_arrow(inner).reshape(len(column), -1)


def _from_table(table: Any) -> NDArray[Any]:
    """The columns of numbers side by side; a single column as it is."""
    if table.num_columns == 1:
        return _from_arrow(table.column(0))
    for field in table.schema:
        if not any(kind(field.type) for kind in NUMBERS):
            raise InputError(
                f"The column {field.name!r} of the table holds no numbers.",
                got=str(field.type),
                expected="a table of numbers, one row per sample",
                remedy="Choose the columns of numbers first, and hand the others in as columns=….",
            )
    return np.column_stack([_from_arrow(column) for column in table.columns])


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
