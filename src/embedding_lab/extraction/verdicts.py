"""What a classifier said of all samples, from the model's last numbers block by block into a run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Dataset, Outputs, Run, check_finite
from embedding_lab.embeddings.outputs import OutputsWriter
from embedding_lab.embeddings.together import Together
from embedding_lab.extraction.classifier import in_order_of, judge, settled_scale
from embedding_lab.extraction.source import ForwardPass, Scale


class Verdicts:
    """Takes a model's last numbers in the order of the samples; of a model that is no classifier it keeps nothing.

    Args:
        run: where they go.
        data: the samples.
        forward: what the numbers come from.
        step: the training step the model is at.
        together: what the table is written in: leaving it publishes or discards.
    """

    def __init__(self, run: Run, data: Dataset, forward: ForwardPass, step: int | None, together: Together) -> None:
        self._run = run
        self._data = data
        self._step = step
        self._fingerprint = forward.fingerprint
        self._scale: Scale = forward.scale
        self._classes = forward.classes
        self._together = together
        self._writer: OutputsWriter | None = None
        self._labels: NDArray[np.int64] | None = None

    def append(self, numbers: NDArray[np.float32] | None) -> None:
        """Takes those of the next samples: shape (b, k), or None where the model ends in none.

        Raises:
            NotFinite: they hold NaN or infinity.
            StorageError: the disk refuses.
        """
        if numbers is not None and self._classes is not None:
            numbers = in_order_of(self._data.class_names, self._classes, numbers)
        if numbers is not None and self._says_classes(numbers):
            self._write(numbers)

    def _write(self, numbers: NDArray[np.float32]) -> None:
        if self._writer is None:
            writer = self._run.outputs_writer(self._data, step=self._step, model=self._fingerprint)
            self._writer = self._together.enter_writer(writer)
            self._labels = _labels_within(self._data, max(2, numbers.shape[1]))
        rows = slice(self._writer.rows, self._writer.rows + len(numbers))
        check_finite(numbers, self._data.ids[rows], "the last one")
        labels = None if self._labels is None else self._labels[rows]
        self._writer.append(judge(numbers, self._scale, labels))

    def published(self) -> Outputs | None:
        """All that was written, once it is published; None where the model is no classifier."""
        return None if self._writer is None else self._run.outputs(self._step)

    def _says_classes(self, numbers: NDArray[np.float32]) -> bool:
        """Whether the model is a classifier, settled by the first block where the model itself does not say."""
        names = self._data.class_names
        self._scale = settled_scale(self._scale, numbers, None if names is None else len(names))
        return self._scale != "none"


def _labels_within(data: Dataset, classes: int) -> NDArray[np.int64] | None:
    """The labels, where the model has a class for each of them."""
    return data.labels if data.labels is not None and data.labels.max() < classes else None
