"""Draws fair samples: every class keeps its share, the order stays, and a seed always means the same rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding_lab.errors import InputError

SPARE = 2
"""So many times more rows than are wanted are looked at: of a class with few rows chance may have put them high."""


def fair_sample(count: int, labels: NDArray[np.int64] | None, size: int, seed: int) -> NDArray[np.intp]:
    """The rows of a sample in which every class has its share, as near as whole numbers allow.

    Rows are chosen by the order of raw 64-bit random numbers, one per row. Numpy promises that this
    stream never changes, so a seed means the same rows on every machine and in every later version.

    Args:
        count: how many rows there are.
        labels: int, shape (count,), or None where rows have none; rows labelled -1 count as a class.
        size: how many rows to draw, from 1 to count.
        seed: a whole number, 0 or greater.

    Returns:
        Row numbers, shape (size,), ascending.

    Raises:
        InputError: size or seed is outside its range.
    """
    _check(count, size, seed)
    draws = np.random.PCG64(seed).random_raw(count)
    classes = np.zeros(count, np.int32)
    if labels is not None:
        classes = np.searchsorted(np.unique(labels), labels).astype(np.int32)
    counts = np.bincount(classes)
    rows = _low(draws, classes, counts, size)
    rows = rows[np.lexsort((draws[rows], classes[rows]))]  # class by class, each class in its random order
    starts = np.searchsorted(classes[rows], np.arange(len(counts)))
    shares = _shares(counts, size, draws[rows[starts]])
    chosen = [rows[start : start + share] for start, share in zip(starts, shares, strict=True)]
    return np.sort(np.concatenate(chosen))


def fair_order(count: int) -> NDArray[np.uint32]:
    """The rows in an order in which every beginning is a fair sample of all of them.

    The order of raw 64-bit random numbers of the seed 0, one per row, so that it is the same for ever. The
    pages of thumbnails are stored in it, and the dashboard sends points in it.

    Args:
        count: how many rows there are.

    Returns:
        Row numbers, uint32, shape (count,), each once.
    """
    return np.argsort(np.random.PCG64(0).random_raw(count), kind="stable").astype(np.uint32)


def _low(
    draws: NDArray[np.uint64], classes: NDArray[np.int32], counts: NDArray[np.intp], size: int
) -> NDArray[np.intp]:
    """Rows among which each class has its share of the lowest draws, and one more: few where few are drawn of many.

    They are those whose draw is low among all; of a class that has too few of these, all.
    """
    if SPARE * size >= len(draws):
        return np.arange(len(draws))
    low = draws < np.uint64((SPARE * size << 64) // len(draws))
    wanted = np.minimum(counts, counts * size // len(draws) + 1)
    lacking = np.bincount(classes[low], minlength=len(counts)) < wanted
    if lacking.any():
        low |= lacking[classes]
    return np.flatnonzero(low)


def _shares(counts: NDArray[np.intp], size: int, lots: NDArray[np.uint64]) -> NDArray[np.intp]:
    """How many of each class: the whole part of its share, and one more for the largest remainders.

    Where remainders are equal the lots decide, one per class, or the first classes would always win.
    """
    shares, remainders = np.divmod(counts * size, counts.sum())
    missing = size - int(shares.sum())
    shares[np.lexsort((lots, -remainders))[:missing]] += 1
    return shares


def _check(count: int, size: int, seed: int) -> None:
    if not 1 <= size <= count:
        raise InputError(
            f"A sample of {size:,} cannot be drawn.",
            got=f"samples={size}",
            expected=f"1 to {count:,}, since so many samples are there",
            remedy="Ask for fewer, or leave the number out to have all.",
        )
    if seed < 0:
        raise InputError("A seed cannot be negative.", got=f"seed={seed}", expected="0 or greater")
