"""The parts a dataset comes in, train and test, and how the chosen ones become one Dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import UNLABELLED, Dataset, numbered_ids
from embedding_lab.errors import InputError, ShapeMismatch, one_of

SPLITS = ("train", "test", "all")
"""What may be asked for."""

VALIDATION = ("val", "valid", "validation")
PART_NAMES = ("train", *VALIDATION, "test")
"""The names under which parts are looked for in folders and .npz files, in the order of `all`."""


class Part(NamedTuple):
    """One part's samples, first axis n, and its labels, shape (n,), where there are any."""

    samples: Any
    labels: NDArray[Any] | None


def check_split(split: str) -> None:
    """Refuses a split that cannot be asked for.

    Raises:
        UnknownName: it is none of train, test, all.
    """
    if split not in SPLITS:
        raise one_of("Split", split, SPLITS)


def chosen_parts(split: str, available: Iterable[str], name: str) -> tuple[str, ...]:
    """Which of the parts that there are make up a split, in order.

    A validation part stands in as `test` where there is no test part.

    Raises:
        UnknownName: the dataset has no such part.
    """
    parts = tuple(part for part in PART_NAMES if part in set(available))
    if split == "all":
        return parts
    stand_ins = [part for part in parts if split == "test" and part in VALIDATION]
    for part in (split, *stand_ins):
        if part in parts:
            return (part,)
    raise one_of("Split", split, (*parts, "all"), remedy=f"Dataset {name!r} has no such part.")


def check_whole(split: str, name: str) -> None:
    """Refuses to train on a dataset that comes as one whole: all of it counts as test data.

    Raises:
        InputError: the split is train.
    """
    if split == "train":
        raise InputError(
            f"Dataset {name!r} has no training part.",
            got="samples that are not divided into parts, which count as test data",
            expected="folders train/ and test/, or the keys x_train, y_train, x_test, y_test in an .npz",
            remedy="Divide the samples, or ask for the split 'test' or 'all'.",
        )


def join_parts(name: str, parts: Mapping[str, Part], class_names: tuple[str, ...] | None) -> Dataset:
    """One Dataset of parts, in their order, with ids numbered within each part: "mnist/test/00042".

    Raises:
        ShapeMismatch: the samples of two parts differ in shape.
    """
    shapes = {part: content.samples.shape[1:] for part, content in parts.items()}
    if len({*shapes.values()}) > 1:
        raise ShapeMismatch(
            f"The parts of dataset {name!r} hold samples of different shapes.",
            got=", ".join(f"{part} {shape}" for part, shape in shapes.items()),
            expected="one shape",
            remedy="Ask for one of the parts, or bring the samples to one shape.",
        )
    counts = {part: len(content.samples) for part, content in parts.items()}
    return Dataset(
        name=name,
        samples=_joined([content.samples for content in parts.values()]),
        ids=_joined([numbered_ids(f"{name}/{part}", count) for part, count in counts.items()]),
        labels=_joined_labels(list(parts.values())),
        class_names=class_names,
        splits=_joined([np.full(count, part) for part, count in counts.items()]),
    )


def _joined_labels(parts: list[Part]) -> NDArray[np.int64] | None:
    """The labels of all parts, -1 in a part that has none; None where no part has any."""
    if all(part.labels is None for part in parts):
        return None
    labels = [np.full(len(part.samples), UNLABELLED) if part.labels is None else part.labels for part in parts]
    return _joined(labels).astype(np.int64)


def _joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
