"""Reads tables of any format block by block, as batches of Arrow: Parquet, Arrow, CSV, TSV and JSON lines."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile

ROWS = 4096
"""Rows of a block, where the format does not say."""

TEXT_BLOCK_BYTES = 8 << 20
"""The types of a text's columns are guessed from so much of it."""


def read_batches(path: Path) -> Generator[pa.RecordBatch, None, None]:
    """The rows of a table, in order.

    Raises:
        BrokenFile: a line of it is no object.
        StorageError: the disk refuses.
        ArrowException, ValueError, TypeError: it is not what its name says, or it is cut short.
    """
    with storage_errors(path), contextlib.closing(READERS[path.suffix.lower()](path)) as batches:
        yield from batches


def _parquet(path: Path) -> Generator[pa.RecordBatch, None, None]:
    with pa.parquet.ParquetFile(path, memory_map=True) as file:
        yield from file.iter_batches(batch_size=ROWS)


def _arrow(path: Path) -> Generator[pa.RecordBatch, None, None]:
    """A file or a stream: both bear the same name."""
    with pa.memory_map(str(path)) as source:
        try:
            file = pa.ipc.open_file(source)
        except pa.ArrowInvalid:
            source.seek(0)
            yield from pa.ipc.open_stream(source)
            return
        yield from (file.get_batch(number) for number in range(file.num_record_batches))


def _delimited(delimiter: str) -> Callable[[Path], Generator[pa.RecordBatch, None, None]]:
    def read(path: Path) -> Generator[pa.RecordBatch, None, None]:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            first = file.readline().rstrip("\r\n").split(delimiter)
        options = {
            "read_options": pa.csv.ReadOptions(
                autogenerate_column_names=all(map(_is_number, first)), block_size=TEXT_BLOCK_BYTES
            ),
            "parse_options": pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        }
        with pa.csv.open_csv(path, **options) as file:
            yield from file

    return read


def _json_lines(path: Path) -> Generator[pa.RecordBatch, None, None]:
    with path.open(encoding="utf-8-sig") as file:
        lines = (line for line in file if line.strip())
        while block := [_object(path, line) for line in islice(lines, ROWS)]:
            names = dict.fromkeys(name for row in block for name in row)
            yield pa.RecordBatch.from_pydict({name: [row.get(name) for row in block] for name in names})


def _object(path: Path, line: str) -> Mapping[str, Any]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise BrokenFile(f"{path} holds a line that is no object.", got=f"{line:.60}", expected='{"a": 1, "b": 2}')
    return row


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


READERS: Mapping[str, Callable[[Path], Generator[pa.RecordBatch, None, None]]] = {
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
