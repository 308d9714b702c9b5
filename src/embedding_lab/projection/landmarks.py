"""Which of very many rows a map is made of: a fair sample in which sparse regions are not lost.

Drawn evenly, a sample of one row in fifty leaves a group of a hundred with two, too few to be seen. So only half of
the sample is. For the other half space is cut into boxes of one size along the leading principal components (Hie,
Cho, DeMeo, Bryson & Berger, "Geometric sketching compactly summarizes the single-cell transcriptomic landscape",
2019), and a box of m rows gives about √m of them. Within a box every row has the same chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.errors import InputError
from embedding_lab.progress import Progress, silent
from embedding_lab.projection.frame import Frame, as_vectors, row_blocks
from embedding_lab.projection.pca import fit_pca

AXES = 8
HALVINGS = 8
"""Along each axis: so the number of a row's smallest box is one of 64 bits."""

SEEN_ROWS = 20_000
"""So many tell the axes, and how far the boxes must reach."""

ROOM = 1.5
"""Boxes reach so many times as far as most rows do; those at the rim hold what lies beyond."""

STAGE = "choose samples"


def landmarks(
    vectors: Any, count: int, *, metric: str = "euclidean", seed: int = 0, progress: Progress = silent
) -> NDArray[np.int64]:
    """The rows of a sample, ascending; all where there are not more. Takes about 40 bytes of memory a row.

    Args:
        vectors: real and finite, shape (n, dims); memory-mapped ones are read in blocks, twice.
        count: how many rows, 1 or more.
        metric: "euclidean" or "cosine".
        seed: of the draw; the same seed gives the same rows on one machine.
        progress: told "choose samples" in rows.

    Raises:
        InputError and its kinds: count < 1, or vectors that cannot be used.
    """
    vectors = as_vectors(vectors)
    rows = int(vectors.shape[0])
    if count < 1:
        raise InputError("A sample needs a row.", got=f"{count}", expected="1 or more")
    if count >= rows:
        return np.arange(rows)
    random = np.random.default_rng([seed, 5])
    boxes = _numbered(*np.unique(_boxes(vectors, metric, random, progress), return_inverse=True), count)
    sizes = np.bincount(boxes)
    starts = np.cumsum(sizes) - sizes
    order = np.lexsort((random.random(rows, np.float32), boxes))  # box by box, each in a random order
    shares = shared_out(sizes, count, random.random())
    return np.sort(order[np.repeat(starts - (np.cumsum(shares) - shares), shares) + np.arange(count)])


def _boxes(vectors: Any, metric: str, random: np.random.Generator, progress: Progress) -> NDArray[np.uint64]:
    """The number of each row's smallest box: its place along each axis in turn, 8 bits each."""
    frame, rows = Frame.fit(vectors, metric), int(vectors.shape[0])
    seen = frame.place(vectors[np.sort(random.choice(rows, min(SEEN_ROWS, rows), replace=False))])
    axes = fit_pca(seen, min(AXES, seen.shape[1]))
    low, middle, high = np.percentile(axes.transform(seen), [0.1, 50, 99.9], axis=0)
    # the middle lies a third into the box that holds it, of whatever size: none cuts what lies there in two
    home = 2**HALVINGS / 3
    side = ROOM * max(float((middle - low).max()) / home, float((high - middle).max()) / home / 2)
    side = max(side, float(np.finfo(np.float32).tiny))
    numbers = np.zeros(rows, np.uint64)
    for where, block in row_blocks(vectors):
        places = (axes.transform(frame.place(block)) - middle) / side + home
        for along in np.clip(places, 0, 2**HALVINGS - 1).astype(np.uint64).T:
            numbers[where] = numbers[where] << np.uint64(HALVINGS) | along
        progress(STAGE, where.stop, rows)
    return numbers


def _numbered(smallest: NDArray[np.uint64], box: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The rows' boxes, numbered from 0, of the smallest size of which there are no more than rows to draw."""
    for halvings in range(HALVINGS + 1):
        kept = (0xFF >> halvings << halvings) * int.from_bytes(b"\1" * 8)
        larger, number = np.unique(smallest & np.uint64(kept), return_inverse=True)
        if len(larger) <= count:
            break
    return np.asarray(number[box])


def shared_out(sizes: NDArray[np.int64], count: int, chance: float) -> NDArray[np.int64]:
    """How many rows each box gives, `count` together: half in proportion to its size, half to the root of its size.

    Whole numbers are drawn at equal steps through the shares laid end to end, the first after `chance`, from 0 to
    1, of a step: so small boxes have their share together. No box gives more than it has.
    """
    weights = sizes / sizes.sum() + np.sqrt(sizes) / np.sqrt(sizes).sum()
    low, high = 0.0, float(sizes.sum())
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(sizes, middle * weights).sum() < count else (low, middle)
    wanted = np.minimum(sizes, high * weights)
    ends = np.cumsum(wanted)
    return np.asarray(np.diff(np.floor(ends * (count / ends[-1]) + chance).astype(np.int64), prepend=0))
