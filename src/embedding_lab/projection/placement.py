"""New samples on a finished map: each finds its place among its neighbours, and nothing else moves.

A new point feels what a point of the map would feel there: the pull of its nearest samples, weighted as in
`affinity.py`, and the push of all points of the map, divided by the map's own normaliser. It starts at its
nearest neighbour. The new points do not feel each other, so where one lands does not depend on which come
with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding_lab.projection.affinity import F32
from embedding_lab.projection.crew import Crew, compiled
from embedding_lab.projection.descent import repulsion_for
from embedding_lab.projection.kernel import Kernel

STEPS = 100
MOMENTUM = F32(0.5)


def placed(
    points: NDArray[np.float32],
    normaliser: float,
    kernel: Kernel,
    indices: NDArray[np.integer],
    weights: NDArray[np.float32],
    crew: Crew,
) -> NDArray[np.float32]:
    """Where new samples come to rest.

    Args:
        points: the finished map, shape (dims, n).
        normaliser: its Z.
        kernel: of the map.
        indices: the nearest samples of each new one, nearest first, shape (m, k).
        weights: how much each of them pulls, rows that sum to one, shape (m, k).
        crew: who works.

    Returns:
        float32, shape (dims, m).
    """
    places = np.ascontiguousarray(points[:, indices[:, 0]])
    field = repulsion_for(points, kernel, crew).field(points)
    share = F32(points.shape[1] / max(normaliser, 1e-30))
    velocity, pull = np.zeros_like(places), np.empty_like(places)
    neighbours = np.ascontiguousarray(indices, np.uint32)
    power = F32(kernel.push - kernel.likeness)
    for _ in range(STEPS):
        crew.share(_pull, places.shape[1], neighbours, weights, points, places, F32(1 / kernel.dof), power, pull)
        velocity *= MOMENTUM
        velocity += share * field(places) - pull
        places += velocity
    return places


@compiled
def _pull(first, last, neighbours, weights, points, places, per_dof, power, pull):  # type: ignore[no-untyped-def]
    dims = len(points)
    for i in range(first, last):
        for axis in range(dims):
            pull[axis, i] = F32(0)
        for a in range(neighbours.shape[1]):
            j = neighbours[i, a]
            square = F32(0)
            for axis in range(dims):
                difference = places[axis, i] - points[axis, j]
                square += difference * difference
            f = weights[i, a] * (F32(1) + per_dof * square) ** -power
            for axis in range(dims):
                pull[axis, i] += f * (places[axis, i] - points[axis, j])
