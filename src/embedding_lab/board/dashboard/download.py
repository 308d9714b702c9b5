"""The route that gives samples to take away: ids, columns and places on a map, as CSV or Parquet."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from embedding_lab.board.dashboard.answers import Answer
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.columns import MISSING, Category, Number, Values
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.places import set_of
from embedding_lab.board.dashboard.sample_set import SampleSet
from embedding_lab.errors import InputError

MOST_ROWS = 1_000_000
FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
AXES = ("x", "y", "z")


def download(library: Library, asked: Asked) -> Answer:
    """Some rows, or all, in a file."""
    found = set_of(library, asked.part("set"))
    shown = asked.optional_text("map")
    form = asked.one_of("format", tuple(FORMATS), "csv")
    if asked.has("rows"):
        rows = asked.rows("rows", found.rows, MOST_ROWS)
    elif found.rows <= MOST_ROWS:
        rows = np.arange(found.rows)
    else:
        raise InputError(
            "That is more than one file should hold.",
            got=f"{found.rows:,} samples",
            expected=f"{MOST_ROWS:,} at most",
            remedy="Select some of them, or read all in Python: lab.open_run(…).embeddings(…).",
        )
    table = _table(library, found, shown, rows)
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{found.run}-{found.layer}{f'-{shown}' if shown else ''}")[:100]
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Answer(lambda: _file(table, form), FORMATS[form], headers=headers)


def _table(library: Library, found: SampleSet, shown: str | None, rows: Any) -> pa.Table:
    columns: dict[str, Any] = {"id": library.ids(found).take(pa.array(rows))}
    for each in found.all_columns(shown):
        if each.name != "id":
            columns[each.name] = _taken(each.values(library.cache), rows)
    if shown is not None:
        on_map = found.map(shown)
        points = np.asarray(library.points(on_map)[rows], np.float32)
        for axis in range(on_map.dims):
            columns[_free(AXES[axis], columns)] = pa.array(points[:, axis], from_pandas=True)
    return pa.table(columns)


def _taken(values: Values, rows: Any) -> pa.Array:
    if isinstance(values, Category):
        codes = values.codes[rows]
        return pa.DictionaryArray.from_arrays(
            pa.array(codes, pa.int32(), mask=codes == MISSING), pa.array(values.names, pa.string())
        ).cast(pa.string())
    if isinstance(values, Number):
        return pa.array(values.values[rows], from_pandas=True)
    return values.texts.take(pa.array(rows))


def _free(name: str, taken: dict[str, Any]) -> str:
    while name in taken:
        name += "_map"
    return name


def _file(table: pa.Table, form: str) -> bytes:
    file = io.BytesIO()
    if form == "parquet":
        pq.write_table(table, file, compression="zstd")
    else:
        pyarrow.csv.write_csv(table, file)
    return file.getvalue()
