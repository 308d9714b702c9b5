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
    near = np.ascontiguousarray(points[:, indices])  # they stand still, so they are gathered once
    for _ in range(STEPS):
        if len(points) == 2:
            crew.share(_pull_2d, places.shape[1], weights, near, places, pull)
        else:
            crew.share(_pull_3d, places.shape[1], weights, near, places, kernel.steep, pull)
        velocity *= MOMENTUM
        velocity += share * field(places) - pull
        places += velocity
    return places


@compiled
def _pull_2d(first, last, weights, near, places, pull):  # type: ignore[no-untyped-def]
    one = F32(1)
    for i in range(first, last):
        x, y, w = near[0, i], near[1, i], weights[i]
        xi, yi = places[0, i], places[1, i]
        fx, fy = F32(0), F32(0)
        for a in range(w.size):
            dx, dy = xi - x[a], yi - y[a]
            f = w[a] / (one + dx * dx + dy * dy)
            fx += f * dx
            fy += f * dy
        pull[0, i], pull[1, i] = fx, fy


@compiled
def _pull_3d(first, last, weights, near, places, steep, pull):  # type: ignore[no-untyped-def]
    one, half = F32(1), F32(0.5)
    for i in range(first, last):
        x, y, z, w = near[0, i], near[1, i], near[2, i], weights[i]
        xi, yi, zi = places[0, i], places[1, i], places[2, i]
        fx, fy, fz = F32(0), F32(0), F32(0)
        for a in range(w.size):
            dx, dy, dz = xi - x[a], yi - y[a], zi - z[a]
            root = one / np.sqrt(one + half * (dx * dx + dy * dy + dz * dz))
            f = w[a] * root * root * (root if steep else one)
            fx += f * dx
            fy += f * dy
            fz += f * dz
        pull[0, i], pull[1, i], pull[2, i] = fx, fy, fz
