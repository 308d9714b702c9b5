"""Reads what streams, as Hugging Face's IterableDataset does: once, in order, into a temporary file."""

from __future__ import annotations

import itertools
import mmap
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from embedding_lab.embeddings.files import storage_errors

STREAMING = "datasets.iterable_dataset"
BATCH = 1000


def streams(values: Any) -> bool:
    """Whether values are such a dataset or column, whose length nobody knows before its end."""
    return type(values).__module__ == STREAMING


def landed(values: Any) -> Any:
    """What streams as a table or column of Arrow, mapped from a file that goes with it; all else as it is.

    Pictures and sounds stay the bytes they are: nothing is decoded.

    Raises:
        StorageError: the disk for temporary files refuses.
        ArrowException: a later part of it is of another type than the first.
    """
    if not streams(values):
        return values
    source, names = source_of(values)
    batches = (source.select_columns(names[:1]) if names else source).with_format("arrow").iter(BATCH)
    table = _mapped(batches)
    if not names:
        return table
    column = table[names[0]] if table.num_columns else pa.chunked_array([], pa.null())
    return pc.struct_field(column, names[1:]) if len(names) > 1 else column


def source_of(column: Any) -> tuple[Any, list[str]]:
    """The dataset a column is of, and its name there, behind those of the columns it is nested in."""
    names: list[str] = []
    while hasattr(column, "column_name"):
        names, column = [column.column_name, *names], column.source
    return column, names


def _mapped(batches: Iterator[pa.Table]) -> pa.Table:
    first = next(batches, None)
    if first is None:
        return pa.table({})
    with storage_errors(Path(tempfile.gettempdir())), tempfile.TemporaryFile(prefix="embedding-lab-") as file:
        with pa.ipc.new_stream(file, first.schema) as writer:
            for batch in itertools.chain([first], batches):
                writer.write_table(batch.cast(first.schema))
        file.flush()
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pa.ipc.open_stream(pa.py_buffer(content)).read_all()
