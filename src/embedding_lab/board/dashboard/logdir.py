"""The runs below a log directory, and the one door to their files: nothing outside the log directory is opened."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from embedding_lab.board.checks.logdir import PROJECTOR_ASSETS
from embedding_lab.board.projector_config import CONFIG_NAME
from embedding_lab.embeddings.files import LocalFiles
from embedding_lab.embeddings.remote_files import folders_with, remote_address
from embedding_lab.embeddings.run import Run
from embedding_lab.embeddings.stored_run import PLUGIN_FOLDER
from embedding_lab.errors import BrokenFile, one_of

FRESH_SECONDS = 1.0
"""A look at the log directory is good for so long."""

FRESH_REMOTE_SECONDS = 10.0
"""The same of one in an object store, where a look is paid for."""

MOST_FOLDERS = 100_000


class FilesInside(LocalFiles):
    """The files of a run that really lie below the log directory, links followed."""

    def __init__(self, root: Path, logdir: Path) -> None:
        super().__init__(root)
        self._logdir = os.path.realpath(logdir)

    def local(self, name: str) -> Path:
        path = super().local(name)
        check_inside(path, self._logdir)
        return path


def check_inside(path: Path, logdir: str) -> None:
    """Refuses a path that leads out of the log directory.

    Raises:
        BrokenFile: it does.
    """
    if not is_inside(path, logdir):
        raise BrokenFile(
            f"{path.name!r} leads out of the log directory.",
            expected="files inside the log directory",
            remedy="Copy the file into the run, in place of the link.",
        )


def is_inside(path: Path, logdir: str) -> bool:
    """Whether a path really lies in the log directory, links followed."""
    real = os.path.realpath(path)
    return real == logdir or real.startswith(logdir.rstrip(os.sep) + os.sep)


class LogDir:
    """A log directory as the dashboard sees it; new runs appear by themselves."""

    def __init__(self, path: Path) -> None:
        address = remote_address(path)
        if address is not None and address.startswith("file:"):  # a folder of this machine, which may hold links
            path, address = Path(address.removeprefix("file://")), None
        self.path = path
        self.real = os.path.realpath(path)
        self._address = address
        self._there: set[str] = set()
        self._asked = -FRESH_REMOTE_SECONDS
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._lists: dict[str, Path] = {}
        self._looked = -FRESH_SECONDS

    @property
    def runs(self) -> Mapping[str, Run]:
        """The runs with something to show, by TensorBoard's names for them."""
        self._look()
        return self._runs

    @property
    def lists(self) -> Mapping[str, Path]:
        """The stock Projector's lists of tensors, by runs."""
        self._look()
        return self._lists

    def run(self, name: str) -> Run:
        """The run of a name.

        Raises:
            UnknownName: there is none.
        """
        runs = self.runs  # one look: at the next the run may be gone
        if name not in runs:
            raise one_of("Run", name, runs, remedy="It may have been deleted; reload the page.")
        return runs[name]

    def _look(self) -> None:
        with self._lock:
            if time.monotonic() - self._looked <= FRESH_SECONDS:
                return
            names, lists = self._found() if self._address is None else (self._found_there(self._address), {})
            self._runs = {name: self._runs.get(name) or self._open(name) for name in sorted(names | set(lists))}
            self._lists = lists
            self._looked = time.monotonic()

    def _found(self) -> tuple[set[str], dict[str, Path]]:
        """The names of our runs, and others' lists by run."""
        names, lists = set[str](), dict[str, Path]()
        for folder in self._folders():
            name = folder.relative_to(self.path).as_posix()
            if (folder / PLUGIN_FOLDER).is_dir():
                names.add(name)
            for place in (folder, folder / PROJECTOR_ASSETS):
                if (place / CONFIG_NAME).is_file() and is_inside(place / CONFIG_NAME, self.real):
                    lists[name] = place / CONFIG_NAME
        return names, lists

    def _found_there(self, address: str) -> set[str]:
        """Our runs in an object store; others' lists name files of a machine."""
        if time.monotonic() - self._asked > FRESH_REMOTE_SECONDS:
            self._there = set(folders_with(address, PLUGIN_FOLDER))
            self._asked = time.monotonic()
        return self._there

    def _folders(self) -> Iterator[Path]:
        """All folders in which a run may lie, the log directory itself first."""
        for count, (folder, inside, _) in enumerate(os.walk(self.path)):
            inside[:] = sorted(each for each in inside if each != "plugins")
            yield Path(folder)
            if count == MOST_FOLDERS:
                return

    def _open(self, name: str) -> Run:
        run = Run(self.path / name)
        if self._address is None:  # links; a store has none
            run.files = FilesInside(run.path / PLUGIN_FOLDER, self.path)
        return run
