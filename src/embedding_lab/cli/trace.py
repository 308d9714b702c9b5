"""`embedding-lab trace`: what a function costs, on the terminal and in TensorBoard."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from embedding_lab.cli.options import Debug, Json, LocalLogDir, RunName
from embedding_lab.cli.output import show
from embedding_lab.errors import DataMissing, InputError, LabError, one_of


def trace(
    function: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="What to trace, such as train.py:step or my.package:model.train_on_batch.",
        ),
    ],
    inputs: Annotated[
        str | None,
        typer.Option(
            "--inputs",
            metavar="NAME",
            help="What in that module to call it with: a tuple, a dictionary, or a function that gives one.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Calls to profile, after a first one.")] = 3,
    logdir: LocalLogDir = Path("logs/trace"),
    run: RunName = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Trace a function: its graph, its first call, and where the time of a call goes.

    The module is imported and the function called STEPS + 1 times, with all that it does.
    """
    from embedding_lab.profiling import trace as trace_function

    with _blamed_on(function):
        module, target = _found(function)
        args, kwargs = _inputs(module, inputs)
        _check_arguments(target, function, args, kwargs)
        report = trace_function(target, *args, logdir=logdir, steps=steps, run=run, **kwargs)
    show(report.as_dict(), str(report), as_json)


@contextlib.contextmanager
def _blamed_on(place: str) -> Iterator[None]:
    """Tells errors of the user's own code apart from ours."""
    try:
        yield
    except LabError:
        raise
    except Exception as error:
        raise LabError(
            f"{place} raised an error, so nothing was traced.",
            got=f"{type(error).__name__}: {error}",
            remedy="Run the command again with --debug to see where.",
        ) from error


def _found(place: str) -> tuple[Any, Any]:
    """The module and what it holds under the name after the last colon."""
    module_name, colon, path = place.rpartition(":")
    if not colon or not module_name or not path:
        raise InputError(
            f"{place!r} names no function.",
            expected="a module and a function in it, as in train.py:step or my.package:step",
        )
    module = _module(module_name)
    return module, _attribute(module, path, module_name)


def _module(name: str) -> Any:
    """The module of that name, or of that file, with its folder before all others as if Python ran it."""
    file = Path(name)
    if file.suffix == ".py":
        if not file.is_file():
            raise DataMissing(f"There is no file {name}.", remedy="Check the path.")
        sys.path.insert(0, str(file.parent.absolute()))
        return importlib.import_module(file.stem)
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # a module that it needs, which the traceback names
        raise DataMissing(
            f"There is no module {name}.",
            expected="a module that can be imported from here, or a file such as train.py",
        ) from error


def _attribute(module: Any, path: str, module_name: str) -> Any:
    found = module
    for name in path.split("."):
        if not hasattr(found, name):
            public = [each for each in vars(module) if not each.startswith("_") and callable(getattr(module, each))]
            raise one_of(f"In {module_name} the name", path, public)
        found = getattr(found, name)
    return found


def _inputs(module: Any, name: str | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments to call with."""
    if name is None:
        return (), {}
    value = _attribute(module, name, module.__name__)
    value = value() if callable(value) else value
    if isinstance(value, dict):
        return (), value
    return (tuple(value) if isinstance(value, tuple | list) else (value,)), {}


def _check_arguments(target: Any, place: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    signature = None
    with contextlib.suppress(TypeError, ValueError):  # not everything that can be called says how
        signature = inspect.signature(target)
    if signature is None:
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InputError(
            f"{place} cannot be called like this.",
            got=str(error),
            remedy="Name its arguments with --inputs NAME: a tuple, a dictionary, or a function that gives one.",
        ) from error
