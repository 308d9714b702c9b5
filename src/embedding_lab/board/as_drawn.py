"""Turns and moves a map so that the stock Projector draws it with its own proportions.

The page draws no three columns as they are: it turns them to the eigenvectors of their second moments, about the
origin and not about their mean, and stretches each of the three axes to the same length. Both can be put to use.
Every convex body has a cube around it that touches all six faces (Kakutani 1942): along that cube's axes the map
is equally long, and stretching changes nothing. And moving the map by `c` adds c·cᵀ to its second moments, so a
suitable `c` makes those axes the eigenvectors. Turning and moving change no distance.

With C the covariances along the axes, c must have c₁c₂ = -C₁₂, c₁c₃ = -C₁₃, c₂c₃ = -C₂₃, which has a solution
where C₁₂C₁₃C₂₃ < 0. There is a whole curve of cubes around a body to choose from; where none of them has a
solution, the axes are taken that stretch least. That is so for a map much longer than wide: along the direction v
of a needle C = vvᵀ, and C₁₂C₁₃C₂₃ = (v₁v₂v₃)². No linear map of the points, and no further constant column, changes
the sign of that product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TRIES = 4_000
ROUNDS = 12
"""So many random axes are tried at first, and then near the best, each round half as near."""


class Limits(NamedTuple):
    """How far the page's arithmetic is trusted.

    Attributes:
        farthest: the map is moved by at most so many times its radius.
        gap: the second moments along two axes differ by this share at least.
    """

    farthest: float
    gap: float


CAUTIOUS = Limits(farthest=3.0, gap=0.1)

BOLD = Limits(farthest=10.0, gap=0.02)
"""Where nothing else keeps the proportions, as for a map that is nearly a ball. Single precision then keeps a
distance to a millionth of the map's width."""

SAMPLED = 50_000
"""Of more points the page takes its axes from a sample of so many, and errs too much for boldness."""

STRAIGHT = 1.001
"""Less stretch than this is none."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A map as the page is given it.

    Attributes:
        values: float32, shape (n, 3): the map, turned and moved; zeros in the third column of a map in the plane.
        stretch: by how much one axis is drawn longer than another, 1 where not at all.
    """

    values: NDArray[np.float32]
    stretch: float


def as_drawn(points: NDArray[np.floating]) -> Drawn:
    """A map of shape (n, 2 or 3) in the place and position in which the page draws its distances rightly."""
    from scipy.spatial import ConvexHull, QhullError  # a third of what the first log of vectors would import

    centred = np.asarray(points, np.float64) - np.mean(points, axis=0, dtype=np.float64)
    values = np.zeros((len(points), 3), np.float32)
    dims = centred.shape[1]
    try:
        corners = centred[ConvexHull(centred).vertices]
    except (
        QhullError,
        ValueError,
    ):  # all on one line, or in one plane in space: there is no body to put a cube around
        values[:, :dims] = centred
        return Drawn(values, 1.0)
    covariance = centred.T @ centred / len(centred)
    axes, move, stretch = _best(corners, covariance, CAUTIOUS)
    if stretch > STRAIGHT and len(points) <= SAMPLED:
        axes, move, stretch = _best(corners, covariance, BOLD)
    values[:, :dims] = centred @ axes.T + move
    return Drawn(values, stretch)


def _best(corners: Floats, covariance: Floats, limits: Limits) -> tuple[Floats, Floats, float]:
    """The axes along which the map is about equally long and can be moved to; the way to move it; the stretch."""
    random = np.random.default_rng(0)
    dims = len(covariance)
    principal = np.linalg.eigh(covariance)[1].T
    best = principal, np.zeros(dims), _stretches(corners, principal[None])[0]
    for number in range(ROUNDS):
        near = random.normal(size=(TRIES, dims, dims))
        axes = np.linalg.qr(near if number == 0 else best[0].T + near * 0.5**number)[0].transpose(0, 2, 1)
        moves, possible = moves_to(axes @ covariance @ axes.transpose(0, 2, 1), limits)
        stretches = np.where(possible, _stretches(corners, axes), np.inf)
        least = int(stretches.argmin())
        if stretches[least] < best[2]:
            best = axes[least], moves[least], stretches[least]
    return best[0], best[1], float(best[2])


def _stretches(corners: Floats, axes: Floats) -> Floats:
    """How much longer the map is along the longest of its axes than along the shortest; axes of shape (m, d, d)."""
    along = corners @ axes.reshape(-1, corners.shape[1]).T
    lengths = (along.max(axis=0) - along.min(axis=0)).reshape(axes.shape[:2])
    return np.asarray(lengths.max(axis=1) / lengths.min(axis=1))


def moves_to(covariances: Floats, limits: Limits) -> tuple[Floats, NDArray[np.bool_]]:
    """Where to move maps with these covariances along their axes, (m, d, d), so that the axes are eigenvectors.

    Returns:
        The ways, shape (m, d), and for which of the maps there is a good one.
    """
    with np.errstate(all="ignore"):
        if covariances.shape[1] == 2:
            crossed = covariances[:, 0, 1]
            squares = np.abs(crossed[:, None]) * [4, 0.25]  # unequal, to tell the two axes apart
            signs = np.stack([np.ones_like(crossed), -np.sign(crossed)], axis=1)
        else:
            a, b, d = covariances[:, 0, 1], covariances[:, 0, 2], covariances[:, 1, 2]
            squares = np.stack([-a * b / d, -a * d / b, -b * d / a], axis=1)
            signs = np.stack([np.ones_like(a), -np.sign(a), -np.sign(b)], axis=1)
        spread = np.diagonal(covariances, axis1=1, axis2=2)
        moments = np.sort(spread + squares, axis=1)
        good = np.isfinite(squares).all(axis=1) & (squares >= 0).all(axis=1)
        good &= squares.sum(axis=1) <= limits.farthest**2 * spread.sum(axis=1)
        good &= (moments[:, :-1] <= (1 - limits.gap) * moments[:, 1:]).all(axis=1)
        return signs * np.sqrt(np.where(squares > 0, squares, 0)), good
