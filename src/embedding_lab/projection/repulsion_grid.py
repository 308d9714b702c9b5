"""The smooth part of the push: points spread on a regular grid, convolved with the kernel, read off again.

The kernel is interpolated by cubic B-splines in both of its arguments: w(x, y) ≈ Σ_ij L_i(x) w(x_i - x_j)
L_j(y), where L_i is the spline that is 1 at node i and 0 at all others. L is the B-spline after a filter,
and the filter of both sides goes into the Fourier transform of the kernel (Hockney & Eastwood 1988;
Linderman et al. 2019 do the same with polynomials). So one forward and one inverse transform give one
field, whose gradient is the push.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from embedding_lab.projection.affinity import F32
from embedding_lab.projection.crew import Crew, compiled

OfSquare = Callable[[NDArray[np.float64]], NDArray[np.float64]]

REACH = 4
"""Nodes per axis that one point touches."""


class Grid:
    """A box of nodes around a map.

    Args:
        low: the lowest coordinate of each axis.
        high: the highest.
        spacing: between nodes.
        padded: nodes per axis of the transform, twice those of the box so that the two ends do not meet;
            at least `padded_nodes` of the box's extent.

    Attributes:
        shape: nodes per axis of the box.
        origin: float32, the place where the first node's cell begins.
    """

    def __init__(
        self, low: NDArray[np.floating], high: NDArray[np.floating], spacing: float, padded: tuple[int, ...]
    ) -> None:
        self.spacing = spacing
        self.shape = tuple(m // 2 for m in padded)
        cells = np.array(self.shape) - REACH
        self.origin = ((low.astype(np.float64) + high) / 2 - spacing * cells / 2).astype(F32)

    def holds(self, places: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which places, shape (dims, m), lie inside the box."""
        cells = (places - self.origin[:, None]) * F32(1 / self.spacing)
        ends = np.array(self.shape)[:, None] - REACH + 1
        return np.asarray(((cells >= 0) & (cells < ends)).all(axis=0))

    def spread(self, points: NDArray[np.float32], crew: Crew) -> NDArray[np.float32]:
        """How many points each node stands for; points of shape (dims, n) inside the box.

        The rows are cut into pieces that depend on n alone, each with nodes of its own, so that the sum is
        the same whoever computes it.
        """
        pieces = 1 if points.shape[1] < 20_000 else 4
        shares = np.zeros((pieces, *self.shape), F32)
        loop = _spread_2d if len(points) == 2 else _spread_3d
        crew.share(loop, pieces, points, self.origin, F32(1 / self.spacing), shares, pieces=pieces)
        return np.asarray(shares[0] if pieces == 1 else shares.sum(axis=0))

    def slope(
        self, field: NDArray[np.float32], places: NDArray[np.float32], factor: float, crew: Crew
    ) -> NDArray[np.float32]:
        """A field's gradient, times a factor, at places inside the box, shape (dims, m)."""
        slope = np.empty_like(places)
        cells = F32(1 / self.spacing)
        loop = _slope_2d if len(places) == 2 else _slope_3d
        crew.share(loop, places.shape[1], places, self.origin, cells, field, F32(factor * cells), slope)
        return slope


def padded_nodes(extent: NDArray[np.floating], spacing: float) -> tuple[int, ...]:
    """Nodes per axis for the transform of a box: twice a good size of at least what the box needs."""
    return tuple(
        2 * scipy.fft.next_fast_len(int(each) + REACH + 1, True) for each in np.asarray(extent, float) / spacing
    )


def transformed_kernel(kernel: OfSquare, padded: tuple[int, ...], spacing: float) -> NDArray[np.float32]:
    """The Fourier transform of a kernel of r², filtered for splines on both sides.

    The kernel is even along every axis, so its transform is real and even too, and one corner tells all.
    """
    dims = len(padded)
    square: NDArray[np.float64] = np.zeros((1,) * dims)
    for axis, nodes in enumerate(padded):
        square = square + _along(axis, dims, (np.arange(nodes // 2 + 1) * spacing) ** 2)
    wave = scipy.fft.dctn(kernel(square).astype(F32), type=1)
    for axis, nodes in enumerate(padded):
        turns = np.arange(nodes // 2 + 1) / nodes
        spline = (2 + np.cos(2 * np.pi * turns)) / 3
        wave *= _along(axis, dims, spline**-2).astype(F32)
    for axis, nodes in enumerate(padded[:-1]):
        wave = wave.take(np.minimum(np.arange(nodes), nodes - np.arange(nodes)), axis=axis)
    return np.ascontiguousarray(wave)


def convolved(
    nodes: NDArray[np.float32],
    wave: NDArray[np.float32],
    energy_wave: NDArray[np.float32],
    padded: tuple[int, ...],
    threads: int,
) -> tuple[NDArray[np.float32], float]:
    """The nodes convolved with one transformed kernel, and their energy under another.

    Axis after axis, so that no padding is transformed in vain. The energy, the sum over all pairs of nodes
    of their product times the other kernel, needs no field of its own: by Parseval's theorem the spectrum
    gives it.
    """
    last = nodes.ndim - 1
    spectrum = scipy.fft.rfft(nodes, padded[last], axis=last, workers=threads)
    for axis in range(last - 1, -1, -1):
        spectrum = scipy.fft.fft(spectrum, padded[axis], axis=axis, overwrite_x=True, workers=threads)
    width = spectrum.shape[last]
    energy = _energy(spectrum.reshape(-1, width), energy_wave.reshape(-1, width))
    spectrum *= wave
    for axis in range(last):
        spectrum = scipy.fft.ifft(spectrum, axis=axis, overwrite_x=True, workers=threads)
        spectrum = spectrum[(slice(None),) * axis + (slice(nodes.shape[axis]),)]
    field = scipy.fft.irfft(spectrum, padded[last], axis=last, workers=threads)
    return np.ascontiguousarray(field[..., : nodes.shape[last]]), energy / float(np.prod(padded))


def _along(axis: int, dims: int, values: NDArray[np.floating]) -> NDArray[np.floating]:
    return values.reshape([-1 if each == axis else 1 for each in range(dims)])


@compiled
def _weights(t):  # type: ignore[no-untyped-def]
    """The cubic B-spline at the four nodes around a place, which lies t of a cell after the second."""
    u = F32(1) - t
    sixth, two_thirds, half = F32(1 / 6), F32(2 / 3), F32(0.5)
    return (
        sixth * u * u * u,
        two_thirds - t * t + half * t * t * t,
        two_thirds - u * u + half * u * u * u,
        sixth * t * t * t,
    )


@compiled
def _slopes(t):  # type: ignore[no-untyped-def]
    """The derivatives of the four weights."""
    u = F32(1) - t
    half, two, three_halves = F32(0.5), F32(2), F32(1.5)
    return -half * u * u, (three_halves * t - two) * t, (two - three_halves * u) * u, half * t * t


@compiled
def _spread_2d(first, last, points, origin, cells, shares):  # type: ignore[no-untyped-def]
    pieces, n = len(shares), points.shape[1]
    width = np.uint32(shares.shape[2])
    for piece in range(first, last):
        nodes = shares[piece].reshape(-1)
        for i in range(n * piece // pieces, n * (piece + 1) // pieces):
            x, y = (points[0, i] - origin[0]) * cells, (points[1, i] - origin[1]) * cells
            column, row = np.uint32(x), np.uint32(y)
            a, b = _weights(x - F32(column)), _weights(y - F32(row))
            for p in range(4):
                at = (column + np.uint32(p)) * width + row
                for q in range(4):
                    nodes[at + np.uint32(q)] += a[p] * b[q]


@compiled
def _spread_3d(first, last, points, origin, cells, shares):  # type: ignore[no-untyped-def]
    pieces, n = len(shares), points.shape[1]
    height, width = np.uint32(shares.shape[2]), np.uint32(shares.shape[3])
    for piece in range(first, last):
        nodes = shares[piece].reshape(-1)
        for i in range(n * piece // pieces, n * (piece + 1) // pieces):
            x, y = (points[0, i] - origin[0]) * cells, (points[1, i] - origin[1]) * cells
            z = (points[2, i] - origin[2]) * cells
            plane, row, column = np.uint32(x), np.uint32(y), np.uint32(z)
            a, b, c = _weights(x - F32(plane)), _weights(y - F32(row)), _weights(z - F32(column))
            for p in range(4):
                for q in range(4):
                    at = ((plane + np.uint32(p)) * height + row + np.uint32(q)) * width + column
                    share = a[p] * b[q]
                    for r in range(4):
                        nodes[at + np.uint32(r)] += share * c[r]


@compiled
def _energy(spectrum, wave):  # type: ignore[no-untyped-def]
    """Σ |spectrum|² wave over the whole transform, of which one half and both edges are given."""
    lines, width = spectrum.shape
    total = np.float64(0)
    for line in range(lines):
        inner, edge = F32(0), F32(0)
        for k in range(width):
            value = spectrum[line, k]
            inner += (value.real * value.real + value.imag * value.imag) * wave[line, k]
        for k in (0, width - 1):
            value = spectrum[line, k]
            edge += (value.real * value.real + value.imag * value.imag) * wave[line, k]
        total += 2.0 * inner - edge
    return total


@compiled
def _slope_2d(first, last, places, origin, cells, field, factor, slope):  # type: ignore[no-untyped-def]
    nodes = field.reshape(-1)
    width = np.uint32(field.shape[1])
    for i in range(first, last):
        x, y = (places[0, i] - origin[0]) * cells, (places[1, i] - origin[1]) * cells
        column, row = np.uint32(x), np.uint32(y)
        s, t = x - F32(column), y - F32(row)
        a, b, da, db = _weights(s), _weights(t), _slopes(s), _slopes(t)
        along_x, along_y = F32(0), F32(0)
        for p in range(4):
            at = (column + np.uint32(p)) * width + row
            line, steep = F32(0), F32(0)
            for q in range(4):
                node = nodes[at + np.uint32(q)]
                line += node * b[q]
                steep += node * db[q]
            along_x += da[p] * line
            along_y += a[p] * steep
        slope[0, i], slope[1, i] = along_x * factor, along_y * factor


@compiled
def _slope_3d(first, last, places, origin, cells, field, factor, slope):  # type: ignore[no-untyped-def]
    nodes = field.reshape(-1)
    height, width = np.uint32(field.shape[1]), np.uint32(field.shape[2])
    for i in range(first, last):
        x, y = (places[0, i] - origin[0]) * cells, (places[1, i] - origin[1]) * cells
        z = (places[2, i] - origin[2]) * cells
        plane, row, column = np.uint32(x), np.uint32(y), np.uint32(z)
        s, t, u = x - F32(plane), y - F32(row), z - F32(column)
        a, b, c = _weights(s), _weights(t), _weights(u)
        da, db, dc = _slopes(s), _slopes(t), _slopes(u)
        along_x, along_y, along_z = F32(0), F32(0), F32(0)
        for p in range(4):
            sheet, sheet_y, sheet_z = F32(0), F32(0), F32(0)
            for q in range(4):
                at = ((plane + np.uint32(p)) * height + row + np.uint32(q)) * width + column
                line, steep = F32(0), F32(0)
                for r in range(4):
                    node = nodes[at + np.uint32(r)]
                    line += node * c[r]
                    steep += node * dc[r]
                sheet += b[q] * line
                sheet_y += db[q] * line
                sheet_z += b[q] * steep
            along_x += da[p] * sheet
            along_y += a[p] * sheet_y
            along_z += a[p] * sheet_z
        slope[0, i], slope[1, i], slope[2, i] = along_x * factor, along_y * factor, along_z * factor
