"""The route that finds samples: by text, by a regular expression, or by a filter over all columns."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedding_lab.board.dashboard.answers import Answer, as_arrays
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.columns import Number, Values
from embedding_lab.board.dashboard.filter_language import WrongFilter, parse
from embedding_lab.board.dashboard.filters import Filter, by_names, contains
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.places import set_of
from embedding_lab.board.dashboard.sample_set import SampleSet
from embedding_lab.errors import InputError

MODES = ("text", "regex", "filter")


def search(library: Library, asked: Asked) -> Answer:
    """The rows that match, ascending, all of them."""
    found = set_of(library, asked)
    mode, query = asked.one_of("mode", MODES, "text"), asked.text("query")
    shown = asked.optional_text("map")
    rows = np.flatnonzero(matching(library, found, mode, query, shown)).astype(np.uint32)
    return as_rows(found, rows)


def as_rows(found: SampleSet, rows: NDArray[np.uint32]) -> Answer:
    """Rows of a set; they are their own tag."""
    header = {
        "kind": "rows",
        "generation": str(found.facts["generation"]),
        "total": found.rows,
        "from": 0,
        "count": len(rows),
    }
    return as_arrays(hashlib.sha256(rows.tobytes()).hexdigest(), header, lambda: {"rows": rows})


def matching(
    library: Library, found: SampleSet, mode: str, query: str, shown: str | None = None
) -> NDArray[np.bool_]:
    """Whether each sample matches, shape (n,).

    Args:
        library: keeps the columns.
        found: the samples.
        mode: one of `MODES`.
        query: what is searched for.
        shown: the map whose measures count as columns too.

    Raises:
        InputError: the regular expression or the filter cannot be read.
    """
    columns = {each.name: each for each in found.all_columns(shown)}

    def values(name: str) -> Values:
        return columns[name].values(library.cache)

    if mode == "filter":
        return Filter(list(columns), values).mask(parse(query))
    if not query:
        return np.zeros(found.rows, bool)
    matches = _regex(query) if mode == "regex" else _text(query)
    whole = np.zeros(found.rows, bool)
    for name in columns:
        whole |= matches(values(name))
    return whole


def _text(query: str) -> Any:
    try:
        number = float(query)
    except ValueError:
        number = np.nan

    def matches(values: Values) -> NDArray[np.bool_]:
        return values.values == number if isinstance(values, Number) else contains(values, query)

    return matches


def _regex(query: str) -> Any:
    """By Arrow's RE2, whose time grows with the text alone, whatever the expression.

    A number matches as a whole: parts of it, a 7 somewhere in a loss, mean nothing.
    """
    whole = f"^(?:{query})$"
    try:
        for each in (query, whole):
            pc.match_substring_regex(pa.array([""]), each, ignore_case=True)
    except pa.ArrowException as error:
        raise _wrong_regex(query) from error

    def matches(values: Values) -> NDArray[np.bool_]:
        if isinstance(values, Number):
            known: NDArray[np.bool_] = ~np.isnan(values.values)
            texts = pc.cast(pa.array(values.values), pa.string())
            found: NDArray[np.bool_] = np.asarray(pc.match_substring_regex(texts, whole, ignore_case=True))
            return known & found
        return by_names(values, lambda texts: pc.match_substring_regex(texts, query, ignore_case=True))

    return matches


def _wrong_regex(query: str) -> InputError:
    """Why an expression is none, in Python's words where it agrees, since those say the position."""
    try:
        re.compile(query)
    except re.error as error:
        return WrongFilter(
            "The regular expression cannot be read.",
            error.pos or 0,
            got=f"{error.msg} at position {(error.pos or 0) + 1}",
        )
    except (RecursionError, OverflowError):
        pass
    return InputError(
        "The regular expression cannot be used.",
        got=query[:200],
        expected="RE2's syntax: no references back, no looking around",
    )
