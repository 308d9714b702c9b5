"""Activations of Keras models: all chosen layers' outputs from one forward pass, compiled where Keras compiles.

Functional, Sequential and subclassed models are treated alike, on each of Keras' backends. While the forward pass
is traced, the calls of all layers are listened to (`frameworks/keras_calls.py`), so it does not matter how a model
is put together, only what it calls. Three things each backend does in its own way, in `keras_tensorflow.py`,
`keras_jax.py` and `keras_torch.py`:

* `table` says what the layers give for the inputs that a model declares.
* `forward` makes the function that computes batches, and the one that pays off for many. On the way it calls
  `choose` once, with what the layers give for the example; and for batches `give`, which makes of that what is to
  be returned.
* `last_operation` and `REFUSALS` put into common words what the backend says.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import INPUT_LAYER
from embedding_lab.embeddings.inputs import parts_of, shape_of
from embedding_lab.errors import InputError, LabError, one_of
from embedding_lab.extraction.fitting import is_out_of_memory
from embedding_lab.extraction.keras_activation import PASSIVE, Activation, dtype_of, sample_bytes
from embedding_lab.extraction.source import (
    Activations,
    ForwardPass,
    LayerInfo,
    Pooling,
    Scale,
    no_vectors,
    other_input,
    rows_within,
    unknown_layer,
)
from embedding_lab.frameworks.keras import import_keras, read_model, weights_fingerprint
from embedding_lab.frameworks.keras_calls import Call, layer_tree, listening

BACKENDS = ("tensorflow", "jax", "torch")

SQUASHING = ("relu", "relu6", "leakyrelu", "elu", "selu", "sigmoid", "softmax", "softplus", "softsign", "tanh")
"""Operations whose results are no logits; a sigmoid of several units says yes or no to each on its own."""


class KerasSource:
    """A Keras model that can be asked for its layers' activations.

    Args:
        model: the model, or the path of a model file.

    Raises:
        UnknownName: Keras runs on a backend that is not known here.
    """

    own_form = None

    def __init__(self, model: Any) -> None:
        self._keras = import_keras()
        backend = self._keras.backend.backend()
        if backend not in BACKENDS:
            raise one_of("Keras backend", backend, BACKENDS, remedy="Set KERAS_BACKEND before Python starts.")
        self._backend = importlib.import_module(f"embedding_lab.extraction.keras_{backend}")
        self._model = read_model(model) if isinstance(model, str | Path) else model

    @property
    def several_inputs(self) -> bool:
        """Whether the model declares more than one input."""
        return len(self._keras.tree.flatten(_declared_inputs(self._model))) > 1

    def layers(self) -> list[LayerInfo]:
        """The table of layers; shapes are unknown for a subclassed model, which declares no input."""
        declared = _declared_inputs(self._model)
        if declared is None:
            return [_unseen(name, layer) for name, layer in layer_tree(self._keras, self._model)]
        return [each.info for each in self._backend.table(self._call, declared)]

    @contextlib.contextmanager
    def forward_pass(
        self, example: NDArray[Any], names: Sequence[str] | None, pooling: Pooling
    ) -> Iterator[ForwardPass]:
        """Makes the model ready, for the chosen layers. See `Source.forward_pass`."""
        self._check_takes(example)
        inputs = self._inputs(example)
        self._build(example)
        seen: list[Activation] = []
        chosen: list[int] = []
        scales: list[Scale] = []

        def choose(activations: list[Activation], result: Any) -> None:
            seen.extend(activations)
            chosen.extend(_choose(activations, names))
            scales.append(self._last_numbers(activations, result)[1])

        def give(activations: list[Activation], result: Any) -> tuple[list[Any], Any]:
            vectors = [self._vectors(activations[place], pooling) for place in chosen]
            return vectors, self._last_numbers(activations, result)[0]

        with self._refusals(example):
            few, many = self._backend.forward(self._call, choose, give, inputs, self._model.variables)
        layers = {seen[place].name: pooling if len(seen[place].shape or ()) > 2 else None for place in chosen}

        def run(samples: NDArray[Any], forward: Any = few) -> Activations:
            with self._refusals(samples):
                vectors, numbers = forward(self._inputs(samples))
            return dict(zip(layers, vectors, strict=True)), numbers

        yield ForwardPass(
            layers=layers,
            run=run,
            run_many=functools.partial(run, forward=many),
            scale=scales[0],
            batch_size=rows_within(example[:1].nbytes + sum(map(sample_bytes, seen))),
            fingerprint=weights_fingerprint(self._model),
            at_once=self._backend.AT_ONCE,
        )

    def _call(self, inputs: Any, state: Sequence[tuple[Any, Any]] = ()) -> tuple[list[Call], Any]:
        """Calls the model in inference mode, as a rule while it is being traced.

        What a layer writes to its variables meanwhile, such as a state or a counter, is dropped.

        Args:
            inputs: as the model takes them, of the backend.
            state: variables, each with the tensor that stands for its value.
        """
        with (
            self._keras.StatelessScope(state_mapping=list(state)),
            listening(self._keras, self._model) as calls,
            self._refusals(inputs),
        ):
            result = self._model(inputs, training=False)
        return calls, result

    def _build(self, example: NDArray[Any]) -> None:
        """Gives a model that was never called its weights."""
        keras, model = self._keras, self._model
        if all(layer.built for _, layer in layer_tree(keras, model)) and model.built:
            return
        with self._refusals(example):
            if isinstance(model, keras.Sequential):
                model.build((None, *example.shape[1:]))
            else:
                model(keras.tree.map_structure(keras.ops.convert_to_tensor, self._inputs(example)), training=False)

    def _inputs(self, samples: NDArray[Any]) -> Any:
        """A batch as the model takes it: one array, or several in the structure that it declares."""
        if samples.dtype.kind not in ("V", *self._takes_kinds):
            raise InputError(
                f"Keras on {self._keras.backend.backend()} cannot take these samples.",
                got=f"dtype {samples.dtype}",
                expected="numbers",
            )
        parts = parts_of(samples)
        declared = _declared_inputs(self._model)
        if isinstance(parts, np.ndarray) or declared is None:
            return parts
        wanted = declared if isinstance(declared, dict) else {each.name: each for each in _listed(declared)}
        if isinstance(parts, tuple) and len(parts) == len(wanted):
            parts = dict(zip(wanted, parts, strict=True))
        if not isinstance(parts, dict) or not parts.keys() >= wanted.keys():
            raise other_input(f"inputs named {', '.join(map(repr, wanted))}", shape_of(samples))
        if isinstance(declared, dict):
            return {name: parts[name] for name in wanted}
        in_order = [parts[name] for name in wanted]
        return in_order if isinstance(declared, list | tuple) else in_order[0]

    @property
    def _takes_kinds(self) -> str:
        return "biufcUSO" if self._keras.backend.backend() == "tensorflow" else "biufc"

    def _check_takes(self, samples: NDArray[Any]) -> None:
        """Refuses samples of another shape than the model declares; Keras itself mends a last axis of one."""
        takes = self._takes
        if not isinstance(takes, tuple) or samples.dtype.names is not None:
            return
        got = tuple(samples.shape[1:])
        pairs = zip(_without_last_one(takes), _without_last_one(got), strict=False)
        if abs(len(takes) - len(got)) > 1 or any(want not in (None, size) for want, size in pairs):
            raise other_input(takes, shape_of(samples))

    @property
    def _takes(self) -> Any:
        """The shape of a sample; text where the model does not declare one."""
        declared = getattr(self._model, "input_shape", None)
        if isinstance(declared, tuple) and all(size is None or isinstance(size, int) for size in declared):
            return declared[1:]
        return "samples that the model can be called with" if declared is None else f"inputs of shapes {declared}"

    @contextlib.contextmanager
    def _refusals(self, inputs: Any) -> Iterator[None]:
        """Turns what Keras and its backend say about samples they cannot take into an error that helps."""
        try:
            yield
        except self._backend.REFUSALS as error:
            if isinstance(error, LabError):
                raise
            if is_out_of_memory(error):
                raise MemoryError from error
            raise other_input(self._takes, shape_of(inputs), error) from error

    def _last_numbers(self, activations: Sequence[Activation], result: Any) -> tuple[Any, Scale]:
        """What the model ends in, shape (b, k), and what it is; None and "none" where that is no table of numbers.

        Under a softmax or sigmoid lie the logits, which still hold what probabilities round away; on TensorFlow
        Keras takes its loss from there too, elsewhere from the probabilities.
        """
        if not hasattr(result, "dtype") or "float" not in dtype_of(result):
            return None, "none"
        shape = tuple(result.shape)
        if len(shape) != 2 or shape[1] is None:
            return None, "none"
        layer = next((each.layer for each in activations if each.tensor is result), None)
        operation, before = self._backend.last_operation(result, layer)
        if operation == ("softmax" if shape[1] > 1 else "sigmoid"):
            if before is None:
                return self._as_floats(result), "probabilities"
            return self._as_floats(before), "logits"
        if operation in SQUASHING:
            return None, "none"
        scale = _scale_by_loss(getattr(self._model, "loss", None), shape[1])
        return (None if scale == "none" else self._as_floats(result)), scale

    def _vectors(self, activation: Activation, pooling: Pooling) -> Any:
        """One output as vectors: float32, shape (b, dims)."""
        ops = self._keras.ops
        output = self._as_floats(activation.tensor)
        shape = tuple(output.shape)
        if len(shape) <= 2 or pooling == "flatten":
            return ops.reshape(output, (ops.shape(output)[0], -1 if None in shape[1:] else math.prod(shape[1:])))
        channels = 1 if activation.channels_first else len(shape) - 1
        axes = tuple(axis for axis in range(1, len(shape)) if axis != channels)
        mask = _mask(activation.tensor)
        if mask is not None and len(shape) == 3:  # a sequence (b, time, channels) with padding, mask (b, time)
            return self._masked(output, mask[..., None], pooling)
        return ops.mean(output, axes) if pooling == "mean" else ops.max(output, axes)

    def _masked(self, output: Any, mask: Any, pooling: Pooling) -> Any:
        """The mean or maximum over the time steps that are no padding; 0 where all are."""
        ops = self._keras.ops
        if pooling == "mean":
            kept = ops.where(mask, output, 0.0)
            return ops.sum(kept, 1) / ops.maximum(ops.sum(self._as_floats(mask), 1), 1.0)
        lowest = float(np.finfo(np.float32).min)
        return ops.where(ops.any(mask, 1), ops.max(ops.where(mask, output, lowest), 1), 0.0)

    def _as_floats(self, tensor: Any) -> Any:
        return self._keras.ops.cast(tensor, "float32")


def _declared_inputs(model: Any) -> Any:
    """The symbolic input of a model, or a structure of them; None where it declares none."""
    inputs = getattr(model, "input", None)
    if inputs is None:  # a Sequential model has the plural only
        inputs = getattr(model, "inputs", None) or [None]
        return inputs[0]
    return inputs


def _listed(declared: Any) -> Sequence[Any]:
    return declared if isinstance(declared, list | tuple) else [declared]


def _scale_by_loss(loss: Any, units: int) -> Scale:
    """What a compiled model's last numbers are, as its loss takes them."""
    if loss is None:
        return "unknown"
    name = str(getattr(loss, "name", None) or getattr(loss, "__name__", loss)).replace("_", "")
    if "crossentropy" not in name or ("binary" in name) != (units == 1):
        return "none"
    return "logits" if getattr(loss, "from_logits", False) else "unknown"


def _choose(activations: Sequence[Activation], names: Sequence[str] | None) -> list[int]:
    """The places of the activations that are asked for."""
    if names is None:
        return [place for place, each in enumerate(activations) if each.info.worth_showing]
    known = {each.name: place for place, each in enumerate(activations)}
    for name in names:
        if name not in known:
            raise unknown_layer(name, [INPUT_LAYER, *known])
        found = activations[known[name]]
        if not found.per_sample:
            raise no_vectors(name, f"an output of shape {found.shape}, {dtype_of(found.tensor)}")
    return [known[name] for name in names]


def _mask(tensor: Any) -> Any:
    """Which time steps are no padding, where Keras knows."""
    from keras.src.backend import get_keras_mask

    return get_keras_mask(tensor)


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
