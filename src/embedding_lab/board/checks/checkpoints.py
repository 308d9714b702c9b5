"""Checks of lists that name no tensor file, so that TensorBoard looks for a checkpoint, mostly in vain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedding_lab.board.checks.checkpoint import (
    Variable,
    checkpoint_exists,
    checkpoints_near,
    keras_embeddings,
    latest_checkpoint,
    meant,
    same_name,
    tables_in,
)
from embedding_lab.board.checks.entry_mends import entry_mend, put_tensor
from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.mender import Mender
from embedding_lab.board.checks.projector_files import Entry, ProjectorFile
from embedding_lab.board.projector_config import tensor_name

_RULE = "an entry has a tensor_path, or TensorBoard finds a TensorFlow checkpoint with a variable of its name"
_KERAS_NAME = "layer_with_weights-0/embeddings/"


def check_checkpoints(logdir: LogDir) -> Iterator[Finding]:
    """Entries without a tensor file, and why no checkpoint helps."""
    for file in logdir.projector_files:
        without = _without_file(file)
        if not without:
            yield from _dead_path(logdir, file)
            continue
        prefix, why_not = _checkpoint_of(logdir, file)
        for entry in without:
            yield from _judged(logdir, entry, prefix, why_not)


def source_of(logdir: LogDir, entry: Entry) -> Variable | None:
    """Where the numbers of an entry without a tensor file lie, if anywhere."""
    saved, _ = _saved_by_keras(logdir, entry)
    return saved or _in_any_checkpoint(logdir, entry, _checkpoint_of(logdir, entry.file)[0])


def _without_file(file: ProjectorFile) -> list[Entry]:
    return [entry for entry in file.entries if not entry.proto.tensor_path]


def _judged(logdir: LogDir, entry: Entry, prefix: Path | None, why_not: str) -> Iterator[Finding]:
    """Every reason why nothing shows, and the same mend for all of them."""
    saved, hint = _saved_by_keras(logdir, entry)
    source = saved or _in_any_checkpoint(logdir, entry, prefix)
    mend = _exporter(entry, source) if source else None
    remedy = "Write a tensor file, with embedding_lab.log_embeddings for instance, and name it in the list."
    if source:
        remedy = (
            f"Export {source.shape[0]:,} × {source.shape[1]} numbers from {source.source.name} to a tensor file."
        )

    def finding(name: str, severity: Any, happened: str, got: str) -> Finding:
        return Finding(
            name,
            severity,
            "Projector",
            f"{entry.name!r}: {happened}.",
            run=entry.file.run,
            file=entry.file.path,
            got=got,
            rule=_RULE,
            remedy=hint or remedy,
            mend=mend,
        )

    if saved or hint or entry.name.startswith(_KERAS_NAME):
        yield finding(
            "keras-embeddings",
            "error",
            "Keras saved the weights in a form that the Projector does not read, so nothing of them can show",
            "weights in HDF5 and no tensor_path, as embeddings_freq of Keras 3 leaves them",
        )
        return
    if not logdir.machine.tensorflow:
        yield finding(
            "checkpoint-needs-tensorflow",
            "error",
            "the list names no tensor file, and without TensorFlow TensorBoard reads no checkpoint",
            "no tensor_path, no TensorFlow on this machine",
        )
    if prefix is None:
        yield finding(
            "checkpoint-not-found",
            "error",
            "the list names no tensor file, and TensorBoard finds no checkpoint, so nothing shows, without a word",
            why_not,
        )
        return
    tables = _tables(prefix)
    if tables is not None and not any(same_name(entry.name, table) for table in tables):
        names = ", ".join(repr(table.name) for table in tables[:5]) or "no table of numbers"
        yield finding(
            "tensor-not-in-checkpoint",
            "error",
            f"checkpoint {prefix.name} has no variable of that name",
            f"it has {names}",
        )
    elif logdir.machine.tensorflow:
        yield finding(
            "checkpoint-only",
            "note",
            "TensorBoard reads it from a checkpoint, which works only where TensorFlow is installed",
            f"no tensor_path; checkpoint {prefix.name}",
        )


def _dead_path(logdir: LogDir, file: ProjectorFile) -> Iterator[Finding]:
    """A list with tensor files, of which nothing shows since it also names a checkpoint that is gone."""
    given = file.config.model_checkpoint_path if file.config else ""
    if given and logdir.machine.tensorflow and not checkpoint_exists(Path(given).expanduser()):
        yield Finding(
            "checkpoint-gone",
            "error",
            "Projector",
            "The list names a checkpoint that does not exist, so TensorBoard passes over the whole list.",
            run=file.run,
            file=file.path,
            got=f"model_checkpoint_path {given!r}",
            rule="with TensorFlow installed, a model_checkpoint_path leads to a checkpoint",
            remedy="Take model_checkpoint_path out of the list: its tensors have files of their own.",
            mend=_path_remover(file),
        )


def _checkpoint_of(logdir: LogDir, file: ProjectorFile) -> tuple[Path | None, str]:
    """The checkpoint that TensorBoard takes with TensorFlow, or why there is none."""
    given = file.config.model_checkpoint_path
    if given:
        prefix = Path(given).expanduser()
        return (
            (prefix, "") if checkpoint_exists(prefix) else (None, f"model_checkpoint_path {given!r} does not exist")
        )
    folder = logdir.run_folder(file.folder)
    prefix_here, why_not = latest_checkpoint(folder)
    if prefix_here:
        return prefix_here, ""
    above, _ = latest_checkpoint(folder.parent)
    return above, "" if above else why_not


def _in_any_checkpoint(logdir: LogDir, entry: Entry, prefix: Path | None) -> Variable | None:
    """The variable that an entry means, in the checkpoint TensorBoard takes or any other of the run."""
    folder = logdir.run_folder(entry.file.folder)
    inside = [] if prefix is None or not prefix.resolve().is_relative_to(logdir.root.resolve()) else [prefix]
    above = [folder.parent] if folder != logdir.root else []
    for each in (*inside, *(found for place in (folder, *above) for found in checkpoints_near(place))):
        if (variable := meant(entry.name, _tables(each) or [])) is not None:
            return variable
    return None


def _tables(prefix: Path) -> list[Variable] | None:
    try:
        return tables_in(prefix)
    except (OSError, ValueError):
        return None


def _saved_by_keras(logdir: LogDir, entry: Entry) -> tuple[Variable | None, str]:
    """The Embedding layer that an entry of Keras' callback means, by its place, or what is needed to read it."""
    number = _without_file(entry.file).index(entry)
    try:
        layers = keras_embeddings(logdir.run_folder(entry.file.folder))
    except ImportError:
        return None, "Install h5py, which reads the weights, and run the doctor again: pip install h5py"
    return (layers[number] if number < len(layers) else None), ""


def _exporter(entry: Entry, source: Variable) -> Mend:
    def change(mender: Mender, new: Any) -> None:
        if not source.dtype:  # Keras gives every layer the same name in the list
            new.tensor_name = tensor_name(source.name.partition("|")[0])
        elif not new.tensor_name:
            new.tensor_name = tensor_name(source.name)
        put_tensor(mender, entry, new, source.read())

    return entry_mend(entry, f"exported it from {source.source.name}", change)


def _path_remover(file: ProjectorFile) -> Mend:
    def mend(mender: Mender) -> str:
        mender.change_list(file, lambda config: config.ClearField("model_checkpoint_path"))
        return f"Took model_checkpoint_path out of {file.path}."

    return mend
