"""The way down: gradient descent with momentum and gains, from a first map to a finished one, at any pace.

The steps are those of van der Maaten & Hinton (2008) with the gains of Jacobs (1988), the exaggeration of
the early phase, and the step length n / exaggeration of Linderman & Steinerberger (2019) and Belkina et al.
(2019), with which large sets arrive as surely as small ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.errors import InputError
from embedding_lab.projection.affinity import F32, Affinities
from embedding_lab.projection.attraction import attraction, neighbour_cost
from embedding_lab.projection.crew import Crew, compiled
from embedding_lab.projection.curve import curve_order
from embedding_lab.projection.kernel import Kernel, Weighting, kernel_for
from embedding_lab.projection.repulsion import ExactRepulsion, Repulsion
from embedding_lab.projection.repulsion_mesh import Layout, MeshRepulsion

EXACT_POINTS = {2: 2_000, 3: 4_000}
"""Up to so many points the exact push is as fast as the mesh, in so many dimensions."""

REORDER = 200
"""Iterations after which the points are laid along the curve anew: by then neighbours have found each
other."""

EARLY_MOMENTUM, MOMENTUM = 0.8, 0.9
"""How much of the last step goes on in the next. The customary 0.5 and 0.8 need 250 early iterations in
place of 150, and 750 in all for what these reach in 500."""

CENTRE = 10
"""Iterations after which the middle is moved back to zero, where float32 is finest."""

NARROW, WIDENED = 1e-6, 1e-4
"""A map of all too equal samples shrinks under early exaggeration. In so narrow a map all forces are
linear, and a wider one moves in the same way; so it is widened before its digits run out."""

LEAST_GAIN = F32(0.01)

LONGEST_STEP = F32(5)
"""In map units, per iteration. Where the early phase leaves a map much too narrow, as of data without
clusters, the push widens it so fast that it would overshoot and fly apart. openTSNE and FIt-SNE have the
same bound."""

ABSURD_STEP = 1e6
"""Only a senseless learning rate asks for it."""


ROWS = ("points", "order", "velocity", "gains")
"""What a descent knows of each point."""


@dataclass(frozen=True)
class Schedule:
    """What changes along the way.

    Attributes:
        early_iterations: how long the map forms under early exaggeration.
        early_exaggeration: by how much attraction is multiplied meanwhile: clusters gather while the map is
            small.
        exaggeration: the same afterwards; 1 for t-SNE itself, more for tighter clusters.
        learning_rate: the step length; "auto" is n / exaggeration.
    """

    early_iterations: int = 150
    early_exaggeration: float = 12.0
    exaggeration: float = 1.0
    learning_rate: float | str = "auto"

    def at(self, iteration: int, n: int) -> tuple[float, float, float]:
        """Exaggeration, momentum and step length of an iteration."""
        early = iteration < self.early_iterations
        exaggeration = self.early_exaggeration if early else self.exaggeration
        rate = n / exaggeration if isinstance(self.learning_rate, str) else self.learning_rate
        return exaggeration, EARLY_MOMENTUM if early else MOMENTUM, rate


@dataclass(eq=False)
class Descent:
    """A map on its way: everything the next step depends on, so that it can be stopped, kept and gone on
    with.

        for state in descent.steps(600, crew):
            show(state.map())

    Attributes:
        affinities: of the samples, in the order of `order`.
        points: float32, one row per axis, shape (2 or 3, n), in the order of `order`.
        dims: how many of the axes are the map's.
        schedule: what changes along the way.
        kernel: of the map.
        iteration: how many steps were taken.
        order: which sample each column of `points` is.
        velocity: the last step of each point, of which some goes on in the next; of the shape of `points`.
        gains: by how much its steps are lengthened; of the shape of `points`.
        layout: what the mesh takes from one step to the next.
    """

    affinities: Affinities
    points: NDArray[np.float32]
    dims: int
    schedule: Schedule
    kernel: Kernel
    iteration: int
    order: NDArray[np.intp]
    velocity: NDArray[np.float32]
    gains: NDArray[np.float32]
    layout: Layout = field(default_factory=Layout)

    @classmethod
    def start(
        cls,
        affinities: Affinities,
        first: NDArray[np.floating],
        schedule: Schedule,
        weighting: Weighting = "neighbours",
    ) -> Descent:
        """At the first map, shape (n, dims); a map on a line is one in the plane whose second axis stays
        zero.
        """
        dims = first.shape[1]
        points = np.zeros((max(dims, 2), len(first)), F32)
        points[:dims] = first.T
        order = np.arange(points.shape[1])
        kernel = kernel_for(len(points), weighting)
        return cls(
            affinities, points, dims, schedule, kernel, 0, order, np.zeros_like(points), np.ones_like(points)
        )

    @classmethod
    def resumed(
        cls,
        affinities: Affinities,
        checkpoint: Mapping[str, NDArray[Any]],
        dims: int,
        schedule: Schedule,
        weighting: Weighting = "neighbours",
    ) -> Descent:
        """Where a checkpoint was taken, to go on as if nothing had been; affinities in the samples' own order."""
        _check(checkpoint, (max(dims, 2), len(affinities)))
        points, order, velocity, gains = (np.array(checkpoint[name]) for name in ROWS)
        return cls(
            affinities.reordered(order),
            points,
            dims,
            schedule,
            kernel_for(len(points), weighting),
            int(checkpoint["iteration"]),
            order,
            velocity,
            gains,
            Layout.from_arrays(checkpoint),
        )

    def checkpoint(self) -> dict[str, NDArray[Any]]:
        """All that the next step depends on beside the affinities and the schedule, as arrays by name, copied."""
        own = {name: np.array(getattr(self, name)) for name in ("iteration", *ROWS)}
        return own | self.layout.as_arrays()

    def map(self) -> NDArray[np.float32]:
        """The map so far, centred, float32, shape (n, dims), in the samples' own order."""
        middle = self.points.mean(axis=1, dtype=np.float64)
        centred = self.points - middle[:, None].astype(F32)
        in_order: NDArray[np.float32] = np.empty((self.points.shape[1], self.dims), F32)
        in_order[self.order] = centred[: self.dims].T
        return in_order

    def steps(self, until: int, crew: Crew) -> Iterator[Descent]:
        """Takes steps up to iteration `until`, and hands itself over after each.

        A step is made aside and then put in place at one stroke: whatever interrupts it, Ctrl-C too, leaves a
        descent that has taken it or has not.
        """
        layout = replace(self.layout)
        push = repulsion_for(self.points, self.kernel, crew, layout)
        while self.iteration < until:
            following = replace(self)
            if self.iteration % REORDER == 0:
                following._reorder()
            if self.iteration % CENTRE == 0:
                following._centre()
            following._step(push, crew)
            following.iteration += 1
            following.layout = replace(layout)
            vars(self).update(vars(following))
            yield self

    def normaliser(self, crew: Crew) -> float:
        """Z of the map so far, the fast way."""
        return repulsion_for(self.points, self.kernel, crew).among(self.points).normaliser

    def divergence(self, crew: Crew) -> float:
        """The Kullback-Leibler divergence of the map so far, without exaggeration; 0 where there are no
        pairs.
        """
        if self.points.shape[1] < 2:
            return 0.0
        normaliser = self.normaliser(crew)
        return neighbour_cost(self.affinities, self.points, self.kernel, crew) + float(np.log(normaliser))

    def _step(self, repulsion: Repulsion, crew: Crew) -> None:
        exaggeration, momentum, rate = self.schedule.at(self.iteration, self.points.shape[1])
        pull = attraction(self.affinities, self.points, self.kernel, crew)
        push = repulsion.among(self.points)
        before = self.points, self.velocity, self.gains
        self.points, self.velocity, self.gains = (np.empty_like(each) for each in before)
        wanted = _move(
            *before,
            self.points,
            self.velocity,
            self.gains,
            pull,
            push.forces,
            F32(exaggeration),
            F32(1 / max(push.normaliser, 1e-30)),
            F32(rate),
            F32(momentum),
        )
        if not wanted < ABSURD_STEP:
            raise InputError(
                "The map flew apart.",
                got=f"a step {wanted:.3g} long at iteration {self.iteration}",
                remedy='Take a smaller learning_rate; "auto" suits every number of samples.',
            )
        self.points[self.dims :] = 0

    def _centre(self) -> None:
        self.points = self.points - self.points.mean(axis=1, keepdims=True, dtype=np.float64).astype(F32)
        width = float(np.abs(self.points).max())
        if 0 < width < NARROW:
            self.points = self.points * F32(WIDENED / width)
            self.velocity = self.velocity * F32(WIDENED / width)

    def _reorder(self) -> None:
        order = curve_order(self.points)
        for name in ROWS:
            setattr(self, name, np.ascontiguousarray(getattr(self, name)[..., order]))
        self.affinities = self.affinities.reordered(order)


def repulsion_for(
    points: NDArray[np.float32], kernel: Kernel, crew: Crew, layout: Layout | None = None
) -> Repulsion:
    """The fastest way to push so many points apart; points of shape (dims, n). A layout is that of an earlier mesh
    of the same map.
    """
    return (
        ExactRepulsion(kernel, crew)
        if points.shape[1] <= EXACT_POINTS[len(points)]
        else MeshRepulsion(kernel, crew, layout)
    )


def _check(checkpoint: Mapping[str, NDArray[Any]], shape: tuple[int, int]) -> None:
    """Compiled code trusts a checkpoint, which may come from a file.

    Raises:
        InputError: it is that of another map, or of none.
    """
    axes = [np.asarray(checkpoint.get(name)) for name in ROWS if name != "order"]
    sound = all(each.shape == shape and each.dtype == F32 and np.isfinite(each).all() for each in axes)
    sound = sound and np.array_equal(np.sort(checkpoint.get("order", ()), axis=None), np.arange(shape[1]))
    if not sound or not checkpoint.keys() >= {"iteration", *Layout().as_arrays()}:
        raise InputError(
            "The checkpoint does not fit.",
            got=", ".join(f"{name} {np.shape(each)}" for name, each in checkpoint.items()),
            expected=f"one of a map of {shape[1]:,} samples in {shape[0]} dimensions",
            remedy="Make the map from the start; `embedding-lab project --anew` does.",
        )


@compiled
def _move(  # type: ignore[no-untyped-def]
    old_points,
    old_velocity,
    old_gains,
    points,
    velocity,
    gains,
    pull,
    push,
    exaggeration,
    per_normaliser,
    rate,
    momentum,
):
    """One step of all points, none longer than `LONGEST_STEP`; returns how long one would have been.

    Gains grow where the slope keeps its sign, shrink where it turns.
    """
    dims, n = points.shape
    for axis in range(dims):
        for i in range(n):
            slope = exaggeration * pull[axis, i] - per_normaliser * push[axis, i]
            turns = slope * old_velocity[axis, i] > F32(0)
            gain = old_gains[axis, i] * F32(0.8) if turns else old_gains[axis, i] + F32(0.2)
            gains[axis, i] = max(gain, LEAST_GAIN)
            velocity[axis, i] = momentum * old_velocity[axis, i] - rate * gains[axis, i] * slope
    longest = F32(0)
    for i in range(n):
        square = F32(0)
        for axis in range(dims):
            square += velocity[axis, i] * velocity[axis, i]
        longest = max(longest, square)
        if square > LONGEST_STEP * LONGEST_STEP:
            shorter = LONGEST_STEP / np.sqrt(square)
            for axis in range(dims):
                velocity[axis, i] *= shorter
    for axis in range(dims):
        for i in range(n):
            points[axis, i] = old_points[axis, i] + velocity[axis, i]
    return np.sqrt(longest)
