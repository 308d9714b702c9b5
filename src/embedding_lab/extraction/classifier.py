"""What a model's last numbers say of each sample: prediction, confidence, loss and class probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import UNLABELLED, Outputs
from embedding_lab.extraction.source import Scale

SURELY_ONE = 1e-3
"""Rows of probabilities add up to one within this, also in half precision."""

SMALLEST_PROBABILITY = 1e-7
"""As Keras has it where only probabilities are known: their loss never exceeds 16.1 nats."""

MOST_CLASSES = 10_000
"""Numbers of classes beyond this are taken for keys of something else."""


def saying_classes(outputs: Mapping[str, NDArray[Any]]) -> str | None:
    """Which of several outputs of a model may say classes, where no output says so itself.

    Args:
        outputs: for a few samples, by name.

    Returns:
        The first table of fractions whose rows add up to one, else the only table of fractions; None where there is
        none, or several.
    """
    tables = {
        name: each for name, each in outputs.items() if each.ndim == 2 and each.dtype.kind == "f" and each.size
    }
    for name, each in tables.items():
        if settled_scale("unknown", each.astype(np.float32), None) == "probabilities":
            return name
    return next(iter(tables)) if len(tables) == 1 else None


def settled_scale(scale: Scale, numbers: NDArray[np.float32], classes: int | None) -> Scale:
    """Decides from a first block what the last numbers are, where the model itself does not say.

    Args:
        scale: what the model says.
        numbers: shape (b, k).
        classes: how many classes the dataset names; None where it names none.

    Returns:
        "probabilities" where every row is one of them, "logits" where there is one number per class or every row
        the logarithms of probabilities, else "none".
    """
    if scale != "unknown":
        return scale
    if numbers.shape[1] > 1:
        if numbers.min() >= 0 and np.abs(numbers.sum(axis=1) - 1).max() <= SURELY_ONE:
            return "probabilities"
        if numbers.max() <= 0 and np.abs(np.exp(numbers).sum(axis=1) - 1).max() <= SURELY_ONE:
            return "logits"
    return "logits" if classes is not None and numbers.shape[1] == classes else "none"


def in_order_of(
    class_names: Sequence[str] | None, classes: Sequence[str | int], numbers: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """Probabilities of a model's own classes as those of the dataset's classes.

    Args:
        class_names: those of the dataset; None where it has none.
        classes: the model's classes: the names of the dataset's, or their numbers.
        numbers: probabilities, shape (b, k), one for each of `classes`.

    Returns:
        Shape (b, classes of the dataset), 0 for a class that the model does not know; None where the dataset does
        not know one of the model's.
    """
    place = {name: number for number, name in enumerate(class_names or ())}
    places = [each if isinstance(each, int) else place.get(each, -1) for each in classes]
    width = len(class_names) if class_names else 1 + max(places)
    if min(places) < 0 or max(places) >= min(width, MOST_CLASSES):
        return None
    ordered = np.zeros((len(numbers), width), np.float32)
    ordered[:, places] = numbers
    return ordered


def judge(numbers: NDArray[np.float32], scale: Scale, labels: NDArray[np.int64] | None) -> Outputs:
    """What the model says of the samples of one block.

    Args:
        numbers: shape (b, k), one per class; k = 1 is the second of two classes.
        scale: "probabilities" or "logits".
        labels: the given labels, shape (b,), -1 for none; None where the loss cannot be known.
    """
    rows = np.arange(len(numbers))
    if numbers.shape[1] == 1:
        first = np.zeros_like(numbers) if scale == "logits" else 1 - numbers
        numbers = np.concatenate([first, numbers], axis=1)
    prediction = numbers.argmax(axis=1)
    best = numbers[rows, prediction]
    if scale == "logits":
        logits = numbers - best[:, np.newaxis]
        powers = np.exp(logits)
        totals = np.einsum("ij->i", powers)  # five times as fast as a sum along so short an axis
        probabilities, confidence = powers / totals[:, np.newaxis], 1 / totals
        loss = None if labels is None else np.log(totals) - logits[rows, labels]
    else:
        probabilities, confidence = numbers, best
        loss = None if labels is None else -np.log(numbers[rows, labels].clip(SMALLEST_PROBABILITY, 1))
    return Outputs(
        prediction=prediction.astype(np.int64),
        confidence=confidence,
        loss=None if loss is None else np.where(labels == UNLABELLED, np.float32(np.nan), loss),
        probabilities=probabilities,
    )
