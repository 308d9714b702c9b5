"""Unpacks files that were packed alone, such as `vectors.csv.gz`, while they are read."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile, LabError

PACKED: Mapping[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda path: pa.input_stream(str(path), compression="zstd"),
}
"""The endings of such files and what opens them."""


def bare_stem(path: Path) -> str:
    """The name of a file without its endings: "vectors" of "vectors.csv.gz"."""
    return Path(path.stem).stem if path.suffix.lower() in PACKED else path.stem


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A path whose ending says what the file is; what was packed lies in a temporary folder until the block ends.

    Errors in the block that tell of it get the path of the packed file.

    Raises:
        BrokenFile: it is not packed, or not whole.
        StorageError: the disk for temporary files refuses.
    """
    if path.suffix.lower() not in PACKED:
        yield path
        return
    with contextlib.ExitStack() as until_read:
        with storage_errors(Path(tempfile.gettempdir())):
            folder = until_read.enter_context(tempfile.TemporaryDirectory(prefix="embedding-lab-"))
            plain = Path(folder) / path.stem
            _unpack(path, plain)
        try:
            yield plain
        except LabError as error:
            said = (error.happened, error.got, error.expected, error.remedy)
            happened, got, expected, remedy = (each.replace(str(plain), str(path)) for each in said)
            raise type(error)(happened, got=got, expected=expected, remedy=remedy) from error


def _unpack(path: Path, plain: Path) -> None:
    try:
        with PACKED[path.suffix.lower()](path) as packed, plain.open("wb") as file:
            shutil.copyfileobj(packed, file, 1 << 20)
    except (EOFError, zlib.error, lzma.LZMAError, pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise BrokenFile(
            f"{path} cannot be unpacked.", got=str(error).rstrip("."), expected=f"a whole {path.suffix} file"
        ) from error
