"""A log directory as TensorBoard sees it: its runs, their event files, and the Projector's lists of tensors."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from embedding_lab.board.checks.machine import Machine
from embedding_lab.board.checks.projector_files import ProjectorFile, read_projector_file
from embedding_lab.board.checks.scan import Scan, Tag, scan_event_file
from embedding_lab.embeddings.files import PARTIAL

EVENT_FILE_MARK = "tfevents"
PROJECTOR_CONFIG = "projector_config.pbtxt"
PROJECTOR_ASSETS = Path("plugins", "org_tensorflow_tensorboard_projector")
ROOT_RUN = "."
OURS = ("plugins", "embedding_lab")


@dataclass(frozen=True, eq=False)
class Run:
    """A folder that TensorBoard lists as a run.

    Attributes:
        name: as TensorBoard names it: the folder below the log directory, "." for that itself.
        path: the folder.
        scans: its event files in the order in which TensorBoard reads them.
    """

    name: str
    path: Path
    scans: tuple[Scan, ...]

    @cached_property
    def tags(self) -> dict[str, Tag]:
        """The series of all event files, joined as TensorBoard joins them."""
        joined: dict[str, Tag] = {}
        for scan in self.scans:
            for name, tag in scan.tags.items():
                joined[name] = tag.after(joined[name]) if name in joined else tag
        return joined

    def by_plugin(self, *plugins: str) -> dict[str, Tag]:
        """The series that one of these plugins shows."""
        return {name: tag for name, tag in self.tags.items() if tag.plugin in plugins}


@dataclass(eq=False)
class LogDir:
    """What the checks look at.

    Attributes:
        root: the log directory.
        machine: the machine on which TensorBoard will run.
        known: scans of earlier looks, by path, size and time of change, which are not repeated.
    """

    root: Path
    machine: Machine
    known: dict[tuple[Path, int, int], Scan] = field(default_factory=dict)

    @cached_property
    def folders(self) -> dict[Path, list[Path]]:
        """Every folder with its plain files, sorted; what we are still writing is none of it yet."""
        return {
            folder: [each for each in files if not each.name.endswith(PARTIAL)]
            for folder, files in self._walked.items()
        }

    @cached_property
    def ours(self) -> dict[Path, list[Path]]:
        """Of each run that has a folder of ours, that folder with every plain file below it."""
        return _below_ours(self.folders)

    @cached_property
    def unfinished(self) -> dict[Path, list[Path]]:
        """The same of what we were still writing: it may be gone by now, or stay where its writer was killed."""
        below = _below_ours(self._walked)
        return {folder: [each for each in files if each.name.endswith(PARTIAL)] for folder, files in below.items()}

    @cached_property
    def _walked(self) -> dict[Path, list[Path]]:
        """Every folder with its plain files, sorted. Links are followed, each folder is entered once."""
        found = {}
        entered = set()
        for folder, below, names in os.walk(self.root, followlinks=True):
            true_path = os.path.realpath(folder)
            if true_path in entered:
                below.clear()
                continue
            entered.add(true_path)
            below.sort()
            here = Path(folder)
            found[here] = sorted(here / name for name in names if _is_plain_file(here / name))
        return found

    @property
    def files(self) -> Iterator[Path]:
        """Every plain file."""
        for files in self.folders.values():
            yield from files

    @cached_property
    def runs(self) -> list[Run]:
        """What TensorBoard lists as runs: folders with an event file."""
        found = []
        for folder, files in self.folders.items():
            scans = tuple(self._scan(each) for each in files if is_event_file(each))
            if any(scan.events for scan in scans):
                found.append(Run(self.run_name(folder), folder, scans))
        return found

    @cached_property
    def event_files(self) -> list[Scan]:
        """Every event file, also those in which no record can be read."""
        return [self._scan(each) for each in self.files if is_event_file(each)]

    @cached_property
    def projector_files(self) -> list[ProjectorFile]:
        """The Projector's lists of tensors, wherever they lie."""
        return [
            read_projector_file(path, self.run_name(self.run_folder(path.parent)))
            for path in self.files
            if path.name == PROJECTOR_CONFIG
        ]

    def run_folder(self, folder: Path) -> Path:
        """The folder of the run that a folder with a list of tensors belongs to."""
        return folder.parents[1] if folder.parts[-2:] == PROJECTOR_ASSETS.parts else folder

    def run_name(self, folder: Path) -> str:
        """A folder as TensorBoard names it."""
        return folder.relative_to(self.root).as_posix()

    def is_run(self, name: str) -> bool:
        """Whether TensorBoard lists a run of this name; the log directory itself always counts in the Projector."""
        return name == ROOT_RUN or name in self._run_names

    @cached_property
    def _run_names(self) -> frozenset[str]:
        return frozenset(run.name for run in self.runs)

    def _scan(self, path: Path) -> Scan:
        try:
            about = path.stat()
            key = (path, about.st_size, about.st_mtime_ns)
            if key not in self.known:
                self.known[key] = scan_event_file(path)
            return self.known[key]
        except OSError:  # it went away meanwhile, or may not be read, which check_unreadable tells
            return Scan(path)


def _below_ours(folders: dict[Path, list[Path]]) -> dict[Path, list[Path]]:
    """The files of folders, in the order of the walk, by the folder of ours around them."""
    found: dict[Path, list[Path]] = {}
    for folder, files in folders.items():
        around = next((each for each in (folder, *folder.parents) if each in found), None)
        if around is None and folder.parts[-2:] == OURS and len(folder.parts) > 2:
            around = folder
        if around is not None:
            found.setdefault(around, []).extend(files)
    return found


def is_event_file(path: Path) -> bool:
    """Whether TensorBoard takes a file for an event file: by its name alone."""
    return EVENT_FILE_MARK in path.name and not path.name.endswith(".profile-empty")


def _is_plain_file(path: Path) -> bool:
    """Whether it can be read without waiting: reading a pipe or a device may never end."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
