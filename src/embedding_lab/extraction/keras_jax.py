"""Keras on JAX: the forward pass compiled by XLA, once for each size of batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np

from embedding_lab.extraction.keras_activation import Activation, activations, with_open_axes
from embedding_lab.extraction.keras_stand_ins import one_more, stand_ins, under_activation

AT_ONCE = 1
"""Threads in the forward pass: JAX uses all cores itself."""

REFUSALS = (ValueError, TypeError, jax.errors.JaxRuntimeError)
"""What is raised about samples that a model cannot take."""

last_operation = under_activation


def table(call: Callable[..., Any], declared: Any) -> list[Activation]:
    """What the layers give for the inputs that a model declares."""
    few, more = stand_ins(declared)
    return with_open_axes(_traced(call, few), _traced(call, more))


def forward(
    call: Callable[..., Any], choose: Callable[..., None], give: Callable[..., Any], example: Any, variables: Any
) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The compiled forward pass, of batches of any size. See `keras.py`."""
    more = _traced(call, one_more(example))
    _traced(call, example, lambda seen, result: choose(with_open_axes(seen, more), result))
    weights = [each.value for each in variables]  # handed in, since XLA would copy what it finds inside

    @jax.jit  # type: ignore[untyped-decorator]
    def compiled(weights: Any, inputs: Any) -> Any:
        return give(*_given(call, inputs, list(zip(variables, weights, strict=True))))

    def run(inputs: Any) -> Any:
        return jax.tree.map(np.asarray, compiled(weights, inputs))

    return run, run


def _traced(
    call: Callable[..., Any], inputs: Any, then: Callable[..., None] = lambda seen, result: None
) -> list[Activation]:
    """What the layers give for such inputs, found without computing anything."""
    seen: list[Activation] = []

    def trace(inputs: Any) -> None:
        found, result = _given(call, inputs)
        seen.extend(found)
        then(found, result)

    jax.eval_shape(trace, inputs)
    return seen


def _given(call: Callable[..., Any], inputs: Any, state: Any = ()) -> tuple[list[Activation], Any]:
    """What the layers give inside the trace that the inputs belong to."""
    trace = getattr(keras.tree.flatten(inputs)[0], "_trace", None)

    def belongs(tensor: Any) -> bool:
        return isinstance(tensor, jax.Array) and getattr(tensor, "_trace", None) is trace

    calls, result = call(inputs, state)
    return list(activations(keras, calls, belongs, lambda tensor: tensor.shape)), result
