"""Runs in an object store: `s3://bucket/logs/run`, `gs://…`, whatever fsspec knows.

A small file is one object and putting it is one request, so no reader ever sees half of it. Large files never
change under their name: they are kept in a cache on this machine, and read and memory-mapped from there.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
import secrets
import shutil
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from embedding_lab.embeddings.copies import copies_folder, keep_within_bounds
from embedding_lab.embeddings.files import PARTIAL, Stamp, checked_name, discard, draft_beside, storage_errors
from embedding_lab.errors import DataMissing, InputError, LabError, MissingDependency, StorageError

FRESH_SECONDS = 2.0
"""A list of what lies in a run is good for so long; whoever publishes sees it at once."""

FOLDERS: dict[str, dict[str, bool]] = {"file": {"auto_mkdir": True}}
"""Where folders are not just parts of names, they are made."""

REFUSALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "InvalidAccessKeyId",
    "AccessDenied",
    "401",
    "403",
}

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)")


def remote_address(path: str | os.PathLike[str]) -> str | None:
    """The address in an object store that a path stands for; None for a path of this machine.

    A `Path` writes `s3://bucket/logs` as `s3:/bucket/logs`. Both are taken, so names can be joined as paths are.
    """
    match = _ADDRESS.fullmatch(os.fspath(path).replace(os.sep, "/"))
    return f"{match[1]}://{'/' if match[1] == 'file' else ''}{match[2]}" if match else None


def file_system(address: str) -> tuple[Any, str]:
    """The object store of an address, and the path in it.

    Raises:
        MissingDependency: fsspec or its part for this store is not installed.
        InputError: nobody knows such an address.
    """
    try:
        fsspec: Any = importlib.import_module("fsspec.core")
        # lists that others' writes do not reach would hide new runs; we keep our own for moments
        fs, path = fsspec.url_to_fs(address, use_listings_cache=False, **FOLDERS.get(address.split(":")[0], {}))
    except ImportError as error:
        raise MissingDependency(
            f"{address} lies in an object store, and what reads it is not installed.",
            got=str(error),
            remedy='pip install "embedding-lab[remote]"',
        ) from error
    except ValueError as error:
        raise InputError(
            f"{address} is no address of a store that is known.", got=str(error), expected="s3://… or gs://…"
        ) from error
    return fs, str(path)


class Listing:
    """What lies below an address, good for moments; shared by all who look there in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, Stamp] = {}
        self._listed = -FRESH_SECONDS

    def names(self, find: Callable[[], dict[str, Stamp]]) -> dict[str, Stamp]:
        """The files with their stamps, found anew where it is time to."""
        with self._lock:
            if time.monotonic() - self._listed > FRESH_SECONDS:
                self._names = find()
                self._listed = time.monotonic()
            return self._names

    def outdated(self) -> None:
        """Something was put there or taken away."""
        self._listed = -FRESH_SECONDS


_LISTINGS: weakref.WeakValueDictionary[str, Listing] = weakref.WeakValueDictionary()


class RemoteFiles:
    """The files below an address of an object store.

    Args:
        address: such as "s3://bucket/logs/run/plugins/embedding_lab".
    """

    def __init__(self, address: str) -> None:
        self.root = address.rstrip("/")
        self._fs, path = file_system(self.root)
        self._path = path.rstrip("/")
        self._copies = copies_folder() / hashlib.sha256(self.root.encode()).hexdigest()[:16]
        self._listing = _LISTINGS.setdefault(self.root, Listing())

    def address(self, name: str) -> str:
        return f"{self.root}/{checked_name(name, self.root)}"

    def read(self, name: str) -> bytes:
        with remote_errors(self.address(name)):
            return bytes(self._fs.cat_file(self._remote(name)))

    def names(self) -> Iterator[str]:
        """All files below the address, in order."""
        yield from sorted(self._names())

    def list(self, folder: str) -> list[str]:
        start = f"{folder}/" if folder else ""
        names = {each[len(start) :].partition("/")[0] for each in self._names() if each.startswith(start)}
        return sorted(each for each in names if each and not each.endswith(PARTIAL))

    def stamp(self, name: str) -> Stamp:
        names = self._names()
        if name in names:
            return names[name]
        inside = [stamp for each, stamp in names.items() if each.startswith(f"{name}/")]
        if not inside:
            raise DataMissing(f"There is no file {self.address(name)}.", remedy="Check the path.")
        tags = hashlib.sha256("\n".join(sorted(each.tag for each in inside)).encode()).hexdigest()
        return Stamp(max(each.when for each in inside), sum(each.size for each in inside), tags)

    def publish(self, name: str, data: bytes) -> None:
        with remote_errors(self.address(name)):
            self._fs.pipe_file(self._remote(name), data)
        self._listing.outdated()

    def append(self, name: str, data: bytes) -> None:
        """Objects cannot grow: the whole is put anew, and of two who do so at the same moment one is lost."""
        before = b""
        with contextlib.suppress(DataMissing):
            before = self.read(name)
        self.publish(name, before + data)

    def draft(self, name: str) -> Path:
        checked_name(name, self.root)
        target = self._copies / "drafts" / f"{secrets.token_hex(4)}-{name.rpartition('/')[2]}{PARTIAL}"
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def publish_draft(self, draft: Path, name: str) -> None:
        with remote_errors(self.address(name)):
            self._fs.put_file(str(draft), self._remote(name))
        self._listing.outdated()
        kept = self._copies / name
        with storage_errors(kept):
            kept.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(kept)
        keep_within_bounds(kept)

    def discard_draft(self, draft: Path) -> None:
        discard(draft)

    def local(self, name: str) -> Path:
        kept = self._copies / checked_name(name, self.root)
        with storage_errors(kept):
            if kept.exists():
                with contextlib.suppress(OSError):
                    os.utime(kept)  # what was used last stays longest
                return kept
            kept.parent.mkdir(parents=True, exist_ok=True)
        draft = draft_beside(kept)
        try:
            with remote_errors(self.address(name)):
                self._fs.get_file(self._remote(name), str(draft))
            with storage_errors(kept):
                draft.replace(kept)
        except DataMissing:
            return kept  # who opens it says what is missing
        finally:
            discard(draft)
        keep_within_bounds(kept)
        return kept

    def remove(self, name: str) -> None:
        address = self.address(name)
        with contextlib.suppress(LabError), remote_errors(address):
            self._fs.rm_file(self._remote(name))
        discard(self._copies / name)
        self._listing.outdated()

    def remove_folder(self, folder: str) -> None:
        address = self.address(folder)
        with contextlib.suppress(LabError), remote_errors(address):
            self._fs.rm(self._remote(folder), recursive=True)
        shutil.rmtree(self._copies / folder, ignore_errors=True)
        self._listing.outdated()

    def _remote(self, name: str) -> str:
        return f"{self._path}/{name}"

    def _names(self) -> dict[str, Stamp]:
        """Everything below the address, with one request for each thousand objects."""
        return self._listing.names(self._find)

    def _find(self) -> dict[str, Stamp]:
        with remote_errors(self.root):
            found = self._fs.find(self._path, detail=True)
        return {path.removeprefix(f"{self._path}/"): _stamp(about) for path, about in found.items()}


def folders_with(address: str, ending: str) -> list[str]:
    """The folders below an address that hold a file somewhere below `ending`, relative to the address, sorted.

    Raises:
        StorageError: the store cannot be asked.
    """
    fs, path = file_system(address)
    path = path.rstrip("/")
    with remote_errors(address):
        found = fs.find(path)
    inside = (each.removeprefix(path) for each in found)
    return sorted({each.partition(f"/{ending}/")[0].strip("/") or "." for each in inside if f"/{ending}/" in each})


def _stamp(about: dict[str, Any]) -> Stamp:
    """What a store says of an object; each has words of its own."""
    when = next((about[key] for key in ("LastModified", "updated", "mtime", "created") if about.get(key)), 0.0)
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    seconds = when.timestamp() if isinstance(when, datetime) else float(when)
    tag = next((about[key] for key in ("ETag", "etag", "md5Hash", "ino") if about.get(key)), seconds)
    return Stamp(int(seconds * 1e9), int(about.get("size") or 0), str(tag))


@contextlib.contextmanager
def remote_errors(address: str) -> Iterator[None]:
    """Turns what a store or the way to it says into an error that helps.

    Raises:
        DataMissing: there is no such object.
        StorageError: anything else.
    """
    try:
        yield
    except LabError:
        raise
    except FileNotFoundError as error:
        raise DataMissing(f"There is no file {address}.", remedy="Check the address.") from error
    except Exception as error:  # each store has exceptions of its own, which share no parent
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        if _refused(error):
            raise StorageError(
                f"The store of {address} refuses.",
                got=said,
                expected="credentials that are valid and may read and write there",
                remedy="Renew them (for S3: AWS_PROFILE, AWS_ACCESS_KEY_ID, `aws sso login`), then do it again.",
            ) from error
        raise StorageError(
            f"{address} cannot be reached.",
            got=said,
            remedy="Check the connection and the store's address (for S3: AWS_ENDPOINT_URL), then do it again. "
            "What was complete before is still there.",
        ) from error


def _refused(error: BaseException) -> bool:
    """Whether a store knows whom it speaks to, or should, and says no. What it says in words may hold any name."""
    if isinstance(error, PermissionError) or "credential" in type(error).__name__.lower():
        return True
    code = str(getattr(error, "response", {}).get("Error", {}).get("Code", "")) or str(getattr(error, "code", ""))
    caused = error.__cause__
    return code in REFUSALS or (caused is not None and _refused(caused))
