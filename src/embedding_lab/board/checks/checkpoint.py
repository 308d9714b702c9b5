"""Reads tables of numbers out of TensorFlow checkpoints and Keras weight files, without either of them.

A checkpoint <prefix> is <prefix>.index, a sorted table of names in blocks (LevelDB's form, not compressed) that
tells where each variable lies, and <prefix>.data-00000-of-00001, their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_INDEX_BYTES = 64 << 20
STATE_FILE = "checkpoint"

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_DTYPES = {1: "<f4", 2: "<f8", 19: "<f2"}
_OPTIMIZER = (".OPTIMIZER_SLOT", "/Adam", "/Momentum", "/RMSProp", "optimizer/")
_OBJECT_ENDING = "/.ATTRIBUTES/VARIABLE_VALUE"


@dataclass(frozen=True)
class Variable:
    """A table of numbers in a checkpoint or a weight file.

    Attributes:
        name: as the file gives it.
        shape: (rows, dims).
        source: the file to read it from.
        dtype: the numbers' form; `offset` their first byte. Without a form it is a Keras weight file.
    """

    name: str
    shape: tuple[int, int]
    source: Path
    dtype: str = ""
    offset: int = 0

    def read(self) -> NDArray[np.float32]:
        """Its values, float32, shape (rows, dims).

        Raises:
            OSError, ValueError: the file does not hold them.
        """
        if not self.dtype:
            return _read_keras(self)
        count = self.shape[0] * self.shape[1]
        if self.source.stat().st_size < self.offset + count * np.dtype(self.dtype).itemsize:
            raise ValueError(f"{self.source.name} is cut short")
        values = np.fromfile(self.source, self.dtype, count, offset=self.offset)
        return values.reshape(self.shape).astype(np.float32)


def tables_in(prefix: Path) -> list[Variable]:
    """The tables in a checkpoint that may be embeddings: floating-point matrices, no state of an optimiser.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such checkpoint.
    """
    index = prefix.with_name(f"{prefix.name}.index")
    if index.stat().st_size > LARGEST_INDEX_BYTES:
        raise ValueError("too large for an index")
    data = index.read_bytes()
    try:
        return list(_variables(prefix, data))
    except (IndexError, TypeError, UnicodeDecodeError) as error:  # numbers where bytes should be, and the like
        raise ValueError("damaged") from error


def checkpoints_near(folder: Path) -> list[Path]:
    """The prefixes of the checkpoints in a folder, newest first."""
    try:
        found = [each for each in folder.iterdir() if each.name.endswith(".index") and each.is_file()]
        found.sort(key=lambda each: each.stat().st_mtime, reverse=True)
    except OSError:
        return []
    return [each.with_name(each.name.removesuffix(".index")) for each in found]


def latest_checkpoint(folder: Path) -> tuple[Path | None, str]:
    """What TensorBoard takes for the latest checkpoint of a folder: what its file `checkpoint` names.

    Returns:
        The prefix, or None and why there is none.
    """
    state = folder / STATE_FILE
    try:
        with state.open(encoding="utf-8", errors="replace") as file:
            named = re.search(r'^model_checkpoint_path:\s*"(.*)"', file.read(1 << 20), re.MULTILINE)
    except OSError:
        return None, f"no file '{STATE_FILE}' in {folder}"
    if not named:
        return None, f"{state} names no checkpoint"
    prefix = folder / named[1]
    if checkpoint_exists(prefix):
        return prefix, ""
    return None, f"{state} names {named[1]!r}, which does not exist"


def checkpoint_exists(prefix: Path) -> bool:
    """Whether there are files of a checkpoint."""
    try:
        return any(
            each.name.startswith(prefix.name) and each.name != STATE_FILE for each in prefix.parent.iterdir()
        )
    except (OSError, ValueError):
        return False


def meant(name: str, tables: list[Variable]) -> Variable | None:
    """The table that a tensor_name means: by its name, however that is written, else the only one there is."""
    wanted = _bare(name)
    for table in tables:
        if _bare(table.name) == wanted:
            return table
    ends_alike = [each for each in tables if _bare(each.name).split("/")[-1] == wanted.split("/")[-1]]
    if len(ends_alike) == 1:
        return ends_alike[0]
    return tables[0] if len(tables) == 1 else None


def same_name(name: str, table: Variable) -> bool:
    """Whether TensorBoard finds the table under this name."""
    return name.removesuffix(":0") == table.name


def keras_embeddings(folder: Path) -> list[Variable]:
    """The Embedding layers in the newest weight file that Keras' callback saved below a folder.

    Raises:
        ImportError: h5py is not installed.
    """
    saved = sorted((each for place in (folder, folder / "train") for each in _weight_files(place)), key=_epoch)
    return _embedding_layers(saved[-1]) if saved else []


def _bare(name: str) -> str:
    return name.removesuffix(":0").removesuffix(_OBJECT_ENDING)


def _weight_files(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.glob("keras_embedding.ckpt-*.weights.h5") if each.is_file()]
    except OSError:
        return []


def _epoch(path: Path) -> int:
    number = re.search(r"ckpt-(\d{1,9})\.", path.name)
    return int(number[1]) if number else -1


def _embedding_layers(path: Path) -> list[Variable]:
    h5py = _h5py()
    found = []
    try:
        with h5py.File(path, "r") as file:
            layers = file.get("layers", {})
            for key in layers if isinstance(layers, h5py.Group) else ():
                weights: Any = layers[key].get("vars") if isinstance(layers[key], h5py.Group) else None
                table = weights.get("0") if isinstance(weights, h5py.Group) and len(weights) == 1 else None
                if key.startswith("embedding") and isinstance(table, h5py.Dataset) and table.ndim == 2:
                    name = str(weights.attrs.get("name", key))
                    found.append((key, Variable(f"{name}|{table.name}", (table.shape[0], table.shape[1]), path)))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return []
    return [variable for _, variable in sorted(found, key=lambda each: (len(each[0]), each[0]))]


def _h5py() -> Any:
    import h5py  # type: ignore[import-untyped]

    return h5py


def _read_keras(variable: Variable) -> NDArray[np.float32]:
    with _h5py().File(variable.source, "r") as file:
        return np.asarray(file[variable.name.partition("|")[2]][()], np.float32)


def _variables(prefix: Path, data: bytes) -> Iterator[Variable]:
    if len(data) < _FOOTER or int.from_bytes(data[-8:], "little") != _MAGIC:
        raise ValueError("no index of a checkpoint of version 2")
    at = len(data) - _FOOTER
    for _ in range(2):  # the handle of a block that is not needed
        _, at = _varint(data, at)
    shards = 1
    for _, handle in _block(data, *_handle(data, at)):
        for key, value in _block(data, *_handle(handle, 0)):
            if not key:  # the header: how many files of data there are
                shards = next((number for field, number in _fields(value) if field == 1), 1)
                continue
            variable = _variable(prefix, key.decode(), value, shards)
            if variable is not None:
                yield variable


def _variable(prefix: Path, name: str, value: bytes, shards: int) -> Variable | None:
    fields = dict(_fields(value))
    dtype = _DTYPES.get(fields.get(1, 0))
    shape = tuple(dict(_fields(dim)).get(1, 0) for field, dim in _fields(fields.get(2, b"")) if field == 2)
    if dtype is None or len(shape) != 2 or min(shape) < 1 or any(mark in name for mark in _OPTIMIZER):
        return None
    shard = prefix.with_name(f"{prefix.name}.data-{fields.get(3, 0):05d}-of-{shards:05d}")
    return Variable(name, (shape[0], shape[1]), shard, dtype, fields.get(4, 0))


def _handle(data: bytes, at: int) -> tuple[int, int]:
    start, at = _varint(data, at)
    size, _ = _varint(data, at)
    return start, size


def _block(data: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a block; a key gives only what differs from the one before."""
    block = data[start : start + size]
    if len(block) < 4 or data[start + size] != 0:
        raise ValueError("a block that is compressed or damaged")
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + fresh]
        at += fresh
        yield key, block[at : at + length]
        at += length


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message: numbers for whole numbers, bytes for what is nested."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif kind == 2:
            length, at = _varint(data, at)
            yield tag >> 3, data[at : at + length]
            at += length
        else:
            at += {1: 8, 5: 4}.get(kind, len(data))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number without an end")
