"""Describes a model's weights, and what a few samples excite in its layers, by one compiled function."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.frameworks.keras import import_keras
from embedding_lab.frameworks.keras_calls import layer_tree, listening
from embedding_lab.frameworks.tensorflow import tf

BUCKETS = 30


@dataclass(frozen=True, eq=False)
class Description:
    """The distribution of the values of one tensor.

    Attributes:
        tag: what it is called, such as "hidden/kernel" or "hidden/pre_activations".
        weight: whether it is a weight, rather than what samples excite.
        mean, stddev, least, greatest: over all values; NaN or infinity where a value is.
        low, high: the least and the greatest finite value.
        counts: of the values in `BUCKETS` equal parts from low to high, shape (buckets,).
    """

    tag: str
    weight: bool
    mean: float
    stddev: float
    least: float
    greatest: float
    low: float
    high: float
    counts: NDArray[np.int32]


class Statistics:
    """Knows how to describe one model; call it whenever the model has changed.

    Args:
        model: a built Keras model of any kind.
        sample: a few samples as the model takes them, shape (n, ...); None to describe the weights alone.
    """

    def __init__(self, model: Any, sample: Any) -> None:
        self._tags: list[tuple[str, bool]] = []
        self._sample = None if sample is None else tf.constant(sample)

        def describe(sample: Any) -> tuple[Any, Any]:
            named = [(f"{name}/{part}", True, values) for name, part, values in _weights(model)]
            if sample is not None:
                named += [(name, False, values) for name, values in _excited(model, sample)]
            self._tags = [(tag, weight) for tag, weight, _ in named]
            numbers, counts = zip(*(_describe(values) for _, _, values in named), strict=True)
            return tf.stack(numbers), tf.stack(counts)

        spec = None if self._sample is None else tf.TensorSpec(self._sample.shape, self._sample.dtype)
        self._compiled = tf.function(describe, autograph=False).get_concrete_function(spec)

    def __call__(self) -> list[Description]:
        """One description for every weight, then one for every activation."""
        numbers, counts = self._compiled() if self._sample is None else self._compiled(self._sample)
        rows = zip(self._tags, numbers.numpy().tolist(), counts.numpy(), strict=True)
        return [Description(tag, weight, *six, each) for (tag, weight), six, each in rows]  # type: ignore[call-arg]


def _describe(values: Any) -> tuple[Any, Any]:
    """Mean, standard deviation, least, greatest, least and greatest finite value; and the counts."""
    values = tf.reshape(tf.cast(values, tf.float32), [-1])
    mean, variance = tf.nn.moments(values, axes=[0])
    # one value that is not finite must neither stop the training nor fall out of every bucket
    finite = tf.where(tf.math.is_finite(values), values, 0.0)
    low, high = tf.reduce_min(finite), tf.reduce_max(finite)
    counts = tf.histogram_fixed_width(finite, [low, tf.where(high > low, high, low + 1)], BUCKETS)
    numbers = [mean, tf.sqrt(variance), tf.reduce_min(values), tf.reduce_max(values), low, high]
    return tf.stack(numbers), counts


def _weights(model: Any) -> Iterator[tuple[str, str, Any]]:
    """Every weight once, with its layer's path and its own name."""
    keras = import_keras()
    layers = [*layer_tree(keras, model), (model.name, model)]
    seen: set[int] = set()
    taken: set[tuple[str, str]] = set()
    # the innermost layer first, since an outer one holds the weights of all inside it too
    for name, layer in sorted(layers, key=lambda each: -each[0].count("/") - (each[1] is not model)):
        for weight in layer.weights:
            if id(weight) in seen or not _is_float(weight):
                continue
            seen.add(id(weight))
            part, number = weight.name, 1
            while (name, part) in taken:
                number += 1
                part = f"{weight.name}_{number}"
            taken.add((name, part))
            yield name, part, weight


def _excited(model: Any, sample: Any) -> Iterator[tuple[str, Any]]:
    """What goes into and comes out of the activation functions, and out of layers that have none but weights."""
    keras = import_keras()
    with keras.StatelessScope(), listening(keras, model) as calls, _activations(keras, model) as pre:
        model(sample, training=False)
    seen: set[str] = set()
    for call in calls:
        before = pre.get(id(call.layer))
        leaf = not call.layer._flatten_layers(include_self=False, recursive=False)
        if call.path in seen or not (before is not None or (leaf and call.layer.weights)):
            continue
        outputs = [each for each in keras.tree.flatten(call.output) if _is_float(each)]
        if not outputs:
            continue
        seen.add(call.path)
        if before is not None and before is not outputs[0]:  # a linear layer gives what it was given
            yield f"{call.path}/pre_activations", before
        yield f"{call.path}/activations", outputs[0]


@contextlib.contextmanager
def _activations(keras: Any, model: Any) -> Iterator[dict[int, Any]]:
    """While open, keeps what each layer hands to its activation function, by the layer's id."""
    given: dict[int, Any] = {}

    def listen(layer: Any) -> Callable[[], None]:
        plain = vars(layer)["activation"]

        def activation(values: Any, *args: Any, **kwargs: Any) -> Any:
            given.setdefault(id(layer), values)
            return plain(values, *args, **kwargs)

        object.__setattr__(layer, "activation", activation)  # past Keras' own __setattr__
        return lambda: object.__setattr__(layer, "activation", plain)

    with contextlib.ExitStack() as undo:
        for _, layer in layer_tree(keras, model):
            if callable(vars(layer).get("activation")):
                undo.callback(listen(layer))
        yield given


def _is_float(values: Any) -> bool:
    return bool(tf.as_dtype(values.dtype).is_floating)
