"""The route that tells all that is known of a few samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from embedding_lab.board.dashboard.answers import Answer, as_json
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.columns import MISSING, Category, Number, Values
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.places import set_of

MOST_SAMPLES = 500


def samples(library: Library, asked: Asked) -> Answer:
    """Ids and values of some rows."""
    found = set_of(library, asked)
    rows = asked.few_rows("rows", found.rows, MOST_SAMPLES)
    columns = {
        each.name: cells(each.values(library.cache), rows)
        for each in found.all_columns(asked.optional_text("map"))
        if each.name != "id"
    }
    ids = ids_at(library.ids(found), rows)
    return as_json(
        [
            {"row": row, "id": ids[at], "values": {name: column[at] for name, column in columns.items()}}
            for at, row in enumerate(rows)
        ]
    )


def ids_at(ids: pa.Array, rows: ArrayLike) -> list[str]:
    """The ids of some rows, out of all of them."""
    texts: list[str] = ids.take(pa.array(np.asarray(rows, np.int64))).to_pylist()
    return texts


def cells(values: Values, rows: Sequence[int]) -> list[Any]:
    """The values of some rows as JSON holds them; None where one is missing."""
    at = np.asarray(rows, np.int64)
    if isinstance(values, Category):
        return [None if code == MISSING else values.names[code] for code in values.codes[at].tolist()]
    if isinstance(values, Number):
        return [_number(value) for value in values.values[at]]
    return [each.as_py() for each in (values.texts[row] for row in rows)]


def _number(value: np.floating[Any]) -> float | str | None:
    """A number in as many digits as it was stored with; what JSON has no number for, as text."""
    if math.isnan(value):
        return None
    return float(str(value)) if math.isfinite(value) else str(value)
