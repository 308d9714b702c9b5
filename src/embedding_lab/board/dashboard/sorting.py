"""The route that sorts samples by a column: the page shows a selection a page at a time, and sorts all of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedding_lab.board.dashboard.answers import Answer
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.columns import MISSING, Category, Number, Values
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.places import set_of
from embedding_lab.board.dashboard.search import as_rows

DIRECTIONS = ("ascending", "descending")


def sort(library: Library, asked: Asked) -> Answer:
    """Some rows in the order of a column; equal ones in their own, and those without a value last."""
    found = set_of(library, asked.part("set"))
    rows = asked.rows("rows", found.rows)
    by, shown = asked.text("by"), asked.optional_text("map")
    direction = asked.one_of("direction", DIRECTIONS, DIRECTIONS[0])
    keys = _keys(found.column(by, shown).values(library.cache), rows)
    order = np.argsort(keys if direction == DIRECTIONS[0] else -keys, kind="stable")
    return as_rows(found, rows[order].astype(np.uint32))


def _keys(values: Values, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """A number for each of some rows, in the order of their values; NaN, which sorts last, where there is none."""
    if isinstance(values, Number):
        return values.values[rows].astype(np.float64)
    if isinstance(values, Category):
        codes = values.codes[rows]
        return np.where(codes == MISSING, np.nan, codes)
    texts = values.texts.take(pa.array(rows))
    ranks = np.asarray(pc.rank(texts, tiebreaker="dense"), np.float64)
    return np.where(np.asarray(pc.is_null(texts)), np.nan, ranks)
