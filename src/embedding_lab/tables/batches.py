"""Reads tables of any format block by block, as batches of Arrow: Parquet, Arrow, CSV, TSV and JSON lines."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Mapping, Sequence
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

MOST_DIGITS = 21
"""Longer whole numbers, with a sign, need more than 64 bits."""

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
            yield pa.RecordBatch.from_pydict({name: _column(path, name, block) for name in names})


def _object(path: Path, line: str) -> Mapping[str, Any]:
    row = json.loads(line, parse_int=_whole_number)
    if not isinstance(row, dict):
        got = line.strip()
        raise BrokenFile(f"{path} holds a line that is no object.", got=f"{got:.60}", expected='{"a": 1, "b": 2}')
    return row


def _whole_number(digits: str) -> int | float:
    """A whole number; as a fraction where 64 bits do not hold it, as in a CSV file."""
    number = int(digits) if len(digits) < MOST_DIGITS else 1 << 64
    return number if -(1 << 63) <= number < 1 << 63 else float(digits)


def _column(path: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
    values = [row.get(name) for row in rows]
    if any(isinstance(value, float) for value in values):  # beside which some whole ones are too large
        values = [float(value) if type(value) is int else value for value in values]
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError) as error:
        raise BrokenFile(
            f"The column {name!r} of {path} holds values of several types.",
            got=str(error),
            expected="one type in all rows: numbers, texts, or lists of numbers",
        ) from error


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
