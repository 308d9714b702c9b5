"""The binary form in which the dashboard's server sends arrays, version 1; `frontend/src/data/wire.ts` reads it.

Little-endian throughout:

    bytes 0-3    the magic "EMLW"
    bytes 4-5    u16, the version, 1
    bytes 6-7    u16, zero
    bytes 8-11   u32, the length of the header, a multiple of 8
    bytes 12-15  u32, zero
    then         the header: JSON in UTF-8, padded with spaces
    then         the arrays, each at a multiple of 8 bytes from the end of the header

The header names its arrays: `{"arrays": [{"name", "dtype", "shape", "offset"}, …], …}`, offsets counted from the
end of the header. What else it says depends on its `kind`: that of a column has the dictionary of its codes.
`tests/golden/wire-v1.bin` is the example that both sides read.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.errors import BrokenFile, UnknownVersion

MAGIC = b"EMLW"
VERSION = 1
DTYPES = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "f32": "<f4"}
_BEGINNING = struct.Struct("<4sHHII")
_STEP = 8


@dataclass(frozen=True, eq=False)
class Message:
    """What was sent: the header without its list of arrays, and the arrays by name."""

    header: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def encode(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A message as bytes.

    Args:
        header: what is said of the arrays, as JSON can hold it.
        arrays: by name, each of type u8, u16, u32 or f32, any shape.
    """
    listed, parts, offset = [], list[bytes](), 0
    for name, values in arrays.items():
        dtype = next(short for short, kind in DTYPES.items() if np.dtype(kind) == values.dtype.newbyteorder("<"))
        data = np.ascontiguousarray(values, DTYPES[dtype]).tobytes()
        listed.append({"name": name, "dtype": dtype, "shape": list(values.shape), "offset": offset})
        parts.append(data + bytes(-len(data) % _STEP))
        offset += len(parts[-1])
    text = json.dumps({**header, "arrays": listed}, ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % _STEP)
    return b"".join([_BEGINNING.pack(MAGIC, VERSION, 0, len(text), 0), text, *parts])


def decode(data: bytes) -> Message:
    """The message in some bytes, which nothing is believed of before it is checked.

    Raises:
        UnknownVersion: a newer server sent them.
        BrokenFile: they are cut, or no message.
    """
    if len(data) < _BEGINNING.size or data[:4] != MAGIC:
        raise _broken(f"{len(data):,} bytes that begin with {data[:4]!r}")
    _, version, _, length, _ = _BEGINNING.unpack_from(data)
    if version != VERSION:
        raise UnknownVersion(
            "The data have another version than this reader.", got=str(version), expected=str(VERSION)
        )
    body = data[_BEGINNING.size + length :]
    try:
        header = json.loads(data[_BEGINNING.size : _BEGINNING.size + length])
        listed = header.pop("arrays")
        return Message(header, {str(each["name"]): _array(each, body) for each in listed})
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise _broken(f"{type(error).__name__}: {error}") from error


def _array(described: Mapping[str, Any], body: bytes) -> NDArray[Any]:
    shape, offset = described["shape"], described["offset"]
    if not all(type(number) is int and number >= 0 for number in [*shape, offset]):
        raise ValueError(f"shape {shape} at {offset!r}")
    kind = np.dtype(DTYPES[described["dtype"]])
    count = math.prod(shape)
    if offset % _STEP or offset + count * kind.itemsize > len(body):
        raise ValueError(f"array {described['name']!r} leads out of {len(body):,} bytes")
    return np.frombuffer(body, kind, count, offset).reshape(shape)


def _broken(got: str) -> BrokenFile:
    return BrokenFile("The data cannot be read.", got=got, expected="a whole message of the dashboard's server")
