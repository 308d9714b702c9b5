"""Leaves a PyTorch model as it was found: modes, buffers and attributes are put back after a forward pass."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

COLLECTIONS = (list, dict, OrderedDict)
"""What modules keep things in, as PyTorch itself does buffers and hooks."""


@contextlib.contextmanager
def kept(model: nn.Module) -> Iterator[None]:
    """Puts a model into inference mode, and leaves modes, buffers and attributes as they were found.

    Of a model that its first call built only the modes are put back: what it built is to be trained on.
    """
    modes = [(module, module.training) for module in model.modules() if hasattr(module, "training")]
    made_of = _parts(model)
    found = [_Found(module) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        if _parts(model) == made_of:
            for each in found:
                each.put_back()


class _Found:
    """What a module held when it was found, beside its weights.

    All attributes are put back, not tensors alone: a mask belongs to the number beside it that says for how many
    samples it is. Lists and dictionaries among them hold again what they held.
    """

    def __init__(self, module: nn.Module) -> None:
        attributes = vars(module)
        collections = [attributes, *(each for each in attributes.values() if type(each) in COLLECTIONS)]
        self._collections = [(each, each.copy()) for each in collections]
        self._buffers = module._buffers  # which of a ScriptModule is none of these
        self._in_buffers = dict(self._buffers.items())
        held = [*self._in_buffers.values(), *attributes.values()]
        self._tensors = [(each, each.detach().clone()) for each in held if _can_be_written_over(each)]

    def put_back(self) -> None:
        for collection, items in self._collections:
            _refill(collection, items)
        for name, buffer in self._in_buffers.items():
            self._buffers[name] = buffer
        with torch.no_grad():
            for tensor, before in self._tensors:
                if not torch.equal(tensor, before):
                    tensor.copy_(before)


def _parts(model: nn.Module) -> dict[str, type]:
    """The modules and weights of a model, each with its type, which of lazy ones is another once they are built."""
    return {name: type(each) for name, each in (*model.named_modules(), *model.named_parameters())}


def _can_be_written_over(held: Any) -> bool:
    """Whether it is a tensor that a module may write to in place; sparse ones and the like cannot be compared."""
    return (
        isinstance(held, torch.Tensor)
        and not nn.parameter.is_lazy(held)
        and held.layout is torch.strided
        and not held.is_nested
    )


def _refill(collection: Any, items: Any) -> None:
    """Makes a list or dictionary hold what it held, without ever emptying it."""
    if isinstance(collection, list):
        collection[:] = items
        return
    collection.update(items)
    for name in collection.keys() - items.keys():
        del collection[name]
