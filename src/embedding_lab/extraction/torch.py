"""Activations of PyTorch modules: hooks take the chosen outputs while the model runs once, in inference mode.

What a module gave is made into vectors at once, inside the hook: the next module may write over it.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from embedding_lab.embeddings import INPUT_LAYER
from embedding_lab.embeddings.inputs import parts_of, shape_of
from embedding_lab.errors import InputError, LabError, one_of
from embedding_lab.extraction.fitting import is_out_of_memory
from embedding_lab.extraction.source import (
    Activations,
    ForwardPass,
    LayerInfo,
    Pooling,
    Scale,
    no_vectors,
    other_input,
    rows_in_caches,
    rows_within,
    unknown_layer,
)
from embedding_lab.extraction.torch_calls import (
    OUTPUT,
    Activation,
    activations,
    is_passive,
    is_script,
    listening,
    named,
    tensors,
)
from embedding_lab.extraction.torch_kept import kept
from embedding_lab.frameworks.torch import weights_fingerprint

ACCELERATOR_BYTES = 1 << 30
"""What the largest output of a batch may take in the memory of an accelerator."""

PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)

OF_A_SCRIPT = (
    "TorchScript lets nobody listen inside a ScriptModule: for its layers, extract from the module it was made of."
)

TAKES = (
    "samples that its forward takes, in the type of its weights: pictures most often as floats of shape "
    "(n, channels, height, width)"
)


class TorchSource:
    """A PyTorch module that can be asked for the outputs of the modules inside it.

    Args:
        model: the module; of one that runs on several devices, or was compiled, what lies within runs, as it is.
    """

    several_inputs = False  # a module does not say
    own_form = None

    def __init__(self, model: nn.Module) -> None:
        self._model: Any = model
        while isinstance(self._model, PARALLEL) or hasattr(self._model, "_orig_mod"):
            self._model = self._model.module if isinstance(self._model, PARALLEL) else self._model._orig_mod

    def layers(self) -> list[LayerInfo]:
        """The modules in the order in which the model holds them, or the model itself where there are none.

        Shapes are known when it runs.
        """
        names = named(self._model)
        top_level = {id(module) for module in _top_level(self._model)}
        inside = [(name, module) for module in self._model.modules() if (name := names.get(id(module)))]
        return [
            LayerInfo(
                name=name,
                kind=type(module).__name__,
                shape=None,
                parameters=_size(module),
                worth_showing=not inside or (id(module) in top_level and not is_passive(module)),
            )
            for name, module in inside or [(OUTPUT, self._model)]
        ]

    @contextlib.contextmanager
    def forward_pass(
        self, example: NDArray[Any], names: Sequence[str] | None, pooling: Pooling
    ) -> Iterator[ForwardPass]:
        """Makes the model ready: in inference mode and listened to, until the block ends. See `Source`."""
        with kept(self._model):
            found, scale = self._seen(example)
            chosen = _choose(found, names)
            with self._heard(chosen, pooling) as run:
                yield ForwardPass(
                    layers={each.name: pooling if len(each.shape or ()) > 1 else None for each in chosen},
                    run=run,
                    scale=scale,
                    batch_size=self._batch_size(found),
                    fingerprint=weights_fingerprint(self._model),
                    at_once=0 if self._device == "cpu" else 1,
                )

    def _seen(self, example: NDArray[Any]) -> tuple[list[Activation], Scale]:
        """All that the modules give for a few samples, and what the last numbers are."""
        more = np.concatenate([example, example[:1]])
        with torch.no_grad(), _as_written():
            with listening(self._model) as calls:
                result = self._called(example)
            with listening(self._model) as with_one_more:
                self._called(more)
        return activations(self._model, calls, with_one_more), _scale(calls, _last_table(result))

    def _called(self, samples: NDArray[Any]) -> Any:
        """What the model gives for a batch; what PyTorch says of samples it cannot take becomes help."""
        try:
            parts = parts_of(samples)
            if isinstance(parts, Mapping):
                return self._model(**{name: self._tensor(each) for name, each in parts.items()})
            if isinstance(parts, tuple):
                return self._model(*map(self._tensor, parts))
            return self._model(self._tensor(parts))
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            if isinstance(error, LabError):
                raise
            if is_out_of_memory(error):
                raise MemoryError from error
            raise other_input(TAKES, shape_of(samples), error, f" (samples are {samples.dtype})") from error

    def _tensor(self, samples: NDArray[Any]) -> Any:
        """Samples where the weights are; floats in their type. A copy: the first module may write over it."""
        weights = [*self._model.parameters(), *self._model.buffers()]
        floats = next((each.dtype for each in weights if each.is_floating_point()), torch.get_default_dtype())
        device = weights[0].device if weights else torch.get_default_device()
        samples = np.ascontiguousarray(samples)  # PyTorch takes none that runs backwards
        copied_on_the_way = device.type != "cpu" and samples.flags.writeable  # PyTorch warns of what is read-only
        try:
            tensor = torch.from_numpy(samples) if copied_on_the_way else torch.tensor(samples)
        except (TypeError, ValueError) as error:
            raise InputError(
                "PyTorch cannot take these samples.", got=f"dtype {samples.dtype}", expected="numbers"
            ) from error
        return tensor.to(device, floats if tensor.is_floating_point() else tensor.dtype)

    @contextlib.contextmanager
    def _heard(self, chosen: Sequence[Activation], pooling: Pooling) -> Iterator[Any]:
        """Hooks on the chosen modules, and the function that runs the model on a batch while they are there."""
        heard: dict[str, Any] = {}
        calls: Counter[int] = Counter()
        autocast = self._autocast()

        def take(module: Any, inputs: Any, output: Any) -> None:
            given = dict(tensors(output))
            for each in chosen:
                if each.module is module and each.number == calls[id(module)] and each.place in given:
                    heard[each.name] = _vectors(given[each.place], each, pooling)
            calls[id(module)] += 1

        def run(samples: NDArray[Any]) -> Activations:
            heard.clear()
            calls.clear()
            # no inference_mode: what a module or a cache beside it keeps of it, no training can use
            with torch.no_grad(), _as_written(), torch.autocast(**autocast):
                table = _last_table(self._called(samples))
                missing = [each.name for each in chosen if each.name not in heard]
                if missing:
                    raise InputError(
                        f"Layer {missing[0]!r} gave nothing for some samples.",
                        expected="a module that the model calls for every batch",
                    )
                vectors = {each.name: heard[each.name].cpu().numpy() for each in chosen}
                heard.clear()
                return vectors, None if table is None else table.to(torch.float32, copy=True).cpu().numpy()

        with contextlib.ExitStack() as undo:
            for module in {id(each.module): each.module for each in chosen}.values():
                undo.callback(nn.Module.register_forward_hook(module, take).remove)
            yield run

    def _autocast(self) -> dict[str, Any]:
        """What `torch.autocast` is set to where the caller stands; it holds for a thread alone."""
        device = self._device
        return {
            "device_type": device,
            "enabled": torch.is_autocast_enabled(device),
            "dtype": torch.get_autocast_dtype(device),
            "cache_enabled": torch.is_autocast_cache_enabled(),
        }

    def _batch_size(self, found: Sequence[Activation]) -> int:
        """By the largest output, since all others are let go of as the pass goes on."""
        sizes = [math.prod(each.shape) * each.dtype.itemsize for each in found if each.shape is not None]
        largest = max(sizes, default=1)
        if self._device == "cpu":
            return rows_in_caches(largest, torch.get_num_threads())
        return rows_within(largest, ACCELERATOR_BYTES)

    @property
    def _device(self) -> str:
        """Where samples go, as PyTorch calls it."""
        return str(self._tensor(np.zeros(1, np.float32)).device.type)


def _as_written() -> contextlib.AbstractContextManager[Any]:
    """Has what was compiled run as it was written. Where nothing was, the compiler is not loaded to say so."""
    compiled = "torch._dynamo" in sys.modules
    return torch.compiler.set_stance("force_eager") if compiled else contextlib.nullcontext()


def _choose(found: Sequence[Activation], names: Sequence[str] | None) -> list[Activation]:
    if names is None:
        return [each for each in found if each.worth_showing]
    known = {each.name: each for each in found}
    for name in names:
        if name not in known:
            if any(is_script(each.module) for each in found):
                raise one_of("Layer", name, [INPUT_LAYER, *known], remedy=OF_A_SCRIPT)
            raise unknown_layer(name, [INPUT_LAYER, *known])
        if known[name].shape is None:
            raise no_vectors(
                name, f"an output whose rows do not grow with the samples, or of type {known[name].dtype}"
            )
    return [known[name] for name in names]


def _vectors(output: Any, activation: Activation, pooling: Pooling) -> Any:
    """One output as vectors: float32, shape (b, dims), a copy."""
    output = output.detach().movedim(activation.rows, 0)
    if output.ndim <= 2 or pooling == "flatten":
        return output.to(torch.float32, copy=True).reshape(len(output), -1)
    axes = [axis for axis in range(1, output.ndim) if axis != activation.channels]
    return output.mean(axes, dtype=torch.float32) if pooling == "mean" else output.amax(axes).float()


def _last_table(result: Any) -> Any:
    """What the model ends in, shape (b, k), as it is or as "logits" in a mapping; None for no table of numbers."""
    if isinstance(result, Mapping):
        result = result.get("logits")
    table = isinstance(result, torch.Tensor) and result.is_floating_point() and result.ndim == 2
    return result if table and result.shape[1] else None


def _scale(calls: Sequence[Any], table: Any) -> Scale:
    """What these last numbers are, as the module says that gave them."""
    module = next((call.module for call in calls if call.output is table and call.depth), None)
    if table is None:
        return "none"
    if isinstance(module, nn.Softmax):
        return "probabilities"
    if isinstance(module, nn.LogSoftmax):
        return "logits"
    if isinstance(module, nn.Sigmoid):
        return "probabilities" if table.shape[1] == 1 else "none"
    squashed = type(module).__module__ == "torch.nn.modules.activation"
    return "none" if squashed else "unknown"


def _top_level(model: nn.Module) -> list[nn.Module]:
    """The modules at the top of a model; behind one that holds all others, those within it."""
    top = [each for child in model.children() for each in _callable_ones(child)]
    holds_all = len(top) == 1 and list(top[0].children()) and not is_script(top[0])
    return _top_level(top[0]) if holds_all else top


def _callable_ones(module: nn.Module) -> list[nn.Module]:
    """The module itself, or what lies in a list or dictionary of modules, which is never called."""
    if isinstance(module, nn.ModuleList | nn.ModuleDict):
        return [each for child in module.children() for each in _callable_ones(child)]
    return [module]


def _size(module: nn.Module) -> int:
    weights = [*module.parameters(), *module.buffers()]
    return sum(each.numel() for each in weights if not nn.parameter.is_lazy(each))
