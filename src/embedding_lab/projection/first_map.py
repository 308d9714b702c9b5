"""Where the points begin: along the principal components, at random, or as on an earlier map.

Kobak & Linderman (2021) show that the overall shape of a t-SNE map comes from where it begins; the principal
components begin it with the shape of the data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from embedding_lab.errors import ShapeMismatch, one_of
from embedding_lab.projection.pca import fit_pca

CHOICES = ("pca", "random", "an array", "an earlier map")

WIDTH = 1e-4
"""Standard deviation of the first axis: so small that all points begin alike."""


def first_map(vectors: NDArray[Any], dims: int, init: Any, random_state: Any) -> NDArray[np.float64]:
    """The first map of vectors, shape (n, dims); an earlier one keeps its scale.

    Args:
        vectors: shape (n, columns).
        dims: of the map.
        init: "pca", "random", an array of shape (n, dims), or something with such `points`.
        random_state: seed of what is random: all, or the axes along which the vectors do not vary.

    Raises:
        UnknownName: no such first map.
        ShapeMismatch: an earlier map of other samples or dimensions.
    """
    shape = len(vectors), dims
    if not isinstance(init, str):
        earlier = np.asarray(getattr(init, "points", init), np.float64)
        if earlier.shape != shape:
            raise ShapeMismatch(
                "The first map does not fit.", got=f"shape {earlier.shape}", expected=f"shape {shape}"
            )
        return earlier
    random: NDArray[np.float64] = check_random_state(random_state).standard_normal(shape)
    if init == "random":
        return narrowed(random)
    if init != "pca":
        raise one_of("First map", init, CHOICES)
    return narrowed(_with_components(random, vectors))


def narrowed(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same map, so small that all points begin alike."""
    spread = float(points[:, 0].std())
    return points * (WIDTH / spread) if spread > 0 else points


def _with_components(random: NDArray[np.float64], vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Principal components in place of random axes, as far as the vectors vary along them."""
    components = fit_pca(vectors, min(random.shape[1], vectors.shape[1])).points.astype(np.float64)
    spread = components.std(axis=0)
    if spread[0] == 0:
        return random
    first: NDArray[np.float64] = random * spread[0]
    varied = np.flatnonzero(spread > 1e-6 * spread[0])
    first[:, varied] = components[:, varied]
    return first
