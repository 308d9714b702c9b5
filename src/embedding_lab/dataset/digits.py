"""The digits that ship inside scikit-learn: 1,797 real handwritten ones, 8 × 8, which need no network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding_lab.dataset.parts import Part, chosen_parts, join_parts
from embedding_lab.embeddings import Dataset

NAME = "digits"
INK_LEVELS = 16
TEST_EVERY = 4
"""In each class every fourth digit, in scikit-learn's order, belongs to the test part."""


def digits(split: str) -> Dataset:
    """The digits as raw pictures: uint8 (n, 8, 8), ink 0 to 16 scaled to 0 to 255.

    scikit-learn has them in one piece. Ours is a fixed division: of each class the 4th, 8th, 12th … is
    test data (445 in all), the rest is training data (1,352).

    Args:
        split: train, test or all.
    """
    from sklearn.datasets import load_digits  # here, because it takes a second to import

    raw = load_digits()
    pictures = _scaled(raw.images)
    labels = raw.target.astype(np.int64)
    test = _every_fourth_of_its_class(labels)
    whole = {"train": Part(pictures[~test], labels[~test]), "test": Part(pictures[test], labels[test])}
    chosen = chosen_parts(split, whole, NAME)
    return join_parts(NAME, {part: whole[part] for part in chosen}, tuple(map(str, raw.target_names)))


def _scaled(ink: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(ink * (255 / INK_LEVELS)).astype(np.uint8)


def _every_fourth_of_its_class(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    place_in_class = np.empty(len(labels), np.intp)
    place_in_class[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.equal(place_in_class % TEST_EVERY, TEST_EVERY - 1)
