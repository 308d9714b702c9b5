"""The push of all points on each other: what it is, and its exact sum.

The push on a place y is the sum over the points of t^push (y - y_j), to be divided by the normaliser Z, the
sum of t^likeness over all ordered pairs (`kernel.py`). `repulsion_mesh.py` computes both for many points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from embedding_lab.projection.affinity import F32
from embedding_lab.projection.crew import Crew, compiled
from embedding_lab.projection.kernel import Kernel

Field = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Places, shape (dims, m), to the forces on them, of the same shape; each place independently of the
others."""


class Push(NamedTuple):
    """What the points of a map feel of each other.

    Attributes:
        forces: the sum of t^push (y_i - y_j), float32, one row per axis, shape (dims, n).
        normaliser: Z.
    """

    forces: NDArray[np.float32]
    normaliser: float


class Repulsion(Protocol):
    """A way to compute the push."""

    def among(self, points: NDArray[np.float32]) -> Push:
        """What points, shape (dims, n), feel of each other."""

    def field(self, points: NDArray[np.float32]) -> Field:
        """The forces of points, held fast, on other places."""


class ExactRepulsion:
    """Every pair, one by one: the measure of all other ways, and the fastest for few points."""

    def __init__(self, kernel: Kernel, crew: Crew) -> None:
        self.kernel, self.crew = kernel, crew

    def among(self, points: NDArray[np.float32]) -> Push:
        """What points, shape (dims, n), feel of each other."""
        forces, likeness = self.felt(points, points)
        return Push(forces, float(likeness.sum(dtype=np.float64)) - points.shape[1])

    def field(self, points: NDArray[np.float32]) -> Field:
        """The forces of points, held fast, on other places."""
        return lambda places: self.felt(points, places)[0]

    def felt(
        self, points: NDArray[np.float32], places: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Forces of the points on places, and how alike each place is to all points together, shape (m,)."""
        forces, likeness = np.empty_like(places), np.empty(places.shape[1], F32)
        if len(points) == 2:
            self.crew.share(_pairs_2d, len(likeness), points, places, forces, likeness)
        else:
            self.crew.share(_pairs_3d, len(likeness), points, places, self.kernel.steep, forces, likeness)
        return forces, likeness


@compiled
def _pairs_2d(first, last, points, places, forces, likeness):  # type: ignore[no-untyped-def]
    one = F32(1)
    x, y = points[0], points[1]
    for i in range(first, last):
        xi, yi = places[0, i], places[1, i]
        fx, fy, total = F32(0), F32(0), F32(0)
        for j in range(x.size):
            dx, dy = xi - x[j], yi - y[j]
            w = one / (one + dx * dx + dy * dy)
            total += w
            w *= w
            fx += w * dx
            fy += w * dy
        forces[0, i], forces[1, i], likeness[i] = fx, fy, total


@compiled
def _pairs_3d(first, last, points, places, steep, forces, likeness):  # type: ignore[no-untyped-def]
    one, half = F32(1), F32(0.5)
    x, y, z = points[0], points[1], points[2]
    for i in range(first, last):
        xi, yi, zi = places[0, i], places[1, i], places[2, i]
        fx, fy, fz, total = F32(0), F32(0), F32(0), F32(0)
        for j in range(x.size):
            dx, dy, dz = xi - x[j], yi - y[j], zi - z[j]
            root = one / np.sqrt(one + half * (dx * dx + dy * dy + dz * dz))
            w = root * root * root
            total += w
            w *= w if steep else root * root
            fx += w * dx
            fy += w * dy
            fz += w * dz
        forces[0, i], forces[1, i], forces[2, i], likeness[i] = fx, fy, fz, total
