"""Checks of the Projector's lists as such: unreadable, shadowed, with names that cannot be asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedding_lab.board.checks.entry_mends import entry_mend
from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import PROJECTOR_ASSETS, PROJECTOR_CONFIG, LogDir
from embedding_lab.board.checks.mender import ChangedMeanwhile, Mender
from embedding_lab.board.checks.projector_files import Entry, ProjectorFile, read_projector_file
from embedding_lab.board.checks.tensor_files import read_tensor
from embedding_lab.board.projector_config import tensor_name

_WRITERS_NAME = "tensors.tsv"
"""How PyTorch's and tensorboardX's writers call a tensor."""

_IN_ADDRESSES = set("&+#%")


def check_unreadable_list(logdir: LogDir) -> Iterator[Finding]:
    """A list that is no list: the whole tab answers with an error."""
    for file in logdir.projector_files:
        if file.config is None:
            yield Finding(
                "list-unreadable",
                "error",
                "Projector",
                "The list of tensors cannot be read, and that takes the whole tab down, for all runs.",
                run=file.run,
                file=file.path,
                got=file.problem[:300],
                rule="the file is a ProjectorConfig in protobuf's text form",
                remedy="Write it again, or move it away; the other runs are then shown.",
                mend=_aside(file),
            )
        elif not file.entries:
            yield Finding(
                "list-empty",
                "warning",
                "Projector",
                "The list of tensors names none, so the run is not in the Projector.",
                run=file.run,
                file=file.path,
                remedy="Add a tensor, with embedding_lab.log_embeddings for instance.",
            )


def check_shadowed_list(logdir: LogDir) -> Iterator[Finding]:
    """Two lists for one run: TensorBoard shows the one among the plugin's assets."""
    by_run = Counter(file.run for file in logdir.projector_files)
    for file in logdir.projector_files:
        if by_run[file.run] > 1 and file.folder.parts[-2:] != PROJECTOR_ASSETS.parts:
            yield Finding(
                "list-shadowed",
                "warning",
                "Projector",
                "The run has two lists of tensors, and this one is not shown.",
                run=file.run,
                file=file.path,
                rule=f"the list in {PROJECTOR_ASSETS.as_posix()} comes before the one beside the event files",
                remedy="Join the two into one.",
            )


def check_names(logdir: LogDir) -> Iterator[Finding]:
    """Tensors that bear no name, the same name, or one the page cannot ask for."""
    for file in logdir.projector_files:
        for entry in file.entries:
            if not entry.proto.tensor_name and entry.proto.tensor_path:
                yield _name_finding(
                    "tensor-nameless",
                    entry,
                    "A tensor has no name; the page lists the first of those by its file, and no other.",
                    entry.name,
                )
            elif _IN_ADDRESSES & set(entry.name) or "  " in entry.name:
                yield _name_finding(
                    "name-in-address",
                    entry,
                    f"{entry.name!r} cannot be opened: the page puts names into addresses as they are.",
                    tensor_name(entry.name),
                )
        yield from _same_names(file)
        if _IN_ADDRESSES & set(file.run):
            yield Finding(
                "run-in-address",
                "error",
                "Projector",
                f"Run {file.run!r} cannot be opened: the page puts names into addresses as they are.",
                run=file.run,
                file=file.folder,
                rule="names of runs are free of & + # %",
                remedy="Rename the folder.",
            )


def _same_names(file: ProjectorFile) -> Iterator[Finding]:
    seen: Counter[str] = Counter()
    for entry in file.entries:
        seen[entry.name] += 1
        if seen[entry.name] > 1 and entry.name:
            yield _name_finding(
                "tensor-name-twice",
                entry,
                f"Two tensors bear the name {entry.name!r}; the page shows the first one's points for both.",
                f"{entry.name} ({seen[entry.name]})",
            )


def _name_finding(name: str, entry: Entry, happened: str, better: str) -> Finding:
    return Finding(
        name,
        "error",
        "Projector",
        happened,
        run=entry.file.run,
        file=entry.file.path,
        rule="every tensor_name of a list is there once, and free of & + # % and double spaces",
        remedy=f"Name it {better!r}.",
        mend=entry_mend(
            entry, f"renamed it to {better!r}", lambda mender, new: setattr(new, "tensor_name", better)
        ),
    )


def check_unlisted(logdir: LogDir) -> Iterator[Finding]:
    """Tensors that no list names any more: a second `visualize_embeddings` or writer overwrote the list."""
    tensors = _tensors_by_list(logdir)
    for file in logdir.projector_files:
        below = tensors.get(file.path)
        if file.config is None or not below:
            continue
        listed = {entry.asset("tensor").path for entry in file.entries} | _set_aside(file)
        for path in below:
            if path.resolve() in listed or not read_tensor(path, ()).shape:
                continue
            where = path.parent.relative_to(file.folder).as_posix()
            yield Finding(
                "tensor-unlisted",
                "warning",
                "Projector",
                "A tensor lies here that the list does not name; the list was probably overwritten by a later one.",
                run=file.run,
                file=path,
                rule="whoever writes projector_config.pbtxt a second time replaces what it said before",
                remedy=f"Add it to {file.path.name}.",
                mend=_adder(file, path, where if where != "." else path.stem),
            )


def _tensors_by_list(logdir: LogDir) -> dict[Path, list[Path]]:
    """The tensors of writers, by the list in the nearest folder around them; none from folders of plugins."""
    lists = {each.path for each in logdir.projector_files}
    found: dict[Path, list[Path]] = {}
    for folder, files in logdir.folders.items():
        tensors = [path for path in files if path.name == _WRITERS_NAME]
        around = (each / PROJECTOR_CONFIG for each in (folder, *folder.parents)) if tensors else ()
        nearest = next((each for each in around if each in lists), None)
        if nearest is not None and "plugins" not in folder.relative_to(nearest.parent).parts:
            found.setdefault(nearest, []).extend(tensors)
    return found


def _set_aside(file: ProjectorFile) -> set[Path]:
    """The tensors that a mend replaced by others, by the lists it kept."""
    found: set[Path] = set()
    for kept in file.folder.glob(f"{PROJECTOR_CONFIG}.*.bak"):
        before = read_projector_file(kept, file.run)
        found |= {entry.asset("tensor").path for entry in before.entries}
    return found


def _adder(file: ProjectorFile, path: Path, name: str) -> Mend:
    """Adds a tensor with the files that PyTorch's and tensorboardX's writers put beside it."""
    given = path.relative_to(file.folder).as_posix()

    def change(config: Any) -> None:
        if any(each.tensor_path == given for each in config.embeddings):
            raise ChangedMeanwhile
        new = config.embeddings.add(tensor_name=name, tensor_path=given)
        if (path.parent / "metadata.tsv").is_file():
            new.metadata_path = (path.parent / "metadata.tsv").relative_to(file.folder).as_posix()

    def mend(mender: Mender) -> str:
        mender.change_list(file, change)
        return f"Added {name!r} to {file.path}."

    return mend


def _aside(file: ProjectorFile) -> Mend:
    return lambda mender: f"Renamed {file.path.name} to {mender.set_aside(file.path).name}."
