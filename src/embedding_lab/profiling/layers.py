"""Finds the layer that an operation belongs to by the scopes in its name.

Keras opens a scope for every layer, so an operation is called `mlp_1/hidden_1/MatMul`, its gradient
`gradient_tape/mlp_1/hidden_1/MatMul/MatMul_1`. All scopes of one compilation bear the same number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

GRADIENT = "gradient_tape"
NOTHING: Mapping[str, str] = {}
_BOOKKEEPING = re.compile(r"(StatefulPartitionedCall|PartitionedCall|while|cond|body|then|else|_)(_?\d+)*$|_\d+$")


class LayerFinder:
    """Knows the layers of a model, or where there is none goes by the outermost scope.

    Args:
        layers: the names of all layers, those of models inside the model too.
        scopes: the names of all operations, by which the number at the scopes' ends is found.
        others: what to call scopes that are no layers but cost time too.
    """

    def __init__(self, layers: Collection[str], scopes: Iterable[str], others: Mapping[str, str] = NOTHING) -> None:
        end = common_end(layers, {part for scope in scopes for part in scope.split("/")})
        self._layers = {
            **others,
            **{layer: layer for layer in layers},
            **{f"{layer}{end}": layer for layer in layers},
        }

    def __call__(self, scope: str) -> str:
        """The layer of an operation, as a path where models lie in models; "" where there is none."""
        *scopes, _ = scope.split("/")
        scopes = [each for each in scopes if each != GRADIENT and not _BOOKKEEPING.match(each)]
        if not self._layers:
            return scopes[0] if scopes else ""
        return "/".join(self._layers[each] for each in scopes if each in self._layers)


def layer_names(model: Any) -> set[str]:
    """The names of a Keras model's layers and of the layers of models inside it."""
    return {layer.name for layer in _walk(model)}


def other_scopes(model: Any) -> dict[str, str]:
    """The scopes of a Keras model's loss and optimiser, and what to call them."""
    optimiser = getattr(getattr(model, "optimizer", None), "name", None)
    return {"compile_loss": "(loss)", **({optimiser: "(optimiser)"} if isinstance(optimiser, str) else {})}


def _walk(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from _walk(layer)


def common_end(names: Collection[str], parts: Collection[str]) -> str:
    """The number at the end of scopes, such as "_1", or "" for none: the one that explains most of the names.

    "dense_1" may be the layer dense_1, or the second scope of the layer dense.
    """
    ends = {""} | {match[0] for part in parts if (match := re.search(r"_\d+$", part))}
    return max(sorted(ends), key=lambda end: sum(f"{name}{end}" in parts for name in names))
