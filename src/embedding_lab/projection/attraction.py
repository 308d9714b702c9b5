"""The pull between neighbours: one pass over the sparse affinities.

The pull on point i is the sum over its neighbours j of p_ij t^(push - likeness) (y_i - y_j), see
`kernel.py`; the constant 2(ν+1)/ν of the gradient is left to the step length, as is customary. The pass is
bound by memory, so the points lie along a space-filling curve (`curve.py`) and a row's neighbours are
mostly in the cache already.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding_lab.projection.affinity import F32, Affinities
from embedding_lab.projection.crew import Crew, compiled
from embedding_lab.projection.kernel import Kernel


def attraction(
    affinities: Affinities, points: NDArray[np.float32], kernel: Kernel, crew: Crew
) -> NDArray[np.float32]:
    """The pull on every point, as a slope: a descent goes against it.

    Args:
        affinities: of n samples.
        points: the map, float32, one row per axis: shape (2 or 3, n).
        kernel: of the map.
        crew: who works.

    Returns:
        float32, shape (2 or 3, n).
    """
    pull = np.empty_like(points)
    table = affinities.starts, affinities.columns, affinities.values
    if len(points) == 2:
        crew.share(_pull_2d, len(affinities), *table, points, pull)
    else:
        crew.share(_pull_3d, len(affinities), *table, points, kernel.steep, pull)
    return pull


def neighbour_cost(affinities: Affinities, points: NDArray[np.float32], kernel: Kernel, crew: Crew) -> float:
    """Σ p log(p / w): with log Z added, the Kullback-Leibler divergence of the map, for the p sum to one."""
    rows = np.empty(len(affinities), np.float64)
    table = affinities.starts, affinities.columns, affinities.values
    crew.share(_log_kernel, len(rows), *table, points, F32(1 / kernel.dof), rows)
    return affinities.negative_entropy + kernel.likeness * float(rows.sum())


@compiled
def _pull_2d(first, last, starts, columns, values, points, pull):  # type: ignore[no-untyped-def]
    one = F32(1)
    x, y = points[0], points[1]
    for i in range(first, last):
        xi, yi = x[i], y[i]
        fx, fy = F32(0), F32(0)
        for e in range(starts[i], starts[i + 1]):
            j = columns[e]
            dx, dy = xi - x[j], yi - y[j]
            f = values[e] / (one + dx * dx + dy * dy)
            fx += f * dx
            fy += f * dy
        pull[0, i], pull[1, i] = fx, fy


@compiled
def _pull_3d(first, last, starts, columns, values, points, steep, pull):  # type: ignore[no-untyped-def]
    one, half = F32(1), F32(0.5)
    x, y, z = points[0], points[1], points[2]
    for i in range(first, last):
        xi, yi, zi = x[i], y[i], z[i]
        fx, fy, fz = F32(0), F32(0), F32(0)
        for e in range(starts[i], starts[i + 1]):
            j = columns[e]
            dx, dy, dz = xi - x[j], yi - y[j], zi - z[j]
            root = one / np.sqrt(one + half * (dx * dx + dy * dy + dz * dz))
            f = values[e] * root * root * (root if steep else one)
            fx += f * dx
            fy += f * dy
            fz += f * dz
        pull[0, i], pull[1, i], pull[2, i] = fx, fy, fz


@compiled
def _log_kernel(first, last, starts, columns, values, points, per_dof, rows):  # type: ignore[no-untyped-def]
    one = F32(1)
    flat = points.shape[0] == 2
    x, y, z = points[0], points[1], points[-1]
    for i in range(first, last):
        total = F32(0)
        for e in range(starts[i], starts[i + 1]):
            j = columns[e]
            dx, dy = x[i] - x[j], y[i] - y[j]
            dz = F32(0) if flat else z[i] - z[j]
            total += values[e] * np.log(one + per_dof * (dx * dx + dy * dy + dz * dz))
        rows[i] = total
