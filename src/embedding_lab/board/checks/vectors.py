"""Checks of vectors of which the page shows something false: lost neighbours, a PCA that is none, a sample only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.checks.entry_mends import copy_of, entry_mend, put_metadata, put_tensor, put_thumbnails
from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.mender import Mender
from embedding_lab.board.checks.metadata_files import Metadata, read_metadata
from embedding_lab.board.checks.projector_files import Entry
from embedding_lab.board.checks.sheets import MOST_PIXELS, grid_of, picture_size
from embedding_lab.board.checks.tensor_files import MOST_ROWS, Tensor
from embedding_lab.board.checks.tensors import readable_tensors, shown
from embedding_lab.board.metadata import MOST_COLOURS
from embedding_lab.board.projector_config import MAP_FILE, tensor_name
from embedding_lab.board.projector_tensors import WIDEST, LayerVectors
from embedding_lab.board.views import layer_views
from embedding_lab.embeddings.sampling import fair_sample

TSNE_ROWS = 10_000
UMAP_ROWS = 5_000
PCA_DIMS = 200
OFF_CENTRE = 0.01
"""A mean whose square is more than this share of the vectors' mean square bends the first axis."""

NOTHING = 1e-30
"""A mean square below it is that of zeros."""

JUDGED_ROWS = 10_000
PCA_VIEWS = "PCA, euclidean"
COSINE_VIEWS = "t-SNE, UMAP, cosine"
_CURED = (PCA_VIEWS, COSINE_VIEWS, "untick Spherize")
"""How our own export names tensors (board/views.py), each right for these views alone."""


def check_vectors(logdir: LogDir) -> Iterator[Finding]:
    """What each view of the page makes of the vectors."""
    for entry, tensor in readable_tensors(logdir):
        if min(tensor.shape) < 2 or MAP_FILE.fullmatch(entry.proto.tensor_path):
            continue
        values = shown(tensor)
        if not np.isfinite(values).all():
            continue
        dims = tensor.shape[1]
        said_so = any(view in entry.name for view in _CURED)
        yield from _many(entry, tensor)
        if dims <= WIDEST:
            yield from _narrow(entry, tensor, values, said_so)
        elif not said_so:
            yield from _wide(entry, tensor, dims)


def _many(entry: Entry, tensor: Tensor) -> Iterator[Finding]:
    rows = tensor.shape[0]
    if rows > MOST_ROWS:
        yield _finding(
            "too-many-points",
            "warning",
            entry,
            f"only the first {MOST_ROWS:,} points are shown, not a fair sample",
            f"{rows:,} points",
            f"the page takes the first {MOST_ROWS:,}",
            "Take a fair sample of points, labels and thumbnails in their place.",
            _sampler(entry, tensor),
        )
    elif rows > TSNE_ROWS:
        yield _finding(
            "sampled-views",
            "note",
            entry,
            f"t-SNE shows {TSNE_ROWS:,} and UMAP {UMAP_ROWS:,} of the points",
            f"{rows:,} points",
            "the page lays out no more of them",
        )


def _narrow(entry: Entry, tensor: Tensor, values: NDArray[Any], said_so: bool) -> Iterator[Finding]:
    some = values[:: max(1, len(values) // JUDGED_ROWS)].astype(np.float64)
    longest = float(np.linalg.norm(some, axis=1).max())
    square = float((some**2).sum(axis=1).mean())
    share = float((some.mean(axis=0) ** 2).sum()) / square if square > NOTHING else 0.0
    if COSINE_VIEWS not in entry.name and PCA_VIEWS not in entry.name and longest > 1.0 + 1e-4:
        yield _finding(
            "neighbours-lost",
            "error",
            entry,
            "t-SNE and UMAP show noise or never finish: with fewer than 50 dimensions the page takes 1 - a·b for a "
            "distance, and drops every neighbour for which that is negative",
            f"{tensor.shape[1]} dimensions, vectors up to length {longest:.3g}",
            "vectors of fewer than 50 dimensions have length 1",
            "Give the page one tensor for PCA and euclidean distance, and one for t-SNE, UMAP and cosine.",
            _splitter(entry, tensor),
        )
    elif not said_so and share > OFF_CENTRE:
        yield _finding(
            "pca-off-centre",
            "warning",
            entry,
            "with fewer than 50 dimensions the page's PCA does not subtract the mean, so its first axis is mostly "
            "that, and the variance it states is wrong",
            f"the mean makes up {100 * share:.0f} % of the vectors' mean square",
            "vectors of fewer than 50 dimensions have a mean of zero",
            "Give the page one tensor for PCA and euclidean distance, and one for t-SNE, UMAP and cosine.",
            _splitter(entry, tensor),
        )


def _wide(entry: Entry, tensor: Tensor, dims: int) -> Iterator[Finding]:
    if dims > PCA_DIMS:
        yield _finding(
            "pca-random",
            "warning",
            entry,
            "its PCA differs from one visit to the next",
            f"{dims:,} dimensions",
            f"above {PCA_DIMS} dimensions the page first projects onto random directions",
            "Give the page one tensor for PCA and euclidean distance, and one for t-SNE, UMAP and cosine.",
            _splitter(entry, tensor),
        )
    else:
        yield _finding(
            "neighbours-of-sphere",
            "warning",
            entry,
            "'nearest points in the original space' are not: the page first subtracts the mean and gives every "
            "vector length 1",
            f"{dims} dimensions, 'Spherize data' ticked",
            "from 50 dimensions on the page does so unless the box is unticked",
            "Untick 'Spherize data' before asking for neighbours; PCA and t-SNE want it ticked. Or give the page "
            "one tensor for PCA and euclidean distance, and one for t-SNE, UMAP and cosine.",
            _splitter(entry, tensor),
        )


def _sampler(entry: Entry, tensor: Tensor) -> Mend:
    """A fair sample of points, labels and thumbnails, of each class its share."""

    def change(mender: Mender, new: Any) -> None:
        assert tensor.load is not None
        table = _whole_table(entry, tensor.shape[0])
        rows = fair_sample(tensor.shape[0], _classes(table), MOST_ROWS, seed=0)
        sheet = _whole_sheet(entry, tensor.shape[0])
        new.ClearField("sprite")
        if sheet is not None:
            put_thumbnails(mender, entry, new, sheet, rows.tolist())
        new.metadata_path = ""
        put_tensor(mender, entry, new, tensor.load()[rows])
        if table is not None:
            header, samples = table.filled[: int(table.header)], table.filled[int(table.header) :]
            put_metadata(mender, entry, new, [*header, *(samples[row] for row in rows)])

    return entry_mend(entry, f"took a fair sample of {MOST_ROWS:,} of {tensor.shape[0]:,} points", change)


def _whole_sheet(entry: Entry, rows: int) -> Path | None:
    """The sheet with a thumbnail of every sample; None where there is none of that kind."""
    asset = entry.asset("sprite")
    size = picture_size(asset.path) if asset.readable else None
    grid = grid_of(size, tuple(entry.proto.sprite.single_image_dim)) if size else None
    if size is None or grid is None or grid[0] * grid[1] < rows or size[0] * size[1] > MOST_PIXELS:
        return None
    return asset.path


def _whole_table(entry: Entry, rows: int) -> Metadata | None:
    """The table of all samples; None where it does not fit them."""
    asset = entry.asset("metadata")
    table = read_metadata(asset.path, rows + 2) if asset.readable else None
    return table if table is not None and len(table.rows) == rows else None


def _classes(table: Metadata | None) -> NDArray[np.int64] | None:
    """The number of each sample's class, by the first column that can be one."""
    for at in range(len(table.names) if table is not None else 0):
        assert table is not None
        names, classes = np.unique(table.column(at), return_inverse=True)
        if len(names) <= MOST_COLOURS:
            return classes.astype(np.int64)
    return None


def _splitter(entry: Entry, tensor: Tensor) -> Mend:
    """The tensors our own export would write, in place of one that cannot be right for all views."""

    def change(mender: Mender, new: Any) -> list[Any]:
        others = []
        for view in layer_views(entry.name, LayerVectors(shown(tensor))).views:
            other = copy_of(entry)
            other.tensor_name = tensor_name(f"{entry.name} · {view.shows}")
            put_tensor(mender, entry, other, view.points.values)
            others.append(other)
        return others

    return entry_mend(entry, "wrote tensors that are named for the views they are right for", change)


def _finding(
    name: str,
    severity: Any,
    entry: Entry,
    what: str,
    got: str,
    rule: str,
    remedy: str = "",
    mend: Mend | None = None,
) -> Finding:
    return Finding(
        name,
        severity,
        "Projector",
        f"{entry.name!r}: {what}.",
        run=entry.file.run,
        file=entry.asset("tensor").path,
        got=got,
        rule=rule,
        remedy=remedy,
        mend=mend,
    )
