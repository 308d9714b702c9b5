"""Judges a model on held-out samples, leaving its metrics and everything else about it alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Dataset
from embedding_lab.errors import EmptyData, InputError, ShapeMismatch
from embedding_lab.frameworks.keras import import_keras
from embedding_lab.frameworks.tensorflow import tf

BATCH = 1000


@dataclass(frozen=True, eq=False)
class Judgement:
    """How a model does on the held-out samples.

    Attributes:
        loss: the mean loss; None without targets.
        accuracy: share of the labelled samples whose class it says rightly; None where there are no classes.
        said: the class it says for every sample, int64 of shape (n,); None where there are no classes.
        confidence: how sure it is, in its own scale (probability or logit), shape (n,); None likewise.
    """

    loss: float | None
    accuracy: float | None
    said: NDArray[np.int64] | None
    confidence: NDArray[np.float32] | None


class HeldOut:
    """Held-out samples with what they should give.

    Attributes:
        samples: as the model takes them, shape (n, ...).
        targets: as its loss takes them, shape (n, ...); None without labels.
        labels: the classes, int64 of shape (n,), -1 for not labelled; None where there are none.
        class_names: the name of class i at position i; None where they have none.
    """

    def __init__(self, data: Any) -> None:
        self.class_names: tuple[str, ...] | None = None
        if isinstance(data, Dataset):
            if data.samples is None:
                raise InputError(
                    f"Dataset {data.name!r} holds its table only, not the samples.",
                    remedy="Load it from where its samples are.",
                )
            samples, targets, self.class_names = data.samples, data.labels, data.class_names
        elif isinstance(data, tuple | list) and len(data) == 2:
            samples, targets = data
        else:
            samples, targets = data, None
        self.samples = np.asarray(samples)
        self.targets = None if targets is None else np.asarray(targets)
        if self.samples.ndim == 0 or self.samples.dtype == object or len(self.samples) == 0:
            raise EmptyData("There are no samples to summarise.", got=f"{type(data).__name__}", expected=_EXPECTED)
        if self.targets is not None and len(self.targets) != len(self.samples):
            raise ShapeMismatch(
                "Samples and labels are not equally many.",
                got=f"{len(self.samples)} samples and {len(self.targets)} labels",
                expected=_EXPECTED,
            )
        self.labels = _labels(self.targets)

    def targets_for(self, model: Any) -> NDArray[Any] | None:
        """The targets in the form that the model's loss wants."""
        loss = getattr(model.loss, "name", model.loss)
        if self.targets is not None and self.targets.ndim == 1 and loss == "categorical_crossentropy":
            return np.eye(model.output_shape[-1], dtype=np.float32)[self.targets]
        return self.targets


_EXPECTED = "a Dataset, an array of samples, or a pair (samples, labels)"


class Judge:
    """Knows how to judge one model on held-out samples; call it whenever the model has changed.

    Args:
        model: a built and compiled Keras model.
        held_out: the samples.
    """

    def __init__(self, model: Any, held_out: HeldOut) -> None:
        self._model, self._held_out = model, held_out
        self._targets = held_out.targets_for(model) if model.loss is not None else None
        self._labelled = (
            np.ones(len(held_out.samples), bool) if held_out.labels is None else held_out.labels >= 0
        )  # the loss of a sample without a label would be of class -1
        keras = import_keras()

        def judge(samples: Any, targets: Any) -> tuple[Any, Any]:
            with keras.StatelessScope():  # what is counted here is nobody's business
                outputs = model(samples, training=False)
                loss = 0.0 if targets is None else model.compute_loss(samples, targets, outputs)
            return outputs, loss

        self._compiled = tf.function(judge, autograph=False, reduce_retracing=True)

    def __call__(self) -> Judgement:
        """The model's judgement as it is now."""
        outputs, losses, weights = [], [], []
        order = np.argsort(~self._labelled, kind="stable")  # the labelled ones first, in whole batches
        labelled = int(self._labelled.sum()) if self._targets is not None else 0
        for start, end in _spans(labelled, len(order)):
            rows = order[start:end]
            with_loss = end <= labelled and self._targets is not None
            targets = tf.constant(self._targets[rows]) if with_loss and self._targets is not None else None
            each, loss = self._compiled(tf.constant(self._held_out.samples[rows]), targets)
            outputs.append(each)
            if with_loss:
                losses.append(float(loss))
                weights.append(len(rows))
        loss = float(np.average(losses, weights=weights)) if losses else None
        classes = self._classes(outputs)
        if classes is None:
            return Judgement(loss, None, None, None)
        said, confidence = np.empty(len(order), np.int64), np.empty(len(order), np.float32)
        said[order], confidence[order] = classes
        return Judgement(loss, self._accuracy(said), said, confidence)

    def _classes(self, outputs: list[Any]) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """The class and its score for every row; None where the outputs are no scores of classes."""
        if not all(isinstance(each, tf.Tensor) and each.shape.rank == 2 for each in outputs):
            return None
        if self._held_out.labels is None:
            return None
        scores: NDArray[np.float32] = np.concatenate([each.numpy() for each in outputs]).astype(np.float32)
        if scores.shape[1] > 1:
            return np.argmax(scores, axis=1).astype(np.int64), scores.max(axis=1)
        if "binary" not in str(getattr(self._model.loss, "name", self._model.loss)):
            return None
        threshold = 0.0 if getattr(self._model.loss, "from_logits", False) else 0.5
        return (scores[:, 0] > threshold).astype(np.int64), np.abs(scores[:, 0] - threshold)

    def _accuracy(self, said: NDArray[np.int64]) -> float | None:
        labels = self._held_out.labels
        if labels is None or not self._labelled.any():
            return None
        return float(np.mean(said[self._labelled] == labels[self._labelled]))


def _spans(labelled: int, count: int) -> list[tuple[int, int]]:
    """Where batches begin and end, none of which holds samples with and without a loss."""
    spans = []
    for first, last in ((0, labelled), (labelled, count)):
        spans += [(start, min(start + BATCH, last)) for start in range(first, last, BATCH)]
    return spans


def _labels(targets: NDArray[Any] | None) -> NDArray[np.int64] | None:
    """The classes in targets: whole numbers, or the place of the one in rows of zeros."""
    if targets is None:
        return None
    if targets.size == len(targets):
        single: NDArray[Any] = targets.reshape(-1)
        return single.astype(np.int64) if single.dtype.kind in "iub" or np.isin(single, (0, 1)).all() else None
    if targets.ndim == 2 and np.isin(targets, (0, 1)).all() and (targets.sum(axis=1) == 1).all():
        classes: NDArray[np.int64] = np.argmax(targets, axis=1).astype(np.int64)
        return classes
    return None
