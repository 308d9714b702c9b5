"""The routes of what is large: the fair order, points and columns, cut by places."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.dashboard.answers import Answer, as_arrays, as_json
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.columns import Category, Number
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.sample_set import SampleSet
from embedding_lab.errors import InputError

MOST_PLACES = 1 << 20
"""An answer holds so many places at most; whoever wants more asks again from where it ended."""


def set_of(library: Library, asked: Asked) -> SampleSet:
    """The sample set that a request names by run, layer and step."""
    return library.set(asked.text("run"), asked.text("layer"), asked.step())


def order(library: Library, asked: Asked) -> Answer:
    """The rows at some places."""
    found = set_of(library, asked)
    begin, count = _part(asked, found.rows)
    header = _header("order", str(found.facts["samples"]), found.rows, begin, count)
    return as_arrays(found.key, header, lambda: {"row": library.order(found.rows)[begin : begin + count]})


def points(library: Library, asked: Asked) -> Answer:
    """The points of a map at some places."""
    found = set_of(library, asked)
    shown = found.map(asked.text("map"))
    begin, count = _part(asked, found.rows)
    header = _header("points", shown.generation, found.rows, begin, count)
    header |= {"map": shown.name, "dims": shown.dims, "bounds": library.bounds(shown)}

    def arrays() -> dict[str, NDArray[Any]]:
        rows = library.order(found.rows)[begin : begin + count]
        some = np.array(library.points(shown)[rows, : shown.dims], np.float32)
        present = np.isfinite(some).all(axis=1)
        if present.all():
            return {"points": some}
        some[~present] = 0
        return {"points": some, "present": np.packbits(present, bitorder="little")}

    return as_arrays(found.key, header, arrays)


def columns(library: Library, asked: Asked) -> Answer:
    """What is known of every sample, by names and kinds."""
    found = set_of(library, asked)
    described = [each.description(library.cache) for each in found.all_columns(asked.optional_text("map"))]
    return as_json(described)


def column(library: Library, asked: Asked) -> Answer:
    """A column at some places: codes of categories, or numbers."""
    found = set_of(library, asked)
    chosen = found.column(asked.text("name"), asked.optional_text("map"))
    values = chosen.values(library.cache)
    if not isinstance(values, Category | Number):
        raise InputError(
            f"Column {chosen.name!r} is text with too many different values to colour by.",
            expected="a column of categories or numbers",
            remedy="Search in it, or colour by another column.",
        )
    begin, count = _part(asked, found.rows)
    header = _header("column", chosen.generation, found.rows, begin, count)
    header |= {"column": chosen.description(library.cache)}

    def arrays() -> dict[str, NDArray[Any]]:
        rows = library.order(found.rows)[begin : begin + count]
        if isinstance(values, Category):
            return {"codes": values.codes[rows]}
        with np.errstate(over="ignore"):
            return {"values": values.values[rows].astype(np.float32)}

    return as_arrays(found.key, header, arrays)


def _part(asked: Asked, total: int) -> tuple[int, int]:
    """Which places are asked for; all from the first one on unless the request says otherwise."""
    begin = asked.number("from", 0, total, 0)
    count = asked.number("count", 0, 1 << 53, total)
    return begin, min(count, total - begin, MOST_PLACES)


def _header(kind: str, generation: str, total: int, begin: int, count: int) -> dict[str, Any]:
    return {"kind": kind, "generation": generation, "total": total, "from": begin, "count": count}
