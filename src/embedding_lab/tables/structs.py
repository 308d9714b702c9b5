"""Gives each field of the structs in a table a column of its own, and tells such columns from the table's own."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from embedding_lab.tables.byte_spool import holds_files
from embedding_lab.tables.names import distinct

MARK = {b"embedding-lab": b"a field of a struct"}


def flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with a column for each field of a struct, "meta.kind", unless the struct is a file."""
    columns = [
        each
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        for each in _columns(name, column)
    ]
    names = distinct([name for name, _, _ in columns])
    fields = [
        pa.field(name, column.type, metadata=MARK if inner else None)
        for name, (_, column, inner) in zip(names, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays([column for _, column, _ in columns], schema=pa.schema(fields))


def is_of_struct(field: pa.Field) -> bool:
    """Whether a column of a batch that `flat` gave was a field of a struct."""
    return bool(field.metadata) and MARK.items() <= field.metadata.items()


def _columns(name: str, column: pa.Array, inner: bool = False) -> Iterator[tuple[str, pa.Array, bool]]:
    if not pa.types.is_struct(column.type) or holds_files(column.type):
        yield name, column, inner
        return
    for field, values in zip(column.type, column.flatten(), strict=True):
        yield from _columns(f"{name}.{field.name}", values, True)
