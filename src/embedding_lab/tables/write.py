"""Writes columns and vectors as files that other tools open: Parquet, .npz, and text with tabs."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from embedding_lab.embeddings.files import discard, draft_beside, put_in_place, storage_errors
from embedding_lab.tables.names import free_name

Columns = Mapping[str, Any]
"""Array-likes of one length by name: shape (n,), or (n, dims) for vectors, which may be memory-mapped. Those for
Parquet alone may give arrays of Arrow for a slice.
"""

ROWS = 4096
"""Rows written at once."""


def write_parquet(path: Path, columns: Columns) -> None:
    """One Parquet table; vectors are lists of one length.

    Raises:
        StorageError: the disk refuses; a file that was there is still whole. So do the others below.
    """
    with _in_place(path) as draft, contextlib.ExitStack() as until_written:
        writer: pa.parquet.ParquetWriter | None = None
        for block in _blocks(columns):
            table = pa.table({name: _arrow(values) for name, values in block.items()})
            if writer is None:
                file = pa.parquet.ParquetWriter(draft, _wide(table.schema), compression="zstd")
                writer = until_written.enter_context(file)
            writer.write_table(table.cast(writer.schema))


def write_npz(path: Path, columns: Columns) -> None:
    """An array for each column, uncompressed."""
    written: set[str] = set()
    with _in_place(path) as draft, zipfile.ZipFile(draft, "w") as archive:
        for name, values in columns.items():
            entry = free_name(name.replace("/", "_"), written)
            written.add(entry)
            with archive.open(f"{entry}.npy", "w", force_zip64=True) as file:
                array = np.asarray(values)
                if array.dtype.kind == "O":
                    array = np.array(["" if each is None else str(each) for each in array])
                np.lib.format.write_array(file, array, allow_pickle=False)


def write_tsv(path: Path, columns: Columns) -> None:
    """A header and a line for each row with tabs between, vectors as so many columns."""
    with _in_place(path) as draft, draft.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
        _write_line(file, [each for name, values in columns.items() for each in _heads(name, values)])
        for block in _blocks(columns):
            cells = [cell for values in block.values() for cell in _cells(values)]
            for row in zip(*cells, strict=True):
                _write_line(file, row)


WRITERS: Mapping[str, Callable[[Path, Columns], None]] = {
    "parquet": write_parquet,
    "npz": write_npz,
    "tsv": write_tsv,
}


@contextlib.contextmanager
def _in_place(path: Path) -> Iterator[Path]:
    """A path to write to, which takes its place when all is written."""
    draft = draft_beside(path)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            put_in_place(draft, path)
        except BaseException:
            discard(draft)
            raise


def _blocks(columns: Columns) -> Iterator[dict[str, Any]]:
    rows = len(next(iter(columns.values())))
    for start in range(0, rows, ROWS):
        yield {name: _plain(values[start : start + ROWS]) for name, values in columns.items()}


def _plain(block: Any) -> Any:
    return block if isinstance(block, pa.Array) else np.asarray(block)


def _arrow(values: Any) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).reshape(-1)), values.shape[1])


def _wide(schema: pa.Schema) -> pa.Schema:
    """The schema for all blocks: a column without a value in the first one may hold text in the next."""
    return pa.schema([each.with_type(pa.string()) if pa.types.is_null(each.type) else each for each in schema])


def _heads(name: str, values: Any) -> list[str]:
    return [name] if len(values.shape) == 1 else [f"{name}_{at}" for at in range(values.shape[1])]


def _cells(values: NDArray[Any]) -> list[list[str]]:
    """The cells of one column, or of each of a vector's."""
    if values.ndim == 2:
        return [[repr(float(number)) for number in column] for column in values.astype(np.float64).T]
    return [[_text(each) for each in values.tolist()]]


def _text(value: Any) -> str:
    """A value as text; nothing where it is missing."""
    missing = value is None or (isinstance(value, float | np.floating) and np.isnan(value))
    return "" if missing else str(value.tolist() if isinstance(value, np.ndarray) else value)


def _write_line(file: TextIO, cells: Iterable[str]) -> None:
    file.write("\t".join(_quoted(" ".join(cell.split())) for cell in cells) + "\n")


def _quoted(cell: str) -> str:
    """Readers take a quote at a cell's beginning for its bounds, and two inside of them for one."""
    return '"' + cell.replace('"', '""') + '"' if cell.startswith('"') else cell
