"""How strongly each pair of samples wants to be near on the map: from nearest neighbours to a symmetric
sparse table.

Perplexity affinities are those of van der Maaten & Hinton (2008), sparse as in van der Maaten (2014): a
Gaussian around every sample, as wide as makes its neighbourhood count for `perplexity` samples. Uniform
affinities give each of the k nearest neighbours the same weight; Böhm, Berens & Kobak (2022) show that the
maps hardly differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedding_lab.projection.crew import Crew, compiled

F32 = np.float32
U64 = np.uint64
HALVINGS = 64


@dataclass(frozen=True, eq=False)
class Affinities:
    """A symmetric sparse table p of n × n affinities that sum to one, row after row.

    Attributes:
        starts: where each row begins in the two below, uint64, shape (n + 1,).
        columns: uint32, shape (entries,); never the row itself.
        values: float32, shape (entries,); positive.
    """

    starts: NDArray[np.uint64]
    columns: NDArray[np.uint32]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def negative_entropy(self) -> float:
        """The sum of p log p: the part of the divergence that does not depend on the map."""
        total = 0.0
        for start in range(0, len(self.values), 1 << 16):
            p = self.values[start : start + (1 << 16)].astype(np.float64)
            total += float(p @ np.log(np.maximum(p, np.finfo(F32).tiny)))
        return total

    def reordered(self, order: NDArray[np.intp]) -> Affinities:
        """The same table for the samples in another order: new row r is old row order[r]."""
        place = np.empty(len(self), np.uint32)
        place[order] = np.arange(len(self), dtype=np.uint32)
        starts = np.zeros_like(self.starts)
        np.cumsum(np.diff(self.starts)[order], out=starts[1:])
        moved = Affinities(starts, np.empty_like(self.columns), np.empty_like(self.values))
        _reorder(self.starts, self.columns, self.values, order, place, starts, moved.columns, moved.values)
        return moved


def perplexity_affinities(
    indices: NDArray[np.integer], distances: NDArray[np.floating], perplexity: float, crew: Crew
) -> Affinities:
    """Gaussian affinities of an equal effective number of neighbours for every sample, made symmetric.

    Args:
        indices: the k nearest neighbours of n samples without the sample itself, shape (n, k).
        distances: how far they are, shape (n, k), any scale.
        perplexity: the effective number of neighbours, at most k; three times as many neighbours are
            customary.
        crew: who works.
    """
    return symmetric(indices, conditional(distances, perplexity, crew))


def uniform_affinities(indices: NDArray[np.integer]) -> Affinities:
    """The same affinity for each of the k nearest neighbours, made symmetric; indices of shape (n, k)."""
    return symmetric(indices, np.full(indices.shape, 1 / max(indices.shape[1], 1), F32))


def conditional(distances: NDArray[np.floating], perplexity: float, crew: Crew) -> NDArray[np.float32]:
    """p(j | i) over each sample's own neighbours; float32, shape (n, k), rows that sum to one.

    The width of each row's Gaussian is found by halving. Rows are scaled by their own mean first, so that
    neither tiny nor huge distances leave the range of float64. Where all distances are equal no width
    changes anything, and the weights are equal too.
    """
    weights = np.empty(distances.shape, F32)
    crew.share(_gaussian_rows, len(distances), np.ascontiguousarray(distances), float(perplexity), weights)
    return weights


def symmetric(indices: NDArray[np.integer], weights: NDArray[np.float32]) -> Affinities:
    """p_ij = (p(j | i) + p(i | j)) / 2n, entries of both directions joined into one."""
    n = len(indices)
    columns = np.ascontiguousarray(indices, np.uint32)
    starts = np.empty(n + 1, U64)
    into = _both_directions(columns, weights, starts)
    entries = int(starts[-1])
    p = Affinities(starts, into[0][:entries].copy(), into[1][:entries].copy())
    total = p.values.sum(dtype=np.float64)
    if total > 0:
        np.multiply(p.values, F32(1 / total), out=p.values)
    return p


@compiled
def _gaussian_rows(first, last, distances, perplexity, weights):  # type: ignore[no-untyped-def]
    k = distances.shape[1]
    target = np.log(perplexity)
    squares = np.empty(k)
    for row in range(first, last):
        largest = 0.0
        for j in range(k):
            largest = max(largest, np.float64(distances[row, j]))
        scale = 1.0 / largest if largest > 0.0 else 0.0
        nearest = 2.0
        mean = 0.0
        for j in range(k):
            d = np.float64(distances[row, j]) * scale
            squares[j] = d * d
            nearest = min(nearest, squares[j])
            mean += squares[j] / k
        for j in range(k):
            squares[j] -= nearest
        mean -= nearest
        precision = 1.0 / mean if mean > 1e-12 else 0.0
        low, high = 0.0, -1.0
        for _ in range(HALVINGS):
            total, moment = 0.0, 0.0
            for j in range(k):
                w = np.exp(-precision * squares[j])
                total += w
                moment += w * squares[j]
            excess = np.log(total) + precision * moment / total - target
            if abs(excess) < 1e-5 or precision == 0.0:
                break
            if excess > 0.0:
                low = precision
                precision = 2.0 * precision if high < 0.0 else 0.5 * (low + high)
            else:
                high = precision
                precision = 0.5 * (low + high)
        total = 0.0
        for j in range(k):
            squares[j] = np.exp(-precision * squares[j])
            total += squares[j]
        for j in range(k):
            weights[row, j] = squares[j] / total


@compiled
def _both_directions(columns, weights, starts):  # type: ignore[no-untyped-def]
    """Joins p(j | i) and p(i | j) row by row; returns columns and values, of which starts[-1] are in use."""
    n, k = columns.shape
    backward = np.zeros(n + 1, np.uint64)
    for i in range(n):
        for a in range(k):
            backward[columns[i, a] + np.uint64(1)] += np.uint64(1)
    for i in range(n):
        backward[i + 1] += backward[i]
    sources = np.empty(n * k, np.uint32)
    received = np.empty(n * k, np.float32)
    fill = backward.copy()
    for i in range(n):
        for a in range(k):
            j = columns[i, a]
            sources[fill[j]] = i
            received[fill[j]] = weights[i, a]
            fill[j] += np.uint64(1)
    out_columns = np.empty(2 * n * k, np.uint32)
    out_values = np.empty(2 * n * k, np.float32)
    place = np.zeros(n, np.uint64)  # where column j of this row was put, plus one
    used = np.uint64(0)
    for i in range(n):
        begin = used
        starts[i] = begin
        for a in range(k):
            j = columns[i, a]
            if weights[i, a] > 0:
                out_columns[used] = j
                out_values[used] = weights[i, a]
                used += np.uint64(1)
                place[j] = used
        for e in range(backward[i], backward[i + 1]):
            j = sources[e]
            if place[j] > begin and place[j] <= used and out_columns[place[j] - np.uint64(1)] == j:
                out_values[place[j] - np.uint64(1)] += received[e]
            elif received[e] > 0:
                out_columns[used] = j
                out_values[used] = received[e]
                used += np.uint64(1)
    starts[n] = used
    return out_columns, out_values


@compiled
def _reorder(starts, columns, values, order, place, new_starts, new_columns, new_values):  # type: ignore[no-untyped-def]
    for row in range(len(order)):
        to = new_starts[row]
        for e in range(starts[order[row]], starts[order[row] + 1]):
            new_columns[to] = place[columns[e]]
            new_values[to] = values[e]
            to += np.uint64(1)
