"""Which layers a Keras model calls, under which names, and what each call gave.

Keras knows the way through a Functional model only; a subclassed model is known by running it. So the `call` of
each layer is wrapped on the instance for the time of one run, which serves every kind of model.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer.

    Attributes:
        path: the names of the layers it happened in, and its own: "block/dense_1".
        layer: the Keras layer.
        output: a tensor, or a structure of tensors.
    """

    path: str
    layer: Any
    output: Any


def layer_tree(keras: Any, model: Any) -> Iterator[tuple[str, Any]]:
    """All layers inside a model that can give an output, each once, with the path of its name.

    What runs once per time step, such as the cell of an LSTM, gives nothing for a sample as a whole.
    """
    loops = (keras.layers.RNN, keras.layers.TimeDistributed)
    seen = set()

    def walk(parent: Any, path: str) -> Iterator[tuple[str, Any]]:
        for name, layer in _children(keras, parent):
            if id(layer) in seen or isinstance(layer, keras.layers.InputLayer):
                continue
            seen.add(id(layer))
            yield path + name, layer
            if not isinstance(layer, loops):
                yield from walk(layer, f"{path}{name}/")

    return walk(model, "")


def _children(keras: Any, parent: Any) -> Iterator[tuple[str, Any]]:
    """The layers directly inside a layer, by name.

    A name that Keras made up, such as "dense_7", changes with whatever was built before; the attribute that holds
    the layer does not, so it is taken instead where there is one.
    """
    attributes = vars(parent) | vars(parent).get("_modules", {})  # where they lie when Keras runs on PyTorch
    held = {
        id(layer): attribute + place
        for attribute, value in attributes.items()
        if not attribute.startswith("_")
        for place, layer in _places(value)
        if isinstance(layer, keras.Layer)
    }
    for layer in parent._flatten_layers(include_self=False, recursive=False):
        made_up = re.fullmatch(rf"{_snake_case(type(layer).__name__)}(_\d+)?", layer.name)
        yield held.get(id(layer), layer.name) if made_up else layer.name, layer


def _places(value: Any) -> Iterator[tuple[str, Any]]:
    """What an attribute holds, with where in it: itself, or the entries of a list or dictionary."""
    if isinstance(value, list | tuple):
        yield from ((f"[{place}]", each) for place, each in enumerate(value))
    elif isinstance(value, dict):
        yield from ((f"[{place}]", each) for place, each in value.items())
    else:
        yield "", value


def _snake_case(name: str) -> str:
    """As Keras makes up names: "MaxPooling2D" to "max_pooling2d"."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


@contextlib.contextmanager
def listening(keras: Any, model: Any) -> Iterator[list[Call]]:
    """While open, every call of a layer inside the model is added to the list as it ends."""
    calls: list[Call] = []
    path: list[str] = []
    with contextlib.ExitStack() as undo:
        for name, layer in layer_tree(keras, model):
            _listen(layer, name.rpartition("/")[2], path, calls, undo)
        yield calls


def _listen(layer: Any, name: str, path: list[str], calls: list[Call], undo: contextlib.ExitStack) -> None:
    plain = layer.call

    @functools.wraps(plain)
    def call(*args: Any, **kwargs: Any) -> Any:
        path.append(name)
        output = plain(*args, **kwargs)
        calls.append(Call("/".join(path), layer, output))
        path.pop()
        return output

    if "call" in vars(layer):
        undo.callback(object.__setattr__, layer, "call", plain)
    else:
        undo.callback(object.__delattr__, layer, "call")
    object.__setattr__(layer, "call", call)  # past Keras' own __setattr__, which would track it
