"""Keras on TensorFlow: the forward pass as one graph, of which TensorFlow keeps what the chosen outputs need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from embedding_lab.cores import cores
from embedding_lab.extraction.keras_activation import Activation, activations, sample_bytes
from embedding_lab.extraction.source import rows_in_caches

AT_ONCE = 2
"""Batches computed at the same time: while one waits for its slowest part, the other keeps the cores busy."""

REFUSALS = (
    ValueError,
    TypeError,
    tf.errors.InvalidArgumentError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnimplementedError,
)
"""What is raised about samples that a model cannot take, on this machine at least."""


def table(call: Callable[..., Any], declared: Any) -> list[Activation]:
    """What the layers give for the inputs that a model declares."""
    seen: list[Activation] = []
    tf.function(lambda inputs: seen.extend(_given(call, inputs)[0]), autograph=False).get_concrete_function(
        keras.tree.map_structure(_spec, declared)
    )
    return seen


def forward(
    call: Callable[..., Any], choose: Callable[..., None], give: Callable[..., Any], example: Any, variables: Any
) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The compiled forward pass, of batches of any size, and the one for many. See `keras.py`."""
    seen: list[Activation] = []

    def traced(inputs: Any) -> Any:
        nonlocal seen
        seen, result = _given(call, inputs)
        choose(seen, result)
        vectors, numbers = give(seen, result)
        return vectors, [] if numbers is None else [numbers]

    whole = tf.function(traced, autograph=False).get_concrete_function(keras.tree.map_structure(_spec, example))
    rows = rows_in_caches(max(map(sample_bytes, seen), default=0), 1)
    # where a width is open, as of texts padded to the longest of a batch, parts would differ from the whole
    fixed = all(each.shape is not None and None not in each.shape[1:] for each in seen)
    can_part = fixed and not tf.config.list_logical_devices("GPU")
    in_parts = _in_parts(whole, rows) if can_part else whole

    def run(inputs: Any, graph: Any = whole) -> Any:
        vectors, numbers = graph(keras.tree.map_structure(tf.constant, inputs))
        vectors = [np.asarray(each) for each in vectors]  # which shares the memory, where .numpy() copies
        return vectors, np.asarray(numbers[0]) if numbers else None

    def run_many(inputs: Any) -> Any:
        return run(inputs, whole if len(keras.tree.flatten(inputs)[0]) <= rows else in_parts)

    run(example)  # TensorFlow optimises a graph when it first runs
    return run, run_many


def _in_parts(whole: Any, rows: int) -> Any:
    """A graph that calls another one with so many samples at a time, as many as stay in the caches of a core.

    Called from outside instead, each part of a small model would cost as much again as some hundred samples of it.
    The graph is traced at its first call, which takes as long as a few batches.
    """
    (signature,), _ = whole.structured_input_signature
    given = keras.tree.flatten(whole.structured_outputs)

    def in_parts(inputs: Any) -> Any:
        count = tf.shape(keras.tree.flatten(inputs)[0])[0]
        parts = -(-count // rows)

        def add(part: Any, outputs: Any) -> Any:
            some = keras.tree.map_structure(lambda each: each[part * rows : (part + 1) * rows], inputs)
            more = keras.tree.flatten(whole(some))
            return part + 1, [output.write(part, each) for output, each in zip(outputs, more, strict=True)]

        outputs = [tf.TensorArray(each.dtype, parts, element_shape=each.shape, infer_shape=False) for each in given]
        side_by_side = max(1, cores() // AT_ONCE)
        _, outputs = tf.while_loop(
            lambda part, _: part < parts, add, (0, outputs), parallel_iterations=side_by_side
        )
        return keras.tree.pack_sequence_as(whole.structured_outputs, [each.concat() for each in outputs])

    return tf.function(in_parts, input_signature=[signature], autograph=False)


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
