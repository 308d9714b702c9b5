"""Reads tables of any format block by block, as batches of Arrow: Parquet, Arrow, CSV, TSV and JSON."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile, LabError
from embedding_lab.tables.hugging_face import with_class_names
from embedding_lab.tables.structs import flat
from embedding_lab.tables.text_form import text_form

ROWS = 4096
"""Rows of a block, where the format does not say."""

NOT_SPACE = re.compile(r"\S")
DIGITS = re.compile(r"(\d+)")

MOST_DIGITS = 21
"""Longer whole numbers, with a sign, need more than 64 bits."""

TEXT_BLOCK_BYTES = 8 << 20
"""The types of a text's columns are guessed from so much of it."""

PARTS = (".parquet", ".arrow", ".feather", ".json", ".jsonl", ".ndjson")
"""Tables of these kinds may lie in several files of a folder."""

USUAL_DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""What stands between the cells of such a file, unless it says otherwise itself."""

BARE_LISTS = "vector"
"""What lists of numbers are called that JSON has without a name."""

SPLIT = {"columns", "index", "data"}
"""The keys of the object that pandas writes with orient="split"."""


def parts_of(path: Path) -> list[Path]:
    """The files that make up a table: the file itself, or those of one kind in a folder, by their names' numbers.

    A .json whose name bears no number is no part: a config.json, or what Hugging Face's datasets write beside them.
    """
    if not path.is_dir():
        return [path]
    files = (each for each in path.iterdir() if each.is_file() and each.name[0] not in "._")
    parts = [each for each in files if each.suffix.lower() in PARTS]
    parts = [each for each in parts if each.suffix.lower() != ".json" or DIGITS.search(each.stem)]
    return sorted(parts, key=_by_numbers) if len({each.suffix.lower() for each in parts}) == 1 else []


def _by_numbers(path: Path) -> list[str | int]:
    """What puts "part.2" before "part.10"."""
    return [int(each) if at % 2 else each for at, each in enumerate(DIGITS.split(path.name))]


def read_batches(*paths: Path, said: list[str]) -> Generator[pa.RecordBatch, None, None]:
    """The rows of a table, in order, each of its columns with a name of its own; structs are columns too.

    Args:
        paths: its parts, one after the other.
        said: takes sentences on what is unusual in how a text of columns is written.

    Raises:
        BrokenFile: a part is not what its name says, or it is cut short, or a row of it is no object.
        StorageError: the disk refuses.
    """
    for path in paths:
        ending = path.suffix.lower()
        usual = USUAL_DELIMITERS.get(ending)
        reader = READERS[ending](path) if usual is None else _text(path, usual, said)
        with storage_errors(path), told_of(path, ending), contextlib.closing(reader) as batches:
            for batch in batches:
                yield flat(with_class_names(batch))


@contextlib.contextmanager
def told_of(path: Path, suffix: str) -> Iterator[None]:
    """Whatever a table holds, what cannot be read is told with the name of the file or folder, and its kind."""
    try:
        yield
    except LabError:
        raise
    except (pa.ArrowException, ValueError, TypeError, KeyError) as error:
        raise BrokenFile(
            f"{path} cannot be read as {suffix[1:].upper()}.",
            got=" ".join(str(error).split())[:300],
            expected="a whole table whose columns have a name and a type each, in UTF-8 where it is text",
        ) from error


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
    values = _values(path.read_text(encoding="utf-8-sig"))
    first = list(islice(values, 2))
    only = first[0] if len(first) == 1 else None
    if isinstance(only, dict):
        yield from _blocks(path, _rows_of_columns(path, only))
    else:
        yield from _blocks(path, only if isinstance(only, list) else chain(first, values))


def _values(text: str) -> Iterator[Any]:
    """The values that stand in a text one after the other, however many lines each has."""
    decoder, at = json.JSONDecoder(parse_int=_whole_number), 0
    while found := NOT_SPACE.search(text, at):
        value, at = decoder.raw_decode(text, found.start())
        yield value


def _rows_of_columns(path: Path, columns: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The rows of an object whose values are columns of one length.

    Lists of numbers alone may be rows with names as well, {"king": [0.1, 0.2]}, and lists of objects tables: these
    are refused.
    """
    lists = [each for each in columns.values() if isinstance(each, list)]
    kinds = {type(cell) for each in lists for cell in each}
    one_length = len(lists) == len(columns) and len({len(each) for each in lists}) == 1
    if not one_length or dict in kinds or not kinds & {str, list} or set(columns) == SPLIT:
        raise BrokenFile(
            f"{path} holds one object, which is no table.",
            got=", ".join(f"{name!r} ({type(each).__name__})" for name, each in islice(columns.items(), 8)),
            expected="a list of objects, or columns of one length, with vectors or texts among them",
            remedy="Write a list of objects (pandas: orient='records').",
        )
    return (dict(zip(columns, cells, strict=True)) for cells in zip(*lists, strict=True))


def _blocks(path: Path, values: Iterable[Any]) -> Generator[pa.RecordBatch, None, None]:
    rows = (_row(path, at, value) for at, value in enumerate(values))
    while block := list(islice(rows, ROWS)):
        names = dict.fromkeys(name for row in block for name in row)
        yield pa.RecordBatch.from_pydict({name: _column(path, name, block) for name in names})


def _row(path: Path, at: int, value: Any) -> Mapping[str, Any]:
    """What an object says, or a list of numbers."""
    if value and isinstance(value, dict):
        return value
    if value and isinstance(value, list) and all(isinstance(each, int | float) for each in value):
        return {BARE_LISTS: value}
    raise BrokenFile(
        f"{path} holds what is no row of a table.",
        got=f"{json.dumps(value):.60} in row {at:,}",
        expected='an object, {"a": 1, "b": [1, 2]}, or a list of numbers, in each row',
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


READERS: Mapping[str, Callable[[Path], Generator[pa.RecordBatch, None, None]]] = {
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
