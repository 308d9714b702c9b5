"""One output of one call of a Keras layer, as it is seen while a model runs or is traced on any backend."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embedding_lab.embeddings import INPUT_LAYER
from embedding_lab.extraction.source import LayerInfo
from embedding_lab.frameworks.keras_calls import Call

PASSIVE = (
    "keras.src.layers.preprocessing.",
    "keras.src.layers.reshaping.",
    "keras.src.layers.regularization.",
    "keras.src.layers.core.identity",
    "keras.src.layers.core.masking",
)
"""Where Keras keeps layers that only rescale, reshape, drop or pass on what another layer gave."""

NUMBERS = ("float", "bfloat", "int", "uint")


@dataclass(frozen=True, eq=False)
class Activation:
    """One output of one call of a layer.

    Attributes:
        name: the path through nested models, with "#2" for a second output under the same path.
        layer: the Keras layer.
        tensor: of the backend, shape (b, ...); perhaps symbolic.
        shape: of the tensor, None where an axis is open; None as a whole where nothing is known.
        channels_first: whether axis 1 is the channels, rather than the last.
    """

    name: str
    layer: Any
    tensor: Any
    shape: tuple[int | None, ...] | None
    channels_first: bool

    @property
    def info(self) -> LayerInfo:
        """The row of the table of layers."""
        return LayerInfo(
            name=self.name,
            kind=type(self.layer).__name__,
            shape=self.shape[1:] if self.shape and self.per_sample else None,
            parameters=self.layer.count_params() if self.layer.built else 0,
            worth_showing=(
                "/" not in self.name
                and self.per_sample
                and "float" in dtype_of(self.tensor)
                and not type(self.layer).__module__.startswith(PASSIVE)
            ),
        )

    @property
    def per_sample(self) -> bool:
        """Whether there is one row of numbers per sample: the axis of the samples is open."""
        return (self.shape or (0,))[0] is None and dtype_of(self.tensor).startswith(NUMBERS)


def activations(
    keras: Any, calls: Sequence[Call], belongs: Callable[[Any], bool], shape_of: Callable[[Any], Any]
) -> Iterator[Activation]:
    """What the calls gave, one by one.

    Args:
        keras: the module.
        calls: in the order of their ends.
        belongs: whether something is a tensor that can be had; what lives inside a loop of a graph cannot.
        shape_of: the shape of such a tensor, with None for what is open.
    """
    count = {INPUT_LAYER: 1}
    layout = keras.config.image_data_format()
    for call in calls:
        layout = getattr(call.layer, "data_format", None) or layout  # who does not say follows the one before
        for inside, tensor in keras.tree.flatten_with_path(call.output):
            if belongs(tensor):
                name = call.path + "".join(f"[{part}]" for part in inside)
                count[name] = count.get(name, 0) + 1
                name = name if count[name] == 1 else f"{name}#{count[name]}"
                yield Activation(name, call.layer, tensor, shape_of(tensor), layout == "channels_first")


def with_open_axes(some: Sequence[Activation], others: Sequence[Activation]) -> list[Activation]:
    """The activations of a run, with the axes open that differ from those of a run on other numbers of samples."""
    sizes = {each.name: each.shape or () for each in others}
    return [replace(each, shape=_open(each.shape or (), sizes.get(each.name))) for each in some]


def dtype_of(tensor: Any) -> str:
    """The name of a tensor's type, as every backend has it: "float32"."""
    return getattr(tensor.dtype, "name", None) or str(tensor.dtype).removeprefix("torch.")


def sample_bytes(activation: Activation) -> int:
    """What an output takes for one sample, open axes not counted."""
    item = int((re.search(r"\d+", dtype_of(activation.tensor)) or ["32"])[0]) // 8 or 1
    return math.prod(size or 1 for size in (activation.shape or ())[1:]) * item


def _open(shape: tuple[int | None, ...], other: tuple[int | None, ...] | None) -> tuple[int | None, ...] | None:
    if other is None or len(shape) != len(other):
        return None
    return tuple(None if size != more else size for size, more in zip(shape, other, strict=True))
