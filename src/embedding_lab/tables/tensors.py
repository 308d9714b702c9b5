"""Reads vectors from files of several arrays: .npz of numpy, and safetensors."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.embeddings.gallery import looks_like_pictures
from embedding_lab.embeddings.samples import RESERVED_COLUMNS
from embedding_lab.errors import BrokenFile, InputError, one_of
from embedding_lab.tables.arrays import OBJECTS, STACK
from embedding_lab.tables.found import Choice, Found
from embedding_lab.tables.names import free_name
from embedding_lab.tables.roles import ID_NAMES, LABEL_NAMES, VECTOR_NAMES
from embedding_lab.tables.spool import Spool

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",  # the upper half of a float32
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
}
BLOCK_ROWS = 4096
LONGEST_HEADER = 100 << 20


def read_npz(path: Path, choice: Choice) -> Found:
    """The vectors in a .npz file; arrays with an entry for each of them are labels, ids, pictures and columns.

    Raises:
        BrokenFile: it is no such file of numbers and text.
        InputError: no array, or several, may be the vectors.
    """
    try:
        with storage_errors(path), np.load(path, allow_pickle=False) as file:
            arrays, objects = _arrays(file)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BrokenFile(f"{path} is no .npz file of arrays.", got=str(error)[:200]) from error
    shapes = {each: array.shape for each, array in arrays.items() if array.dtype.kind in "fiu"}
    name = _chosen(shapes, choice, objects)
    vectors = arrays.pop(name)
    rows = {each: array for each, array in arrays.items() if array.shape[:1] == vectors.shape[:1]}
    columns = {each: array for each, array in rows.items() if array.ndim == 1}
    ids = choice.ids or next((each for each in columns if _can_be_ids(each, columns[each])), None)
    labels = choice.labels or next((each for each in columns if each.lower() in LABEL_NAMES), None)
    for wanted in filter(None, (ids, labels)):
        if wanted not in columns:
            raise one_of("Array", wanted, columns)
    images = next((each for each in rows if _can_be_pictures(rows[each])), None)
    left_out = [each for each in arrays if each not in columns and each != images]
    taken = {"labels": labels, "ids": ids, "pictures": images}
    said = [f"The vectors are {name!r}: {vectors.shape[1]:,} numbers for each of {len(vectors):,} samples."]
    said += [f"The {part} are {each!r}." for part, each in taken.items() if each]
    said += [f"Left out: {', '.join(left_out)}."] if left_out else []
    said += [f"Left out, since they are {OBJECTS}: {', '.join(objects)}. {STACK}"] if objects else []
    return Found(
        vectors=vectors,
        labels=columns[labels] if labels else None,
        ids=columns[ids] if ids else None,
        images=rows[images] if images else None,
        columns={
            free_name(each, RESERVED_COLUMNS, columns): array
            for each, array in columns.items()
            if each not in (labels, ids)
        },
        said=tuple(said),
    )


def _arrays(file: Any) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The arrays of numbers and text in an .npz file, and the names of those of Python's objects."""
    arrays, objects = {}, []
    for name in file.files:
        try:
            arrays[name] = file[name]
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            objects.append(name)
    return arrays, objects


def read_safetensors(path: Path, choice: Choice, spool: Spool) -> Found:
    """The vectors in a safetensors file, memory-mapped; half a float32 (bfloat16) is made whole on disk.

    Raises:
        BrokenFile: it is no such file, or it is cut short.
        InputError: no tensor, or several, may be the vectors.
    """
    with storage_errors(path):
        header, begin = _header(path)
    shapes = {name: tuple(each["shape"]) for name, each in header.items() if each["dtype"] in DTYPES}
    name = _chosen(shapes, choice)
    about = header[name]
    dtype, shape = np.dtype(DTYPES[about["dtype"]]), shapes[name]
    start, end = about["data_offsets"]
    if end - start != math.prod(shape) * dtype.itemsize or begin + end > path.stat().st_size:
        raise BrokenFile(f"{path} is cut short.", got=f"{path.stat().st_size:,} bytes", expected=f"{begin + end:,}")
    vectors: NDArray[Any] = np.memmap(path, dtype, "r", begin + start, shape)
    if about["dtype"] == "BF16":
        for row in range(0, len(vectors), BLOCK_ROWS):
            spool.append((vectors[row : row + BLOCK_ROWS].astype("<u4") << 16).view("<f4"))
        vectors = spool.vectors()
    said = f"The vectors are {name!r}: {shape[1]:,} numbers for each of {shape[0]:,} samples."
    return Found(vectors, said=(said,))


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """What a safetensors file says of its tensors, and where their bytes begin."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(LONGEST_HEADER, path.stat().st_size - 8):
            raise BrokenFile(f"{path} is no safetensors file.", got=f"a header of {length:,} bytes")
        try:
            header = json.loads(file.read(length))
            tensors = {name: each for name, each in header.items() if name != "__metadata__"}
            for each in tensors.values():
                each["dtype"], each["shape"], each["data_offsets"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BrokenFile(f"{path} is no safetensors file.", got=str(error)[:200]) from error
    return tensors, 8 + length


def _chosen(shapes: Mapping[str, tuple[int, ...]], choice: Choice, objects: Sequence[str] = ()) -> str:
    """The array that is the vectors: the chosen one, the one with a telling name, or the only table."""
    if choice.vectors:
        name = choice.vectors[0]
        if name not in shapes:
            raise one_of("Array", name, shapes)
        if len(shapes[name]) != 2 or len(choice.vectors) > 1:
            raise InputError(
                "The vectors must be one table of numbers.",
                got=", ".join(f"{each!r} {shapes.get(each, '')}".strip() for each in choice.vectors),
                expected="one array of shape (n, dims)",
            )
        return name
    tables = [name for name, shape in shapes.items() if len(shape) == 2]
    telling = [name for name in tables if name.lower() in VECTOR_NAMES]
    if telling or len(tables) == 1:
        return (telling or tables)[0]
    named = [f"{name} {shape}" for name, shape in shapes.items()]
    named += [f"{name} (Python's objects)" for name in objects]
    raise InputError(
        "Several arrays may be the vectors." if tables else "No array is a table of numbers.",
        got=", ".join(named)[:400] or "no arrays of numbers",
        expected="one of shape (n, dims)",
        remedy="Name it with --vectors." if tables else STACK if objects else "",
    )


def _can_be_pictures(values: NDArray[Any]) -> bool:
    return (values.dtype == np.uint8 and values.ndim in (3, 4)) or looks_like_pictures(values)


def _can_be_ids(name: str, values: NDArray[Any]) -> bool:
    return name.lower() in ID_NAMES and len(np.unique(values)) == len(values)
