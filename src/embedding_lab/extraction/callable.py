"""What any function gives for batches of samples, as layers: its result, or a mapping of several."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import INPUT_LAYER
from embedding_lab.embeddings.arrays import as_array
from embedding_lab.embeddings.inputs import parts_of, shape_of
from embedding_lab.embeddings.own_form import PictureRows
from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.extraction.fitting import is_out_of_memory
from embedding_lab.extraction.source import (
    Activations,
    ForwardPass,
    LayerInfo,
    Pooling,
    Scale,
    other_input,
    unknown_layer,
)

OUTPUT = "output"
"""The name of a result that is no mapping."""

ROWS = 256
"""Samples per call: a function does not say what it needs."""

SAYS_CLASSES: tuple[Scale, ...] = ("logits", "probabilities")
"""What a layer may be called that has one number per class."""


class CallableSource:
    """A function that takes a batch of samples and gives their vectors, or a mapping of layers.

    Args:
        function: takes an array of samples, shape (b, ...); a list of Pillow's pictures where such were handed
            over; or a dictionary or tuple of the arrays of several inputs. It gives an array or tensor of any
            library, shape (b, ...), or a mapping of names to such arrays. One called "probabilities" or "logits",
            shape (b, classes), says what it takes the samples for.
    """

    several_inputs = False  # it does not say
    own_form = PictureRows

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def layers(self) -> list[LayerInfo]:
        """Nothing is known of a function before it is called."""
        return []

    @contextlib.contextmanager
    def forward_pass(
        self, example: NDArray[Any], names: Sequence[str] | None, pooling: Pooling
    ) -> Iterator[ForwardPass]:
        """Calls the function with the example to see what it gives. See `Source.forward_pass`."""
        found = self._given(example)
        chosen = list(found) if names is None else list(names)
        for name in chosen:
            if name not in found:
                raise unknown_layer(name, [INPUT_LAYER, *found])
            if len(found[name]) != len(example):
                raise ShapeMismatch(
                    f"Layer {name!r} does not give one row per sample.",
                    got=f"{len(found[name])} rows for {len(example)} samples",
                )
        says = next((name for name in SAYS_CLASSES if name in found and found[name].ndim == 2), None)

        def run(samples: NDArray[Any]) -> Activations:
            given = self._given(samples)
            vectors = {name: as_vectors(given[name], pooling) for name in chosen if name in given}
            if len(vectors) < len(chosen):
                raise InputError(
                    "The function does not give the same layers for every batch.",
                    got=", ".join(given),
                    expected=", ".join(chosen),
                )
            return vectors, None if says is None else _floats(given[says])

        yield ForwardPass(
            layers={name: pooling if found[name].ndim > 2 else None for name in chosen},
            run=run,
            scale=says or "none",
            batch_size=ROWS,
            fingerprint=None,
        )

    def _given(self, samples: Any) -> dict[str, NDArray[Any]]:
        """What the function gives: arrays of shape (b, ...), by name."""
        try:
            result = self._function(samples.own if isinstance(samples, PictureRows) else parts_of(samples))
        except Exception as error:
            if is_out_of_memory(error):
                raise MemoryError from error
            if not isinstance(error, ValueError):
                raise
            raise other_input("samples that the function takes", shape_of(samples), error) from error
        layers = result if isinstance(result, Mapping) else {OUTPUT: result}
        return {str(name): _numbers(str(name), values) for name, values in layers.items()}


def as_vectors(output: NDArray[Any], pooling: Pooling) -> NDArray[np.float32]:
    """One output as vectors: float32, shape (b, dims); channels are the last axis."""
    output = _floats(output)
    if output.ndim <= 2 or pooling == "flatten":
        return output.reshape(len(output), -1)
    inner = tuple(range(1, output.ndim - 1))
    return np.asarray(output.mean(inner) if pooling == "mean" else output.max(inner))


def _floats(output: NDArray[Any]) -> NDArray[np.float32]:
    """As float32: a copy, unless nobody can write over it, as a function may over its array at the next call."""
    beneath = output.base if isinstance(output.base, np.ndarray) else output
    return output.astype(np.float32, copy=output.flags.writeable or beneath.flags.writeable)


def _numbers(name: str, values: Any) -> NDArray[Any]:
    array = np.asarray(as_array(values, f"layer {name!r}"))
    if array.dtype.kind not in "fiub":
        raise InputError(f"Layer {name!r} gives no numbers.", got=f"dtype {array.dtype}", expected="float or int")
    return array
