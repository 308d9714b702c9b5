"""Makes labels, however they were given, numbers with the names of their classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.arrays import as_array, as_codes, readable
from embedding_lab.errors import InputError, ShapeMismatch

UNLABELLED = -1
"""The label of a sample that has none."""


def label_numbers(
    labels: Any, class_names: Sequence[str] | Mapping[Any, str] | None = None
) -> tuple[NDArray[np.int64] | None, tuple[str, ...] | None]:
    """Labels as int64 (n,) with their class names, from numbers or from text.

    Text labels are looked up in `class_names` where given and numbered alphabetically otherwise;
    an empty text, None among texts and NaN among numbers mean not labelled.

    Raises:
        InputError: labels are neither whole numbers nor text, or name an unknown class.
    """
    names = None if class_names is None else _in_order(class_names)
    if labels is None:
        return None, names
    if (encoded := as_codes(labels)) is not None:
        return _numbers_of(*encoded, names)
    values = readable(np.asarray(as_array(labels, "labels")))
    if values.ndim == 2 and values.shape[1] == 1:  # as many keep the label of each
        values = values[:, 0]
    if values.ndim != 1:
        raise ShapeMismatch(
            "Labels must be one per sample.",
            got=f"shape {values.shape}",
            expected="shape (n,)",
            remedy="Of one-hot labels or probabilities hand in labels.argmax(1).",
        )
    if values.dtype.kind in "iub":
        return values.astype(np.int64), names
    if values.dtype.kind == "f" and np.all((values == np.floor(values)) | np.isnan(values)):
        return np.where(np.isnan(values), UNLABELLED, values).astype(np.int64), names
    if values.dtype.kind not in "UOT":
        raise InputError(
            "Labels are neither whole numbers nor text.",
            got=f"dtype {values.dtype}",
            expected="int or text",
            remedy='Hand in what is to colour by as columns={"name": values}.'
            if values.dtype.kind in "fmM"
            else "",
        )
    texts = ["" if value is None else str(value) for value in values.tolist()]
    different = sorted(set(texts))
    place = {text: number for number, text in enumerate(different)}
    return _numbers_of(np.array([place[text] for text in texts], np.int64), different, names)


def _in_order(class_names: Sequence[str] | Mapping[Any, str]) -> tuple[str, ...]:
    """The names of the classes by their numbers.

    Raises:
        InputError: a mapping of other keys than 0, 1, 2, …
    """
    if not isinstance(class_names, Mapping):
        return tuple(str(name) for name in class_names)
    by_number = {str(key): str(name) for key, name in class_names.items()}
    numbers = [str(number) for number in range(len(by_number))]
    if set(numbers) != set(by_number):
        raise InputError(
            "The class names do not number the classes.",
            got=", ".join(map(repr, list(class_names)[:5])),
            expected='a name for each of 0, 1, 2, …: ["cat", "dog"] or {0: "cat", 1: "dog"}',
        )
    return tuple(by_number[number] for number in numbers)


def _numbers_of(
    codes: NDArray[np.int64], texts: Sequence[str], names: tuple[str, ...] | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels from positions among texts, -1 for none, with the names of their classes."""
    known = names if names is not None else tuple(sorted({*texts} - {""}))
    position = {text: number for number, text in enumerate(known)} | {"": UNLABELLED}
    unknown = sorted({*texts} - position.keys())
    if unknown:
        raise InputError(
            "Labels name classes that are not among the class names.",
            got=", ".join(map(repr, unknown[:5])),
            expected=f"one of {', '.join(map(repr, known[:20]))}",
        )
    return np.array([*(position[text] for text in texts), UNLABELLED], np.int64)[codes], known
