"""Mends what a check found: writes new files beside, keeps every file it changes, deletes nothing."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from embedding_lab.board.checks.projector_files import Entry, ProjectorFile, parse_config
from embedding_lab.board.projector_config import FOLDER, taking_turns
from embedding_lab.embeddings.files import draft_beside, publish_file, put_in_place, storage_errors

MENDED_FOLDER = "mended"


class ChangedMeanwhile(Exception):
    """What was found is no longer as it was; the next look judges it anew."""


class Mender:
    """One call of the doctor to mend. Everything it writes bears its generation.

    Attributes:
        generation: fifteen hexadecimal digits, later ones sort later.
        kept: where it kept what files held before.
    """

    def __init__(self) -> None:
        self.generation = f"{time.time_ns() // 1_000_000:011x}{secrets.token_hex(2)}"
        self.kept: dict[Path, Path] = {}

    def put(self, entry: Entry, name: str, content: bytes) -> str:
        """Publishes a new file for an entry and returns its path as the list gives it."""
        path = self._free(entry.file.folder / MENDED_FOLDER / _plain(name))
        publish_file(path, content)
        return _relative(path, entry)

    def copy_inside(self, entry: Entry, source: Path) -> str:
        """Copies a file below the folder of an entry's list and returns its path as the list gives it."""
        return _relative(self.copy(source, entry.file.folder / MENDED_FOLDER / source.name), entry)

    def copy(self, source: Path, target: Path) -> Path:
        """Copies a file to a path, or near it where there is a file already; returns where."""
        free = self._free(target) if target.exists() else target
        draft = draft_beside(free)
        with storage_errors(free):
            free.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, draft)
        put_in_place(draft, free)
        return free

    def set_aside(self, path: Path) -> Path:
        """Renames a file to its .bak, so that TensorBoard no longer sees it."""
        with storage_errors(path):
            path.replace(self._backup(path))
        self.kept[path] = self._backup(path)
        return self.kept[path]

    def keep(self, path: Path) -> None:
        """Keeps a file that is about to be changed, where there is one, as it was before the first change."""
        if path.exists() and path not in self.kept:
            publish_file(self._backup(path), path.read_bytes())
            self.kept[path] = self._backup(path)

    def change_list(self, file: ProjectorFile, change: Callable[[Any], None]) -> None:
        """Changes a list of tensors as it is now, keeping it as .bak before the first change.

        Raises:
            ChangedMeanwhile: `change` says so.
        """
        from google.protobuf import text_format

        ours = (file.folder / FOLDER).is_dir()
        with taking_turns(file.folder) if ours else contextlib.nullcontext():
            config = parse_config(file.path)
            change(config)
            self.keep(file.path)
            publish_file(file.path, text_format.MessageToString(config, as_utf8=True).encode())

    def check(self, entry: Entry) -> None:
        """Raises ChangedMeanwhile where an entry is no longer in its list as it was found."""
        if entry.proto not in parse_config(entry.file.path).embeddings:
            raise ChangedMeanwhile

    def replace(self, entry: Entry, new: Sequence[Any]) -> None:
        """Puts other entries, or none, in an entry's place."""

        def change(config: Any) -> None:
            before = list(config.embeddings)
            if entry.proto not in before:
                raise ChangedMeanwhile
            at = before.index(entry.proto)
            del config.embeddings[:]
            config.embeddings.extend([*before[:at], *new, *before[at + 1 :]])

        self.change_list(entry.file, change)

    def _backup(self, path: Path) -> Path:
        return path.with_name(f"{path.name}.{self.generation}.bak")

    def _free(self, path: Path) -> Path:
        free, number = path.with_name(f"{path.stem}-{self.generation}{path.suffix}"), 2
        while free.exists():
            free = path.with_name(f"{path.stem}-{self.generation}-{number}{path.suffix}")
            number += 1
        return free


def _relative(path: Path, entry: Entry) -> str:
    return path.relative_to(entry.file.folder).as_posix()


def _plain(name: str) -> str:
    """A file's name free of what a path may not hold, its ending kept."""
    stem, dot, ending = name.rpartition(".")
    kept = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in stem).strip("-.")
    return f"{kept[-60:] or 'tensor'}{dot}{ending}"
