"""The runs below a log directory, and the one door to their files: nothing outside the log directory is opened."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from embedding_lab.embeddings.files import LocalFiles
from embedding_lab.embeddings.run import PLUGIN_FOLDER, Run
from embedding_lab.errors import BrokenFile, one_of

FRESH_SECONDS = 1.0
"""A look at the log directory is good for so long."""

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
    real = os.path.realpath(path)
    if real != logdir and not real.startswith(logdir.rstrip(os.sep) + os.sep):
        raise BrokenFile(
            f"{path.name!r} leads out of the log directory.",
            expected="files inside the log directory",
            remedy="Copy the file into the run, in place of the link.",
        )


class LogDir:
    """A log directory as the dashboard sees it; new runs appear by themselves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.real = os.path.realpath(path)
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._looked = -FRESH_SECONDS

    @property
    def runs(self) -> Mapping[str, Run]:
        """The runs with something of ours, by TensorBoard's names for them."""
        with self._lock:
            if time.monotonic() - self._looked > FRESH_SECONDS:
                known = self._runs
                self._runs = {name: known.get(name) or self._open(name) for name in self._names()}
                self._looked = time.monotonic()
            return self._runs

    def run(self, name: str) -> Run:
        """The run of a name.

        Raises:
            UnknownName: there is none.
        """
        if name not in self.runs:
            raise one_of("Run", name, self.runs, remedy="It may have been deleted; reload the page.")
        return self.runs[name]

    def _names(self) -> list[str]:
        return sorted(folder.relative_to(self.path).as_posix() for folder in self._folders() if _is_run(folder))

    def _folders(self) -> Iterator[Path]:
        """All folders in which a run may lie, the log directory itself first."""
        for count, (folder, inside, _) in enumerate(os.walk(self.path)):
            inside[:] = sorted(each for each in inside if each != "plugins")
            yield Path(folder)
            if count == MOST_FOLDERS:
                return

    def _open(self, name: str) -> Run:
        run = Run(self.path / name)
        run.files = FilesInside(run.path / PLUGIN_FOLDER, self.path)
        return run


def _is_run(folder: Path) -> bool:
    return (folder / PLUGIN_FOLDER).is_dir()
