"""Keras on TensorFlow: the forward pass as one graph, of which TensorFlow keeps what the chosen outputs need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from embedding_lab.extraction.keras_activation import Activation, activations

AT_ONCE = 2
"""Batches computed at the same time: while one waits for its slowest part, the other keeps the cores busy."""

REFUSALS = (ValueError, TypeError, tf.errors.InvalidArgumentError, tf.errors.ResourceExhaustedError)
"""What is raised about samples that a model cannot take."""


def table(call: Callable[..., Any], declared: Any) -> list[Activation]:
    """What the layers give for the inputs that a model declares."""
    seen: list[Activation] = []
    tf.function(lambda inputs: seen.extend(_given(call, inputs)[0]), autograph=False).get_concrete_function(
        keras.tree.map_structure(_spec, declared)
    )
    return seen


def forward(
    call: Callable[..., Any], choose: Callable[..., None], give: Callable[..., Any], example: Any, variables: Any
) -> Callable[[Any], Any]:
    """The compiled forward pass, of batches of any size. See `keras.py`."""

    def traced(inputs: Any) -> Any:
        seen, result = _given(call, inputs)
        choose(seen, result)
        return give(seen, result)

    signature = keras.tree.map_structure(_spec, example)
    compiled = tf.function(traced, autograph=False).get_concrete_function(signature)

    def run(inputs: Any) -> Any:
        tensors = keras.tree.map_structure(tf.constant, inputs)
        # np.asarray shares the tensor's memory, which .numpy() copies
        return keras.tree.map_structure(lambda each: None if each is None else np.asarray(each), compiled(tensors))

    run(example)  # TensorFlow optimises a graph when it first runs
    return run


def last_operation(result: Any, layer: Any) -> tuple[str, Any]:
    """What made the last numbers, such as "softmax", and from what."""
    operation = result.op
    return operation.type.lower(), operation.inputs[0] if operation.inputs else None


def _given(call: Callable[..., Any], inputs: Any) -> tuple[list[Activation], Any]:
    """What the layers give inside the graph that is being traced."""
    graph = tf.compat.v1.get_default_graph()

    def belongs(tensor: Any) -> bool:
        return isinstance(tensor, tf.Tensor) and tensor.graph is graph

    def shape_of(tensor: Any) -> Any:
        return None if tensor.shape.rank is None else tuple(tensor.shape)

    calls, result = call(inputs)
    return list(activations(keras, calls, belongs, shape_of)), result


def _spec(each: Any) -> Any:
    return tf.TensorSpec((None, *each.shape[1:]), each.dtype)
