"""Finds the directions in which vectors spread most, reading them block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Blocks(Protocol):
    """Reads vectors anew at every call, all of them or only those at some positions.

    Blocks have shape (rows, dims) and lengths of about 1, so that float32 does not overflow.
    """

    def __call__(self, only: NDArray[np.intp] | None = None, /) -> Iterator[NDArray[np.float32]]: ...


EXACT_DIMS = 1024
"""Up to this width the whole matrix of second moments is taken apart; above, the leading axes are iterated."""

SPARE_AXES = 32  # carried along while iterating: the wanted ones settle sooner
MOST_PASSES = 12
SETTLED = 1e-6  # of the widest spread; the directions follow more slowly, and are right to about its root
SEED = 0


@dataclass(frozen=True, eq=False)
class Axes:
    """Orthogonal directions, the widest spread first.

    Attributes:
        directions: shape (dims, count), columns of length 1.
        spread: mean square of the vectors along each, shape (count,), descending.
        total: mean square length of the vectors, over all dims.
    """

    directions: NDArray[np.float64]
    spread: NDArray[np.float64]
    total: float


def leading_axes(blocks: Blocks, dims: int, count: int) -> Axes:
    """The `count` axes (or all, where there are fewer dims) along which the vectors' mean square is largest.

    Of centred vectors these are the principal axes, and the spread is the variance.
    """
    if dims <= EXACT_DIMS:
        return _from_second_moments(blocks, dims, count)
    return _by_iteration(blocks, dims, count)


def _from_second_moments(blocks: Blocks, dims: int, count: int) -> Axes:
    from scipy.linalg import eigh  # a quarter of what starting TensorBoard would take, which seldom needs it

    moments = np.zeros((dims, dims))
    rows = 0
    for block in blocks():
        moments += block.T @ block  # float32 within a block, float64 over all
        rows += len(block)
    moments /= rows
    wanted = (max(0, dims - count), dims - 1)  # all of them would take several times as long
    spread, directions = eigh(moments, subset_by_index=wanted, check_finite=False)
    return Axes(directions[:, ::-1], spread[::-1].clip(0), float(np.trace(moments)))


def _by_iteration(blocks: Blocks, dims: int, count: int) -> Axes:
    """Subspace iteration: each pass over the vectors turns a guess further towards the widest axes."""
    wide = min(dims, count + SPARE_AXES)
    guess = np.linalg.qr(np.random.default_rng(SEED).standard_normal((dims, wide)))[0].astype(np.float32)
    before = np.zeros(wide)
    for _ in range(MOST_PASSES):
        turned = np.zeros((dims, wide))
        within = np.zeros((wide, wide))
        rows, squares = 0, 0.0
        for block in blocks():
            along = block @ guess
            turned += block.T @ along
            within += along.T @ along
            squares += float(np.einsum("ij,ij->", block, block, dtype=np.float64))
            rows += len(block)
        spread, rotation = np.linalg.eigh(within / rows)
        spread, rotation = spread[::-1].clip(0), rotation[:, ::-1]
        directions = guess.astype(np.float64) @ rotation
        if np.abs(spread - before)[:count].max() <= SETTLED * spread[0]:
            break
        before = spread
        guess = np.linalg.qr(turned)[0].astype(np.float32)
    return Axes(directions[:, :count], spread[:count], squares / rows)
