"""The inner loops of the neighbour search: a few points against lists of rows, keeping the k nearest of each.

Squared distances come from |x|² + |y|² - 2 x·y, the product from BLAS, with the origin moved next to the
points so that the differences survive in float32. A found neighbour is one 64-bit key: the bits of its
squared distance (which order like the number itself, since it is not negative) above its row number. So
one comparison ranks by distance and then by row, and the k smallest of a buffer are kept without a heap and
almost without branches.
"""
# The arguments of compiled functions are arrays; numba takes no annotations.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit

FAST = {"contract", "reassoc", "nsz"}
"""What the compiler may do to sums: fuse and reorder them, but not assume away infinities."""

STRIP = 64
"""Distances offered to a buffer between two looks at how full it is."""

HIGHEST = np.uint32(0x7F800000)  # the bits of infinity
SHIFT = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)


@njit(nogil=True, cache=True)
def keep_smallest(keys, count, k, spare):
    """Moves the k smallest of keys[:count] to the front, in any order; keys differ from each other.

    A quick selection whose partition writes every key at both ends of `spare` and lets the comparison say
    which of the two stays: no branch to predict wrongly.
    """
    low, high = 0, count
    while low < k < high:
        a, b, c = keys[low], keys[(low + high) >> 1], keys[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        left, right = low, high - 1
        for i in range(low, high):
            key = keys[i]
            spare[left] = key
            spare[right] = key
            less = key < pivot
            left += less
            right -= not less
        for i in range(low, high):
            keys[i] = spare[i]
        if left == low:  # the pivot is the smallest: it is in its place, go on with the others
            for i in range(low, high):
                if keys[i] == pivot:
                    keys[i] = keys[low]
                    keys[low] = pivot
                    break
            low += 1
        elif k <= left:
            high = left
        else:
            low = left


@njit(nogil=True, cache=True)
def copy_to(row, values):
    """Fills a row with the first of the values: to assign a slice takes numba three seconds to compile."""
    for e in range(row.size):
        row[e] = values[e]


@njit(nogil=True, cache=True, fastmath=FAST)
def moved(rows, origin, out, norms):
    """Writes rows as seen from the origin, and their squared lengths."""
    for i in range(rows.shape[0]):
        length = np.float32(0)
        for e in range(rows.shape[1]):
            value = rows[i, e] - origin[e]
            out[i, e] = value
            length += value * value
        norms[i] = length


@njit(nogil=True, cache=True, fastmath=FAST)
def from_products(products, row, length, norms, width):
    """Turns a row of products x·y into squared distances, given |x|² and every |y|²."""
    for j in range(width):
        products[row, j] = max(length + norms[j] - np.float32(2) * products[row, j], np.float32(0))


@njit(nogil=True, cache=True)
def _offer(bits, names, begin, end, self, keys, count, limit):
    """Appends what is not beyond the limit nor the point itself; returns how many keys there are now."""
    for j in range(begin, end):
        distance = bits[j]
        name = names[j]
        keys[np.uint64(count)] = (np.uint64(distance) << SHIFT) | np.uint64(name)
        count += (distance <= limit) & (name != self)
    return count


@njit(nogil=True, cache=True, fastmath=FAST)
def square(a, b):
    """The squared distance of two rows, from differences."""
    total = np.float32(0)
    for e in range(a.size):
        difference = a[e] - b[e]
        total += difference * difference
    return total


@njit(nogil=True, cache=True)
def nearest_cells(points, origin, centroids, near, sizes, probes, rows):
    """Which of the cells `near`, of these sizes, are among the `probes` nearest of each point: bool, shape (cells,
    points). Where those hold fewer than so many rows, the next nearest are taken too.
    """
    cells, (count, dims) = near.size, points.shape
    chosen = np.ones((cells, count), np.bool_)
    if probes >= cells:
        return chosen
    chosen[:] = False
    own = np.empty((count, dims), np.float32)
    lengths = np.empty(count, np.float32)
    moved(points, origin, own, lengths)
    other = np.empty((cells, dims), np.float32)
    norms = np.empty(cells, np.float32)
    moved(centroids[near], origin, other, norms)
    squared = np.dot(own, other.T)
    bits = squared.view(np.uint32)
    keys = np.empty(cells, np.uint64)
    spare = np.empty(cells, np.uint64)
    for i in range(count):
        from_products(squared, i, lengths[i], norms, cells)
        for j in range(cells):
            keys[j] = (np.uint64(bits[i, j]) << SHIFT) | np.uint64(j)
        keep_smallest(keys, cells, probes, spare)
        held = 0
        for p in range(probes):
            cell = np.int64(keys[p] & LOW)
            chosen[cell, i] = True
            held += sizes[cell]
        if held < rows:
            for key in np.sort(keys[probes:]):
                cell = np.int64(key & LOW)
                chosen[cell, i] = True
                held += sizes[cell]
                if held >= rows:
                    break
    return chosen


@njit(nogil=True, cache=True)
def scan(points, selves, origin, base, names, starts, stops, chosen, k, keys):
    """Finds the k nearest rows of each point in the lists chosen for it.

    Args:
        points: float32, shape (m, columns).
        selves: the name of each point among the rows, which is left out, or -1: int32, shape (m,).
        origin: a place near the points, float32, shape (columns,).
        base: all rows, float32, shape (n, columns); a list is a run of them.
        names: the number of each row, int32, shape (n,), each once.
        starts: where the lists begin, int64, shape (lists,); nearest list first is fastest.
        stops: where they end.
        chosen: the lists each point looks into, bool, shape (lists, m); they hold at least k other rows.
        k: at least 1.
        keys: the answer in any order, uint64, shape (m, k): squared distance (its bits) above the row's name.
    """
    count, dims = points.shape
    widest = np.max(stops - starts)
    held = np.empty((count, 2 * k + 2 * STRIP), np.uint64)
    spare = np.empty(held.shape[1], np.uint64)
    filled = np.zeros(count, np.int64)
    limit = np.full(count, HIGHEST)
    own = np.empty((count, dims), np.float32)
    lengths = np.empty(count, np.float32)
    moved(points, origin, own, lengths)
    asking = np.empty((count, dims), np.float32)
    rows = np.empty(count, np.int64)
    other = np.empty((widest, dims), np.float32)
    norms = np.empty(widest, np.float32)
    room = np.empty(count * widest, np.float32)
    for part in range(starts.size):
        asked = 0
        for i in range(count):
            rows[asked] = i
            asked += chosen[part, i]
        first, width = starts[part], stops[part] - starts[part]
        if asked == 0 or width == 0:
            continue
        for r in range(asked):
            copy_to(asking[r], own[rows[r]])
        moved(base[first : first + width], origin, other, norms)
        squared = room[: asked * width].reshape(asked, width)
        np.dot(asking[:asked], other[:width].T, squared)
        bits = squared.view(np.uint32)
        listed = names[first : first + width]
        for r in range(asked):
            i = rows[r]
            from_products(squared, r, lengths[i], norms, width)
            have = filled[i]
            for begin in range(0, width, STRIP):
                if have + STRIP > held.shape[1]:
                    keep_smallest(held[i], have, k, spare)
                    have = k
                    limit[i] = np.uint32(np.max(held[i, :k]) >> SHIFT)
                end = min(begin + STRIP, width)
                have = _offer(bits[r], listed, begin, end, selves[i], held[i], have, limit[i])
            filled[i] = have
    for i in range(count):
        keep_smallest(held[i], filled[i], k, spare)
        copy_to(keys[i], held[i])


@njit(nogil=True, cache=True)
def settle(points, base, place, keys, indices, squared):
    """Orders found neighbours by their distance from differences, which is right to the last digits.

    Args:
        points: float32, shape (m, columns).
        base: all rows, float32, shape (n, columns).
        place: where the row of each name stands in `base`, int32, shape (n,).
        keys: what `scan` found, uint64, shape (m, k); used up.
        indices: the answer's names, nearest first, int32, shape (m, k).
        squared: their squared distances, float32, shape (m, k).
    """
    k = keys.shape[1]
    distance = np.empty(k, np.float32)
    bits = distance.view(np.uint32)
    for i in range(points.shape[0]):
        for t in range(k):
            distance[t] = square(points[i], base[place[np.int64(keys[i, t] & LOW)]])
        for t in range(k):
            keys[i, t] = (np.uint64(bits[t]) << SHIFT) | (keys[i, t] & LOW)
        ordered = np.sort(keys[i])
        for t in range(k):
            indices[i, t] = np.int32(ordered[t] & LOW)
            bits[t] = np.uint32(ordered[t] >> SHIFT)
        copy_to(squared[i], distance)
