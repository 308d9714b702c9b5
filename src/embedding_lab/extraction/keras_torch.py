"""Keras on PyTorch: the forward pass runs as it is, without gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import torch
from keras.src.backend.torch.core import get_device

from embedding_lab.extraction.keras_activation import Activation, activations, with_open_axes
from embedding_lab.extraction.keras_stand_ins import one_more, stand_ins, under_activation

AT_ONCE = 0 if get_device() == "cpu" else 1
"""Threads in the forward pass besides the writing one: PyTorch uses all cores itself. See `ForwardPass`."""

REFUSALS = (ValueError, TypeError, IndexError, RuntimeError)
"""What is raised about samples that a model cannot take."""

last_operation = under_activation


def table(call: Callable[..., Any], declared: Any) -> list[Activation]:
    """What the layers give for the inputs that a model declares."""
    few, more = stand_ins(declared)
    return with_open_axes(_given(call, few)[0], _given(call, more)[0])


def forward(
    call: Callable[..., Any], choose: Callable[..., None], give: Callable[..., Any], example: Any, variables: Any
) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The forward pass, of batches of any size. See `keras.py`."""
    more = _given(call, one_more(example))[0]
    seen, result = _given(call, example)
    choose(with_open_axes(seen, more), result)

    def run(inputs: Any) -> Any:
        vectors, numbers = give(*_given(call, inputs))
        return [_as_array(each) for each in vectors], None if numbers is None else _as_array(numbers)

    return run, run


@torch.no_grad()  # type: ignore[untyped-decorator]
def _given(call: Callable[..., Any], inputs: Any) -> tuple[list[Activation], Any]:
    """What the layers give. No inference mode: with a tensor of it that a layer keeps, nothing can be trained."""

    def belongs(tensor: Any) -> bool:
        return isinstance(tensor, torch.Tensor)

    calls, result = call(keras.tree.map_structure(keras.ops.convert_to_tensor, inputs))
    return list(activations(keras, calls, belongs, lambda tensor: tuple(tensor.shape))), result


def _as_array(tensor: Any) -> Any:
    return tensor.detach().to("cpu", copy=True).numpy()  # a layer may write over its own at the next call
