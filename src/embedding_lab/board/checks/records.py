"""Reads event files record by record, as TensorBoard does, and without loading TensorFlow.

A record is its length (8 bytes, little-endian), a checksum of the length (4), the payload, and a checksum of
the payload (4). A file that ends inside a record is nothing unusual: its writer is at work or was killed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

CHECKED_BYTES = 1 << 20
"""So much payload per file is compared with its checksum, which costs a second per MiB in plain Python."""

_HEADER = struct.Struct("<QI")
_FOOTER = 4


@dataclass(frozen=True)
class Damage:
    """Where a file stops being what its records promise.

    Attributes:
        offset: the position of the record's first byte.
        what: what is wrong with it.
        torn: the file only ends too early.
    """

    offset: int
    what: str
    torn: bool = False


def read_events(path: Path) -> Iterator[Any]:
    """The events of a file one by one; at the end, where there is damage, what and where.

    Yields:
        `Event` protos. A damaged record ends the reading with a `Damage`, as it ends TensorBoard's. A payload that
        is an event but does not fit its checksum is told by a `Damage` too, and the reading goes on.
    """
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    size = path.stat().st_size
    unchecked = 0
    offset = 0
    with path.open("rb") as file:
        while offset < size:
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                yield Damage(offset, "the file ends inside a record", torn=True)
                return
            length, checksum = _HEADER.unpack(header)
            if _checksum_of_length(length) != checksum:
                yield Damage(offset, "the length of a record does not fit its checksum")
                return
            if offset + _HEADER.size + length + _FOOTER > size:
                yield Damage(offset, "the file ends inside a record", torn=True)
                return
            payload = file.read(length)
            (checksum,) = struct.unpack("<I", file.read(_FOOTER))
            unchecked += length
            if unchecked <= CHECKED_BYTES and _masked_crc(payload) != checksum:
                yield Damage(offset, "the content of a record does not fit its checksum")
            try:
                yield Event.FromString(payload)
            except DecodeError:
                yield Damage(offset, "a record is no event")
                return
            offset += _HEADER.size + length + _FOOTER


def begins_like_records(path: Path) -> bool:
    """Whether a file begins with the header of a record, whatever its name."""
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    length, checksum = _HEADER.unpack(header)
    return bool(length > 0 and _checksum_of_length(length) == checksum)


@lru_cache(maxsize=4096)
def _checksum_of_length(length: int) -> int:
    return _masked_crc(struct.pack("<Q", length))


def _masked_crc(data: bytes) -> int:
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    return int(masked_crc32c(data))
