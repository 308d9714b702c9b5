"""Checks of what the lab itself wrote: files that are missing, cut or changed, and leftovers of killed writers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.mender import Mender
from embedding_lab.board.finished_maps import list_maps, unlisted_maps
from embedding_lab.board.projector_config import CONFIG_NAME
from embedding_lab.embeddings import Run
from embedding_lab.embeddings.files import STALE_SECONDS, Files, LocalFiles
from embedding_lab.embeddings.manifest import FORMAT, read_manifest, verify
from embedding_lab.embeddings.names import step_of
from embedding_lab.embeddings.places import shown
from embedding_lab.embeddings.remote_files import RemoteFiles, folders_with
from embedding_lab.embeddings.stored_run import PLUGIN_FOLDER
from embedding_lab.errors import DataMissing, LabError

TAB = "Embedding Lab"
LARGEST_MANIFEST_BYTES = 16 << 20
MOST_LOOKS = 3
"""What was replaced during each of so many looks is being written right now, and is not broken."""


def check_own_files(logdir: LogDir) -> Iterator[Finding]:
    """Every manifest of ours: whether its files are there and hold what it says."""
    for folder, below in logdir.ours.items():
        files = LocalFiles(folder)
        run = logdir.run_name(folder.parents[1])
        for path in below:
            name = path.relative_to(folder).as_posix()
            if path.suffix == ".json" and (problem := _problem(Run(folder.parents[1]), files, name)):
                yield _broken(problem, run, path)


def check_unlisted_maps(logdir: LogDir) -> Iterator[Finding]:
    """Finished maps that the list of TensorBoard's own Projector does not name yet."""
    for folder in logdir.ours:
        run = Run(folder.parents[1])
        try:
            missing = list(unlisted_maps(run))
        except LabError:  # told by the checks of lists and of our own files
            continue
        if missing:
            yield Finding(
                "map-unlisted",
                "note",
                "Projector",
                "Finished maps are not in the list of the Projector yet.",
                run=logdir.run_name(run.path),
                got=", ".join(f"{each.layer}: {each.name}" for each in missing[:5]),
                rule="the Projector shows what its list names; TensorBoard adds them when it starts with "
                "embedding-lab installed, and the Projector of another TensorBoard does not show them",
                remedy="Start TensorBoard anew, or add them now.",
                mend=_listed(run),
            )


def _listed(run: Run) -> Mend:
    def mend(mender: Mender) -> str:
        mender.keep(run.path / CONFIG_NAME)
        list_maps(run)
        return f"Added the finished maps of {run.name} to the Projector's list."

    return mend


def own_files_there(address: str) -> Iterator[Finding]:
    """The same below an address of an object store."""
    try:
        for name in folders_with(address, PLUGIN_FOLDER):
            run = Run(Path(address) / name)
            files = RemoteFiles(shown(run.path / PLUGIN_FOLDER))
            for each in files.names():
                if each.endswith(".json") and (problem := _problem(run, files, each)):
                    yield _broken(problem, name, Path(files.address(each)))
    except LabError as error:
        yield Finding("logdir-unreachable", "error", TAB, error.happened, got=error.got, remedy=error.remedy)


def check_leftovers(logdir: LogDir) -> Iterator[Finding]:
    """Partial files that killed writers left behind."""
    for folder, below in logdir.unfinished.items():
        stale = {path: size for path in below if (size := _size_if_stale(path)) is not None}
        if stale:
            yield Finding(
                "own-leftovers",
                "note",
                TAB,
                "Killed writers left unfinished files behind. Nobody reads them; the next writer sweeps them away.",
                run=logdir.run_name(folder.parents[1]),
                file=next(iter(stale)),
                got=f"{len(stale)} files, {sum(stale.values()):,} bytes",
            )


def _size_if_stale(path: Path) -> int | None:
    """The bytes of what a killed writer left; None where its writer may be at work, or has just ended."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    return about.st_size if time.time() - about.st_mtime > STALE_SECONDS else None


def _broken(problem: LabError, run: str, file: Path) -> Finding:
    return Finding(
        "own-file-broken",
        "error",
        TAB,
        problem.happened,
        run=run,
        file=file,
        got=problem.got,
        rule=problem.expected or "a manifest lists its files with size and checksum",
        remedy=problem.remedy or "Copy the run again as a whole, or write this part again.",
    )


def _problem(run: Run, files: Files, name: str) -> LabError | None:
    """What is wrong with a manifest; looked at again where it was replaced meanwhile, which is no fault of it."""
    for _ in range(MOST_LOOKS):
        try:
            before = files.stamp(name)
            problem = _problem_seen(run, files, name)
            if problem is None or files.stamp(name) == before:
                return problem
        except DataMissing:  # it was taken away meanwhile
            return None
        except LabError as error:
            return error
    return None


def _problem_seen(run: Run, files: Files, name: str) -> LabError | None:
    try:
        kind = _kind(files, name)
        if kind is None:
            return None
        manifest = read_manifest(files, name, kind)
        verify(files, name, manifest)
        if kind == "embeddings":
            run.embeddings(str(manifest.get("layer")), step_of(name.split("/")[-2]))
    except LabError as error:
        return error
    except (OSError, RecursionError) as error:
        return LabError(f"{files.address(name)} cannot be read.", got=str(error)[:200])
    return None


def _kind(files: Files, name: str) -> str | None:
    """What a manifest says it is; None for JSON that is none of ours. Broken JSON counts as ours."""
    if files.stamp(name).size > LARGEST_MANIFEST_BYTES:
        return "manifest"
    try:
        content: Any = json.loads(files.read(name))
    except (ValueError, RecursionError):
        return "manifest"
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return None
    return str(content.get("kind"))
