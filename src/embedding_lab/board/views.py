"""Chooses which tensors a layer is shown by, names what each is right for, and says what it cannot show."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedding_lab.board.fidelity import NEIGHBOURS, neighbours_kept
from embedding_lab.board.projector_tensors import (
    WIDEST,
    LayerVectors,
    Points,
    cosine_full_width,
    cosine_tensor,
    euclidean_full_width,
    pca_tensor,
)

FAITHFUL = 9.5
"""With so many of ten neighbours kept, 49 dimensions do without the full width."""

FULL_WIDTH_BYTES = 32 << 20
"""Up to this size all dimensions are exported too; TensorBoard reads every tensor when it starts."""

TELLING_POINTS = 0.5
"""From so many percentage points on, a wrong variance is worth a note."""


@dataclass(frozen=True, eq=False)
class View:
    """A tensor for some of the page's views.

    Attributes:
        slug: its name in file names.
        shows: the views it is right for, as the page's list says it.
        points: what the page is given.
    """

    slug: str
    shows: str
    points: Points


@dataclass(frozen=True, eq=False)
class LayerViews:
    """All tensors of a layer, and whole sentences on what they cannot show."""

    views: list[View] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def layer_views(name: str, layer: LayerVectors) -> LayerViews:
    """The tensors by which a layer is shown.

    Args:
        name: the layer's name, for the notes.
        layer: its vectors, two samples or more.
    """
    pca, cosine = pca_tensor(layer), cosine_tensor(layer)
    found = LayerViews([View("pca", "PCA, euclidean", pca), View("cosine", "t-SNE, UMAP, cosine", cosine)])
    if layer.dims > WIDEST:
        _add_full_width(found, name, layer)
    if pca.variance_overstated > TELLING_POINTS:
        found.notes.append(
            f"{name}: 'total variance described' reads about {pca.variance_overstated:.0f} percentage points too "
            f"much, since the layer spreads too evenly for {WIDEST} dimensions."
        )
    if cosine.apart:
        found.notes.append(
            f"{name}: {cosine.apart:,} of the vectors are zero and have no cosine. For t-SNE, UMAP and cosine they "
            f"lie in one more dimension, at distance 1 from all others."
        )
    return found


def _add_full_width(found: LayerViews, name: str, layer: LayerVectors) -> None:
    pca, cosine = (view.points for view in found.views)
    by_distance = neighbours_kept(layer.centred, pca.values)
    by_cosine = neighbours_kept(layer.directions, cosine.values)
    said = (
        f"{name}: {WIDEST} of {layer.dims:,} dimensions, since the page distorts wider vectors. Of a sample's "
        f"{NEIGHBOURS} nearest neighbours {by_distance:.1f} stay by euclidean distance, {by_cosine:.1f} by cosine."
    )
    if min(by_distance, by_cosine) >= FAITHFUL:
        found.notes.append(said)
        return
    if 4 * layer.dims * len(layer) > FULL_WIDTH_BYTES:
        fitting = FULL_WIDTH_BYTES // (4 * layer.dims)
        found.notes.append(f"{said} Up to {fitting:,} samples are exported with all dimensions too.")
        return
    whole = f"all {layer.dims} (untick Spherize)"
    found.views.append(View("euclidean-all", f"euclidean, {whole}", euclidean_full_width(layer)))
    found.views.append(View("cosine-all", f"t-SNE, UMAP, cosine, {whole}", cosine_full_width(layer)))
    found.notes.append(f"{said} To see all ten, choose a tensor with {whole!r} in its name, and do so.")
