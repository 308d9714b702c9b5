"""Guesses which columns of a table are the vectors, the labels and the ids, and says what it took for what."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedding_lab.embeddings.arrays import as_array
from embedding_lab.embeddings.gallery import as_pictures
from embedding_lab.embeddings.media import Media, as_media
from embedding_lab.embeddings.samples import RESERVED_COLUMNS
from embedding_lab.errors import EmptyData, InputError, one_of
from embedding_lab.tables.byte_spool import ByteSpool, holds_files
from embedding_lab.tables.found import Choice, Found
from embedding_lab.tables.lists import json_list_in, list_in, lists_in, no_vectors
from embedding_lab.tables.names import NAMELESS, free_name
from embedding_lab.tables.spool import Spool
from embedding_lab.tables.structs import is_of_struct

VECTOR_NAMES = ("embedding", "embeddings", "vector", "vectors", "features", "emb", "vec")
LABEL_NAMES = ("label", "labels", "class", "category", "target", "kind", "species", "y")
ID_NAMES = (
    *("id", "ids", "key", "uuid", "name", "names", "word", "words", "token", "tokens", "filename", "file", "path"),
    *("index", NAMELESS, "unnamed: 0", "__index_level_0__"),  # as pandas writes the index of a table
)
SOME = 100
LONG_TEXT = 80
"""Of the first hundred texts of a column, by their mean length in characters."""

MOST_LABELS = 200
"""A column of text with no more different values may be the labels."""


def found_in(batches: Iterable[pa.RecordBatch], choice: Choice, spool: Spool, folder: Path) -> Found:
    """The content of a table, its vectors and the files in it on disk.

    Args:
        batches: the rows, in order.
        choice: the columns that the user names.
        spool: takes the vectors.
        folder: what paths in it are relative to.

    Raises:
        EmptyData: there are no rows.
        UnknownName: there is no column of a chosen name.
        InputError: no columns can be vectors, or they are not of one length.
    """
    rest: list[pa.Table] = []
    names: list[str] = []
    left_out: dict[str, None] = {}
    files: dict[str, ByteSpool] = {}
    rows = 0
    for batch in batches:
        if not names and len(batch):
            names = _vector_columns(batch, choice)
            files = {each.name: ByteSpool() for each in batch.schema if holds_files(each.type)}
        if names:
            spool.append(_vectors(batch, names, rows))
            rows += len(batch)
            for name, kept in files.items():
                kept.append(batch.column(name))
            kept_apart = {*names, *files}
            others = [each for each in batch.schema if each.name not in kept_apart]
            shown = [each.name for each in others if _can_be_shown(each.type) or pa.types.is_null(each.type)]
            left_out |= {each.name: None for each in others if each.name not in shown}
            rest.append(pa.Table.from_batches([batch.select(shown)]))
    if not rest:
        raise EmptyData("The file holds no samples.", expected="at least one row")
    vectors = spool.vectors()
    table = pa.concat_tables(rest, promote_options="permissive") if rest[0].num_columns else pa.table({})
    left_out |= {each.name: None for each in table.schema if not _can_be_shown(each.type) or _is_empty(table, each)}
    fields = [each for each in table.schema if each.name not in left_out]
    plain = [_plain(table[each.name]) for each in fields]
    kinds = [field.with_type(column.type) for field, column in zip(fields, plain, strict=True)]
    table = pa.table(plain, pa.schema(kinds))
    media = {name: found for name, kept in files.items() if (found := as_media(kept, folder)) is not None}
    left_out |= {name: None for name in files if name not in media}
    return _described(vectors, names, table, media, list(left_out), choice, folder)


def _described(
    vectors: NDArray[np.float32],
    names: Sequence[str],
    table: pa.Table,
    media: Mapping[str, Media],
    left_out: Sequence[str],
    choice: Choice,
    folder: Path,
) -> Found:
    """The vectors with what the other columns say of them."""
    ids = _named(table, choice.ids) or next(_unique(table), None)
    labels = _named(table, choice.labels) or next(_labels(table, ids), None)
    media = {**media, **{name: found for name in _texts(table) if (found := as_media(table[name], folder))}}
    images = next((name for name, each in media.items() if each.kind == "image"), None)
    pictures = None if images is None else as_pictures(media.pop(images).things, "pictures", folder)
    taken = {(ids, "id"), (labels, "label")}
    of_table = {name: table[name] for name in table.column_names}  # with the paths of the pictures, as texts
    # what became the ids or the labels is found by its own name too
    shown = {name: values for name, values in {**of_table, **media}.items() if (name, name) not in taken}
    columns = {free_name(name, RESERVED_COLUMNS, table.column_names): values for name, values in shown.items()}
    further = [name for name in columns if name not in (ids, labels)]
    told = [f"{name} ({_kind(columns[name])})" for name in further]
    said = [f"The vectors are {_listed(names)}: {vectors.shape[1]:,} numbers for each of {len(vectors):,} samples."]
    said += [f"The labels are {labels!r}."] if labels else []
    said += [f"The ids are {ids!r}."] if ids else []
    said += [f"The pictures are {images!r}."] if images else []
    said += [f"Further columns: {', '.join(told)}."] if told else []
    said += [f"Left out, since they cannot be shown: {', '.join(left_out)}."] if left_out else []
    return Found(
        vectors=vectors,
        labels=table[labels] if labels else None,
        ids=table[ids].cast(pa.string()) if ids else None,
        images=pictures,
        columns=columns,
        said=tuple(said),
    )


def _kind(values: Any) -> str:
    """What a column was taken for, in a word."""
    if isinstance(values, Media):
        return {"audio": "sounds", "image": "pictures"}[values.kind]
    kind = values.type
    if pa.types.is_boolean(kind):
        return "yes or no"
    if _is_number(kind):
        return "numbers"
    if not _is_text(kind):
        return "times"
    some = [text for text in values[:SOME].to_pylist() if text]
    if some and all(re.match(r"https?://\S+$", text) for text in some):
        return "links"
    return "long texts" if sum(map(len, some)) > LONG_TEXT * max(1, len(some)) else "texts"


def _texts(table: pa.Table) -> list[str]:
    return [each.name for each in table.schema if _is_text(each.type)]


def _vector_columns(batch: pa.RecordBatch, choice: Choice) -> list[str]:
    """The columns that hold the vectors: one of lists, or several of numbers."""
    names = batch.schema.names
    if choice.vectors:
        for name in choice.vectors:
            if name not in names:
                raise one_of("Column", name, names)
        return list(choice.vectors)
    own = {each.name: each.type for each in batch.schema if not is_of_struct(each)}
    lists = [name for name in own if _is_lists(batch.column(name), name)]
    taken = {choice.labels, choice.ids}
    in_small = {name.lower() for name in names}
    taken |= {name for name in names if _tells_apart(batch.column(name), name, in_small)}
    numbers = {name: kind for name, kind in own.items() if _is_number(kind) and name not in taken}
    telling = [[name] for name in lists if _tells(name)]
    telling += [group for prefix, group in _numbered(numbers) if prefix.rstrip("_-").lower() in VECTOR_NAMES]
    if telling or len(lists) == 1:
        return (telling or [lists])[0]
    numbered = max((group for _, group in _numbered(numbers)), key=len, default=[])
    floats = [name for name, kind in numbers.items() if pa.types.is_floating(kind)]
    fields = {name: name.rpartition(".")[2] for name in names if name not in own}
    inner = [name for name, field in fields.items() if _tells(field) and _is_lists(batch.column(name), field)]
    for group, fewest in ((numbered, 3), (inner if len(inner) == 1 else [], 1), (floats, 2), (list(numbers), 2)):
        if len(group) >= fewest:
            return group
    lists = lists or inner or [name for name in own if name not in taken and _is_printed(batch.column(name))]
    if len(lists) == 1:
        return lists
    columns = ", ".join(f"{each.name} ({each.type})" for each in batch.schema)[:400]
    if lists:
        raise InputError(
            "Several columns look like vectors.",
            got=columns,
            expected="one column of lists of numbers",
            remedy=f"Name one, --vectors {lists[0]}, and log each with a --layer of its own.",
        )
    raise InputError(
        "No column of the file looks like vectors.",
        got=columns,
        expected="a column of lists of numbers, or several columns of numbers",
        remedy=BYTES_REMEDY if "binary" in columns else "Name the columns with --vectors a,b,c.",
    )


def _tells_apart(column: pa.Array, name: str, names: Collection[str]) -> bool:
    """Whether a column tells classes or samples apart: a "y" beside an "x", or of fractions, is a coordinate."""
    name = name.lower()
    if name in ID_NAMES:
        return True
    return name in LABEL_NAMES and not _is_fractions(column) and not (name == "y" and "x" in names)


def _is_fractions(column: Any) -> bool:
    """Whether some numbers of a column are not whole; pandas holds whole ones as floats where some are missing."""
    if not pa.types.is_floating(column.type):
        return False
    numbers = pc.drop_null(column).cast(pa.float64())  # halves cannot be rounded
    return not pc.all(pc.or_kleene(pc.equal(numbers, pc.floor(numbers)), pc.is_nan(numbers))).as_py()


def _numbered(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Groups of names that differ by a number at their end, such as "dim_0", "dim_1", with what is before it."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if found := re.fullmatch(r"(.*?)\d+", name):
            groups[found[1]].append(name)
    yield from groups.items()


def _is_lists(column: pa.Array, name: str) -> bool:
    """Whether a column holds lists of numbers: as text, as JSON has them, or printed where its name tells so."""
    if _is_list(column.type):
        return _is_number(column.type.value_type)
    if not _is_text(column.type):
        return False
    return _is_printed(column, bare=True) if _tells(name) else _are_numbers(json_list_in(column[0].as_py()))


def _is_printed(column: pa.Array, bare: bool = False) -> bool:
    """Whether the first text of a column says a list, in JSON or as it is printed; `bare` as in `list_in`."""
    if not _is_text(column.type):
        return False
    return _are_numbers(next((list_in(text, bare) for text in column.to_pylist() if text), None))


def _are_numbers(found: Any) -> bool:
    return bool(found) and all(isinstance(each, int | float | list) for each in found)


def _tells(name: str) -> bool:
    """Whether a name says that a column holds vectors."""
    return name.lower() in VECTOR_NAMES


def _vectors(batch: pa.RecordBatch, names: Sequence[str], before: int) -> NDArray[Any]:
    return np.column_stack([_numbers(batch.column(name), name, before) for name in names])


def _numbers(column: pa.Array, name: str, before: int) -> NDArray[Any]:
    """A column of numbers or of lists of them, which may be text, as an array.

    Args:
        column: of a batch.
        name: its name.
        before: how many rows of the file the batches before had.

    Raises:
        InputError: it is of another type, a text says no list, or something is missing.
    """
    if _is_text(column.type):
        column = lists_in(column, name)
    kind = column.type
    while _is_list(kind):
        kind = kind.value_type
    if not (_is_number(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind)):
        raise no_vectors(name, str(column.type), BYTES_REMEDY if "binary" in str(kind) else "")
    if column.null_count:
        row = before + pc.index(pc.is_null(column), True).as_py()
        raise no_vectors(name, f"nothing in {column.null_count:,} rows, first in row {row:,}", MISSING_REMEDY)
    if _is_list(column.type) and not pa.types.is_fixed_size_list(column.type):
        lengths = np.asarray(pc.list_value_length(column))
        if (lengths != lengths[0]).any():
            row = int(np.argmax(lengths != lengths[0]))
            got = f"{lengths[row]:,} numbers in row {before + row:,}, and {lengths[0]:,} before"
            raise no_vectors(name, got)
    return np.asarray(as_array(column, f"column {name!r}"))


BYTES_REMEDY = (
    "Make lists of the bytes first: numpy.frombuffer(cell, numpy.float32) where they are the numbers themselves. "
    "Pickled objects are not loaded, since they may run code."
)
MISSING_REMEDY = "Fill it in, take the rows out, or choose other columns with --vectors."


def _named(table: pa.Table, name: str | None) -> str | None:
    if name is not None and name not in table.column_names:
        raise one_of("Column", name, table.column_names)
    return name


def _unique(table: pa.Table) -> Iterator[str]:
    """The columns that can be ids: by their names, with a value of its own for each sample."""
    for name in sorted(table.column_names, key=lambda each: ID_NAMES.index(each.lower()) if _is_id(each) else 99):
        column = table[name]
        plain = _is_text(column.type) or pa.types.is_integer(column.type)
        if _is_id(name) and plain and not column.null_count and pc.count_distinct(column).as_py() == len(column):
            yield name


def _labels(table: pa.Table, ids: str | None) -> Iterator[str]:
    """The columns that can be labels: by their names, or the only text that says few things often."""
    for wanted in LABEL_NAMES:
        for each in table.schema:
            if each.name.lower() == wanted and not _is_fractions(table[each.name]):
                yield each.name
    own = [each for each in table.schema if not is_of_struct(each)]
    texts = [each.name for each in own if _is_text(each.type) and not _is_id(each.name) and each.name != ids]
    few = [
        name for name in texts if 1 < pc.count_distinct(table[name]).as_py() <= min(MOST_LABELS, len(table) // 2)
    ]
    if len(few) == 1:
        yield few[0]


def _is_empty(table: pa.Table, field: pa.Field) -> bool:
    column = table[field.name]
    if column.null_count == len(table):
        return True
    return pa.types.is_string(field.type) and not pc.max(pc.binary_length(column)).as_py()


def _is_id(name: str) -> bool:
    return name.lower() in ID_NAMES


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _can_be_shown(kind: pa.DataType) -> bool:
    decimal = bool(pa.types.is_decimal(kind))
    return decimal or _is_number(kind) or _is_text(kind) or pa.types.is_boolean(kind) or pa.types.is_temporal(kind)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values themselves where a column keeps each only once, as categories do, and decimals as numbers."""
    if pa.types.is_decimal(column.type):
        return column.cast(pa.float64())
    if pa.types.is_string_view(column.type):  # as polars writes text
        return column.cast(pa.large_string())
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _listed(names: Sequence[str]) -> str:
    return repr(names[0]) if len(names) == 1 else f"{names[0]!r} to {names[-1]!r}, {len(names):,} columns"
