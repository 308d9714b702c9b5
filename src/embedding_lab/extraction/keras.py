"""Activations of Keras models: all chosen layers' outputs from one compiled forward pass.

Functional, Sequential and subclassed models are treated alike. While the forward pass is traced, the calls of all
layers are listened to (`frameworks/keras_calls.py`), so it does not matter how a model is put together, only what
it calls.
TensorFlow then keeps of the traced graph what the chosen outputs need.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import INPUT_LAYER
from embedding_lab.errors import InputError, LabError
from embedding_lab.extraction.source import (
    Activations,
    ForwardPass,
    LayerInfo,
    Pooling,
    Scale,
    other_input,
    rows_within,
    unknown_layer,
)
from embedding_lab.frameworks.keras import import_keras, read_model, weights_fingerprint
from embedding_lab.frameworks.keras_calls import Call, layer_tree, listening

AT_ONCE = 2
"""Batches computed at the same time: while one waits for its slowest part, the other keeps the cores busy."""

PASSIVE = (
    "keras.src.layers.preprocessing.",
    "keras.src.layers.reshaping.",
    "keras.src.layers.regularization.",
    "keras.src.layers.core.identity",
    "keras.src.layers.core.masking",
)
"""Where Keras keeps layers that only rescale, reshape, drop or pass on what another layer gave."""

SQUASHING = ("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Softmax", "Softplus", "Softsign", "Tanh")
"""Operations whose results are no logits; a sigmoid of several units says yes or no to each on its own."""


@dataclass(frozen=True, eq=False)
class Activation:
    """One output of one call of a layer, seen while a forward pass was traced.

    Attributes:
        name: the path through nested models, with "#2" for a second output under the same path.
        layer: the Keras layer.
        tensor: symbolic, shape (b, ...).
        channels_first: whether axis 1 is the channels, rather than the last.
    """

    name: str
    layer: Any
    tensor: Any
    channels_first: bool

    @property
    def info(self) -> LayerInfo:
        """The row of the table of layers."""
        shape = self.tensor.shape
        return LayerInfo(
            name=self.name,
            kind=type(self.layer).__name__,
            shape=tuple(shape[1:]) if self.per_sample else None,
            parameters=self.layer.count_params() if self.layer.built else 0,
            worth_showing=(
                "/" not in self.name
                and self.per_sample
                and self.tensor.dtype.is_floating
                and not type(self.layer).__module__.startswith(PASSIVE)
            ),
        )

    @property
    def per_sample(self) -> bool:
        """Whether there is one row per sample; only the axis of the samples is open."""
        shape = self.tensor.shape
        return shape.rank is not None and shape.rank > 0 and shape[0] is None and self.tensor.dtype.is_numeric


class KerasSource:
    """A Keras model that can be asked for its layers' activations.

    Args:
        model: the model, or the path of a model file.
    """

    def __init__(self, model: Any) -> None:
        self._keras = import_keras()
        self._model = read_model(model) if isinstance(model, str | Path) else model

    def layers(self) -> list[LayerInfo]:
        """The table of layers; shapes are unknown for a subclassed model, which declares no input."""
        import tensorflow as tf

        inputs = _declared_inputs(self._model)
        if inputs is None:
            return [_unseen(name, layer) for name, layer in layer_tree(self._keras, self._model)]
        specs = self._keras.tree.map_structure(lambda x: tf.TensorSpec((None, *x.shape[1:]), x.dtype), inputs)
        seen: list[Activation] = []
        tf.function(lambda x: seen.extend(self._call(x)[0]), autograph=False).get_concrete_function(specs)
        return [each.info for each in seen]

    @contextlib.contextmanager
    def forward_pass(
        self, example: NDArray[Any], names: Sequence[str] | None, pooling: Pooling
    ) -> Iterator[ForwardPass]:
        """Makes the model ready: traced once, for the chosen layers. See `Source.forward_pass`."""
        import tensorflow as tf

        samples = _tensor(example)
        self._check_takes(samples)
        self._build(samples)
        seen: list[Activation] = []
        chosen: list[Activation] = []
        scales: list[Scale] = []

        def give(samples: Any) -> tuple[list[Any], Any]:
            activations, result = self._call(samples)
            seen.extend(activations)
            chosen.extend(_choose(activations, names))
            numbers, scale = _last_numbers(self._model, result)
            scales.append(scale)
            return [_vectors(each, pooling) for each in chosen], numbers

        signature = tf.TensorSpec((None, *samples.shape[1:]), samples.dtype)
        compiled = tf.function(give, autograph=False).get_concrete_function(signature)
        with self._refusals(samples):
            compiled(samples)  # TensorFlow optimises a graph when it first runs

        def run(samples: NDArray[Any]) -> Activations:
            with self._refusals(samples):
                vectors, numbers = compiled(tf.constant(samples))
            # np.asarray shares the tensor's memory, which .numpy() copies
            named = {each.name: np.asarray(block) for each, block in zip(chosen, vectors, strict=True)}
            return named, None if numbers is None else np.asarray(numbers)

        yield ForwardPass(
            layers={each.name: pooling if each.tensor.shape.rank > 2 else None for each in chosen},
            run=run,
            scale=scales[0],
            batch_size=rows_within(sum(map(_sample_bytes, [samples, *(each.tensor for each in seen)]))),
            fingerprint=weights_fingerprint(self._model),
            at_once=AT_ONCE,
        )

    def _call(self, inputs: Any) -> tuple[list[Activation], Any]:
        """Calls the model in inference mode inside the graph that is being traced.

        What a layer writes to its variables meanwhile, such as a state or a counter, is dropped.
        """
        import tensorflow as tf

        graph = tf.compat.v1.get_default_graph()
        with self._keras.StatelessScope(), listening(self._keras, self._model) as calls, self._refusals(inputs):
            result = self._model(inputs, training=False)
        return list(_activations(self._keras, calls, graph)), result

    def _build(self, samples: Any) -> None:
        """Gives a model that was never called its weights."""
        keras, model = self._keras, self._model
        if all(layer.built for _, layer in layer_tree(keras, model)) and model.built:
            return
        with self._refusals(samples):
            if isinstance(model, keras.Sequential):
                model.build((None, *samples.shape[1:]))
            else:
                model(samples, training=False)

    def _check_takes(self, samples: Any) -> None:
        """Refuses samples of another shape than the model declares; Keras itself mends a last axis of one."""
        takes = self._takes
        if not isinstance(takes, tuple):
            return
        got = tuple(samples.shape[1:])
        pairs = zip(_without_last_one(takes), _without_last_one(got), strict=False)
        if abs(len(takes) - len(got)) > 1 or any(want not in (None, size) for want, size in pairs):
            raise other_input(takes, got)

    @property
    def _takes(self) -> Any:
        """The shape of a sample; text where the model does not declare one."""
        declared = getattr(self._model, "input_shape", None)
        if isinstance(declared, tuple) and all(size is None or isinstance(size, int) for size in declared):
            return declared[1:]
        return "samples that the model can be called with" if declared is None else f"inputs of shapes {declared}"

    @contextlib.contextmanager
    def _refusals(self, inputs: Any) -> Iterator[None]:
        """Turns what Keras and TensorFlow say about samples they cannot take into an error that helps."""
        import tensorflow as tf

        try:
            yield
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            if isinstance(error, LabError):
                raise
            said = " ".join(str(error).split()).rstrip(".")
            raise other_input(self._takes, tuple(getattr(inputs, "shape", (0,))[1:]), f"{said:.300}") from error
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError from error


def _declared_inputs(model: Any) -> Any:
    """The symbolic input of a model, or a structure of them; None where it declares none."""
    inputs = getattr(model, "input", None)
    if inputs is None:  # a Sequential model has the plural only
        inputs = getattr(model, "inputs", None) or [None]
        return inputs[0]
    return inputs


def _last_numbers(model: Any, result: Any) -> tuple[Any, Scale]:
    """What the model ends in, shape (b, k), and what these numbers are; None and "none" for no table of numbers.

    Under a softmax or sigmoid lie the logits, which still hold what probabilities round away; Keras takes its loss
    from there too.
    """
    import tensorflow as tf

    table = isinstance(result, tf.Tensor) and result.dtype.is_floating and result.shape.rank == 2
    if not table or result.shape[1] is None:
        return None, "none"
    if result.op.type == ("Softmax" if result.shape[1] > 1 else "Sigmoid"):
        return tf.cast(result.op.inputs[0], tf.float32), "logits"
    if result.op.type in SQUASHING:
        return None, "none"
    scale = _scale_by_loss(getattr(model, "loss", None), result.shape[1])
    return (None if scale == "none" else tf.cast(result, tf.float32)), scale


def _scale_by_loss(loss: Any, units: int) -> Scale:
    """What a compiled model's last numbers are, as its loss takes them."""
    if loss is None:
        return "unknown"
    name = str(getattr(loss, "name", None) or getattr(loss, "__name__", loss)).replace("_", "")
    if "crossentropy" not in name or ("binary" in name) != (units == 1):
        return "none"
    return "logits" if getattr(loss, "from_logits", False) else "unknown"


def _activations(keras: Any, calls: Sequence[Call], graph: Any) -> Iterator[Activation]:
    """What the calls gave, one by one; what lives inside a loop of the graph cannot be had outside it."""
    import tensorflow as tf

    count = {INPUT_LAYER: 1}
    layout = keras.config.image_data_format()
    for call in calls:
        layout = getattr(call.layer, "data_format", None) or layout  # who does not say follows the one before
        for inside, tensor in keras.tree.flatten_with_path(call.output):
            if isinstance(tensor, tf.Tensor) and tensor.graph is graph:
                name = call.path + "".join(f"[{part}]" for part in inside)
                count[name] = count.get(name, 0) + 1
                name = name if count[name] == 1 else f"{name}#{count[name]}"
                yield Activation(name, call.layer, tensor, layout == "channels_first")


def _choose(activations: Sequence[Activation], names: Sequence[str] | None) -> list[Activation]:
    if names is None:
        return [each for each in activations if each.info.worth_showing]
    known = {each.name: each for each in activations}
    for name in names:
        if name not in known:
            raise unknown_layer(name, [INPUT_LAYER, *known])
        if not known[name].per_sample:
            raise InputError(
                f"Layer {name!r} gives no vectors.",
                got=f"an output of shape {tuple(known[name].tensor.shape)}, {known[name].tensor.dtype.name}",
                expected="numbers with one row per sample",
            )
    return [known[name] for name in names]


def _vectors(activation: Activation, pooling: Pooling) -> Any:
    """One output as vectors: float32, shape (b, dims)."""
    import tensorflow as tf

    output = tf.cast(activation.tensor, tf.float32)
    rank = output.shape.rank
    if rank <= 2 or pooling == "flatten":
        return tf.reshape(
            output, (tf.shape(output)[0], -1 if None in output.shape[1:] else math.prod(output.shape[1:]))
        )
    channels = 1 if activation.channels_first else rank - 1
    axes = [axis for axis in range(1, rank) if axis != channels]
    mask = getattr(activation.tensor, "_keras_mask", None)
    if mask is not None and rank == 3:  # a sequence (b, time, channels) with padding, mask (b, time)
        return _masked(output, mask[..., tf.newaxis], pooling)
    return tf.reduce_mean(output, axes) if pooling == "mean" else tf.reduce_max(output, axes)


def _masked(output: Any, mask: Any, pooling: Pooling) -> Any:
    """The mean or maximum over the time steps that are no padding; 0 where all are."""
    import tensorflow as tf

    if pooling == "mean":
        kept = tf.where(mask, output, 0.0)
        return tf.math.divide_no_nan(tf.reduce_sum(kept, 1), tf.reduce_sum(tf.cast(mask, tf.float32), 1))
    return tf.where(tf.reduce_any(mask, 1), tf.reduce_max(tf.where(mask, output, output.dtype.min), 1), 0.0)


def _tensor(samples: NDArray[Any]) -> Any:
    import tensorflow as tf

    try:
        return tf.constant(samples)
    except (ValueError, TypeError) as error:
        raise InputError(
            "TensorFlow cannot take these samples.", got=f"dtype {samples.dtype}", expected="numbers or text"
        ) from error


def _sample_bytes(tensor: Any) -> int:
    return int(math.prod(size or 1 for size in tensor.shape[1:]) * tensor.dtype.size)


def _without_last_one(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    return shape[:-1] if shape and shape[-1] == 1 else shape


def _unseen(name: str, layer: Any) -> LayerInfo:
    """The row of a layer whose output was never seen."""
    return LayerInfo(
        name=name,
        kind=type(layer).__name__,
        shape=None,
        parameters=layer.count_params() if layer.built else 0,
        worth_showing="/" not in name and not type(layer).__module__.startswith(PASSIVE),
    )
