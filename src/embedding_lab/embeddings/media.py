"""Columns of sounds and pictures beside the vectors: whatever holds them, each is given as the bytes of a file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import wave
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedding_lab.embeddings.arrays import ArrowRows, as_array
from embedding_lab.embeddings.decoding import PICTURE_SUFFIXES, decoded
from embedding_lab.embeddings.files import storage_errors
from embedding_lab.embeddings.held_files import BYTES, IN_TEXT, file_of, values_of
from embedding_lab.embeddings.png import as_png
from embedding_lab.embeddings.torchcodec import opened_from
from embedding_lab.errors import BrokenFile, InputError

LOOKED_AT = 20
"""So many values of a column say what it holds; those that are missing say nothing."""

SEARCHED = 10_000
"""They are among the first so many."""

SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a")
"""Endings of files that are taken for sounds, where the files are there."""

HEADS: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/bmp": (b"BM",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
    "image/x-portable-anymap": tuple(b"P%d%c" % (kind, space) for kind in range(1, 7) for space in b" \t\r\n"),
    "audio/flac": (b"fLaC",),
    "audio/ogg": (b"OggS",),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
}
"""How files of a kind begin; nothing else is ever sent to a page as media."""

NOT_SHOWN = ("image/tiff", "image/x-portable-anymap")
"""Pictures that browsers do not show become PNG."""


def media_type(data: bytes) -> str | None:
    """What a file is by its first bytes, such as "audio/flac"; None where it is none that is known."""
    if data[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(bytes(data[8:12]))
    if data[4:8] == b"ftyp":
        return "audio/mp4"
    return next((kind for kind, heads in HEADS.items() if bytes(data[:8]).startswith(heads)), None)


class Media:
    """A column of sounds or pictures, each of which is read when it is asked for.

    Args:
        things: has a length, and for each row bytes of a file, a path, a mapping as of Hugging Face's datasets
            (bytes and path, or array and sampling_rate), what torchcodec opened, a picture of Pillow, or None.
        folder: what paths are relative to.
        kind: "audio" or "image".
        rows: those that are taken; all when left out.

    Attributes:
        things: what was handed in.
        kind: as it was told.
    """

    def __init__(self, things: Any, folder: Path | None, kind: str, rows: NDArray[np.intp] | None = None) -> None:
        self.things, self.kind, self._folder = things, kind, folder
        self._rows = np.arange(len(things)) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> Media:
        return Media(self.things, self._folder, self.kind, self._rows[rows])

    def __iter__(self) -> Iterator[bytes | None]:
        return map(self.file, range(len(self)))

    def file(self, row: int) -> bytes | None:
        """The bytes of a row's file; None where there is none, or nothing that is known.

        Raises:
            StorageError: the disk refuses. A file that is not there is None.
        """
        return _file(opened_from(self.things[int(self._rows[row])]), self._folder)

    def names(self) -> NDArray[np.object_]:
        """A text for each row: the name of its file, or what it is; None where there is none."""
        return np.array([self._name(opened_from(self.things[int(row)])) for row in self._rows], object)

    def fingerprint(self) -> bytes:
        """Of a few of the files, spread evenly."""
        digest = hashlib.sha256()
        for row in np.unique(np.linspace(0, len(self) - 1, LOOKED_AT).astype(int)):
            digest.update(self.file(int(row)) or b"-")
        return digest.digest()

    def _name(self, thing: Any) -> str | None:
        if thing is None:
            return None
        if isinstance(thing, Mapping) and thing.get("path"):
            thing = thing["path"]
        if isinstance(thing, str | Path) and not IN_TEXT.match(str(thing)):
            return Path(thing).name
        data = _file(thing, self._folder)
        return None if data is None else media_type(data)


def as_media(values: Any, folder: Path | None = None) -> Media | None:
    """A column as sounds or pictures; None where it holds anything else.

    Args:
        values: n values, also as a column of pandas, polars, Arrow or of Hugging Face's datasets.
        folder: what paths are relative to.
    """
    if isinstance(values, Media):
        return values
    things = values_of(values)
    if things is None or (isinstance(things, ArrowRows) and len(things) and not _may_hold_files(values, things)):
        return None
    present = (thing for row in range(min(len(things), SEARCHED)) if (thing := things[row]) is not None)
    some = [opened_from(thing) for thing in itertools.islice(present, LOOKED_AT)]
    if not all(_may_be_media(thing, folder) for thing in some):
        return None
    kinds = ((media_type(_file(thing, folder) or b"") or "").partition("/")[0] for thing in some)
    kind = next((each for each in kinds if each), None)
    return None if kind is None else Media(things, folder, kind)


def _may_hold_files(values: Any, rows: ArrowRows) -> bool:
    kind = getattr(values, "type", None)
    if kind is None:
        return isinstance(rows[0], Mapping | BYTES | str | None)
    return bool(
        pa.types.is_struct(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
    )


def _may_be_media(thing: Any, folder: Path | None) -> bool:
    if isinstance(thing, Mapping):
        return bool({"bytes", "path", "array"} & set(thing))
    if isinstance(thing, str | Path):
        path = file_of(thing, folder)
        if not isinstance(path, Path):
            return path is not None
        return path.suffix.lower() in {*SOUNDS, *PICTURE_SUFFIXES} and _is_file(path)
    return isinstance(thing, BYTES) or hasattr(thing, "getexif")


def _file(thing: Any, folder: Path | None) -> bytes | None:
    """The bytes of a file of a kind that browsers show or play; None of all else, and where there is none.

    Raises:
        InputError: samples of a sound without their rate.
        BrokenFile: a picture of Pillow without black and white.
        StorageError: the disk refuses.
    """
    data = _content(thing, folder)
    kind = None if data is None else media_type(data)
    if data is not None and kind in NOT_SHOWN:
        with contextlib.suppress(BrokenFile):
            return as_png(decoded(data))
        return None
    return None if kind is None else data


def _content(thing: Any, folder: Path | None) -> bytes | None:
    if isinstance(thing, Mapping) and thing.get("array") is not None:
        return _wave(np.asarray(as_array(thing["array"], "sound")), thing.get("sampling_rate"))
    found = file_of(thing, folder)
    if isinstance(found, Path):
        with storage_errors(found):
            return found.read_bytes() if found.is_file() else None
    if hasattr(found, "getexif"):
        return as_png(decoded(found))
    return bytes(found) if isinstance(found, BYTES) else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # of a text that is no path
        return False


def _wave(sound: NDArray[Any], rate: Any) -> bytes:
    """Samples from -1 to 1, or whole numbers, shape (n,) or (channels, n), as a WAV file of 16 bits."""
    if not rate:
        raise InputError("A sound does not say how many samples a second has.", expected='its "sampling_rate"')
    sound = np.atleast_2d(sound)
    if sound.dtype.kind in "iu":
        sound = sound / np.iinfo(sound.dtype).max
    samples = (np.clip(np.nan_to_num(sound), -1, 1) * 32767).astype("<i2").T
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(int(rate))
        writer.writeframes(samples.tobytes())
    return file.getvalue()
