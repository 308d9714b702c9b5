"""What t-SNE makes small, for any map: how far likeness on the map diverges from given affinities.

It depends on the scale of the map, and on the kernel: maps are comparable when both used the same degrees of
freedom (one in two dimensions, two in three) and the same affinities.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from embedding_lab.embeddings import Neighbours
from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.projection.affinity import Affinities, perplexity_affinities
from embedding_lab.projection.attraction import neighbour_cost
from embedding_lab.projection.crew import crew_of
from embedding_lab.projection.frame import as_vectors, column_extremes
from embedding_lab.projection.kernel import kernel_for
from embedding_lab.projection.repulsion import ExactRepulsion
from embedding_lab.projection.repulsion_mesh import MeshRepulsion

EXACT_ROWS = 100_000
"""Up to so many points the normaliser is summed over all pairs."""


def affinities_of(neighbours: Neighbours, perplexity: float = 30.0, *, threads: int | None = None) -> Affinities:
    """Symmetric affinities of the perplexity from three times as many neighbours, or all there are.

    Raises:
        InputError: there are not so many neighbours, though there are more samples.
    """
    near = neighbours.nearest(int(3 * perplexity))
    with crew_of(threads) as crew:
        return perplexity_affinities(near.indices, near.distances, min(perplexity, max(near.k, 1)), crew)


def kl_divergence(points: Any, affinities: Affinities, *, threads: int | None = None) -> float:
    """Σ p log(p / q) of a map in two or three dimensions, its normaliser over all pairs up to 100,000 points.

    Args:
        points: shape (n, 2 or 3), at the scale at which they were laid out.
        affinities: p of the n samples, summing to one.
        threads: how many work; None for one on every core.

    Raises:
        InputError and its kinds: points that do not fit the affinities or are not finite.
    """
    points = as_vectors(points)
    if points.shape[0] != len(affinities):
        raise ShapeMismatch(
            "The map and the affinities describe different samples.",
            got=f"{points.shape[0]:,} points, affinities of {len(affinities):,}",
            expected="one of each for every sample",
        )
    if points.shape[1] not in (2, 3):
        raise InputError("A map has two or three dimensions.", got=f"{points.shape[1]}", expected="2 or 3")
    low, high = column_extremes(points)
    places = np.ascontiguousarray((points - (low / 2 + high / 2)).T, dtype=np.float32)
    kernel = kernel_for(places.shape[0])
    with crew_of(threads) as crew:
        exact = len(affinities) <= EXACT_ROWS
        repulsion = ExactRepulsion(kernel, crew) if exact else MeshRepulsion(kernel, crew)
        normaliser = repulsion.among(places).normaliser
        return neighbour_cost(affinities, places, kernel, crew) + float(np.log(normaliser))
