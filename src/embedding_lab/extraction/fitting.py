"""Runs samples in batches, and batches that are too large for the memory in parts that are not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.extraction.source import Activations

OUT_OF_MEMORY = ("OutOfMemoryError", "ResourceExhaustedError")
SAYING_SO = ("RESOURCE_EXHAUSTED", "DefaultCPUAllocator", "Failed to allocate memory", "bad_alloc")
"""Errors of TensorFlow and PyTorch; and words of JAX, PyTorch and onnxruntime."""

KEPT_BYTES = 31 << 20
"""Just below the largest piece of memory that glibc ever keeps when it is freed."""


class Fitting:
    """A forward pass in batches, which halves what does not fit, with a warning, and then takes no larger ones.

    Args:
        run: takes a batch, shape (b, ...); raises MemoryError where it is too large.
        rows: samples per batch.
    """

    def __init__(self, run: Callable[[NDArray[Any]], Activations], rows: int) -> None:
        _keep_freed_memory()
        self._run = run
        self._rows = rows

    def __call__(self, samples: NDArray[Any]) -> Activations:
        """What the pass gives for any number of samples.

        Raises:
            InputError: the memory does not suffice for a single sample.
        """
        if (rows := self._rows) < len(samples):
            return _joined([self(samples[begin : begin + rows]) for begin in range(0, len(samples), rows)])
        try:
            return self._run(samples)
        except MemoryError as error:
            if len(samples) == 1:
                raise too_large() from error
        self._rows = min(len(samples) // 2, self._rows)
        warnings.warn(
            f"The memory did not suffice for a batch of {len(samples):,} samples: going on with {self._rows:,}.",
            stacklevel=2,
        )
        return self(samples)


def _keep_freed_memory() -> None:
    """Has glibc keep what a batch frees for the next one; else PyTorch takes twice as long for small pictures.

    It gives large pieces back to the system, which clears each page before it hands it out again. What it takes for
    large grows, in this process from now on, with the largest that was freed; untouched, this one costs nothing.
    """
    np.empty(KEPT_BYTES, np.uint8)


def is_out_of_memory(error: Exception) -> bool:
    """Whether there was not enough memory, as each framework says it in its own way."""
    named = isinstance(error, MemoryError) or type(error).__name__ in OUT_OF_MEMORY
    return named or any(words in str(error) for words in SAYING_SO)


def too_large() -> InputError:
    """Of a model that the memory has no room for."""
    return InputError("The memory does not suffice for a single sample.", remedy="Use a smaller model or sample.")


def check_widths(what: str, widths: Iterable[int]) -> None:
    """Refuses vectors that are not all of one width.

    Args:
        what: gives them, as the beginning of a sentence.
        widths: of some of them each.

    Raises:
        ShapeMismatch: they are not.
    """
    found = sorted(set(widths))
    if len(found) > 1:
        raise ShapeMismatch(
            f"{what} does not give vectors of one width.",
            got=f"{found[0]:,} and {found[-1]:,} numbers",
            expected="as many for every sample",
        )


def _joined(parts: list[Activations]) -> Activations:
    """What was given for several batches as for one.

    Raises:
        ShapeMismatch: they are not of one width.
    """
    for name in parts[0][0]:
        check_widths(f"Layer {name!r}", (part[0][name].shape[1] for part in parts))
    vectors = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
    numbers = [part[1] for part in parts if part[1] is not None]
    check_widths("The last layer", (each.shape[1] for each in numbers))
    return vectors, np.concatenate(numbers) if numbers else None
