"""Columns of sounds and pictures beside the vectors: whatever holds them, each is given as the bytes of a file."""

from __future__ import annotations

import hashlib
import io
import wave
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedding_lab.embeddings.arrays import HUGGING_FACE, ArrowRows, as_array
from embedding_lab.embeddings.files import storage_errors

BYTES = bytes | bytearray | memoryview
LOOKED_AT = 20
"""So many values of a column say what it holds."""

SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a")
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff")
"""Endings of files that are taken for what they say, where the files are there."""

HEADS: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/bmp": (b"BM",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
    "audio/flac": (b"fLaC",),
    "audio/ogg": (b"OggS",),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
}
"""How files of a kind begin; nothing else is ever sent to a page as media."""


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
            (bytes and path, or array and sampling_rate), a picture of Pillow, or None.
        folder: what paths are relative to.
        rows: those that are taken; all when left out.

    Attributes:
        things: what was handed in.
        kind: "audio" or "image", as the first of them says.
    """

    def __init__(self, things: Any, folder: Path | None = None, rows: NDArray[np.intp] | None = None) -> None:
        self.things, self._folder = things, folder
        self._rows = np.arange(len(things)) if rows is None else rows
        self.kind = next((kind for kind in map(self._kind, range(min(len(self), LOOKED_AT))) if kind), "")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> Media:
        return Media(self.things, self._folder, self._rows[rows])

    def __iter__(self) -> Iterator[bytes | None]:
        return map(self.file, range(len(self)))

    def file(self, row: int) -> bytes | None:
        """The bytes of a row's file; None where there is none, or nothing that is known.

        Raises:
            StorageError: the disk refuses. A file that is not there is None.
        """
        data = self._bytes(self.things[int(self._rows[row])])
        return data if data is not None and media_type(data) is not None else None

    def names(self) -> NDArray[np.object_]:
        """A text for each row: the name of its file, or what it is; None where there is none."""
        return np.array([self._name(self.things[int(row)]) for row in self._rows], object)

    def fingerprint(self) -> bytes:
        """Of a few of the files, spread evenly."""
        digest = hashlib.sha256()
        for row in np.unique(np.linspace(0, len(self) - 1, LOOKED_AT).astype(int)):
            digest.update(self.file(int(row)) or b"-")
        return digest.digest()

    def _kind(self, row: int) -> str:
        return (media_type(self.file(row) or b"") or "").partition("/")[0]

    def _bytes(self, thing: Any) -> bytes | None:
        if isinstance(thing, Mapping):
            if thing.get("array") is not None:
                return _wave(np.asarray(as_array(thing["array"], "sound")), int(thing["sampling_rate"]))
            thing = thing.get("bytes") or thing.get("path")
        if isinstance(thing, str | Path):
            path = self._path(thing)
            with storage_errors(path):
                return path.read_bytes() if path.is_file() else None
        if hasattr(thing, "getexif"):
            file = io.BytesIO()
            thing.save(file, "PNG")
            return file.getvalue()
        return bytes(thing) if isinstance(thing, BYTES) else None

    def _path(self, name: str | Path) -> Path:
        return Path(name) if self._folder is None else self._folder / name

    def _name(self, thing: Any) -> str | None:
        if thing is None:
            return None
        if isinstance(thing, Mapping) and thing.get("path"):
            thing = thing["path"]
        if isinstance(thing, str | Path):
            return Path(thing).name
        data = self._bytes(thing)
        return None if data is None else media_type(data)


def as_media(values: Any, folder: Path | None = None) -> Media | None:
    """A column as sounds or pictures; None where it holds anything else.

    Args:
        values: n values, also as a column of pandas, polars, Arrow or of Hugging Face's datasets.
        folder: what paths are relative to.
    """
    if isinstance(values, Media):
        return values
    things = _things(values)
    if things is None or not len(things):
        return None
    some = [things[row] for row in range(min(len(things), LOOKED_AT))]
    if not all(thing is None or _may_be_media(thing, folder) for thing in some):
        return None
    media = Media(things, folder)
    return media if media.kind else None


def _things(values: Any) -> Any:
    """The values where they may be files; None where their type says that they are not."""
    library = type(values).__module__.partition(".")[0]
    if library in ("pyarrow", HUGGING_FACE):
        rows = ArrowRows(values)
        return rows if not len(rows) or _may_hold_files(values, rows) else None
    dtype = getattr(values, "dtype", None)
    if dtype is not None and getattr(dtype, "kind", str(dtype)) not in (*"OUST", "String", "Binary", "Object"):
        return None  # an array, a tensor or a column of numbers
    if isinstance(values, Sequence | np.ndarray):
        return values
    return list(values) if hasattr(values, "__len__") else None


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
        path = Path(thing) if folder is None else folder / thing
        return path.suffix.lower() in (*SOUNDS, *PICTURES) and _is_file(path)
    return isinstance(thing, BYTES) or hasattr(thing, "getexif")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # of a text that is no path
        return False


def _wave(sound: NDArray[Any], rate: int) -> bytes:
    """Samples from -1 to 1, shape (n,) or (channels, n), as a WAV file of 16 bits."""
    sound = np.atleast_2d(sound)
    samples = (np.clip(np.nan_to_num(sound), -1, 1) * 32767).astype("<i2").T
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.tobytes())
    return file.getvalue()
