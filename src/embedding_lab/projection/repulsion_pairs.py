"""The rest of the push: near pairs, one by one, for what a coarse grid cannot carry.

A grid carries a kernel only as far as the kernel is smooth on the scale of its spacing. So inside a cut-off
R the grid is given a polynomial in r² instead, the kernel's own Taylor series around R², and the
difference, which is zero from R on, is summed over the pairs nearer than R: the particle-particle part of
P3M (Hockney & Eastwood 1988) with the even-powered smoothing of multilevel summation (Brandt & Lubrecht
1990).

Points are sorted by cell. Around each cell all points within R of the box its own points fill are copied
side by side once, and each point of the cell then meets them in one straight loop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding_lab.projection.affinity import F32
from embedding_lab.projection.crew import Crew, compiled
from embedding_lab.projection.kernel import Kernel

ORDER = 3
"""The degree of the polynomial; kernel and polynomial meet at R with as many derivatives."""

CROWDED = 25
"""From so many points per cell of edge R on, cells of half that edge pay: fewer points are met in vain."""

Sorted = tuple[NDArray[np.float32], NDArray[np.uint32], NDArray[np.uint32]]


def taylor(power: float, dof: int, cutoff: float) -> NDArray[np.float64]:
    """Coefficients of the Taylor series of t^power in (r² - R²), lowest first, shape (ORDER + 1,)."""
    base = 1 + cutoff**2 / dof
    coefficients, binomial = np.empty(ORDER + 1), 1.0
    for m in range(ORDER + 1):
        coefficients[m] = binomial * base ** (-power - m) / float(dof) ** m
        binomial *= (-power - m) / (m + 1)
    return coefficients


def smoothed(square: NDArray[np.float64], power: float, dof: int, cutoff: float) -> NDArray[np.float64]:
    """What is left to the grid of t^power, a function of r²: all beyond the cut-off, the polynomial
    within.
    """
    smooth: NDArray[np.float64] = (1 + square / dof) ** -power
    if cutoff > 0:
        inside = square < cutoff**2
        series = np.polynomial.Polynomial(taylor(power, dof, cutoff))
        smooth[inside] = series(square[inside] - cutoff**2)
    return smooth


class NearPairs:
    """Points sorted into cells, ready to push on places within the cut-off.

    Args:
        points: shape (dims, n).
        cutoff: R, in map units.
        kernel: of the map.
        crew: who works.
    """

    def __init__(self, points: NDArray[np.float32], cutoff: float, kernel: Kernel, crew: Crew) -> None:
        self.cutoff, self.kernel, self.crew = cutoff, kernel, crew
        low = points.min(axis=1)
        extent = points.max(axis=1).astype(np.float64) - low
        volume = float(np.prod(np.maximum(extent, cutoff) / cutoff))
        self.rings = 1 if points.shape[1] < CROWDED * volume else 2
        self.edge = cutoff / self.rings
        self.low = np.zeros(3, F32)
        self.low[: len(low)] = low
        self.counts = np.ones(3, np.int64)
        self.counts[: len(low)] = (extent / self.edge).astype(np.int64) + 1
        self.points, self.starts, self.order = self._sorted(points)

    def among(self) -> tuple[NDArray[np.float32], float]:
        """The points' forces on each other, shape (dims, n), and the sum of likeness, each to itself
        included.
        """
        felt = self._felt(self.points, self.starts, self.order)
        return felt[: self.kernel.dof + 1], float(felt[3].sum(dtype=np.float64))

    def of(self, places: NDArray[np.float32]) -> NDArray[np.float32]:
        """The forces of the points on other places; both of shape (dims, m)."""
        return self._felt(*self._sorted(places))[: self.kernel.dof + 1]

    def _sorted(self, points: NDArray[np.float32]) -> Sorted:
        """Points by cell with a third axis in any case, where each cell begins, and which point each was."""
        dims, n = points.shape
        starts = np.zeros(int(self.counts.prod()) + 1, np.uint32)
        order = np.empty(n, np.uint32)
        _sort_by_cell(points, self.low, F32(1 / self.edge), self.counts, starts, order)
        by_cell = np.zeros((3, n), F32)
        np.take(points, order, axis=1, out=by_cell[:dims])
        return by_cell, starts, order

    def _felt(
        self, places: NDArray[np.float32], starts: NDArray[np.uint32], order: NDArray[np.uint32]
    ) -> NDArray[np.float32]:
        kernel, felt = self.kernel, np.empty((4, places.shape[1]), F32)
        self.crew.share(
            _near,
            len(starts) - 1,
            (self.points, self.starts),
            (places, starts, order),
            (self.counts, self.rings, F32(self.cutoff)),
            (kernel.dof == 1, kernel.steep),
            taylor(kernel.likeness, kernel.dof, self.cutoff).astype(F32),
            taylor(kernel.potential, kernel.dof, self.cutoff).astype(F32) * F32(2 * kernel.slope),
            felt,
        )
        return felt


@compiled
def _sort_by_cell(points, low, cells, counts, starts, order):  # type: ignore[no-untyped-def]
    dims, n = points.shape
    cell = np.empty(n, np.uint32)
    for i in range(n):
        at = 0
        for axis in range(dims - 1, -1, -1):
            place = np.int64((points[axis, i] - low[axis]) * cells)
            at = at * counts[axis] + min(max(place, 0), counts[axis] - 1)
        cell[i] = at
        starts[cell[i] + np.uint32(1)] += np.uint32(1)
    for at in range(1, len(starts)):
        starts[at] += starts[at - 1]
    for i in range(n):
        order[starts[cell[i]]] = i
        starts[cell[i]] += np.uint32(1)
    for at in range(len(starts) - 1, 0, -1):
        starts[at] = starts[at - 1]
    starts[0] = 0


@compiled
def _range(values):  # type: ignore[no-untyped-def]
    low, high = values[0], values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
    return low, high


@compiled
def _near(first, last, of_points, of_places, cells, form, likeness, potential, felt):  # type: ignore[no-untyped-def]
    """Writes to `felt` (three rows of forces, one of likeness) what the places of some cells feel."""
    points, starts = of_points
    places, place_starts, order = of_places
    counts, rings, cutoff = cells
    flat, steep = form
    near = np.empty((3, points.shape[1] + 1), np.float32)
    bx, by, bz = near[0], near[1], near[2]
    zero, one, two, three = F32(0), F32(1), F32(2), F32(3)
    per_dof = one if flat else F32(0.5)
    square = cutoff * cutoff
    w0, w1, w2, w3 = likeness[0], likeness[1], likeness[2], likeness[3]
    f0, f1, f2 = potential[1], two * potential[2], three * potential[3]
    for cell in range(first, last):
        begin, end = place_starts[cell], place_starts[cell + 1]
        if begin == end:
            continue
        x_low, x_high = _range(places[0, begin:end])
        y_low, y_high = _range(places[1, begin:end])
        z_low, z_high = _range(places[2, begin:end])
        cx = cell % counts[0]
        cy = cell // counts[0] % counts[1]
        cz = cell // (counts[0] * counts[1])
        met = np.uint32(0)
        for z in range(max(0, cz - rings), min(counts[2], cz + rings + 1)):
            for y in range(max(0, cy - rings), min(counts[1], cy + rings + 1)):
                row = (z * counts[1] + y) * counts[0]
                for j in range(starts[row + max(0, cx - rings)], starts[row + min(counts[0], cx + rings + 1)]):
                    px, py, pz = points[0, j], points[1, j], points[2, j]
                    bx[met], by[met], bz[met] = px, py, pz
                    gap_x = max(x_low - px, px - x_high, zero)
                    gap_y = max(y_low - py, py - y_high, zero)
                    gap_z = max(z_low - pz, pz - z_high, zero)
                    within = gap_x * gap_x + gap_y * gap_y + gap_z * gap_z < square
                    met += np.uint32(1) if within else np.uint32(0)
        for i in range(begin, end):
            xi, yi, zi = places[0, i], places[1, i], places[2, i]
            fx, fy, fz, total = zero, zero, zero, zero
            for j in range(met):
                dx, dy, dz = xi - bx[j], yi - by[j], zi - bz[j]
                near_square = min(dx * dx + dy * dy + dz * dz, square)
                inside = near_square - square
                root = one / np.sqrt(one + per_dof * near_square)
                t = root * root
                w = t if flat else t * root
                total += w - (w0 + inside * (w1 + inside * (w2 + inside * w3)))
                f = w * (w if steep else t) - (f0 + inside * (f1 + inside * f2))
                fx += f * dx
                fy += f * dy
                fz += f * dz
            to = order[i]
            felt[0, to], felt[1, to], felt[2, to], felt[3, to] = fx, fy, fz, total
