"""Which of very many rows a map is made of: a fair sample in which sparse regions are not lost.

Drawn evenly, a sample of one row in fifty leaves a group of a hundred with two, too few to be seen. So only half of
the sample is. For the other half space is cut into boxes of one size along the leading principal components (Hie,
Cho, DeMeo, Bryson & Berger, "Geometric sketching compactly summarizes the single-cell transcriptomic landscape",
2019), and a box of m rows gives about √m of them. Within a box every row has the same chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.errors import InputError
from embedding_lab.progress import Progress, silent
from embedding_lab.projection.frame import Frame, as_vectors, row_blocks
from embedding_lab.projection.pca import PCA, fit_pca

AXES = 8
HALVINGS = 8
"""Along each axis: so the number of a row's smallest box is one of 64 bits."""

SEEN_ROWS = 20_000
"""So many tell the axes, and how far the boxes must reach."""

ROOM = 1.5
"""Boxes reach so many times as far as most rows do; those at the rim hold what lies beyond."""

HOME = 2**HALVINGS / 3
"""The middle lies a third into the box that holds it, of whatever size: none cuts what lies there in two."""

STAGE = "choose samples"


def landmarks(
    vectors: Any, count: int, *, metric: str = "euclidean", seed: int = 0, progress: Progress = silent
) -> NDArray[np.int64]:
    """The rows of a sample, ascending; all where there are not more. Memory grows with the sample alone.

    Args:
        vectors: real and finite, shape (n, dims); memory-mapped ones are read in blocks, three times.
        count: how many rows, 1 or more.
        metric: "euclidean" or "cosine".
        seed: of the draw; the same seed gives the same rows on one machine.
        progress: told "choose samples" in rows, twice of all.

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
    space = _Boxes.fit(vectors, metric, random)
    boxes = _Counted(count)
    for where, block in row_blocks(vectors):
        boxes.add(space.numbers(block))
        progress(STAGE, where.stop, 2 * rows)
    left, shares = boxes.sizes, shared_out(boxes.sizes, count, random.random())
    chosen: list[NDArray[np.int64]] = []
    for where, block in row_blocks(vectors):
        box = boxes.of(space.numbers(block))
        order = np.lexsort((random.random(len(box), np.float32), box))  # box by box, each in a random order
        here, first, sizes = np.unique(box[order], return_index=True, return_counts=True)
        drawn = random.hypergeometric(shares[here], left[here] - shares[here], sizes)
        left[here] -= sizes
        shares[here] -= drawn
        before = np.cumsum(drawn) - drawn
        chosen.append(where.start + np.sort(order[np.repeat(first - before, drawn) + np.arange(drawn.sum())]))
        progress(STAGE, rows + where.stop, 2 * rows)
    return np.concatenate(chosen)


@dataclass(frozen=True, eq=False)
class _Boxes:
    """Where the smallest boxes lie.

    Attributes:
        frame: the vectors' own.
        axes: the leading principal components of some rows.
        middle: of those rows along each axis.
        side: of a box.
    """

    frame: Frame
    axes: PCA
    middle: NDArray[np.float64]
    side: float

    @classmethod
    def fit(cls, vectors: Any, metric: str, random: np.random.Generator) -> _Boxes:
        """Boxes that hold most of these vectors."""
        frame, rows = Frame.fit(vectors, metric), int(vectors.shape[0])
        seen = frame.place(vectors[np.sort(random.choice(rows, min(SEEN_ROWS, rows), replace=False))])
        axes = fit_pca(seen, min(AXES, seen.shape[1]))
        low, middle, high = np.percentile(axes.transform(seen), [0.1, 50, 99.9], axis=0)
        side = ROOM * max(float((middle - low).max()) / HOME, float((high - middle).max()) / HOME / 2)
        return cls(frame, axes, middle, max(side, float(np.finfo(np.float32).tiny)))

    def numbers(self, block: NDArray[Any]) -> NDArray[np.uint64]:
        """The number of each row's smallest box: its place along each axis in turn, 8 bits each."""
        numbers = np.zeros(len(block), np.uint64)
        places = (self.axes.transform(self.frame.place(block)) - self.middle) / self.side + HOME
        for along in np.clip(places, 0, 2**HALVINGS - 1).astype(np.uint64).T:
            numbers = numbers << np.uint64(HALVINGS) | along
        return numbers


class _Counted:
    """Boxes that hold rows, of the smallest size of which there are no more than `most`, and how many they hold."""

    def __init__(self, most: int) -> None:
        self._most, self._halvings = most, 0
        self._boxes = np.empty(0, np.uint64)
        self.sizes = np.empty(0, np.int64)

    def add(self, smallest: NDArray[np.uint64]) -> None:
        """Counts rows by the numbers of their smallest boxes; makes the boxes larger where they become too many."""
        numbers = np.concatenate([self._boxes, self._larger(smallest)])
        weights = np.concatenate([self.sizes, np.ones(len(smallest), np.int64)])
        while True:
            boxes, place = np.unique(numbers, return_inverse=True)
            if len(boxes) <= self._most or self._halvings == HALVINGS:
                break
            self._halvings += 1
            numbers = self._larger(numbers)
        self._boxes, self.sizes = boxes, np.bincount(place, weights).astype(np.int64)

    def of(self, smallest: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The places of the rows' boxes in `sizes`."""
        return np.searchsorted(self._boxes, self._larger(smallest))

    def _larger(self, smallest: NDArray[np.uint64]) -> NDArray[np.uint64]:
        kept = (0xFF >> self._halvings << self._halvings) * int.from_bytes(b"\1" * 8)
        return smallest & np.uint64(kept)


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
