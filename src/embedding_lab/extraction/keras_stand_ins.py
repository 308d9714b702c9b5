"""For the backends of Keras whose tensors have no open axes: a model is run on few samples and on one more."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

FEW, MORE = (2, 64), (3, 128)
"""Samples, and the size of any other axis that a model leaves open."""


def stand_ins(declared: Any) -> tuple[Any, Any]:
    """Two batches of zeros for the inputs that a model declares, which differ in every axis that is open."""

    def zeros(sizes: tuple[int, int]) -> Any:
        samples, other = sizes

        def of_input(each: Any) -> Any:
            return np.zeros((samples, *(other if size is None else size for size in each.shape[1:])), each.dtype)

        return keras.tree.map_structure(of_input, declared)

    return zeros(FEW), zeros(MORE)


def one_more(inputs: Any) -> Any:
    """The same arrays with one sample more."""
    return keras.tree.map_structure(lambda each: np.concatenate([each, each[:1]]), inputs)


def under_activation(result: Any, layer: Any) -> tuple[str, Any]:
    """What the last layer ends in, such as "softmax"; from what it was made is not known, nor to Keras' losses."""
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", None) or type(layer).__name__
    return name.replace("_", "").lower(), None
