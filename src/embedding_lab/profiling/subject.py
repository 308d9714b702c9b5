"""What was handed in to be traced: how to call it, what to call it by, and which framework it runs on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

from embedding_lab.errors import InputError, one_of

FRAMEWORKS = ("tensorflow", "torch", "python")
_FRAMEWORK_OF = {"tensorflow": "tensorflow", "keras": "tensorflow", "torch": "torch"}
_DEEPEST = 3  # functions that functions call, as far as we look


@dataclass(frozen=True)
class Subject:
    """Something to trace.

    Attributes:
        name: what it is called, for the report and the run.
        framework: one of `FRAMEWORKS`.
        function: what is called.
        args: with these arguments,
        kwargs: and these.
        model: the model whose layers are told apart; None where none is known.
        owner: the Keras model that `function` is a method of; None for all else.
        method: the name of that method.
    """

    name: str
    framework: str
    function: Callable[..., Any] | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    model: Any = None
    owner: Any = None
    method: str = ""

    def call(self) -> None:
        """Calls it once."""
        assert self.function is not None
        self.function(*self.args, **self.kwargs)


def recognise(
    function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], framework: str | None = None
) -> Subject:
    """What was handed in.

    Args:
        function: a function, a method, or a model. A Keras model with a batch and its labels means a step of
            training, without labels a prediction; a PyTorch module means its forward pass.
        args: what it is called with.
        kwargs: what it is called with.
        framework: one of `FRAMEWORKS`; None to find out by what the function and its arguments use.

    Raises:
        InputError: it cannot be called, or the model is not compiled.
        UnknownName: there is no such framework.
    """
    if framework is not None and framework not in FRAMEWORKS:
        raise one_of("Framework", framework, FRAMEWORKS)
    if _is_keras_model(function):
        function = _step_of(function, len(args) + len(kwargs))
    if not callable(function):
        raise InputError(
            "That cannot be traced.",
            got=type(function).__name__,
            expected="a function, a method, or a model",
            remedy="Hand in the function itself, without calling it: lab.trace(step, x, y).",
        )
    near = list(_near(function, _DEEPEST, set()))
    near += [inner for each in (*args, *kwargs.values()) for inner in _opened(each)]
    owner = getattr(_inner(function), "__self__", None)
    owner = owner if _is_keras_model(owner) else None
    models = (each for each in near if _is_keras_model(each) or _is_torch_module(each))
    return Subject(
        name=_name(function, owner),
        framework=framework or next(filter(None, map(_framework, near)), "python"),
        function=function,
        args=args,
        kwargs=kwargs,
        model=owner if owner is not None else next(models, None),
        owner=owner,
        method=getattr(_inner(function), "__name__", "") if owner is not None else "",
    )


def _step_of(model: Any, given: int) -> Any:
    """The method of a Keras model that the batch at hand asks for."""
    if given < 2:
        return model.predict_on_batch
    if not getattr(model, "compiled", False):
        raise InputError(
            "The model is not compiled, so it cannot train.",
            remedy="Call model.compile(optimizer, loss) first, or leave the labels out to trace a prediction.",
        )
    return model.train_on_batch


def _name(function: Any, owner: Any) -> str:
    inner = _inner(function)
    own = getattr(inner, "__name__", None) or getattr(getattr(inner, "python_function", None), "__name__", None)
    model = getattr(owner, "name", None)
    if isinstance(model, str) and own:
        return f"{model}-{own}"
    return str(own or type(inner).__name__).strip("<>")


def _inner(function: Any) -> Any:
    """What a functools.partial calls."""
    while isinstance(function, partial):
        function = function.func
    return function


def _near(value: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    """A function and what it uses: its owner, its closure, the globals it names, what is bound to it."""
    if depth < 0 or id(value) in seen:
        return
    seen.add(id(value))
    yield value
    used: list[Any] = []
    if isinstance(value, partial):
        used += [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, FunctionType):
        cells = [cell for cell in value.__closure__ or () if _filled(cell)]
        used += [inner for cell in cells for inner in _opened(cell.cell_contents)]
        used += [inner for default in value.__defaults__ or () for inner in _opened(default)]
        used += [value.__globals__[name] for name in _names_in(value.__code__) if name in value.__globals__]
    used += [getattr(value, name) for name in ("__self__", "__func__", "__wrapped__") if _has(value, name)]
    for each in used:
        yield from _near(each, depth - 1, seen)


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _opened(value: Any) -> Iterator[Any]:
    """A value, and what a list, tuple or dict holds directly."""
    yield value
    if isinstance(value, list | tuple):
        yield from value[:20]
    elif isinstance(value, dict):
        yield from list(value.values())[:20]


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _has(value: Any, name: str) -> bool:
    return not isinstance(value, ModuleType | type) and getattr(value, name, None) is not None


def _framework(value: Any) -> str:
    """The framework that a value belongs to; "" for none."""
    if isinstance(value, ModuleType):
        modules = [value.__name__]
    else:
        kinds = value.__mro__ if isinstance(value, type) else type(value).__mro__
        modules = [kind.__module__ for kind in kinds]
        if isinstance(value, FunctionType):
            modules.append(value.__module__ or "")
    roots = [module.partition(".")[0] for module in modules]
    found = next((root for root in roots if root in _FRAMEWORK_OF), "")
    if found == "keras":
        return _backend_of_keras()
    return _FRAMEWORK_OF.get(found, "")


def _backend_of_keras() -> str:
    keras = sys.modules.get("keras")
    backend = keras.backend.backend() if keras is not None else "tensorflow"
    return backend if backend in FRAMEWORKS else "python"


def _is_keras_model(value: Any) -> bool:
    return _bases_from(value, "keras") and hasattr(value, "train_on_batch")


def _is_torch_module(value: Any) -> bool:
    return _bases_from(value, "torch") and hasattr(value, "named_modules")


def _bases_from(value: Any, root: str) -> bool:
    return not isinstance(value, type) and any(
        kind.__module__.partition(".")[0] == root for kind in type(value).__mro__
    )
