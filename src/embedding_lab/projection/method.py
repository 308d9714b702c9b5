"""The table of projection methods, and what each of them promises.

A new method is one file with a function `project` that keeps the promise below, a function `check` that refuses
values of its own parameters that are out of range, one line in the table, and a test class that inherits
`tests/contracts/projection_contract.py`.
"""

from __future__ import annotations

import importlib
import inspect
import numbers
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Neighbours
from embedding_lab.errors import InputError, one_of
from embedding_lab.progress import Progress

METHODS = {
    "pca": "embedding_lab.projection.pca",
    "tsne": "embedding_lab.projection.tsne_method",
    "umap": "embedding_lab.projection.umap",
}
"""Where the functions `project` and `check` of each method live; imported when it is first asked for."""

KINDS: dict[Any, type] = {int: numbers.Integral, float: numbers.Real}
"""Numpy's numbers count as Python's."""

ANY_DIMS = frozenset({"pca"})
"""Methods whose maps may have more than three dimensions."""

NeighboursOf = Callable[[int], Neighbours]
"""Gives the k nearest neighbours of the vectors, or n - 1 where there are fewer; computed once and shared."""


class Forming(Protocol):
    """Told of the map while it forms: the points so far, how many iterations are done, of how many, what the
    method measures on the way, such as {"kl": 2.1}, and the arrays from which it could go on, none where it cannot.
    """

    def __call__(
        self,
        points: NDArray[np.float32],
        done: int,
        total: int,
        measures: Mapping[str, float],
        checkpoint: Mapping[str, NDArray[Any]],
        /,
    ) -> None:
        """All arrays are copies or will not change."""


@dataclass(frozen=True, eq=False)
class Stopped:
    """A map that was stopped on its way.

    Attributes:
        done: how many iterations it has behind it.
        checkpoint: what the method told then to go on from.
    """

    done: int
    checkpoint: Mapping[str, NDArray[Any]]


class Method(Protocol):
    """Lays out vectors on a map.

    Args:
        vectors: real and finite, shape (n, dims), n from 1 on; memory-mapped ones are not copied whole unless
            the method says so.
        dims: 2 or 3; for "pca" any number.
        seed: of its random numbers; the same seed gives the same bytes on one machine.
        metric: how vectors are compared, "euclidean" or "cosine"; the neighbours are by it.
        neighbours: asked for as many as the method needs, or never.
        forming: told of usable maps on the way; what it raises ends the work.
        progress: told how far the work is.
        threads: how many work; None for one on every core.
        own: the method's own parameters, each with a default. One that is called `resume` takes a `Stopped` map
            of the same vectors and parameters, to go on from there, or None.

    Returns:
        Points, finite, float32, shape (n, dims), row by row for the vectors.

    Raises:
        InputError and its kinds: vectors or parameters that cannot be used.
    """

    def __call__(
        self,
        vectors: Any,
        *,
        dims: int,
        seed: int,
        metric: str,
        neighbours: NeighboursOf,
        forming: Forming,
        progress: Progress,
        threads: int | None,
        **own: Any,
    ) -> NDArray[np.float32]:
        """Lays them out."""


def method_of(name: str) -> Method:
    """The method of this name.

    Raises:
        UnknownName: there is none.
    """
    return cast(Method, _file_of(name).project)


def own_parameters(name: str) -> Mapping[str, Any]:
    """The names and defaults of a method's own parameters.

    Raises:
        UnknownName: there is no such method.
    """
    shared = inspect.signature(Method.__call__).parameters
    own = inspect.signature(method_of(name)).parameters
    return {key: value.default for key, value in own.items() if key not in shared}


def check_parameters(name: str, given: Mapping[str, Any], dims: int = 2) -> None:
    """Refuses parameters that the method does not have or cannot use, and maps that are none.

    Raises:
        UnknownName: the method does not exist, or has no such parameter.
        InputError: dims are too few, or too many for the method; a value is of the wrong kind or out of range.
    """
    known = own_parameters(name)
    if dims < 2 or (dims > 3 and name not in ANY_DIMS):
        expected = "2 or more" if name in ANY_DIMS else "2 or 3"
        raise InputError("A map cannot have so many dimensions.", got=f"dims={dims}", expected=expected)
    hints = get_type_hints(method_of(name))
    for key, value in given.items():
        if key not in known:
            raise one_of(f"Parameter of method {name!r}", key, known)
        if get_origin(hints[key]) is Literal and value not in get_args(hints[key]):
            raise one_of(key.capitalize(), value, get_args(hints[key]))
        if not _is_a(value, hints[key]):
            raise InputError(
                f"{key} cannot be that.",
                got=repr(value),
                expected=getattr(hints[key], "__name__", str(hints[key])),
            )
    _file_of(name).check(**{**known, **given})


def _is_a(value: object, hint: Any) -> bool:
    if hint is Any or get_origin(hint) is Literal:
        return True
    if isinstance(hint, types.UnionType):
        return any(_is_a(value, each) for each in get_args(hint))
    return isinstance(value, KINDS.get(hint, hint)) and not isinstance(value, bool)


def _file_of(name: str) -> types.ModuleType:
    if name not in METHODS:
        raise one_of("Method", name, METHODS)
    return importlib.import_module(METHODS[name])
