"""Reads what any library holds as arrays of numpy: tensors of frameworks, tables and columns of data frames.

Nothing is imported to find out what it is: the names of its classes say so, or what it can do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, KeysView, Mapping, Sequence, Set, ValuesView
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedding_lab.embeddings.large import temporary_array
from embedding_lab.embeddings.streams import landed, source_of, streams
from embedding_lab.errors import InputError, LabError

FRAMES = ("pandas", "polars", "pyarrow")
"""Libraries whose tables and columns are read by way of Arrow, which knows their missing values and categories."""

HUGGING_FACE = "datasets"
"""Hugging Face's library, whose tables and columns are read by way of Arrow too, row by row where need be."""

TEXT_ROWS = 1 << 16

LAST_OF_ASCII = 127

MOST_OF_UINT8 = 255

LARGEST_ARRAY = 2**31 - 1
"""Bytes of text that a single array of Arrow holds."""

NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)


def as_array(values: Any, what: str) -> Any:
    """Values with n samples on their first axis: arrays of any library's as they are, all else as numpy's.

    Args:
        values: anything numpy can read, a tensor on any device, a list of tensors, a generator, or a table or
            column of pandas, polars, Arrow or Hugging Face's datasets. What is masked is NaN.
            A table's columns of numbers become the columns of an array, a column of lists of one length its rows.
        what: the name for messages.

    Raises:
        InputError: they have no first axis, or their parts differ in shape.
    """
    values = gathered(values)
    try:
        array = _as_array(values)
    except LabError:
        raise
    except (ValueError, TypeError, AttributeError, RuntimeError, pa.ArrowException) as error:
        raise InputError(
            f"The {what} cannot be read as an array.",
            got=_uneven(values) or str(error).rstrip("."),
            expected="n samples of one shape",
        ) from error
    if len(array.shape) == 0:
        raise InputError(
            f"There is no axis of samples in the {what}.",
            got=f"{values!r:.80}",
            expected="an array of n samples",
            remedy=_instead(values),
        )
    return array


def gathered(values: Any) -> Any:
    """What is read only once as a list; tensors in a list and pictures taken apart as one array; else as it is."""
    if getattr(getattr(values, "dtype", None), "kind", "") == "O" and getattr(values, "ndim", 1) > 2:
        with contextlib.suppress(ValueError):  # of several shapes: no pictures were
            return _pictures_taken_apart(values)
    if hasattr(values, "iloc") and len(values) and hasattr(values.iloc[0], "detach"):
        values = values.tolist()  # a column of pandas
    if isinstance(values, list | tuple) and len(values) and hasattr(values[0], "detach"):
        with contextlib.suppress(ValueError, RuntimeError):  # of several shapes, or not to be read at all
            return np.stack([_as_array(each) for each in values])
    once = hasattr(values, "__next__") or isinstance(values, KeysView | ValuesView)
    return list(values) if once and not hasattr(values, "shape") else values


def _pictures_taken_apart(objects: Any) -> NDArray[Any]:
    """The numbers among objects, shape (n, height, width, ...), that numpy makes of pictures of one size."""
    numbers = np.asarray(objects.tolist())
    are_bytes = numbers.dtype.kind == "i" and numbers.size and numbers.min() >= 0 and numbers.max() <= MOST_OF_UINT8
    return numbers.astype(np.uint8) if are_bytes else numbers


def _uneven(values: Any) -> str:
    """Where the parts of a list begin to have other lengths."""
    if not isinstance(values, list | tuple):
        return ""
    lengths = [len(each) if hasattr(each, "__len__") else 1 for each in values]
    row = next((at for at, length in enumerate(lengths) if length != lengths[0]), None)
    return "" if row is None else f"{lengths[row]:,} values in row {row:,}, and {lengths[0]:,} before"


def _instead(values: Any) -> str:
    if isinstance(values, str | Path):
        return "Read the file first; `embedding-lab log FILE` knows many kinds."
    if isinstance(values, Set):
        return "A set has no order: hand in a list."
    return "Hand in its weights: .weight." if hasattr(values, "weight") else ""


def named_columns(columns: Any) -> dict[str, Any]:
    """The columns of a mapping or of a table of pandas, polars, Arrow or Hugging Face's datasets, by their names.

    Raises:
        InputError: it is neither.
    """
    if columns is None or isinstance(columns, Mapping):
        return {str(name): values for name, values in (columns or {}).items()}
    names = getattr(columns, "column_names", getattr(columns, "columns", None))
    if names is None:
        raise InputError(
            "The columns have no names.",
            got=type(columns).__name__,
            expected='a mapping such as {"weight": weights}, or a table',
        )
    return {str(name): columns[name] for name in names}


def readable(values: Any) -> Any:
    """Text that came as bytes, as TensorFlow's tensors and HDF5 hold it, as text; bytes that are none stay.

    Arrays that are none of numpy's, such as JAX's, become such; a memory map stays one.
    """
    if values.dtype.kind not in "SO":
        return np.asanyarray(values)
    values = np.asarray(values)  # a file would be read row by row
    if not isinstance(next((each for each in values if each is not None), None), bytes):
        return values
    try:
        texts = [each.decode() if isinstance(each, bytes) else each for each in values]
    except UnicodeDecodeError:
        return values
    return np.array(texts, object)


def _as_array(values: Any) -> Any:
    library = type(values).__module__.partition(".")[0]
    if library in (*FRAMES, HUGGING_FACE):
        return _from_arrow(as_arrow(values))
    if hasattr(values, "detach") and hasattr(values, "cpu"):  # a tensor of PyTorch
        values = values.detach().cpu().resolve_conj().resolve_neg()
        return (values.float() if "float" in str(values.dtype) and values.element_size() < 4 else values).numpy()
    if isinstance(values, np.ma.MaskedArray):
        return _with_gaps(values)
    if not (hasattr(values, "shape") and isinstance(getattr(values, "dtype", None), np.dtype)):
        values = values.numpy() if hasattr(values, "numpy") else np.asarray(values)
    return values.astype(np.float32) if "float" in str(values.dtype) and values.dtype.kind == "V" else values


def _with_gaps(values: Any) -> NDArray[Any]:
    """A masked array of numpy as a plain one: what is masked is NaN, and None among texts."""
    if not np.ma.is_masked(values):
        return np.asarray(values.data)
    if values.dtype.kind in "fiub":
        return np.asarray(values.astype(np.result_type(values.dtype, np.float32)).filled(np.nan))
    return np.asarray(values.astype(object).filled(None))


def as_arrow(values: Any) -> Any:
    """A table or column of one of these libraries as a pyarrow Table, ChunkedArray or Array of the same values."""
    library = type(values).__module__.partition(".")[0]
    if library == "pyarrow":
        return values
    if library == "polars":
        return (values.collect() if hasattr(values, "collect") else values).to_arrow()
    if library == HUGGING_FACE:
        return _undecoded(values)[:]
    return pa.Table.from_pandas(values, preserve_index=False) if hasattr(values, "columns") else pa.array(values)


class ArrowRows(Sequence[Any]):
    """A column of Arrow or of Hugging Face's datasets that is read row by row, as Python's own values."""

    def __init__(self, column: Any) -> None:
        self._column = _undecoded(column) if type(column).__module__.startswith(HUGGING_FACE) else column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, row: Any) -> Any:
        return self._column[row : row + 1][0].as_py()


def _undecoded(values: Any) -> Any:
    """A table or column of Hugging Face's that gives Arrow's arrays for a slice: pictures and sounds as bytes."""
    if streams(values):
        return landed(values)
    if hasattr(values, "column_name") and hasattr(values.source, "with_format"):
        return values.source.with_format("arrow")[values.column_name]
    if hasattr(values, "with_format"):
        return values.with_format("arrow")
    return pa.array(list(values))  # a part of a nested column


def as_codes(values: Any) -> tuple[NDArray[np.int64], list[str]] | None:
    """A column of text of one of these libraries as positions among its different texts, -1 where one is missing.

    None for anything else. Of millions of texts only the different ones become Python's own.
    """
    if type(values).__module__.partition(".")[0] not in (*FRAMES, HUGGING_FACE) or hasattr(values, "columns"):
        return None
    try:
        column = as_arrow(values)
    except (pa.ArrowException, ValueError, TypeError):
        return None
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    used = np.sort(np.asarray(encoded.indices.drop_null().unique()))  # of categories there may be more
    places = np.full(len(encoded.dictionary) + 1, -1, np.int64)  # the last is that of -1, where there is none
    places[used] = np.arange(len(used))
    texts = encoded.dictionary.take(pa.array(used)).to_pylist()
    codes = np.asarray(encoded.indices.cast(pa.int32()).fill_null(-1))
    return places[codes], ["" if each is None else str(each) for each in texts]


def text_array(column: Any) -> NDArray[np.str_]:
    """A column of Arrow that holds text, as an array of numpy.

    Raises:
        ArrowException: it holds something else.
    """
    return texts_in(lambda: (column[at : at + TEXT_ROWS] for at in range(0, len(column), TEXT_ROWS)), len(column))


def texts_in(parts: Callable[[], Iterable[Any]], count: int) -> NDArray[np.str_]:
    """Parts of a column of Arrow that holds text, as one array of numpy; only one is Python's own texts at once.

    Args:
        parts: gives them anew, of `TEXT_ROWS` or so each.
        count: how many texts they hold together.

    Raises:
        ArrowException: they hold something else.
    """
    longest = max((pc.max(pc.utf8_length(part)).as_py() or 1 for part in parts()), default=1)
    texts = temporary_array((count,), f"U{longest}")
    begin = 0
    for part in parts():
        texts[begin : begin + len(part)] = part.to_pylist()
        begin += len(part)
    return texts


def arrow_texts(texts: NDArray[np.str_]) -> Any:
    """Text of numpy as a column of Arrow, shape (n,): all at once where it is ASCII, as most ids are."""
    if texts.dtype.kind != "U":  # each is Python's own
        return pa.array(texts.tolist(), pa.string())
    width = texts.dtype.itemsize // 4
    codes = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), width)
    if codes.max(initial=0) <= LAST_OF_ASCII:
        ends = np.concatenate([[0], np.char.str_len(texts).cumsum()])
        characters = codes.astype(np.uint8).tobytes().translate(None, b"\0")  # which fill up shorter ones
        if len(characters) == ends[-1] <= LARGEST_ARRAY:
            return pa.StringArray.from_buffers(
                len(texts), pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(characters)
            )
    return pa.array(texts.tolist(), pa.string())


def class_names_of(labels: Any) -> tuple[str, ...] | None:
    """The names that a column of Hugging Face's datasets has for its whole numbers; None where it has none."""
    if not type(labels).__module__.startswith(HUGGING_FACE):
        return None
    features = getattr(labels, "features", None)
    if streams(labels):
        dataset, (column, *_) = source_of(labels)
        features = (dataset.features or {}).get(column)
    names = getattr(features, "names", None)
    return None if names is None else tuple(names)


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
    if is_text(column):
        return texts_of(column)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def is_text(column: Any) -> bool:
    """Whether a column of Arrow holds text."""
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def texts_of(column: Any) -> NDArray[Any]:
    """A column of Arrow that holds text as Python's own texts, shape (n,), None where one is missing.

    Equal ones are held once: the texts of millions of samples are most often few.
    """
    encoded = column.cast(pa.large_string()).dictionary_encode()  # of which all together may have more than 2 GB
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    texts = np.array([*encoded.dictionary.to_pylist(), None], object)
    return np.asarray(texts[encoded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)])


def _from_lists(column: Any) -> NDArray[Any]:
    inner = column.flatten()
    widths = [column.type.list_size] if pa.types.is_fixed_size_list(column.type) else np.diff(column.offsets)
    if column.null_count:
        raise ValueError(f"nothing in row {pc.index(pc.is_null(column), True).as_py():,}")
    if inner.null_count or len(np.unique(widths)) > 1:
        raise ValueError("missing values" if inner.null_count else "lists of different lengths")
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
