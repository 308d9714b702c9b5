"""Checks of the tensor files: those TensorBoard fails on, and those the page does not list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.checks.entry_mends import entry_mend, set_numbers, take_out, write_tensor
from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.metadata_files import count_lines
from embedding_lab.board.checks.projector_files import Entry
from embedding_lab.board.checks.tensor_files import MOST_ROWS, NO_SHAPE, WRONG_SIZE, Tensor, raw_values

_RULE = "text with numbers between tabs, or raw little-endian float32 with a tensor_shape that fits its size"


def readable_tensors(logdir: LogDir) -> Iterator[tuple[Entry, Tensor]]:
    """Every entry whose tensor TensorBoard reads."""
    for file in logdir.projector_files:
        for entry in file.entries:
            if entry.tensor is not None and not entry.tensor.problem:
                yield entry, entry.tensor


def check_tensor_form(logdir: LogDir) -> Iterator[Finding]:
    """Tensor files in a form that TensorBoard does not know: one of them takes the whole tab down."""
    for file in logdir.projector_files:
        for entry in file.entries:
            tensor = entry.tensor
            if tensor is None or not tensor.problem:
                continue
            mend, remedy = _mend_form(entry, tensor)
            yield Finding(
                "tensor-form",
                "error",
                "Projector",
                f"{entry.name!r}: TensorBoard cannot read its tensor, which takes the whole tab down for all runs.",
                run=file.run,
                file=tensor.path,
                got=tensor.problem + (f" {list(entry.shape)}" if tensor.problem == WRONG_SIZE else ""),
                rule=_RULE,
                remedy=remedy,
                mend=mend,
            )


def check_tensor_shape(logdir: LogDir) -> Iterator[Finding]:
    """Tensors that the page shows wrongly or not at all because of their shape."""
    for entry, tensor in readable_tensors(logdir):
        rows, dims = tensor.shape
        if tensor.text and entry.shape and entry.shape != tensor.shape:
            yield Finding(
                "tensor-shape",
                "error",
                "Projector",
                f"{entry.name!r}: the list says another shape than the file has, so its numbers go astray.",
                run=entry.file.run,
                file=entry.file.path,
                got=f"tensor_shape {list(entry.shape)}, {rows:,} lines of {dims} numbers",
                rule="tensor_shape is (lines, numbers in a line)",
                remedy="Write the shape that the file has.",
                mend=_reshaper(entry, tensor.shape),
            )
        if rows < 2 or dims < 2:
            yield Finding(
                "tensor-too-small",
                "warning",
                "Projector",
                f"{entry.name!r} is not listed by the page.",
                run=entry.file.run,
                file=tensor.path,
                got=f"{rows:,} × {dims}",
                rule="at least two points of at least two dimensions",
                remedy="Log more points, or add a second dimension.",
            )


def check_not_finite(logdir: LogDir) -> Iterator[Finding]:
    """NaN or infinity among the vectors: no view can be computed."""
    for entry, tensor in readable_tensors(logdir):
        bad = _rows_not_finite(tensor)
        if len(bad):
            yield Finding(
                "tensor-not-finite",
                "error",
                "Projector",
                f"{entry.name!r} holds NaN or infinity: PCA, t-SNE and UMAP of it stay empty.",
                run=entry.file.run,
                file=tensor.path,
                got=f"{len(bad):,} of {tensor.shape[0]:,} rows, the first of them row {bad[0]:,}",
                rule="all values are finite",
                remedy="Find out why the model gave them; --fix shows these points at the middle of all others.",
                mend=_filler(entry, tensor, bad),
            )


def shown(tensor: Tensor) -> NDArray[Any]:
    """The rows that the page gets, float32."""
    assert tensor.load is not None
    return np.asarray(tensor.load()[:MOST_ROWS], np.float32)


def _rows_not_finite(tensor: Tensor) -> NDArray[np.intp]:
    return np.flatnonzero(~np.isfinite(shown(tensor)).all(axis=1))


def _mend_form(entry: Entry, tensor: Tensor) -> tuple[Mend, str]:
    if tensor.problem == NO_SHAPE and (load := _by_metadata(entry, tensor.path)):
        rows, dims = load().shape
        remedy = f"Write tensor_shape: {rows} and {dims}, as its metadata has {rows:,} lines."
        return _reshaper(entry, (rows, dims)), remedy
    if tensor.load is not None and tensor.problem != NO_SHAPE:
        return write_tensor(entry, "wrote its numbers as raw float32", tensor.load), "Write it as raw float32."
    return take_out(entry), "Write it again in one of these forms, or take the entry out of the list."


def _by_metadata(entry: Entry, path: Path) -> Any:
    """Reads raw numbers without a shape by the number of lines of their metadata, where that comes out even."""
    asset = entry.asset("metadata")
    rows = count_lines(asset.path) if asset.readable else 0
    size = path.stat().st_size
    if rows < 2 or size % (4 * rows) or size // (4 * rows) < 2:
        return None
    return raw_values(path, "<f4", size // (4 * rows))


def _reshaper(entry: Entry, shape: tuple[int, ...]) -> Mend:
    said = f"tensor_shape is now {list(shape)}"
    return entry_mend(entry, said, lambda mender, new: set_numbers(new.tensor_shape, shape))


def _filler(entry: Entry, tensor: Tensor, bad: NDArray[np.intp]) -> Mend:
    def filled() -> NDArray[Any]:
        values = shown(tensor).copy()
        good = np.delete(values, bad, axis=0)
        values[bad] = good.mean(axis=0) if len(good) else 0
        return values

    return write_tensor(entry, f"put {len(bad):,} points without finite values at the middle of the others", filled)
