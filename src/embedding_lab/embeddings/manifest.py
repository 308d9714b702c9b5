"""How a thing that consists of several files is published at one stroke: data first, manifest last.

Data files carry a generation in their names and are never overwritten. The manifest lists the files of
the current generation; putting it in place is the moment at which readers see the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from embedding_lab.embeddings.files import STALE_SECONDS, Files, storage_errors
from embedding_lab.errors import BrokenFile, DataMissing, StorageError, UnknownVersion

FORMAT = "embedding-lab"
MAJOR, MINOR = 1, 1
"""Readers refuse a higher major version and read any minor one, ignoring keys they do not know."""


_DATA_FILE = re.compile(r"(?P<stem>.+)-(?P<time>[0-9a-f]{11})[0-9a-f]{4}\.\w+")

Facts = Mapping[str, type | tuple[type, ...]]
"""What a manifest must say besides its files, and of which type."""


class DataFile(io.RawIOBase):
    """A data file written as a stream; its checksum is summed up on the way, so that nobody reads it again."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._checksum = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._checksum.update(data)
        with storage_errors(self._path):
            return self._file.write(data)

    def close(self) -> None:
        super().close()
        with storage_errors(self._path):
            self._file.close()

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hexadecimal digits."""
        return self._checksum.hexdigest()


class Draft:
    """One generation of one thing while it is written; a context manager that discards what was not published.

    Args:
        files: where the thing lies.
        folder: the folder of the manifest and its data files.
        name: the manifest's name without `.json`; data files begin with it or with a stem of their own.
        kind: what the thing is, such as "embeddings"; a reader that expects another kind refuses.
        before: done when the thing is published, before anything of it is seen: it puts in place what readers need
            besides. A thing that is refused while it is written leaves nothing of that behind either.
        generation: as `new_generation` gives it, where others have begun to write it; a new one when left out.
    """

    def __init__(
        self,
        files: Files,
        folder: str,
        name: str,
        kind: str,
        *,
        before: Callable[[], object] = lambda: None,
        generation: str | None = None,
    ) -> None:
        self.files = files
        self.folder = folder
        self.kind = kind
        self._before = before
        self.generation = generation or new_generation()
        self._manifest = f"{folder}/{name}.json"
        self._drafts: dict[str, Path] = {}
        self._streams: dict[str, DataFile] = {}
        self._stems: set[str] = set()
        self._in_place: list[dict[str, Any]] = []

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in self._streams.values():
            with contextlib.suppress(StorageError):
                stream.close()
        for draft in self._drafts.values():
            self.files.discard_draft(draft)
        for file in self._in_place:  # which no manifest names
            self.files.remove(f"{self.folder}/{file['name']}")
        if error is not None:
            with storage_errors(self.files.address(self.folder)):
                raise error

    def new_file(self, stem: str, ending: str) -> Path:
        """A path to write the data file `<stem>-<generation><ending>` to."""
        return self._drafts[self._new_name(stem, ending)]

    def stream(self, stem: str, ending: str) -> DataFile:
        """The same, opened to be written as a stream; it is closed with the draft."""
        name = self._new_name(stem, ending)
        path = self._drafts[name]
        with storage_errors(path):
            self._streams[name] = DataFile(path.open("wb"), path)
        return self._streams[name]

    def _new_name(self, stem: str, ending: str) -> str:
        name = f"{stem}-{self.generation}{ending}"
        self._stems.add(stem)
        self._drafts[name] = self.files.draft(f"{self.folder}/{name}")
        return name

    def place(self) -> None:
        """Puts the data files in place, on disk as a whole: no reader sees them before the manifest names them.

        Raises:
            StorageError: the disk is full, read-only, or refuses.
        """
        for stream in self._streams.values():
            stream.close()
        for name, draft in list(self._drafts.items()):
            self._in_place.append({"name": name, "bytes": draft.stat().st_size, "sha256": self._checksum(name)})
            self.files.publish_draft(draft, f"{self.folder}/{name}")
            del self._drafts[name]

    def publish(self, facts: Mapping[str, Any], lying: Iterable[Mapping[str, Any]] = ()) -> None:
        """Puts the data files in place, then the manifest; then takes away the generation before the last.

        The last generation stays, for readers that have just read its manifest.

        Args:
            facts: what the manifest says besides its files, as JSON can hold it.
            lying: the files of this generation that others have put in place, as `put_file` gives them.

        Raises:
            StorageError: the disk is full, read-only, or refuses; readers still see the last generation.
        """
        self.place()
        self._before()
        listed = [*map(dict, lying), *self._in_place]
        last = self._last()
        of_this = {file["name"] for file in listed}
        before = [file["name"] for file in last.get("files", []) if file["name"] not in of_this]
        manifest = {
            "format": FORMAT,
            "version": f"{MAJOR}.{MINOR}",
            "kind": self.kind,
            "generation": self.generation,
            "written": time.time(),
            **facts,
            "files": listed,
            "previous": before,
        }
        text = json.dumps(manifest, indent=1, ensure_ascii=False, default=_plain)
        self._put_manifest(f"{text}\n".encode())
        named = of_this | set(before)
        for name in {*last.get("previous", []), *self._abandoned(named)} - named:
            self.files.remove(f"{self.folder}/{name}")

    def _put_manifest(self, text: bytes) -> None:
        """From here on readers may see it, whatever interrupts us: its files stay, unless it was surely refused."""
        in_place, self._in_place = self._in_place, []
        try:
            self.files.publish(self._manifest, text)
        except StorageError:
            if self._last().get("generation") != self.generation:
                self._in_place = in_place
            raise

    def _checksum(self, name: str) -> str:
        return self._streams[name].sha256 if name in self._streams else _sha256(self._drafts[name])

    def _abandoned(self, named: set[str]) -> Iterator[str]:
        """Whole data files that no manifest names: a writer was killed just before it published, days ago."""
        oldest = (time.time() - STALE_SECONDS) * 1000
        for name in self.files.list(self.folder):
            match = _DATA_FILE.fullmatch(name)
            if match and match["stem"] in self._stems and name not in named and int(match["time"], 16) < oldest:
                yield name

    def _last(self) -> dict[str, Any]:
        try:
            return read_manifest(self.files, self._manifest, self.kind)
        except (DataMissing, BrokenFile):
            return {}


def new_generation() -> str:
    """The name of a new generation: later ones sort later."""
    return f"{time.time_ns() // 1_000_000:011x}{secrets.token_hex(2)}"


def put_file(
    files: Files, folder: str, stem: str, generation: str, ending: str, write: Callable[[DataFile], object]
) -> dict[str, Any]:
    """Puts one data file of a generation in place, for a manifest that comes later, perhaps from elsewhere.

    Args:
        files: where the thing lies.
        folder: the folder of its manifest.
        stem: what the file's name begins with.
        generation: as `new_generation` gives it.
        ending: of the file's name.
        write: writes the content.

    Returns:
        What the manifest is to list: name, bytes, sha256.

    Raises:
        StorageError: the disk is full, read-only, or refuses.
    """
    name = f"{stem}-{generation}{ending}"
    draft = files.draft(f"{folder}/{name}")
    try:
        with storage_errors(draft):
            stream = DataFile(draft.open("wb"), draft)
        with stream:
            write(stream)
        entry = {"name": name, "bytes": draft.stat().st_size, "sha256": stream.sha256}
        files.publish_draft(draft, f"{folder}/{name}")
    except BaseException:
        files.discard_draft(draft)
        raise
    return entry


def read_manifest(files: Files, name: str, kind: str, facts: Facts | None = None) -> dict[str, Any]:
    """Reads and checks a manifest.

    Args:
        files: where it lies.
        name: its whole name, such as "layers/dense/5/embeddings.json".
        kind: what it must describe.
        facts: what it must say besides its files, and of which type.

    Raises:
        DataMissing: there is none.
        BrokenFile: it is not a manifest of this kind.
        UnknownVersion: it was written by a newer major version.
    """
    try:
        manifest = json.loads(files.read(name))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _broken(files, name, "no JSON") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _broken(files, name, "JSON that is no manifest of ours")
    major = str(manifest.get("version", "")).partition(".")[0]
    if not major.isdecimal():
        raise _broken(files, name, f"version {manifest.get('version')!r}")
    if int(major) > MAJOR:
        raise UnknownVersion(
            f"{files.address(name)} was written by a newer Embedding Lab.",
            got=f"format version {manifest['version']}",
            expected=f"version {MAJOR}",
            remedy="Update with: pip install --upgrade embedding-lab",
        )
    if manifest.get("kind") != kind:
        raise _broken(files, name, f"kind {manifest.get('kind')!r}", f"kind {kind!r}")
    listed = manifest.get("files")
    if not isinstance(listed, list) or not all(_is_plain(file) for file in listed):
        raise _broken(files, name, "a list of files that cannot be trusted")
    for fact, kinds in (facts or {}).items():
        if not isinstance(manifest.get(fact), kinds):
            raise _broken(files, name, f"{fact} = {manifest.get(fact)!r:.80}")
    return manifest


def read_manifest_of(files: Files, name: str, kind: str, facts: Facts, vectors: str) -> dict[str, Any] | None:
    """The manifest of what was found out about vectors; None where there is none, or that of other vectors.

    Args:
        files: where it lies.
        name: its whole name.
        kind: what it must describe.
        facts: what it must say besides its files, "vectors" among them.
        vectors: the generation of the vectors it must be of.

    Raises:
        BrokenFile, UnknownVersion: as `read_manifest`.
    """
    try:
        manifest = read_manifest(files, name, kind, facts)
    except DataMissing:
        return None
    return manifest if manifest["vectors"] == vectors else None


def data_path(files: Files, manifest_name: str, file: Mapping[str, Any]) -> Path:
    """The local path of a data file that a manifest lists, after comparing its size.

    Raises:
        BrokenFile: the file is missing or has another size than the manifest says.
    """
    path = files.local(f"{manifest_name.rpartition('/')[0]}/{file['name']}")
    try:
        with storage_errors(path):
            size = path.stat().st_size
    except DataMissing as error:
        raise BrokenFile(
            f"{path} is missing, though {manifest_name} lists it.",
            remedy="Copy the run again as a whole, or write this part again.",
        ) from error
    if size != file["bytes"]:
        raise BrokenFile(
            f"{path} is not what {manifest_name} lists.",
            got=f"{size:,} bytes",
            expected=f"{file['bytes']:,} bytes",
            remedy="Copy the run again as a whole, or write this part again.",
        )
    return path


def verify(files: Files, manifest_name: str, manifest: Mapping[str, Any]) -> None:
    """Compares every data file of a manifest with its checksum, which reads them whole.

    Raises:
        BrokenFile: a file is missing or holds something else.
    """
    for file in manifest["files"]:
        path = data_path(files, manifest_name, file)
        found = _sha256(path)
        if found != file["sha256"]:
            raise BrokenFile(f"{path} has changed since it was written.", got=found, expected=file["sha256"])


def _is_plain(file: Any) -> bool:
    """A manifest may only name files of its own folder: a hostile one must not lead anywhere else."""
    if not isinstance(file, dict):
        return False
    name = file.get("name")
    return (
        isinstance(name, str)
        and name not in ("", ".", "..")
        and not set(name) & set("/\\:\0")
        and isinstance(file.get("bytes"), int)
        and isinstance(file.get("sha256"), str)
    )


def _plain(value: Any) -> Any:
    """Python's own form of a number or array of numpy's, which an epoch or a measure often is."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _broken(files: Files, name: str, got: str, expected: str = "a manifest of the lab's format") -> BrokenFile:
    return BrokenFile(
        f"{files.address(name)} cannot be read.",
        got=got,
        expected=expected,
        remedy="Write this part of the run again.",
    )
