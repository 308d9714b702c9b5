"""Writes pictures as PNG files: sheets and pages of thumbnails, on which logging spends much of its time."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

RUNS = 0.5
"""Where more pixels than this part are like the one before, filters would only cost time."""

PIECE_BYTES = 65_274
"""So much zlib takes before it moves its window and its tables along, which is a sixth of its work."""

MEMORY_LEVEL = 9
"""How much memory zlib may take, at its highest: a piece becomes one block then, with one set of tables."""

LAST_BLOCK = b"\x03\x00"
"""With which a stream ends (RFC 1951, 3.2.6): it holds nothing."""

COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
"""How PNG calls grey, RGB and RGBA."""


def as_png(picture: Any) -> bytes:
    """A picture as a PNG file.

    Only runs are compressed: PNG's filters leave little else of thumbnails, so that the files are as small as at
    Pillow's level 4 in half the time, and drawings and digits are runs without any filter.

    Args:
        picture: uint8 of shape (height, width) or (height, width, 3 or 4), or a picture of Pillow.
    """
    from PIL import Image

    if not isinstance(picture, Image.Image):
        if _mostly_runs(picture):
            return _unfiltered(picture)
        picture = Image.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return file.getvalue()


def _mostly_runs(pixels: NDArray[np.uint8]) -> bool:
    some = pixels[:: max(1, len(pixels) // 256)]
    alike = some[:, 1:] == some[:, :-1]
    return bool(np.count_nonzero(alike) > RUNS * alike.size)


def _unfiltered(pixels: NDArray[np.uint8]) -> bytes:
    """The lines as they are (PNG specification, third edition, 7.3 and 9)."""
    height, width = pixels.shape[:2]
    values = pixels.reshape(height, -1)
    colours = COLOUR_TYPES[values.shape[1] // width]
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)),
            _chunk(b"IDAT", b"".join(_packed(values))),
            _chunk(b"IEND", b""),
        ]
    )


def _packed(values: NDArray[np.uint8]) -> Iterator[bytes]:
    """Lines behind the number of no filter, as a zlib stream (RFC 1950) of pieces compressed one by one."""
    count = max(1, PIECE_BYTES // (1 + values.shape[1]))
    lines = np.zeros((count, 1 + values.shape[1]), np.uint8)
    checksum = zlib.adler32(b"")
    before = packed = b""
    yield b"\x78\x01"
    for start in range(0, len(values), count):
        lines[: len(values) - start, 1:] = values[start : start + count]
        piece = lines[: len(values) - start].tobytes()
        checksum = zlib.adler32(piece, checksum)
        if piece != before:  # as where nothing more is on a sheet
            packing = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, MEMORY_LEVEL, zlib.Z_RLE)
            before, packed = piece, packing.compress(piece) + packing.flush(zlib.Z_SYNC_FLUSH)
        yield packed
    yield LAST_BLOCK + struct.pack(">I", checksum)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
