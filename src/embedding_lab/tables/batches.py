"""Reads tables of any format block by block, as batches of Arrow: Parquet, Arrow, CSV, TSV and JSON."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile
from embedding_lab.tables.byte_spool import holds_files
from embedding_lab.tables.hugging_face import with_class_names
from embedding_lab.tables.names import distinct
from embedding_lab.tables.text_form import text_form

ROWS = 4096
"""Rows of a block, where the format does not say."""

NOT_SPACE = re.compile(r"\S")

MOST_DIGITS = 21
"""Longer whole numbers, with a sign, need more than 64 bits."""

TEXT_BLOCK_BYTES = 8 << 20
"""The types of a text's columns are guessed from so much of it."""

PARTS = (".parquet", ".arrow", ".feather", ".json", ".jsonl", ".ndjson")
"""Tables of these kinds may lie in several files of a folder."""

NO_TABLES = ("dataset_info", "state", "dataset_dict")
"""What Hugging Face's datasets write beside a table's parts."""

USUAL_DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""What stands between the cells of such a file, unless it says otherwise itself."""

NAMELESS = "vector"
"""What lists of numbers are called that JSON has without a name."""


def parts_of(path: Path) -> list[Path]:
    """The files that make up a table: the file itself, or those of the kind in a folder, as Spark writes them."""
    if not path.is_dir():
        return [path]
    files = sorted(each for each in path.iterdir() if each.is_file() and each.name[0] not in "._")
    tables = [each for each in files if each.suffix.lower() in PARTS and each.stem not in NO_TABLES]
    return tables if len({each.suffix.lower() for each in tables}) == 1 else []


def read_batches(*paths: Path, said: list[str]) -> Generator[pa.RecordBatch, None, None]:
    """The rows of a table, in order, each of its columns with a name of its own; structs are columns too.

    Args:
        paths: its parts, one after the other.
        said: takes sentences on what is unusual in how a text of columns is written.

    Raises:
        BrokenFile: a row of it is no object.
        StorageError: the disk refuses.
        ArrowException, ValueError, TypeError: it is not what its name says, or it is cut short.
    """
    for path in paths:
        ending = path.suffix.lower()
        usual = USUAL_DELIMITERS.get(ending)
        reader = READERS[ending](path) if usual is None else _text(path, usual, said)
        with storage_errors(path), contextlib.closing(reader) as batches:
            for batch in batches:
                yield _flat(with_class_names(batch))


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


def _text(path: Path, usual: str, said: list[str]) -> Generator[pa.RecordBatch, None, None]:
    """The rows of a text of columns; their names without spaces around them, and the "# " that numpy writes."""
    form = text_form(path, usual)
    said += form.said
    options = {
        "read_options": pa.csv.ReadOptions(
            autogenerate_column_names=not form.header,
            skip_rows=form.comments,
            block_size=TEXT_BLOCK_BYTES,
            encoding=form.encoding.removesuffix("-sig"),
        ),
        "parse_options": pa.csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True),
        "convert_options": pa.csv.ConvertOptions(decimal_point=form.decimal_point),
    }
    with pa.csv.open_csv(path, **options) as file:
        empty = [each.name for each in file.schema if pa.types.is_null(each.type)]
        if not empty:
            yield from map(_with_plain_names, file)
            return
    options["convert_options"].column_types = dict.fromkeys(empty, pa.string())  # later blocks may hold some
    with pa.csv.open_csv(path, **options) as file:
        yield from map(_with_plain_names, file)


def _with_plain_names(batch: pa.RecordBatch) -> pa.RecordBatch:
    first, *others = batch.schema.names
    return batch.rename_columns([each.strip() for each in (first.removeprefix("#"), *others)])


def _json_lines(path: Path) -> Generator[pa.RecordBatch, None, None]:
    with path.open(encoding="utf-8-sig") as file:
        values = (json.loads(line, parse_int=_whole_number) for line in file if line.strip())
        yield from _blocks(path, values)


def _json(path: Path) -> Generator[pa.RecordBatch, None, None]:
    yield from _blocks(path, _values(path.read_text(encoding="utf-8-sig")))


def _values(text: str) -> Iterator[Any]:
    """The values that stand in a text one after the other, however many lines each has."""
    decoder, at = json.JSONDecoder(parse_int=_whole_number), 0
    while found := NOT_SPACE.search(text, at):
        value, at = decoder.raw_decode(text, found.start())
        yield value


def _blocks(path: Path, values: Iterable[Any]) -> Generator[pa.RecordBatch, None, None]:
    rows = (row for value in values for row in _rows(path, value))
    while block := list(islice(rows, ROWS)):
        names = dict.fromkeys(name for row in block for name in row)
        yield pa.RecordBatch.from_pydict({name: _column(path, name, block) for name in names})


def _rows(path: Path, value: Any) -> Iterator[Mapping[str, Any]]:
    """The rows in a value: an object is one, so is a list of numbers, and lists of these are several."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list) and value and all(isinstance(each, int | float) for each in value):
        yield {NAMELESS: value}
    elif isinstance(value, list) and all(isinstance(each, dict | list) for each in value):
        for each in value:
            yield from _rows(path, each)
    else:
        got = json.dumps(value)
        raise BrokenFile(
            f"{path} holds what is no row of a table.", got=f"{got:.60}", expected='objects: {"a": 1, "b": [1, 2]}'
        )


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


def _flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with a column for each field of a struct, "meta.kind", unless the struct is a file."""
    fields = [
        each
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        for each in _fields(name, column)
    ]
    return pa.RecordBatch.from_arrays([column for _, column in fields], distinct([name for name, _ in fields]))


def _fields(name: str, column: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    if not pa.types.is_struct(column.type) or holds_files(column.type):
        yield name, column
        return
    for field, values in zip(column.type, column.flatten(), strict=True):
        yield from _fields(f"{name}.{field.name}", values)


READERS: Mapping[str, Callable[[Path], Generator[pa.RecordBatch, None, None]]] = {
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
