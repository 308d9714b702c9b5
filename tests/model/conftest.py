"""Real MNIST, read plainly, and pictures that can be learned in a moment."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from embedding_lab.embeddings import Dataset, as_dataset


def idx(path: Path, offset: int) -> np.ndarray:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset)


@pytest.fixture(scope="session")
def mnist(mnist_dir: Path) -> dict[str, Dataset]:
    """The splits "train" and "test"."""
    splits = {"train": "train", "t10k": "test"}
    return {
        split: as_dataset(
            idx(mnist_dir / "mnist" / f"{stem}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28),
            name="mnist",
            labels=idx(mnist_dir / "mnist" / f"{stem}-labels-idx1-ubyte.gz", 8),
            class_names=[str(digit) for digit in range(10)],
        )
        for stem, split in splits.items()
    }


def bright_corners(count: int, seed: int) -> Dataset:
    """Pictures of noise in which one of four corners is bright: its number is the class."""
    numbers = np.random.default_rng(seed)
    pictures = numbers.integers(0, 60, (count, 8, 8), dtype=np.uint8)
    labels = numbers.integers(0, 4, count)
    for picture, label in zip(pictures, labels, strict=True):
        top, left = 4 * (label // 2), 4 * (label % 2)
        picture[top : top + 4, left : left + 4] += 150
    return as_dataset(pictures, name="corners", labels=labels, class_names=["nw", "ne", "sw", "se"])


@pytest.fixture(scope="session")
def corners() -> Dataset:
    return bright_corners(700, seed=0)


@pytest.fixture(scope="session")
def other_corners() -> Dataset:
    return bright_corners(300, seed=1)
