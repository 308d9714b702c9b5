"""Writes a run as tables that other tools read: samples, what a model said, maps and vectors side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.app.exported_columns import nested_columns, with_pictures
from embedding_lab.board.finished_maps import map_path, title
from embedding_lab.board.stock_projector import ProjectorExport, ShownMap, write_map, write_stock_projector
from embedding_lab.embeddings import EmbeddingSet, Run
from embedding_lab.embeddings.standing import standing
from embedding_lab.errors import EmptyData, InputError
from embedding_lab.tables import WRITERS, free_name

AXES = "xyz"


def export_table(run: Run, path: Path, form: str, layers: Sequence[str] | None = None) -> None:
    """Writes the newest step of a run's layers into one table, a row for each sample.

    The columns are id, label, split and those of the user, with "_given" where a name is taken; prediction,
    confidence and loss; what people noted down; the places on each map; and the vectors. Parquet has small pictures
    and kept neighbours too. Of several layers, maps, vectors and neighbours bear the layers' names.

    Args:
        run: the run.
        path: the file; one that is there is replaced.
        form: one of `tables.WRITERS`.
        layers: the layers' names; all when left out.

    Raises:
        UnknownName: the run has no such layer.
        InputError: the layers are not of the same samples.
        StorageError: the disk refuses.
    """
    sets = _newest(run, layers)
    columns = _columns(run, sets)
    if form == "parquet":
        columns |= {free_name(name, columns): values for name, values in nested_columns(run, sets).items()}
    WRITERS[form](path, columns)


def export_projector(run: Run, folder: Path, layers: Sequence[str] | None = None) -> ProjectorExport:
    """Writes the newest step of a run's layers, with thumbnails and finished maps, for TensorBoard's own Projector.

    Args:
        run: the run.
        folder: where they go, for `tensorboard --logdir`; what is there stays.
        layers: the layers' names; all when left out.

    Returns:
        What the Projector got, with notes on anything that could not be shown as it is.

    Raises:
        UnknownName: the run has no such layer.
        StorageError: the disk refuses.
    """
    sets = [with_pictures(run, each) for each in _newest(run, layers)]
    export = write_stock_projector(folder, sets)
    parts = [export, *(write_map(folder, shown) for each in sets for shown in _finished_maps(run, each))]
    return replace(
        export,
        tensors=tuple(tensor for part in parts for tensor in part.tensors),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        files=tuple(dict.fromkeys(file for part in parts for file in part.files)),
    )


def _finished_maps(run: Run, each: EmbeddingSet) -> Iterator[ShownMap]:
    for found in run.finished_maps(each.layer):
        if found.step == each.step:
            made = run.map(each.layer, found.name, each.step)
            yield ShownMap(each, title(found.name, made), made, map_path(found))


def _newest(run: Run, layers: Sequence[str] | None) -> list[EmbeddingSet]:
    names = run.layers if layers is None else list(layers)
    if not names:
        raise EmptyData(f"Run {str(run.path)!r} has no layers.", expected="vectors that were logged or extracted")
    return [run.embeddings(name) for name in names]


def _columns(run: Run, sets: Sequence[EmbeddingSet]) -> dict[str, Any]:
    first = sets[0]
    for each in sets:
        if not np.array_equal(each.ids, first.ids):
            raise InputError(
                f"The layers {first.layer!r} and {each.layer!r} are not of the same samples.",
                expected="layers whose samples have the same ids, in the same order",
                remedy="Export them one by one with --layer.",
            )
    data = first.dataset
    samples: dict[str, Any] = {"id": data.ids}
    if data.label_texts is not None:
        samples["label"] = data.label_texts
    if data.splits is not None:
        samples["split"] = data.splits
    said = _said(run, sets)
    return samples | {free_name(name, said, data.columns): values for name, values in data.columns.items()} | said


def _said(run: Run, sets: Sequence[EmbeddingSet]) -> dict[str, Any]:
    """What was found out about the samples: by a model, by people, on maps, and the vectors."""
    columns: dict[str, Any] = {}
    outputs = next((each.outputs for each in sets if each.outputs is not None), None)
    if outputs is not None:
        columns["prediction"] = _named(outputs.prediction, sets[0].dataset.class_names)
        columns["confidence"] = outputs.confidence
        if outputs.loss is not None:
            columns["loss"] = outputs.loss
    noted, data = standing(run.annotations), sets[0].dataset
    for name in noted.columns:
        texts = noted.texts(name, data.class_names)
        columns[name] = np.array([texts.get(sample) for sample in data.ids.tolist()], object)
    for each in sets:
        of_layer = "" if len(sets) == 1 else f"{each.layer}_"
        for name in run.maps(each.layer, each.step):
            points = run.map(each.layer, name, each.step).points
            for at, axis in enumerate(AXES[: points.shape[1]]):
                columns[f"{of_layer}{name}_{axis}"] = points[:, at]
    return columns | {"vector" if len(sets) == 1 else f"{each.layer}_vector": each.vectors for each in sets}


def _named(classes: NDArray[np.int64], names: Sequence[str] | None) -> NDArray[Any]:
    """The names of classes; a model may know more of them than have names, which stay numbers."""
    if not names:
        return classes
    return np.array([names[each] if each < len(names) else str(each) for each in classes.tolist()])
