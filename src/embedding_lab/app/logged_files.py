"""Logs a file of vectors from elsewhere, whatever its kind: read, described and written for every viewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedding_lab.app.adopted import adopted_sets
from embedding_lab.app.loggers import log_embeddings
from embedding_lab.app.plain_vectors import plain_set
from embedding_lab.board.projector_config import CONFIG_NAME
from embedding_lab.board.stock_projector import ProjectorExport
from embedding_lab.embeddings.remote_files import remote_address
from embedding_lab.errors import InputError
from embedding_lab.progress import Progress, silent
from embedding_lab.tables import Choice, bare_stem, open_vectors, parts_of


def log_file(
    run: Path,
    path: Path,
    *,
    layer: str | None = None,
    step: int | None = None,
    choice: Choice | None = None,
    progress: Progress = silent,
    **described: Any,
) -> tuple[list[str], ProjectorExport]:
    """Writes the vectors of a file into a run, block by block, for the lab and for TensorBoard's own Projector.

    Args:
        run: the run's folder.
        path: a file of a kind in `tables.SUFFIXES`, a folder with the parts of a table, or a log
            directory that others filled for the Projector.
        layer: a name for the vectors; the file's when left out, and those of the Projector's entries.
        step: the training step.
        choice: which parts of the file are the vectors, labels and ids; guessed when left out.
        progress: told how far the writing is.
        described: labels, ids and images that lie elsewhere, of shape (n, ...); what is None is left to the file.

    Returns:
        The names of the layers, and what the Projector got, with notes on what was taken for what.

    Raises:
        InputError and its kinds: something does not fit together, or values are not finite.
        DataMissing, BrokenFile: the file cannot be had or read.
        StorageError: the disk refuses.
    """
    if address := remote_address(path):
        raise InputError(
            "What is to be logged is read from this machine only.",
            got=address,
            expected="a file here; where it is logged to may be in an object store, --logdir s3://…",
            remedy="Copy the file here first. A run that lies there already is shown by `serve --standalone`.",
        )
    if path.is_dir() and (not parts_of(path) or any(path.rglob(CONFIG_NAME))):
        _refuse_second_description(choice, described)
        sets = adopted_sets(path)
        if layer is not None:
            sets = [replace(each, layer=layer if len(sets) == 1 else f"{layer}/{each.layer}") for each in sets]
        by_layer = {each.layer: each for each in sets}
        return list(by_layer), log_embeddings(run, by_layer, step=step, progress=progress)
    stem = bare_stem(path)
    name = layer or stem
    with open_vectors(path, choice or Choice()) as found:
        parts = {"labels": found.labels, "ids": found.ids, "images": found.images, "columns": found.columns}
        parts |= {part: values for part, values in described.items() if values is not None}
        said, each = found.said, plain_set(found.vectors, stem, name, **parts)
        del found, parts  # of ten million rows the table takes as much as their ids
        export = log_embeddings(run, each, step=step, progress=progress)
        return [name], replace(export, notes=(*said, *export.notes))


def _refuse_second_description(choice: Choice | None, described: Mapping[str, Any]) -> None:
    """Entries of the Projector bring their tables: what is said beside them would be passed over."""
    chosen = {} if choice is None else {"vectors": choice.vectors, "labels": choice.labels, "ids": choice.ids}
    given = [name for name, value in chosen.items() if value]
    given += [name for name, value in described.items() if value is not None]
    if given:
        raise InputError(
            "A log directory brings its own labels, ids and pictures.",
            got=", ".join(given),
            expected="these only with a file of vectors",
        )
