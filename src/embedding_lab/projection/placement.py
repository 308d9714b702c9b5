"""New samples on a finished map: each finds its place among its neighbours, and nothing else moves.

A new point feels what a point of the map would feel there: the pull of its nearest samples, weighted as in
`affinity.py`, and the push of all points of the map, divided by the map's own normaliser. It starts at its
nearest neighbour. The new points do not feel each other, so where one lands does not depend on which come
with it.

Each step is the force divided by how stiffly the neighbours hold the point there, which leads to their weighted
mean (Comaniciu & Meer, "Mean shift: a robust approach toward feature space analysis", 2002), and half as long
again. A point that hardly moves any more is done: most are after eight steps; plain descent takes a hundred.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding_lab.projection.affinity import F32
from embedding_lab.projection.crew import Crew, compiled
from embedding_lab.projection.descent import repulsion_for
from embedding_lab.projection.kernel import Kernel

MOST_STEPS = 200
LENGTH = F32(1.5)
"""Of a step, in terms of the one to the weighted mean."""

STILL = F32(1e-3)
"""A point whose step is no longer than this, in map units, is at rest; nearest points are some tenths apart."""


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
    near = np.ascontiguousarray(points[:, indices])  # they stand still, so they are gathered once
    moving = np.arange(places.shape[1])
    for _ in range(MOST_STEPS):
        here = places[:, moving]
        pull, hold = np.empty_like(here), np.empty(len(moving), F32)
        if len(points) == 2:
            crew.share(_pull_2d, len(moving), moving, weights, near, here, pull, hold)
        else:
            crew.share(_pull_3d, len(moving), moving, weights, near, here, kernel.steep, pull, hold)
        step = LENGTH * (share * field(here) - pull) / np.maximum(hold, np.finfo(F32).tiny)
        places[:, moving] = here + step
        moving = moving[np.square(step).sum(axis=0) > STILL * STILL]
        if not len(moving):
            break
    return places


@compiled
def _pull_2d(first, last, moving, weights, near, places, pull, hold):  # type: ignore[no-untyped-def]
    """Writes what draws the moving points back to their neighbours, and how stiffly these hold them."""
    one = F32(1)
    for i in range(first, last):
        x, y, w = near[0, moving[i]], near[1, moving[i]], weights[moving[i]]
        xi, yi = places[0, i], places[1, i]
        fx, fy, stiff = F32(0), F32(0), F32(0)
        for a in range(w.size):
            dx, dy = xi - x[a], yi - y[a]
            f = w[a] / (one + dx * dx + dy * dy)
            stiff += f
            fx += f * dx
            fy += f * dy
        pull[0, i], pull[1, i], hold[i] = fx, fy, stiff


@compiled
def _pull_3d(first, last, moving, weights, near, places, steep, pull, hold):  # type: ignore[no-untyped-def]
    one, half = F32(1), F32(0.5)
    for i in range(first, last):
        x, y, z, w = near[0, moving[i]], near[1, moving[i]], near[2, moving[i]], weights[moving[i]]
        xi, yi, zi = places[0, i], places[1, i], places[2, i]
        fx, fy, fz, stiff = F32(0), F32(0), F32(0), F32(0)
        for a in range(w.size):
            dx, dy, dz = xi - x[a], yi - y[a], zi - z[a]
            root = one / np.sqrt(one + half * (dx * dx + dy * dy + dz * dz))
            f = w[a] * root * root * (root if steep else one)
            stiff += f
            fx += f * dx
            fy += f * dy
            fz += f * dz
        pull[0, i], pull[1, i], pull[2, i], hold[i] = fx, fy, fz, stiff
