"""Takes vectors that others wrote for the stock Projector into our own format, so that maps of them can be kept."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embedding_lab.board.dashboard.columns import MISSING, Category, Number
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.sample_set import Pictures, SampleSet
from embedding_lab.embeddings import EmbeddingSet, Run, as_dataset, newest_run
from embedding_lab.embeddings.remote_files import remote_address
from embedding_lab.errors import BrokenFile, DataMissing


def adopt(run: Run, logdir: Path, run_name: str, layer: str) -> None:
    """Keeps the vectors and the table of a list's entry with the run, as a layer of the same name.

    Raises:
        UnknownName: there is no such entry.
        BrokenFile: its vectors cannot be read.
    """
    run.save_embeddings(adopted_set(logdir, run_name, layer))


def adopted_set(logdir: Path, run_name: str, layer: str) -> EmbeddingSet:
    """The vectors and the table of a list's entry as a set; errors as `adopt`."""
    return _adopted_set(Library(logdir), run_name, layer)


@contextlib.contextmanager
def run_at(path: Path) -> Iterator[Run]:
    """The run in this folder or the newest of a log directory; where only others wrote, a temporary run of that.

    Raises:
        DataMissing: there is neither.
        BrokenFile: vectors cannot be read.
    """
    try:
        run = newest_run(path)
    except DataMissing:
        if remote_address(path) or not path.is_dir():
            raise
        try:
            sets = adopted_sets(path)
        except DataMissing:
            sets = []
        if not sets:
            raise
        with tempfile.TemporaryDirectory(prefix="embedding-lab-") as folder:
            run = Run(Path(folder) / path.name)
            run.save_embeddings(*sets)
            for each in sets:
                run.save_pictures(each.dataset)
            yield run
        return
    yield run


def set_of(run: Run, layer: str, step: int | None, **more: bool) -> EmbeddingSet:
    """A run's own layer at a step, as `Run.embeddings` gives it; else what others listed under that name."""
    own = layer in run.layers
    return run.embeddings(layer, step, **more) if own else adopted_set(run.path.parent, run.name, layer)


def adopted_sets(logdir: Path) -> list[EmbeddingSet]:
    """All that others wrote for the stock Projector in a log directory, a set for each entry of each run's list.

    Thumbnails come along; of a sheet that cannot be read a warning says so.

    Raises:
        DataMissing: there is nothing of the kind.
        BrokenFile: vectors cannot be read.
    """
    library = Library(logdir)
    entries = [
        (name, layer)
        for name in library.logdir.lists
        if (foreign := library.foreign(name)) is not None
        for layer in foreign.entries
    ]
    if not entries:
        raise DataMissing(
            f"There are no vectors for the Projector in {str(logdir)!r}.",
            expected="a folder with a projector_config.pbtxt that others wrote, in it or in its runs; or with the "
            "parts of one table, as Parquet, Arrow or JSON",
        )
    sets = [_adopted_set(library, name, layer, pictured=True) for name, layer in entries]
    if len({each.layer for each in sets}) < len(sets):  # runs may have entries of one name
        return [replace(each, layer=f"{name}/{each.layer}") for each, (name, _) in zip(sets, entries, strict=True)]
    return sets


def _adopted_set(library: Library, run_name: str, layer: str, pictured: bool = False) -> EmbeddingSet:
    found = library.set(run_name, layer, None)
    labels: Any = None
    columns: dict[str, Any] = {}
    for each in found.columns:
        values = each.values(library.cache)
        if isinstance(values, Number):
            columns[each.name] = values.values
        elif isinstance(values, Category):
            texts = np.array([*values.names, ""], np.str_)[np.where(values.codes == MISSING, -1, values.codes)]
            if each.name == "label":
                labels = texts
            else:
                columns[each.name] = texts
        elif each.name != "id":
            columns[each.name] = np.array([text or "" for text in values.texts.to_pylist()], np.str_)
    vectors = library.vectors(found)
    data = as_dataset(
        np.empty((found.rows, 0), np.float32),
        name=f"{run_name}-{layer}",
        ids=library.ids(found).to_pylist(),
        labels=labels,
        columns=columns,
        images=_thumbnails(found) if pictured else None,
    )
    return EmbeddingSet(vectors, data, layer)


def _thumbnails(found: SampleSet) -> _Thumbnails | None:
    if found.pictures is None:
        return None
    try:
        found.pictures.original(0)
    except BrokenFile as error:
        warnings.warn(f"The thumbnails of {found.layer!r} are left out: {error}", stacklevel=2)
        return None
    return _Thumbnails(found.pictures, found.rows)


class _Thumbnails(Sequence[bytes | None]):
    """The thumbnails of a sheet, a file for each row, cut out when it is asked for."""

    def __init__(self, pictures: Pictures, rows: int) -> None:
        self._pictures, self._rows = pictures, rows

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: Any) -> Any:
        found = self._pictures.original(int(row))
        return None if found is None else found[0]
