"""Which modules a PyTorch model calls, and where in what they give the samples and the channels lie.

No module says so itself. So a model is run on few samples and on one more: the axis that grew is the samples'. The
channels are known by the kinds of modules, and follow their number where a module does not say.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import nn

OUTPUT = "output"
"""The name of what the model as a whole gives."""

CHANNELS_FIRST = ("conv", "batchnorm", "instancenorm", "pooling", "upsampling", "pixelshuffle")
CHANNELS_LAST = ("linear", "rnn", "sparse", "transformer")
"""The files of `torch.nn.modules` whose modules put the channels behind the samples, or at the end."""

BY_CLASS = {
    "GroupNorm": True,
    "LocalResponseNorm": True,
    "MultiheadAttention": False,
    "RMSNorm": False,
    "Identity": None,
}
"""Modules whose files do not tell: whether the channels come first."""

PASSIVE = ("dropout", "flatten", "padding", "pixelshuffle", "channelshuffle")
"""The files of `torch.nn.modules` that only drop, reshape or pad what another module gave."""


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a module.

    Attributes:
        module: the one that was called.
        number: of its calls so far, from 0.
        depth: in how many other calls it happened; 0 for the model itself.
        output: a tensor, or a structure of tensors.
    """

    module: Any
    number: int
    depth: int
    output: Any


@dataclass(frozen=True, eq=False)
class Activation:
    """One tensor that one call of a module gave.

    Attributes:
        name: as PyTorch names the module, "layer1.0.conv1", with the place in its output, and "#2" for a second.
        module: the one that was called.
        number: of the call.
        place: where in the output the tensor stands.
        shape: of what one sample gives; None where there is no row per sample.
        rows: the axis of the samples.
        channels: the axis of the channels, once that of the samples is the first.
        dtype: of the tensor.
        worth_showing: whether it is taken unasked.
    """

    name: str
    module: Any
    number: int
    place: tuple[Any, ...]
    shape: tuple[int, ...] | None
    rows: int
    channels: int
    dtype: Any
    worth_showing: bool


def named(model: Any) -> dict[int, str]:
    """The name of each module inside a model that can be called, by its identity; "" is the model itself.

    A module that `torch.compile` wraps bears the wrapper's name, and the wrapper none. Nor has any module inside a
    ScriptModule: TorchScript calls no hooks there.
    """
    names: dict[int, str] = {}
    scripts = [module for module in model.modules() if is_script(module)]
    inside = {id(each) for script in scripts for each in script.modules() if each is not script}
    for name, module in model.named_modules():
        never_called = hasattr(module, "_orig_mod") or type(module).__name__ in ("ModuleList", "ModuleDict")
        if not never_called and id(module) not in inside:
            names[id(module)] = ".".join(part for part in name.split(".") if part != "_orig_mod")
    return names


@contextlib.contextmanager
def listening(model: Any) -> Iterator[list[Call]]:
    """While open, every call of a module inside the model is added to the list as it ends."""
    calls: list[Call] = []
    running: list[Any] = []
    numbers: Counter[int] = Counter()
    known = named(model)

    def begin(module: Any, inputs: Any) -> None:
        running.append(module)

    def end(module: Any, inputs: Any, output: Any) -> None:
        running.pop()
        calls.append(Call(module, numbers[id(module)], len(running), output))
        numbers[id(module)] += 1

    with contextlib.ExitStack() as undo:
        for module in model.modules():
            if id(module) in known:
                before = nn.Module.register_forward_pre_hook(module, begin)
                undo.callback(before.remove)
                after = nn.Module.register_forward_hook(module, end, always_call=True)  # also where it fails
                undo.callback(after.remove)
        yield calls


def is_script(module: Any) -> bool:
    """Whether TorchScript runs a module. It takes hooks, though its own methods that would register them refuse."""
    return isinstance(module, torch.jit.ScriptModule)


def activations(model: Any, calls: Sequence[Call], more: Sequence[Call]) -> list[Activation]:
    """What the calls of one pass gave, in the order of their ends.

    Args:
        model: the model.
        calls: those of a pass over few samples.
        more: those of a pass over one more.
    """
    names, channels, count = named(model), Channels(), Counter({"input": 1})
    grown = {(id(call.module), call.number, place): each for call in more for place, each in tensors(call.output)}
    shown = _outermost(calls)
    given: set[int] = set()
    found = []
    for call in calls:
        for place, tensor in tensors(call.output):
            name = (names[id(call.module)] or OUTPUT) + "".join(f"[{part}]" for part in place)
            count[name] += 1
            other = grown.get((id(call.module), call.number, place))
            rows = _grown_axis(tensor.shape, None if other is None else other.shape)
            shape = None if rows is None else (*tensor.shape[:rows], *tensor.shape[rows + 1 :])
            by_itself = call.depth == shown or (call.depth == 0 and id(tensor) not in given)
            found.append(
                Activation(
                    name=name if count[name] == 1 else f"{name}#{count[name]}",
                    module=call.module,
                    number=call.number,
                    place=place,
                    shape=None if tensor.dtype.is_complex else shape,
                    rows=rows or 0,
                    channels=0 if shape is None else channels.axis(call.module, shape),
                    dtype=tensor.dtype,
                    worth_showing=by_itself
                    and shape is not None
                    and tensor.dtype.is_floating_point
                    and not is_passive(call.module),
                )
            )
            given.add(id(tensor))
    return found


def tensors(output: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The tensors in what a module gave, with where each stands: in a tuple, list, mapping or dataclass."""
    if isinstance(output, Mapping):
        parts = list(output.items())
    elif isinstance(output, tuple | list):
        parts = list(enumerate(output))
    elif is_dataclass(output):
        parts = [(each.name, getattr(output, each.name)) for each in fields(output)]
    else:
        parts = []
        if hasattr(output, "movedim") and not getattr(output, "is_nested", False):
            yield place, output
    for key, each in parts:
        yield from tensors(each, (*place, key))


def is_passive(module: Any) -> bool:
    """Whether a module only passes on what another one gave, perhaps in another shape."""
    name, file = _forward_of(module)
    return name == "Identity" or file in PASSIVE


class Channels:
    """Knows where the channels lie, from the module that gave them or the last one that said so."""

    def __init__(self) -> None:
        self._last: tuple[bool, int] | None = None

    def axis(self, module: Any, shape: tuple[int, ...]) -> int:
        """The axis of the channels.

        Args:
            module: the one that was called.
            shape: of what one sample gives.

        Returns:
            The axis in a batch, whose samples come first: 1, or the last.
        """
        last = len(shape)
        if last < 2:
            return last
        first = _channels_first(module)
        if first is not None:
            self._last = first, shape[0 if first else -1]
            return 1 if first else last
        if self._last is not None:
            first, count = self._last
            for each in (first, not first):  # where their number stands now: they may have been moved
                if shape[0 if each else -1] == count:
                    return 1 if each else last
        return 1 if last > 2 else last  # pictures (channels, height, width), or a sequence (time, channels)


def _channels_first(module: Any) -> bool | None:
    """Whether a module of PyTorch's own puts the channels first; None where it does not say."""
    name, file = _forward_of(module)
    if name in BY_CLASS:
        return BY_CLASS[name]
    if name == "LayerNorm":
        return None if len(module.normalized_shape) > 1 else False
    return True if file in CHANNELS_FIRST else False if file in CHANNELS_LAST else None


def _forward_of(module: Any) -> tuple[str, str]:
    """The class whose `forward` a module runs, and its file in `torch.nn.modules`; no names for any other.

    A class of the user's own that inherits from one of PyTorch's may turn its axes round.
    """
    kind = next(kind for kind in type(module).__mro__ if "forward" in vars(kind))
    place, _, file = kind.__module__.rpartition(".")
    return (kind.__name__, file) if place == "torch.nn.modules" else ("", "")


def _grown_axis(shape: Sequence[int], other: Sequence[int] | None) -> int | None:
    """The axis that has one row more for one sample more; None where there is none, or where more changed."""
    if other is None or len(shape) != len(other):
        return None
    changed = [axis for axis, (size, more) in enumerate(zip(shape, other, strict=True)) if size != more]
    return changed[0] if len(changed) == 1 and other[changed[0]] == shape[changed[0]] + 1 else None


def _outermost(calls: Sequence[Call]) -> int:
    """How deep the calls lie that the model makes itself; where that is one, those which this one makes."""
    at = Counter(call.depth for call in calls)
    depth = 1
    while at[depth] == 1 and at[depth + 1]:
        depth += 1
    return depth
