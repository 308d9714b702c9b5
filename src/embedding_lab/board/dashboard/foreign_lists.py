"""Sample sets from the stock Projector's lists, whoever wrote them: the tensors, tables and sheets that are meant.

What TensorBoard fails on is shown where it can be told what was meant, and the doctor's words say what is wrong.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedding_lab.board.checks import Check, assets, checkpoints, lists, metadata, sprites, tensors
from embedding_lab.board.checks.checkpoints import source_of
from embedding_lab.board.checks.finding import Finding
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.machine import Machine
from embedding_lab.board.checks.metadata_files import Metadata, looks_like_number, read_metadata
from embedding_lab.board.checks.projector_files import AssetKind, Entry, ProjectorFile, read_projector_file
from embedding_lab.board.checks.sheets import picture_size
from embedding_lab.board.checks.tensor_files import read_tensor
from embedding_lab.board.dashboard.cache import Cache
from embedding_lab.board.dashboard.columns import FEW_TEXTS, Column, Number, Text, Values, from_texts
from embedding_lab.board.dashboard.logdir import check_inside
from embedding_lab.board.dashboard.sample_set import Problem, SampleSet
from embedding_lab.board.dashboard.sheet_pages import SheetPages
from embedding_lab.board.projector_config import FOLDER, OUR_FILE
from embedding_lab.embeddings.dataset import numbered_ids
from embedding_lab.errors import BrokenFile, LabError

CHECKS_OF_NAMES: tuple[Check, ...] = (lists.check_unreadable_list, lists.check_names, assets.check_assets)
"""Those of the doctor's checks that open no file but the list."""

CHECKS: tuple[Check, ...] = (
    *CHECKS_OF_NAMES,
    checkpoints.check_checkpoints,
    tensors.check_tensor_form,
    tensors.check_tensor_shape,
    tensors.check_not_finite,
    metadata.check_metadata,
    sprites.check_sprites,
)
"""Those of the doctor's checks that concern what is shown here too, not the stock page's own ways."""


KINDS: tuple[AssetKind, ...] = ("tensor", "metadata", "sprite")


class OneList(LogDir):
    """A log directory of which the checks look at one list of tensors only."""

    file: ProjectorFile

    @cached_property
    def projector_files(self) -> list[ProjectorFile]:
        return [self.file]


@dataclass(frozen=True, eq=False)
class Vectors:
    """The vectors that an entry means: their shape, and how to open them."""

    shape: tuple[int, int]
    load: Callable[[], Any]


class ForeignList:
    """A list of tensors in a run, as it is now.

    Args:
        path: the list.
        run: the run's name.
        logdir: the log directory.
        machine: whether TensorFlow is there, for the doctor's words.
    """

    def __init__(self, path: Path, run: str, logdir: Path, machine: Machine) -> None:
        self.run = run
        self._file = read_projector_file(path, run)
        self._logdir = OneList(logdir, machine)
        self._logdir.file = self._file

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """The tensors that were not written by us for the stock Projector, by names that are different."""
        named: dict[str, Entry] = {}
        for entry in self._file.entries:
            given = entry.proto.tensor_path
            if given.startswith(f"{FOLDER}/") and OUR_FILE.fullmatch(given.rpartition("/")[2]):
                continue
            name, number = entry.name or "tensor", 2
            while name in named:
                name, number = f"{entry.name} ({number})", number + 1
            named[name] = entry
        return named

    def problems(self) -> list[Problem]:
        """What is wrong with the list and what it names, in the doctor's words."""
        if self._file.config is not None and not self.entries:
            return []
        found: list[Finding] = []
        for check in CHECKS if self._all_inside() else CHECKS_OF_NAMES:
            try:
                found += check(self._logdir)
            except (OSError, ValueError, LabError):  # files that change meanwhile; the next look finds them whole
                continue
        return [
            Problem(each.happened, each.got, each.rule, each.remedy) for each in found if each.severity != "note"
        ]

    def signature(self) -> tuple[Any, ...]:
        """Changes when the list does, or a file that it names."""
        paths = [self._file.path]
        for entry in self._file.entries:
            paths += [path for kind in KINDS if (path := entry.meant(kind))]
        return tuple(_state(path) for path in paths)

    def open_set(self, name: str, cache: Cache) -> SampleSet:
        """The sample set of an entry.

        Raises:
            BrokenFile: nobody can say what vectors are meant.
        """
        entry = self.entries[name]
        tensor, table, sheet = (self._inside(entry.meant(kind)) for kind in KINDS)
        key = (str(self._file.path), name, *(_state(path) for path in (self._file.path, tensor, table, sheet)))
        vectors = cache.get(("foreign", key), lambda: self._vectors(entry, tensor), lambda _: 1000)
        rows, dims = vectors.shape
        generation = hashlib.sha256(repr(key).encode(errors="surrogatepass")).hexdigest()[:15]
        columns, ids = _columns(table, rows, key, cache)
        return SampleSet(
            run=self.run,
            layer=name,
            step=None,
            key=(*key, ("ids", key)),
            rows=rows,
            dims=dims,
            facts={
                "epoch": None,
                "split": None,
                "generation": generation,
                "samples": f"{self.run}/{name}",
                "dataset": name,
            },
            ids=ids,
            columns=columns,
            maps={},
            vectors=partial(_finite, vectors.load),
            pictures=self._pictures(entry, sheet, rows, key, cache),
        )

    def _inside(self, path: Path | None) -> Path | None:
        """The path, unless it leads out of the log directory. Raises BrokenFile where it does."""
        if path is not None:
            check_inside(path, os.path.realpath(self._logdir.root))
        return path

    def _all_inside(self) -> bool:
        try:
            for entry in self._file.entries:
                for kind in KINDS:
                    self._inside(entry.meant(kind))
        except BrokenFile:
            return False
        return True

    def _vectors(self, entry: Entry, path: Path | None) -> Vectors:
        if not entry.proto.tensor_path:
            source = source_of(self._logdir, entry)
            if source is None:
                raise _unreadable(entry.name, "no tensor file and no checkpoint that holds it")
            self._inside(source.source)
            return Vectors(source.shape, source.read)
        tensor = read_tensor(path, entry.shape) if path else None
        if tensor is None or tensor.load is None:
            raise _unreadable(entry.name, tensor.problem if tensor else "no file where its path leads")
        shape = tensor.shape or tensor.load().shape
        if len(shape) != 2 or min(shape) < 1:
            raise _unreadable(entry.name, f"shape {shape}")
        return Vectors((int(shape[0]), int(shape[1])), tensor.load)

    def _pictures(self, entry: Entry, sheet: Path | None, rows: int, key: Any, cache: Cache) -> SheetPages | None:
        cell = tuple(int(side) for side in entry.proto.sprite.single_image_dim)
        size = None if sheet is None else picture_size(sheet)
        if sheet is None or size is None or len(cell) != 2 or min(cell) < 1:
            return None
        columns = size[0] // cell[0]
        if columns * (size[1] // cell[1]) < rows:
            return None
        return SheetPages(sheet, (cell[0], cell[1]), columns, rows, key, cache)


def _unreadable(name: str, got: str) -> BrokenFile:
    return BrokenFile(
        f"The vectors of {name!r} cannot be read.",
        got=got,
        expected="numbers between tabs, raw float32 with a tensor_shape, .npy, or a checkpoint",
        remedy="Run `embedding-lab doctor` on the log directory.",
    )


def _state(path: Path | None) -> tuple[Any, ...]:
    try:
        about = path.stat() if path else None
    except OSError:
        about = None
    return (str(path), about.st_size, about.st_mtime_ns) if about else (str(path),)


def _finite(load: Callable[[], Any]) -> NDArray[np.float32]:
    """Vectors of float32; those with NaN or infinity lie where the others have their middle, as --fix puts them."""
    vectors = load()
    if vectors.dtype != np.float32 or not isinstance(vectors, np.memmap):
        vectors = np.ascontiguousarray(vectors, np.float32)
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        vectors = np.array(vectors)
        good = np.delete(vectors, bad, axis=0)
        vectors[bad] = good.mean(axis=0) if len(good) else 0
    return np.asarray(vectors) if not isinstance(vectors, np.memmap) else vectors


def _columns(path: Path | None, rows: int, key: Any, cache: Cache) -> tuple[tuple[Column, ...], Callable[[], Any]]:
    """The columns of a table of samples that fits the vectors, and the samples' ids."""

    def numbered() -> pa.Array:
        return pa.array(numbered_ids("row", rows), pa.string())

    own = Column("id", "sample", key, lambda: Text(numbered()))
    table = None if path is None else cache.get(("table", key), lambda: _table(path, rows), _size)
    if table is None:
        return (own,), numbered
    names = dict.fromkeys(name or "column" for name in table.names)
    columns = [Column(name, "sample", key, partial(_column, table, at)) for at, name in enumerate(names)]
    return (*(each for each in columns if each.name != "id"), own), numbered


def _size(table: Metadata | None) -> int:
    return 200 if table is None else sum(200 + 2 * len(line) for line in table.lines)


def _table(path: Path, rows: int) -> Metadata | None:
    """A table that has a line for each sample; a header above a single column is not one of them."""
    try:
        table = read_metadata(path, 2 * rows + 2)
    except OSError:
        return None
    if not table.header and len(table.rows) == rows + 1:
        table = Metadata(table.filled[1:], table.returns, table.utf8)
    return table if len(table.rows) == rows else None


def _column(table: Metadata, at: int) -> Values:
    cells = table.column(at)
    known = {cell.strip() for cell in cells} - {""}
    few_whole_numbers = len(known) <= FEW_TEXTS and all(cell.isdecimal() for cell in known)
    if known and not few_whole_numbers and all(looks_like_number(cell) for cell in known):
        return Number(np.array([float(cell) if cell.strip() else np.nan for cell in cells]))
    return from_texts(pa.array([cell or None for cell in cells], pa.string()))


def foreign_list(path: Path, run: str, logdir: Path, cache: Cache) -> ForeignList:
    """The list of a run, read again only when it has changed."""
    machine = cache.get("machine", lambda: Machine.here(paths=[]), lambda _: 1)
    return cache.get(("list", _state(path)), lambda: ForeignList(path, run, logdir, machine), lambda _: 10_000)
