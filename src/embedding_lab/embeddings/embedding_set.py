"""The narrow waist of the house: the vectors one layer gave for known samples at one step."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.dataset import Dataset
from embedding_lab.errors import NotFinite, ShapeMismatch

INPUT_LAYER = "input"
"""The layer name reserved for the samples themselves."""

FINITE_BLOCK_ROWS = 8192


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a model said of every sample at one step.

    Attributes:
        prediction: the most probable class, int64, shape (n,).
        confidence: its probability, float32, shape (n,), 0 to 1.
        loss: cross-entropy in nats, float32, shape (n,), NaN where a sample has no label; None without labels.
        probabilities: float32, shape (n, classes); memory-mapped when on disk.
    """

    prediction: NDArray[np.int64]
    confidence: NDArray[np.float32]
    loss: NDArray[np.float32] | None = None
    probabilities: Any = None

    def __len__(self) -> int:
        return len(self.prediction)


@dataclass(frozen=True)
class Place:
    """Where the vectors of a set lie on disk.

    Attributes:
        run: the run's folder.
        generation: which writing of them it is: what is found out about them holds for no other.
    """

    run: Path
    generation: str


@dataclass(frozen=True, eq=False)
class EmbeddingSet:
    """The vectors of one layer, row by row for the samples of one dataset.

    Attributes:
        vectors: float32, shape (n, dims); memory-mapped when on disk.
        dataset: the n samples, in the order of the rows.
        layer: the layer's name; "input" is reserved for the samples themselves.
        step: the training step they were taken at; None where nothing changes, as for "input".
        epoch: the epoch that step lies in.
        wall_time: when they were taken, in seconds since 1970.
        split: the part of the dataset, such as "test".
        pooling: how further axes became one: "mean", "max" or "flatten"; None where there were none.
        model: the fingerprint of the model that gave them.
        outputs: what the model said of the samples at this step.
        place: where the vectors lie, for a set that was read from a run; a set that `replace` makes of it has none.

    Raises:
        ShapeMismatch: vectors are not (n, dims) for the n samples of the dataset.
    """

    vectors: Any
    dataset: Dataset
    layer: str
    step: int | None = None
    epoch: int | None = None
    wall_time: float | None = None
    split: str | None = None
    pooling: str | None = None
    model: str | None = None
    outputs: Outputs | None = None
    place: Place | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        shape = self.vectors.shape
        if len(shape) != 2 or shape[0] != len(self.dataset) or shape[1] < 1:
            raise ShapeMismatch(
                f"The vectors of layer {self.layer!r} do not fit the samples.",
                got=f"shape {tuple(shape)} for {len(self.dataset):,} samples",
                expected=f"shape ({len(self.dataset)}, dims)",
            )

    def __len__(self) -> int:
        return len(self.dataset)

    def lying_in(self, place: Place) -> EmbeddingSet:
        """This set, read from there."""
        object.__setattr__(self, "place", place)
        return self

    @property
    def ids(self) -> NDArray[np.str_]:
        """The samples' ids, shape (n,)."""
        return self.dataset.ids

    @property
    def dims(self) -> int:
        """How many numbers describe one sample."""
        return int(self.vectors.shape[1])

    @property
    def size_bytes(self) -> int:
        """How much the vectors take on disk, as float32."""
        return 4 * len(self) * self.dims


def check_finite(vectors: Any, ids: NDArray[np.str_], layer: str) -> None:
    """Refuses vectors with NaN or infinity, naming the first such sample; reads block by block.

    Args:
        vectors: float, shape (n, dims), also memory-mapped.
        ids: text, shape (n,).
        layer: the name for the message.

    Raises:
        NotFinite: a value is NaN or infinite.
    """
    for start in range(0, len(ids), FINITE_BLOCK_ROWS):
        block = np.asarray(vectors[start : start + FINITE_BLOCK_ROWS])
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(block.sum()):  # which NaN or infinity would have spoiled; it is sooner had
                continue
        finite = np.isfinite(block)
        if not finite.all():
            bad = np.flatnonzero(~finite.all(axis=1))
            row = start + int(bad[0])
            raise NotFinite(
                f"The vectors of layer {layer!r} hold NaN or infinity.",
                got=f"the first in row {row:,} (id {str(ids[row])!r}), {len(bad):,} rows in this block",
                expected="finite numbers",
                remedy="Look at that sample and at the model's weights: a diverged training gives such vectors, "
                "and so do numbers too large for float32.",
            )
