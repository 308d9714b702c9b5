"""An order of the points in which near points are mostly near in memory: Morton's space-filling curve
(1966).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 10


def curve_order(points: NDArray[np.float32]) -> NDArray[np.intp]:
    """The rows along the curve: the bits of a point's cell numbers, interleaved, are its place on it.

    Args:
        points: one row per axis, shape (dims, n), any scale.

    Returns:
        Row numbers, shape (n,); equal places keep their order.
    """
    low = points.min(axis=1, keepdims=True)
    widest = float((points.max(axis=1, keepdims=True) - low).max())
    if not widest > 0:
        return np.arange(points.shape[1])
    cells = ((points - low) * ((2**BITS - 1) / widest)).astype(np.uint32)
    place = np.zeros(points.shape[1], np.uint32)
    for bit in range(BITS):
        for axis, cell in enumerate(cells):
            place |= ((cell >> np.uint32(bit)) & np.uint32(1)) << np.uint32(bit * len(points) + axis)
    return np.argsort(place, kind="stable")
