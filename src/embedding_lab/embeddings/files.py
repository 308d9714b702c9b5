"""The one door to where runs lie: read, list, and publish so that no reader ever sees half a file.

`Files` is the seam; `LocalFiles` is a folder on this machine, and `RemoteFiles` (remote_files.py) a part of an
object store.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, Protocol

from embedding_lab.errors import BrokenFile, DataMissing, LabError, StorageError

PARTIAL = ".partial"
"""The ending of a file that is still being written; readers never look at it."""

STALE_SECONDS = 24 * 3600
"""After this long a partial file belongs to a writer that was killed, and may be swept."""


class Stamp(NamedTuple):
    """What changes when a file, or anything in a folder, is put in place.

    Attributes:
        when: nanoseconds since 1970.
        size: bytes; of a folder, whatever tells its changes.
        tag: what else tells one content from another.
    """

    when: int
    size: int
    tag: str


class Files(Protocol):
    """Named bytes below one root. Names are relative, with forward slashes."""

    def address(self, name: str) -> str:
        """Where a file lies, for a person to read. Raises BrokenFile where the name leads out of the root."""
        ...

    def read(self, name: str) -> bytes:
        """The whole content of a small file. Raises DataMissing where there is none."""
        ...

    def list(self, folder: str) -> list[str]:
        """The names of what lies directly in a folder, sorted; empty where there is no such folder."""
        ...

    def stamp(self, name: str) -> Stamp:
        """When and how a file or folder last changed. Raises DataMissing where there is none."""
        ...

    def publish(self, name: str, data: bytes) -> None:
        """Puts a small file in place at one stroke, replacing an older one."""
        ...

    def append(self, name: str, data: bytes) -> None:
        """Adds to the end of a small file, at one stroke."""
        ...

    def draft(self, name: str) -> Path:
        """A fresh local path to write a large file to, before `publish_draft` puts it in place."""
        ...

    def publish_draft(self, draft: Path, name: str) -> None:
        """Puts a finished draft in place at one stroke."""
        ...

    def discard_draft(self, draft: Path) -> None:
        """Takes an unfinished draft away, with the folders that were made for it and hold nothing else."""
        ...

    def local(self, name: str) -> Path:
        """A local path from which a large file can be read or memory-mapped."""
        ...

    def remove(self, name: str) -> None:
        """Takes a file away, with the folders that were made for it; what is gone or in use is left alone."""
        ...

    def remove_folder(self, folder: str) -> None:
        """Takes a folder away with all files in it; what a reader has open is left alone."""
        ...


class LocalFiles:
    """The files below a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._made: list[Path] = []  # folders, inner ones before those around them

    def address(self, name: str) -> str:
        return str(self.local(name))

    def read(self, name: str) -> bytes:
        path = self.local(name)
        with storage_errors(path):
            return path.read_bytes()

    def list(self, folder: str) -> list[str]:
        path = self.local(folder)
        with storage_errors(path):
            try:
                return sorted(entry.name for entry in os.scandir(path) if not entry.name.endswith(PARTIAL))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def stamp(self, name: str) -> Stamp:
        path = self.local(name)
        with storage_errors(path):
            about = path.stat()
        return Stamp(about.st_mtime_ns, about.st_size, str(about.st_ino))

    def publish(self, name: str, data: bytes) -> None:
        path = self.local(name)
        publish_file(path, data)
        self._made = [folder for folder in self._made if folder not in path.parents]  # they hold something now

    def append(self, name: str, data: bytes) -> None:
        path = self.local(name)
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab", buffering=0) as file:  # one write: writers side by side never mix
                file.write(data)
                os.fsync(file.fileno())

    def draft(self, name: str) -> Path:
        target = self.local(name)
        with storage_errors(target):
            self._made = [*takewhile(lambda folder: not folder.exists(), target.parents), *self._made]
            target.parent.mkdir(parents=True, exist_ok=True)
            _sweep_stale(target.parent)
        return draft_beside(target)

    def publish_draft(self, draft: Path, name: str) -> None:
        put_in_place(draft, self.local(name))

    def discard_draft(self, draft: Path) -> None:
        discard(draft)
        self._leave_no_empty_folder()

    def local(self, name: str) -> Path:
        return self.root / checked_name(name, self.root)

    def remove(self, name: str) -> None:
        discard(self.local(name))
        self._leave_no_empty_folder()

    def remove_folder(self, folder: str) -> None:
        path = self.local(folder)
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):  # the folder around it holds others
            path.parent.rmdir()

    def _leave_no_empty_folder(self) -> None:
        for folder in self._made:
            with contextlib.suppress(OSError):  # of a folder that holds something
                folder.rmdir()


def checked_name(name: str, root: object) -> str:
    """A name as it is, unless it leads out of the root: names come out of manifests too, and those may be hostile.

    Raises:
        BrokenFile: it does.
    """
    if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
        raise BrokenFile(f"{name!r} leads out of {root}.", expected="a name inside the run")
    return name


def draft_beside(target: Path) -> Path:
    """A fresh path beside the target, on the same disk, to write to before `put_in_place`."""
    return target.with_name(f"{target.name}.{secrets.token_hex(4)}{PARTIAL}")


def publish_file(path: Path, data: bytes) -> None:
    """Writes a file aside, syncs it and renames it into place, so that it is there whole or not at all.

    Raises:
        StorageError: the disk is full, read-only, or refuses; nothing is left behind.
    """
    draft = draft_beside(path)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_stale(path.parent)
        try:
            draft.write_bytes(data)
            put_in_place(draft, path)
        except BaseException:
            discard(draft)
            raise


def discard(draft: Path) -> None:
    """Takes an unfinished draft away, as far as the disk lets us: the error that led here matters more."""
    with contextlib.suppress(OSError):
        draft.unlink()


def put_in_place(draft: Path, target: Path) -> None:
    """Syncs a finished draft to disk and renames it to its name.

    Raises:
        StorageError: the disk is full, read-only, or refuses.
    """
    with storage_errors(target):
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        _replace(draft, target)
        _sync_folder(target.parent)


def _replace(draft: Path, target: Path) -> None:
    """Windows refuses while somebody has the target open; readers of small files close them within moments."""
    for pause in (0.01, 0.1, 1.0) if sys.platform == "win32" else ():
        with contextlib.suppress(PermissionError):
            draft.replace(target)
            return
        time.sleep(pause)
    draft.replace(target)


@contextlib.contextmanager
def storage_errors(path: Path | str) -> Iterator[None]:
    """Turns what the operating system says about a path into an error that helps.

    Raises:
        DataMissing: there is no such file.
        StorageError: any other refusal of the operating system.
    """
    try:
        yield
    except LabError:
        raise
    except FileNotFoundError as error:
        raise DataMissing(f"There is no file {path}.", remedy="Check the path.") from error
    except OSError as error:
        raise _explained(error, path) from error


def _explained(error: OSError, path: Path | str) -> StorageError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"The disk is full: {path} could not be written.",
            remedy="Free some space or choose another folder. What was complete before is still there.",
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StorageError(
            f"{path} cannot be opened or written.",
            got=reason,
            expected="a folder that this user may read and write",
            remedy="Choose another folder or change its permissions.",
        )
    return StorageError(f"Reading or writing {path} failed.", got=reason)


def _sync_folder(folder: Path) -> None:
    """A rename outlives a power cut only when its folder is synced too; not every system can open one."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _sweep_stale(folder: Path) -> None:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for leftover in [each for each in entries if each.name.endswith(PARTIAL)]:
            with contextlib.suppress(OSError):
                if time.time() - leftover.stat().st_mtime > STALE_SECONDS:
                    Path(leftover).unlink()
