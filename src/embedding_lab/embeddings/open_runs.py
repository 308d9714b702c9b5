"""Begins, opens and finds runs. `lab.open_run` lives here."""

from __future__ import annotations

import contextlib
from pathlib import Path

from embedding_lab.embeddings.places import files_at, runs_in, shown
from embedding_lab.embeddings.run import Run
from embedding_lab.embeddings.stored_run import PLUGIN_FOLDER
from embedding_lab.errors import DataMissing, LabError

NOTHING_YET = (
    "Check the path, or log embeddings into it first. What others wrote there for the Projector becomes a run by "
    "`embedding-lab log FOLDER`."
)


def create_run(path: str | Path) -> Run:
    """Begins a run, or opens one to add to it.

    Raises:
        StorageError: the folder cannot be made or written.
    """
    run = Run(Path(path))
    run.begin()
    return run


def open_run(path: str | Path) -> Run:
    """Opens a run to read it.

    Args:
        path: the run's folder, one level below the log directory.

    Raises:
        DataMissing: there is no run of ours in this folder.
    """
    folder = Path(path)
    if not _is_run(folder):
        inside = runs_in(folder, PLUGIN_FOLDER)
        raise DataMissing(
            f"There is no run in {shown(folder)}.",
            got=f"a log directory with the runs {', '.join(inside[:10])}" if inside else "",
            expected=f"a folder that holds {PLUGIN_FOLDER}",
            remedy="Name one of these runs." if inside else NOTHING_YET,
        )
    return Run(folder)


def newest_run(path: str | Path) -> Run:
    """The run in this folder or, where that is a log directory, the one of its runs that was written to last.

    Raises:
        DataMissing: there is none.
    """
    folder = Path(path)
    runs = [] if _is_run(folder) else runs_in(folder, PLUGIN_FOLDER)
    if not runs:
        return open_run(folder)
    return max((Run(folder / each) for each in runs), key=lambda run: (last_written(run), run.name))


def _is_run(folder: Path) -> bool:
    return bool(files_at(folder).list(PLUGIN_FOLDER))


def last_written(run: Run) -> int:
    """When the newest vectors of a run were put in place, in nanoseconds since 1970; 0 where there are none."""
    manifests = [
        f"layers/{layer}/{step}/embeddings.json"
        for layer in run.files.list("layers")
        for step in run.files.list(f"layers/{layer}")
    ]
    times = []
    for each in manifests:
        with contextlib.suppress(LabError):  # what cannot be looked at was not written by us
            times.append(run.files.stamp(each).when)
    return max(times, default=0)
