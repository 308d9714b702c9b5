"""Reads IDX, the format MNIST is published in, and trusts nothing a file claims before it is checked.

An IDX file is two zero bytes, one byte for the number type, one for the number of axes, the length of
every axis as four bytes, and then the numbers; everything is big-endian. Files may be gzipped, which
their first bytes tell, not their names.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile

NUMBER_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(np.int16),
    0x0C: np.dtype(np.int32),
    0x0D: np.dtype(np.float32),
    0x0E: np.dtype(np.float64),
}
"""The format's type codes."""

GZIP_MAGIC = b"\x1f\x8b"
DEFLATE_BEST_RATIO = 1032
"""No gzip stream unpacks to more than this many bytes for each of its own: a bound of the format."""
BLOCK_BYTES = 1 << 22
REPLACE = "Download the file again, or copy it again from where it is whole."


@dataclass(frozen=True)
class IdxHeader:
    """What an IDX file says it holds: the number type and the length of every axis."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """How many bytes of numbers must follow the header."""
        return math.prod(self.shape) * self.dtype.itemsize

    def to_bytes(self) -> bytes:
        """The header as it stands in a file."""
        code = next(code for code, dtype in NUMBER_TYPES.items() if dtype == self.dtype)
        return struct.pack(f">HBB{len(self.shape)}I", 0, code, len(self.shape), *self.shape)

    def __str__(self) -> str:
        return f"{self.dtype} of shape {self.shape}"


def read_idx(path: Path, check: Callable[[IdxHeader], None] | None = None) -> NDArray[Any]:
    """The numbers of an IDX file, gzipped or not, in the machine's byte order.

    Args:
        path: the file.
        check: called with the header before anything else is read; raises what it dislikes.

    Raises:
        BrokenFile: the file is not IDX, is cut off, goes on after its end, or is damaged in its packing.
        DataMissing: there is no such file.
        StorageError: the operating system refuses to read it.
    """
    with _unpacked(path) as (file, most_bytes):
        header = _read_header(file, path)
        if check is not None:
            check(header)
        return _as_array(_read_numbers(file, header, path, most_bytes), header, path)


def idx_header(array: NDArray[Any]) -> IdxHeader:
    """The header under which an array would be written."""
    return IdxHeader(array.dtype, array.shape)


def idx_blocks(array: NDArray[Any]) -> Iterator[bytes | memoryview]:
    """The bytes of the IDX file that would hold this array: to write one, or to take its checksum."""
    yield idx_header(array).to_bytes()
    yield np.ascontiguousarray(array, array.dtype.newbyteorder(">")).reshape(-1).view(np.uint8).data


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[tuple[io.BufferedIOBase, int]]:
    """The file's content to read, and the most bytes that it can possibly hold."""
    with storage_errors(path), path.open("rb") as packed:
        size_bytes = os.fstat(packed.fileno()).st_size
        magic = packed.read(len(GZIP_MAGIC))
        packed.seek(0)
        if magic != GZIP_MAGIC:
            yield packed, size_bytes
            return
        try:
            yield gzip.GzipFile(fileobj=packed), size_bytes * DEFLATE_BEST_RATIO
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BrokenFile(
                f"{path} is damaged: its gzip packing does not open.",
                got=str(error).rstrip("."),
                expected="a whole gzip file",
                remedy=REPLACE,
            ) from error


def _read_header(file: io.BufferedIOBase, path: Path) -> IdxHeader:
    start = file.read(4)
    code, axes = (start[2], start[3]) if len(start) == 4 else (0, 0)
    if start[:2] != b"\0\0" or code not in NUMBER_TYPES:
        raise BrokenFile(
            f"{path} is not an IDX file.",
            got=f"it begins with the bytes {start.hex(' ')}" if start else "it is empty",
            expected="00 00, a number type (08 for pictures and labels), and the number of axes",
            remedy="Put an IDX file there, gzipped or not.",
        )
    lengths = file.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise _cut_off(path, 4 + len(lengths), 4 + 4 * axes)
    return IdxHeader(NUMBER_TYPES[code], struct.unpack(f">{axes}I", lengths))


def _read_numbers(file: io.BufferedIOBase, header: IdxHeader, path: Path, most_bytes: int) -> bytearray:
    """Reads block by block, so that memory grows with what is there, never with what is claimed."""
    numbers = bytearray()
    if header.size_bytes > most_bytes:
        raise BrokenFile(
            f"{path} promises more than it can hold.",
            got=f"a file that can hold at most {most_bytes:,} bytes",
            expected=f"{header.size_bytes:,} bytes for {header}, as its header says",
            remedy=REPLACE,
        )
    while block := file.read(min(BLOCK_BYTES, header.size_bytes - len(numbers))):
        numbers += block
    if len(numbers) < header.size_bytes:
        raise _cut_off(path, len(numbers), header.size_bytes)
    if file.read(1):  # reading to the end is also what makes gzip check its own checksum
        raise BrokenFile(
            f"{path} goes on after its end.",
            got=f"more than {header.size_bytes:,} bytes of numbers",
            expected=f"exactly these for {header}, as its header says",
            remedy=REPLACE,
        )
    return numbers


def _as_array(numbers: bytearray, header: IdxHeader, path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.ndarray(header.shape, header.dtype.newbyteorder(">"), buffer=numbers)
    except ValueError as error:  # too many axes, or absurd lengths beside one of nought
        raise BrokenFile(
            f"{path} claims a shape that no array can have.", got=str(header.shape), remedy=REPLACE
        ) from error
    return array.astype(header.dtype, copy=False)


def _cut_off(path: Path, got_bytes: int, expected_bytes: int) -> BrokenFile:
    return BrokenFile(
        f"{path} is cut off.",
        got=f"{got_bytes:,} bytes",
        expected=f"{expected_bytes:,} bytes, as its header says",
        remedy=REPLACE,
    )
