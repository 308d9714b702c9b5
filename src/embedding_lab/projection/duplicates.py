"""Equal rows are searched once: which rows are equal, and how neighbours of one become neighbours of all.

Without this, k copies of one vector crowd every index, and a point's own number is lost among its twins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows sorted into groups of equal ones, groups in the order in which they first appear.

    Attributes:
        group: the group of every row, int32, shape (n,).
        members: all rows, group by group, ascending within a group, int32, shape (n,).
        bounds: group g is members[bounds[g] : bounds[g + 1]], int64, shape (groups + 1,).
    """

    group: NDArray[np.int32]
    members: NDArray[np.int32]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def first(self) -> NDArray[np.int32]:
        """The first row of every group, ascending, shape (groups,)."""
        return self.members[self.bounds[:-1]]


def equal_rows(marks: NDArray[np.uint64]) -> Groups:
    """Groups of rows with equal marks, shape (n, 2), as `row_marks` gives them."""
    order = np.lexsort((marks[:, 1], marks[:, 0]))
    ranked = marks[order]
    begins = np.ones(len(marks), dtype=bool)
    begins[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    number = np.empty(len(marks), dtype=np.int64)
    number[order] = np.cumsum(begins) - 1
    first = order[begins]  # lexsort is stable, so the first of a run is its lowest row
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    group = rank[number].astype(np.int32)
    members = np.argsort(group, kind="stable").astype(np.int32)
    bounds = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=len(first)))]).astype(np.int64)
    return Groups(group, members, bounds)


@njit(nogil=True, cache=True)
def row_marks(rows, marks):  # type: ignore[no-untyped-def]
    """Writes a 128-bit mark of every row: rows float32 (b, columns), marks uint64 (b, 2).

    Equal rows have equal marks; that any two of a million different rows share one has a chance of 10⁻²⁷.
    """
    for i in range(rows.shape[0]):
        one = np.uint64(0x9E3779B97F4A7C15)
        two = np.uint64(0xC2B2AE3D27D4EB4F)
        bits = (rows[i] + np.float32(0)).view(np.uint32)  # -0 becomes 0
        for j in range(bits.size):
            value = np.uint64(bits[j])
            one = (one ^ value) * np.uint64(0xFF51AFD7ED558CCD)
            one ^= one >> np.uint64(32)
            two = (two + value) * np.uint64(0xC4CEB9FE1A85EC53)
            two ^= two >> np.uint64(29)
        marks[i, 0] = one
        marks[i, 1] = two


@njit(nogil=True, cache=True)
def spread(near, squared, group, members, bounds, own, indices, out):  # type: ignore[no-untyped-def]
    """Turns neighbouring groups into neighbouring rows, nearest first and at equal distance by row number.

    Args:
        near: nearest groups of each of m points without its own, int32, shape (m, g).
        squared: their squared distances, float32, shape (m, g), ascending.
        group: as in `Groups`.
        members: as in `Groups`.
        bounds: as in `Groups`.
        own: the row that each point is, int32, shape (m,); -1 for a point that is no row.
        indices: the answer's rows, int32, shape (m, k).
        out: the answer's squared distances, float32, shape (m, k).
    """
    k = indices.shape[1]
    for i in range(near.shape[0]):
        filled = 0
        if own[i] >= 0:
            g = group[own[i]]
            for place in range(bounds[g], bounds[g + 1]):
                if filled < k and members[place] != own[i]:
                    indices[i, filled] = members[place]
                    out[i, filled] = 0
                    filled += 1
        tie = filled  # where the rows at the distance of the last one begin
        for t in range(near.shape[1]):
            if filled >= k and (t == 0 or squared[i, t] > out[i, k - 1]):
                break
            if t == 0 or squared[i, t] > squared[i, t - 1]:
                tie = filled if squared[i, t] > 0 else 0
            g = near[i, t]
            for place in range(bounds[g], bounds[g + 1]):
                row = members[place]
                if filled < k:
                    at = filled
                    filled += 1
                elif row < indices[i, k - 1]:
                    at = k - 1
                else:
                    break
                while at > tie and indices[i, at - 1] > row:  # keep rows of one distance ascending
                    indices[i, at] = indices[i, at - 1]
                    out[i, at] = out[i, at - 1]
                    at -= 1
                indices[i, at] = row
                out[i, at] = squared[i, t]
