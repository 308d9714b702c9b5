"""Reads, merges and publishes the list of tensors that the stock Projector finds in a run."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.files import discard, publish_file, storage_errors
from embedding_lab.embeddings.names import folder_name, step_folder
from embedding_lab.errors import BrokenFile

CONFIG_NAME = "projector_config.pbtxt"

FOLDER = "projector"
"""Where in a run the files lie that the list names."""

OUR_FILE = re.compile(r"[a-z-]+-[0-9a-f]{12,16}(-\d+)?\.(f32|tsv|png)")
"""The names of files that an export writes: what it is, a digest of its content, its ending."""

MAP_FILE = re.compile(r"projector/[^/]+/[^/]+/maps/[^/]+/points-[0-9a-f]{12}\.f32")
"""The paths of finished maps in a run, which the page is to draw and not to lay out."""

_IN_ADDRESSES = str.maketrans(
    {"&": "＆", "+": "＋", "#": "＃", "%": "％", ":": "："} | {chr(control): " " for control in range(32)}
)


@dataclass(frozen=True)
class Entry:
    """One tensor of the list. Paths are relative to the run, with forward slashes.

    Attributes:
        name: what the page shows, see `tensor_name`.
        shape: (rows, dims) of the tensor.
        tensor: path of the raw tensor.
        metadata: path of the table of samples.
        sheet: path of the thumbnails; empty where there are none.
        cell: the side of one thumbnail in pixels.
    """

    name: str
    shape: tuple[int, int]
    tensor: str
    metadata: str
    sheet: str = ""
    cell: int = 0


def tensor_name(text: str) -> str:
    """A name the page can ask for: it puts names into addresses as they are, so that `+` would become a space.

    Characters that mean something in an address give way to their full-width twins, which look alike.
    """
    return text.translate(_IN_ADDRESSES)


def raw_tensor(values: NDArray[np.float32]) -> bytes:
    """The bytes of a tensor, float32, little-endian, row by row.

    The server takes a file for text as long as it can be read as UTF-8, line by line, and then breaks:
    zeros are valid text. So the first byte is made one that no text begins with, which moves the
    first number by at most 128 units in its last place, 2 parts in 100,000.
    """
    numbers = np.array(values, dtype="<f4", order="C")
    octets = numbers.reshape(-1).view(np.uint8)
    octets[0] = _nearest_byte_no_text_begins_with(int(octets[0]))
    return numbers.tobytes()


def _nearest_byte_no_text_begins_with(byte: int) -> int:
    refused: tuple[int, ...] = (*range(0x80, 0xC2), *range(0xF5, 0x100))  # continuations, and what UTF-8 never uses
    return min(refused, key=lambda each: abs(each - byte))


def set_folder(layer: str, step: int | None) -> str:
    """Where the tensors of a layer at a step lie, relative to the run."""
    return f"{FOLDER}/{folder_name(layer)}/{step_folder(step)}"


def digest(content: bytes) -> str:
    """What tells content in the name of a file."""
    return hashlib.sha256(content).hexdigest()[:12]


def opens_as_run(name: str) -> bool:
    """Whether the page can ask for a run of this name; it does so without quoting."""
    return not set(name) & set("&+#%")


def add_to_config(run_path: Path, folders: Sequence[str], entries: Iterable[Entry]) -> Path:
    """Adds tensors to the run's list, in place of those in the given folders; all others stay.

    The list is published at one stroke, when everything it names is there. Files of ours that neither
    the new list names nor the one before, which a TensorBoard may still read by, are taken away.
    To be called while `taking_turns`.

    Args:
        run_path: the run's folder.
        folders: folders of tensors, relative to the run; what the list had from there goes.
        entries: the tensors.

    Returns:
        The path of the list.

    Raises:
        BrokenFile: there is a list, but it cannot be read.
        StorageError: the disk refuses.
    """
    from google.protobuf import text_format

    path = run_path / CONFIG_NAME
    config = _read_config(path)
    before = _named_files(config)
    new = {entry.name: entry for entry in entries}
    replaced = tuple(f"{folder}/" for folder in folders)
    kept = [
        each
        for each in config.embeddings
        if each.tensor_name not in new and not each.tensor_path.startswith(replaced)
    ]
    del config.embeddings[:]
    config.embeddings.extend(kept)
    for entry in new.values():
        _add(config, entry)
    publish_file(path, text_format.MessageToString(config, as_utf8=True).encode())
    named = before | _named_files(config)
    for folder in folders:
        _sweep(run_path, (run_path / folder).rglob("*-*.*"), named)
    _sweep(run_path, (run_path / FOLDER).glob("*-*.*"), named)
    return path


def listed_files(run_path: Path) -> set[str]:
    """The paths that a run's list names, relative to the run; none where there is no list.

    Raises:
        BrokenFile: there is one, but it cannot be read.
    """
    return _named_files(_read_config(run_path / CONFIG_NAME))


def listed_cell(run_path: Path, sheet: str) -> int:
    """The side of one thumbnail on a sheet that the run's list names already; 0 where it does not name it."""
    for each in _read_config(run_path / CONFIG_NAME).embeddings:
        if each.sprite.image_path == sheet:
            return int(each.sprite.single_image_dim[0])
    return 0


def _named_files(config: Any) -> set[str]:
    """The paths a list names, relative to the run."""
    return {
        path
        for each in config.embeddings
        for path in (each.tensor_path, each.metadata_path, each.sprite.image_path)
    }


def _sweep(run_path: Path, files: Iterable[Path], named: set[str]) -> None:
    for file in list(files):
        if OUR_FILE.fullmatch(file.name) and file.relative_to(run_path).as_posix() not in named:
            discard(file)


def _read_config(path: Path) -> Any:
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    config = ProjectorConfig()
    if path.exists():
        try:
            with storage_errors(path):
                text_format.Parse(path.read_text("utf-8"), config)
        except (text_format.ParseError, UnicodeDecodeError) as error:
            raise BrokenFile(
                f"{path} cannot be read.",
                got=str(error),
                expected="a list of tensors as TensorBoard's Projector wants it",
                remedy="Mend the file or move it away, then log again.",
            ) from error
    return config


def _add(config: Any, entry: Entry) -> None:
    embedding = config.embeddings.add()
    embedding.tensor_name = entry.name
    embedding.tensor_path = entry.tensor
    embedding.tensor_shape.extend(entry.shape)
    embedding.metadata_path = entry.metadata
    if entry.sheet:
        embedding.sprite.image_path = entry.sheet
        embedding.sprite.single_image_dim.extend([entry.cell, entry.cell])


@contextlib.contextmanager
def taking_turns(run_path: Path) -> Iterator[None]:
    """Waits until no other process exports into the run, so that neither loses what the other adds.

    The operating system ends the turn of a process that was killed.

    Raises:
        StorageError: the disk refuses.
    """
    path = run_path / FOLDER / "lock"
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        with storage_errors(path):
            _lock(file)
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        while True:
            with contextlib.suppress(OSError):  # it gives up after ten seconds
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                return

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)
