"""Mends what a check found: writes new files beside, keeps every file it changes, deletes nothing."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.checks.projector_files import (
    AssetKind,
    Entry,
    ProjectorFile,
    asset_path,
    parse_config,
    set_asset_path,
)
from embedding_lab.board.projector_config import FOLDER, raw_tensor, taking_turns
from embedding_lab.embeddings.files import publish_file, put_in_place, storage_errors

MENDED_FOLDER = "mended"


class Mender:
    """One round of mending. Everything it writes bears its generation.

    Attributes:
        generation: fifteen hexadecimal digits, later ones sort later.
        written: the files it wrote.
        kept: where it kept what files held before.
    """

    def __init__(self) -> None:
        self.generation = f"{time.time_ns() // 1_000_000:011x}{secrets.token_hex(2)}"
        self.written: list[Path] = []
        self.kept: dict[Path, Path] = {}

    def new_file(self, folder: Path, name: str, content: bytes) -> Path:
        """Publishes a new file in the folder for what was mended, and returns its path."""
        path = self._free(folder / MENDED_FOLDER / name)
        publish_file(path, content)
        self.written.append(path)
        return path

    def copy(self, source: Path, target: Path) -> Path:
        """Copies a file to a path where there is none yet."""
        target = target if not target.exists() else self._free(target)
        draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, draft)
        put_in_place(draft, target)
        self.written.append(target)
        return target

    def keep(self, path: Path) -> None:
        """Keeps what a file holds as <name>.<generation>.bak beside it, before it is changed the first time."""
        if path not in self.kept:
            backup = path.with_name(f"{path.name}.{self.generation}.bak")
            with storage_errors(path):
                publish_file(backup, path.read_bytes())
            self.kept[path] = backup

    def set_aside(self, path: Path) -> Path:
        """Renames a file to its .bak, so that TensorBoard no longer sees it."""
        backup = path.with_name(f"{path.name}.{self.generation}.bak")
        with storage_errors(path):
            path.replace(backup)
        self.kept[path] = backup
        return backup

    def change_config(self, file: ProjectorFile, change: Callable[[Any], bool]) -> bool:
        """Changes a list of tensors as it is now; `change` says whether it did anything."""
        from google.protobuf import text_format

        ours = (file.folder / FOLDER).is_dir()
        with taking_turns(file.folder) if ours else contextlib.nullcontext():
            config = parse_config(file.path)
            if not change(config):
                return False
            self.keep(file.path)
            publish_file(file.path, text_format.MessageToString(config, as_utf8=True).encode())
        return True

    def replace(self, entry: Entry, *new: Any) -> bool:
        """Puts other entries in an entry's place; False where it has changed meanwhile."""

        def change(config: Any) -> bool:
            before = list(config.embeddings)
            if entry.proto not in before:
                return False
            at = before.index(entry.proto)
            del config.embeddings[:]
            config.embeddings.extend([*before[:at], *new, *before[at + 1 :]])
            return True

        return self.change_config(entry.file, change)

    def set_asset(self, entry: Entry, kind: AssetKind, given: str) -> bool:
        """Gives an entry another path for a file, or none."""
        if asset_path(entry.proto, kind) == given:
            return False
        new = changed(entry)
        set_asset_path(new, kind, given)
        return self.replace(entry, new)

    def set_tensor(self, entry: Entry, values: NDArray[Any]) -> bool:
        """Gives an entry other vectors, written as raw float32."""
        new = changed(entry)
        self.put_tensor(entry, new, values)
        return self.replace(entry, new)

    def put_tensor(self, entry: Entry, proto: Any, values: NDArray[Any]) -> None:
        """Writes vectors beside the list and names them in a new entry."""
        plain = np.ascontiguousarray(values, np.float32)
        path = self.new_file(
            entry.file.folder, f"{file_stem(proto.tensor_name or entry.name)}.f32", raw_tensor(plain)
        )
        proto.tensor_path = relative(path, entry.file)
        del proto.tensor_shape[:]
        proto.tensor_shape.extend(plain.shape)

    def _free(self, path: Path) -> Path:
        stem, number = path.with_name(f"{path.stem}-{self.generation}{path.suffix}"), 2
        while stem.exists():
            stem = path.with_name(f"{path.stem}-{self.generation}-{number}{path.suffix}")
            number += 1
        return stem


def changed(entry: Entry) -> Any:
    """A copy of what the list says of an entry, to be changed."""
    new = type(entry.proto)()
    new.CopyFrom(entry.proto)
    return new


def relative(path: Path, file: ProjectorFile) -> str:
    """A path as the list gives it."""
    return path.relative_to(file.folder).as_posix()


def file_stem(name: str) -> str:
    """A tensor's name as the beginning of a file's."""
    kept = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name)
    return kept.strip("-.")[:60] or "tensor"
