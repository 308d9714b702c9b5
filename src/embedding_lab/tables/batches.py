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
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile, LabError
from embedding_lab.tables.hugging_face import with_class_names
from embedding_lab.tables.structs import flat
from embedding_lab.tables.text_form import TextForm, text_form

ROWS = 4096
"""Rows of a block, where the format does not say."""

NOT_SPACE = re.compile(r"\S")
DIGITS = re.compile(r"(\d+)")

MOST_DIGITS = 21
"""Longer whole numbers, with a sign, need more than 64 bits."""

TIME_OF_DAY = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"

TEXT_BLOCK_BYTES = 8 << 20
"""A text is read in blocks of so much; the types of its columns are guessed from the first one."""

WIDER = {
    pa.null(): pa.int64(),
    pa.int64(): pa.float64(),
    pa.date32(): pa.timestamp("s"),
    pa.timestamp("s"): pa.timestamp("ns"),
}
"""What is tried next where a later block of a text does not fit the guess; all that is not here becomes text."""

MISSING = pa.array(pa.csv.ConvertOptions().null_values, pa.string())
"""The cells that Arrow takes for missing."""

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
    with _open(path, form, {}) as file:
        guessed = dict(zip(file.schema.names, file.schema.types, strict=True))
    with _open(path, form, _held_types(path, form, guessed)) as file:
        yield from map(_with_plain_names, file)


def _open(path: Path, form: TextForm, types: Mapping[str, pa.DataType]) -> pa.csv.CSVStreamingReader:
    """A text of columns, block by block; columns without a type among these get one that holds the first block."""
    return pa.csv.open_csv(
        path,
        pa.csv.ReadOptions(
            autogenerate_column_names=not form.header,
            skip_rows=form.comments,
            block_size=TEXT_BLOCK_BYTES,
            encoding=form.encoding.removesuffix("-sig"),
        ),
        pa.csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True),
        pa.csv.ConvertOptions(decimal_point=form.decimal_point, column_types=types),
    )


def _held_types(path: Path, form: TextForm, guessed: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
    """Types in which the whole of a text can be read, since Arrow cannot change one once it has given rows.

    All rows are looked at once more for that, as text, and none are kept.

    Args:
        path: the text.
        form: how it is written.
        guessed: the types of its columns that hold the first block; columns of one name share one.
    """
    held = dict(guessed)
    doubtful = {name: pa.string() for name, kind in guessed.items() if not _holds_any_text(kind)}
    if not doubtful:
        return held
    with _open(path, form, doubtful) as file:
        for batch in file:
            for name, cells in zip(batch.schema.names, batch.columns, strict=True):
                if name in doubtful:
                    held[name] = _widened(held[name], cells, form.decimal_point)
    return held


def _widened(kind: pa.DataType, cells: pa.StringArray, decimal_point: str) -> pa.DataType:
    """The type itself, or the next wider one that holds the cells too."""
    values = cells.filter(pc.invert(pc.is_in(cells, MISSING)))
    while not _holds_any_text(kind) and not _holds(kind, values, decimal_point):
        kind = WIDER.get(kind, pa.string())
    return kind


def _holds_any_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def _holds(kind: pa.DataType, values: pa.StringArray, decimal_point: str) -> bool:
    """Whether Arrow's reader takes each of these cells, of which none is missing, for a value of a type."""
    if not len(values):
        return True
    if pa.types.is_time(kind):  # to which Arrow casts no text
        return bool(pc.all(pc.match_substring_regex(values, TIME_OF_DAY)).as_py())
    if _is_number(kind) or pa.types.is_date(kind):
        values = pc.utf8_trim(values, " \t")
    if pa.types.is_floating(kind) and decimal_point == ",":
        values = pc.replace_substring(pc.replace_substring(values, ".", "no number"), ",", ".")
    try:
        values.cast(kind)
    except pa.ArrowException:
        return False
    return True


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


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
