"""Runs batches that may be too large for the memory in parts that are not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.errors import InputError
from embedding_lab.extraction.source import Activations

OUT_OF_MEMORY = ("OutOfMemoryError", "ResourceExhaustedError")
SAYING_SO = ("RESOURCE_EXHAUSTED", "DefaultCPUAllocator", "Failed to allocate memory", "bad_alloc")
"""Errors of TensorFlow and PyTorch; and words of JAX, PyTorch and onnxruntime."""


class Fitting:
    """A forward pass in batches, which halves what does not fit, with a warning, and then takes no larger ones.

    Args:
        run: takes a batch, shape (b, ...); raises MemoryError where it is too large.
        rows: samples per batch.
    """

    def __init__(self, run: Callable[[NDArray[Any]], Activations], rows: int) -> None:
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


def is_out_of_memory(error: Exception) -> bool:
    """Whether there was not enough memory, as each framework says it in its own way."""
    named = isinstance(error, MemoryError) or type(error).__name__ in OUT_OF_MEMORY
    return named or any(words in str(error) for words in SAYING_SO)


def too_large() -> InputError:
    """Of a model that the memory has no room for."""
    return InputError("The memory does not suffice for a single sample.", remedy="Use a smaller model or sample.")


def _joined(parts: list[Activations]) -> Activations:
    vectors = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
    numbers = [part[1] for part in parts if part[1] is not None]
    return vectors, np.concatenate(numbers) if numbers else None
