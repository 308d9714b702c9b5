"""The push of many points in near-linear time: a grid for the smooth part, near pairs for the rest (P3M).

In a tight map the grid alone is fine enough for the kernel. In a wide one, above all in 3-D, such a grid
would be too big; then a coarser one carries a smoothed kernel and near pairs make up for it
(`repulsion_pairs.py`). The spacing is chosen so that the two together cost least. A few points far outside
must not stretch the grid for all: they are summed exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedding_lab.projection.affinity import F32
from embedding_lab.projection.crew import Crew
from embedding_lab.projection.kernel import Kernel
from embedding_lab.projection.repulsion import ExactRepulsion, Field, Push
from embedding_lab.projection.repulsion_grid import Grid, convolved, padded_nodes, transformed_kernel
from embedding_lab.projection.repulsion_pairs import NearPairs, smoothed

FINE = 0.35
"""The spacing at which the grid alone carries the kernel within one percent of the force."""

CUTOFF_CELLS = 2.75
"""The cut-off of near pairs in cells of the grid: beyond it the grid errs by less than one percent."""

TIGHT = 0.02
"""A map no wider than this is pushed from its middle: there t = 1 within 0.1 %, and a grid would only
round."""

FEWEST_CELLS = 10
"""Across a map narrower than the kernel, which bends little there but whose slope is as small."""

STEP = 2.0**0.25
"""Spacings are powers of it, so that the transformed kernel serves for many iterations."""

NODE_COST, PAIR_COST = 10.0, 0.12
"""Nanoseconds per node of the transform and per pair that may be met, on one core; only their ratio
matters."""

BINS = 32
"""Per axis, to see how crowded a map is."""

LARGEST_TRANSFORM = 2**24
REPLAN = 10

ROOM, WASTE = 1.03, 1.3
"""A grid is made wider than its map by the first, to serve while the map grows, and made anew when it has
more than the second times the nodes it needs."""


class Plan(NamedTuple):
    """How a map's push is computed: the spacing of the grid, and the box outside of which points are summed
    exactly.
    """

    spacing: float
    low: NDArray[np.float32]
    high: NDArray[np.float32]

    def outside(self, points: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which points, shape (dims, n), are beyond the box."""
        beyond = (points < self.low[:, None]) | (points > self.high[:, None])
        return np.asarray(beyond.any(axis=0))


UNPLANNED = Plan(FINE, np.full(3, -np.inf, F32), np.full(3, np.inf, F32))


@dataclass(eq=False)
class Layout:
    """What a mesh takes from one call to the next, as it follows the growing map.

    Attributes:
        calls: how many pushes there were.
        plan: made anew every few calls.
        planned_width: how wide the map was then.
        nodes: of the grid, its padding included.
        nodes_spacing: how far apart they are.
    """

    calls: int = 0
    plan: Plan = UNPLANNED
    planned_width: float = 0.0
    nodes: tuple[int, ...] = ()
    nodes_spacing: float = 0.0

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """The same as arrays by name, for `from_arrays`."""
        own = {name: value for name, value in vars(self).items() if name != "plan"}
        return {f"mesh_{name}": np.array(value) for name, value in {**own, **self.plan._asdict()}.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Layout:
        """The layout that gave these arrays."""
        return cls(
            calls=int(arrays["mesh_calls"]),
            plan=Plan(float(arrays["mesh_spacing"]), arrays["mesh_low"], arrays["mesh_high"]),
            planned_width=float(arrays["mesh_planned_width"]),
            nodes=tuple(int(each) for each in arrays["mesh_nodes"]),
            nodes_spacing=float(arrays["mesh_nodes_spacing"]),
        )


class MeshRepulsion:
    """Particle-particle, particle-mesh.

    Args:
        kernel: of the map.
        crew: who works.
        layout: where an earlier mesh of this map left off.
    """

    def __init__(self, kernel: Kernel, crew: Crew, layout: Layout | None = None) -> None:
        self.kernel, self.crew = kernel, crew
        self.exact = ExactRepulsion(kernel, crew)
        self.layout = layout or Layout()
        self._waves: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def among(self, points: NDArray[np.float32]) -> Push:
        """What points, shape (dims, n), feel of each other."""
        wide = width(points)
        layout = self.layout
        if layout.calls % REPLAN == 0 or wide > 2 * layout.planned_width:
            layout.plan, layout.planned_width = planned(points), wide
        layout.calls += 1
        if wide < TIGHT:
            return pushed_from_middle(points)
        stray = layout.plan.outside(points)
        if not stray.any():
            return self._bulk(points)
        near, far = np.flatnonzero(~stray), np.flatnonzero(stray)
        inner, outer = points.take(near, axis=1), points.take(far, axis=1)
        bulk = self._bulk(inner)
        on_far, likeness = self.exact.felt(points, outer)
        of_far, others = self.exact.felt(outer, inner)
        forces = np.empty_like(points)
        forces[:, near], forces[:, far] = bulk.forces + of_far, on_far
        beyond = likeness.sum(dtype=np.float64) - len(far) + others.sum(dtype=np.float64)
        return Push(forces, bulk.normaliser + float(beyond))

    def field(self, points: NDArray[np.float32]) -> Field:
        """The forces of points, held fast, on other places."""
        if width(points) < TIGHT:
            return self.exact.field(points)
        self.layout.plan = planned(points)
        stray = self.layout.plan.outside(points)
        inner, outer = points[:, ~stray], np.ascontiguousarray(points[:, stray])
        grid, potential, _ = self._field(inner)
        pairs = NearPairs(inner, self._cutoff, self.kernel, self.crew) if self._cutoff else None

        def forces(places: NDArray[np.float32]) -> NDArray[np.float32]:
            within = grid.holds(places)
            on_grid = np.ascontiguousarray(places[:, within])
            felt = np.empty_like(places)
            felt[:, ~within] = self.exact.felt(points, np.ascontiguousarray(places[:, ~within]))[0]
            smooth = grid.slope(potential, on_grid, self.kernel.slope, self.crew)
            if pairs is not None:
                smooth += pairs.of(on_grid)
            felt[:, within] = smooth + self.exact.felt(outer, on_grid)[0]
            return felt

        return forces

    def _bulk(self, points: NDArray[np.float32]) -> Push:
        """What points of one grid feel of each other."""
        grid, field, likeness = self._field(points)
        forces = grid.slope(field, points, self.kernel.slope, self.crew)
        cutoff = self._cutoff
        if cutoff:
            near_forces, near_likeness = NearPairs(points, cutoff, self.kernel, self.crew).among()
            forces += near_forces
            likeness += near_likeness
        return Push(forces, likeness - points.shape[1])

    @property
    def _cutoff(self) -> float:
        spacing = self.layout.plan.spacing
        return CUTOFF_CELLS * spacing if spacing > FINE else 0.0

    def _field(self, points: NDArray[np.float32]) -> tuple[Grid, NDArray[np.float32], float]:
        """The grid, the smooth potential on its nodes, and the sum of smooth likeness over all pairs of
        points.
        """
        low, high = points.min(axis=1), points.max(axis=1)
        layout = self.layout
        if not self._fits(high - low):
            layout.nodes_spacing = layout.plan.spacing
            layout.nodes, self._waves = padded_nodes(ROOM * (high - low), layout.nodes_spacing), None
        if self._waves is None:
            self._waves = self._transformed(self.kernel.potential), self._transformed(self.kernel.likeness)
        grid = Grid(low, high, layout.nodes_spacing, layout.nodes)
        nodes = grid.spread(points, self.crew)
        return grid, *convolved(nodes, *self._waves, layout.nodes, self.crew.threads)

    def _fits(self, extent: NDArray[np.floating]) -> bool:
        """Whether the grid is large enough, and not much too large: the transform of its kernel serves for many
        maps.
        """
        spacing, nodes = self.layout.nodes_spacing, self.layout.nodes
        if spacing != self.layout.plan.spacing:
            return False
        needed = padded_nodes(extent, spacing)
        large_enough = all(m >= n for m, n in zip(nodes, needed, strict=True))
        return bool(large_enough and np.prod(nodes) <= WASTE * np.prod(needed))

    def _transformed(self, power: float) -> NDArray[np.float32]:
        """The kernel's likeness to this power, on the grid."""
        cutoff, dof = self._cutoff, self.kernel.dof
        return transformed_kernel(
            lambda square: smoothed(square, power, dof, cutoff), self.layout.nodes, self.layout.nodes_spacing
        )


def width(points: NDArray[np.float32]) -> float:
    """How wide a map, shape (dims, n), is along its widest axis."""
    return float(np.ptp(points, axis=1).max())


def pushed_from_middle(points: NDArray[np.float32]) -> Push:
    """The push in a map so tight that t = 1: each point away from the middle, n times its distance."""
    n = points.shape[1]
    middle = points.mean(axis=1, keepdims=True, dtype=np.float64).astype(F32)
    return Push(F32(n) * (points - middle), float(n) * (n - 1))


def planned(points: NDArray[np.float32]) -> Plan:
    """The cheapest way for a map: all points on a grid, or the stray ones apart."""
    dims, n = points.shape
    spacing, least = _cheapest_spacing(points)
    everywhere = np.full(dims, np.inf, F32)
    best = Plan(spacing, -everywhere, everywhere)
    rank = n // 100
    ordered = np.partition(points, (rank, n - 1 - rank), axis=1)
    low, high = ordered[:, rank], ordered[:, n - 1 - rank]
    margin = F32(0.5) * (high - low)
    without = Plan(spacing, low - margin, high + margin)
    stray = without.outside(points)
    strays = int(stray.sum())
    if strays:
        spacing, cost = _cheapest_spacing(points[:, ~stray])
        if cost + 2 * PAIR_COST * n * strays < least:
            best = without._replace(spacing=spacing)
    return best


def _cheapest_spacing(points: NDArray[np.float32]) -> tuple[float, float]:
    """The spacing at which grid and near pairs together cost least, and that cost in nanoseconds."""
    dims, n = points.shape
    low, extent = points.min(axis=1, keepdims=True), np.ptp(points, axis=1).astype(np.float64)
    side = max(float(extent.max()) / BINS, float(np.finfo(F32).tiny))
    place = ((points - low) * F32(1 / side)).astype(np.int32)
    bins = np.ravel_multi_index(tuple(place), (BINS + 2,) * dims)
    crowd = float((np.bincount(bins).astype(np.float64) ** 2).sum())  # ordered pairs that share a bin
    best, least = FINE, np.inf
    widest = float(extent.max())
    spacing = FINE * STEP ** min(0.0, np.floor(np.log(widest / FEWEST_CELLS / FINE) / np.log(STEP)))
    while True:
        nodes = float(np.prod([float(m) for m in padded_nodes(extent, spacing)]))
        if nodes <= LARGEST_TRANSFORM:
            met = (
                0.0 if spacing <= FINE else min(crowd * (3 * CUTOFF_CELLS * spacing / side) ** dims, float(n) ** 2)
            )
            cost = NODE_COST * nodes + PAIR_COST * met
            if cost < least:
                best, least = spacing, cost
        if widest <= FEWEST_CELLS * spacing:
            return best, least
        spacing *= STEP
