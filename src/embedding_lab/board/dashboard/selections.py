"""The routes of selections, which are kept with the run by the samples' ids, as Python keeps them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from embedding_lab.board.dashboard.answers import Answer, as_json
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.places import set_of
from embedding_lab.board.dashboard.row_code import encode_rows
from embedding_lab.board.dashboard.sample_set import SampleSet
from embedding_lab.board.dashboard.samples import ids_at
from embedding_lab.errors import InputError

LONGEST_NAME = 200
LONGEST_ID = 1000
MOST_IDS = 2_000_000


def save_selection(library: Library, asked: Asked) -> Answer:
    """Keeps a selection under a name; a later one of that name takes its place."""
    run = library.logdir.run(asked.text("run"))
    name = asked.text("name", longest=LONGEST_NAME).strip()
    if not name:
        raise InputError("A selection needs a name.", expected="a name of at least one character")
    if asked.has("set"):
        found = set_of(library, asked.part("set"))
        ids = ids_at(library.ids(found), asked.rows("rows", found.rows, MOST_IDS))
    else:
        ids = checked_ids(asked, MOST_IDS)
    run.save_selection(name, ids)
    return as_json({"name": name, "count": len(ids)})


def remove_selection(library: Library, asked: Asked) -> Answer:
    """Takes the selection of a name away."""
    name = asked.text("name", longest=LONGEST_NAME)
    library.logdir.run(asked.text("run")).remove_selection(name)
    return as_json({"name": name})


def selection(library: Library, asked: Asked) -> Answer:
    """A selection by its name: the rows of it in a set, and how many ids the set does not know."""
    run = library.logdir.run(asked.text("run"))
    name = asked.text("name", longest=LONGEST_NAME)
    ids = run.selection(name)
    return as_json({"name": name, **_found(library, set_of(library, asked), ids)})


def rows_of(library: Library, asked: Asked) -> Answer:
    """The rows of some ids in a set, and how many the set does not know."""
    found = set_of(library, asked.part("set"))
    return as_json(_found(library, found, checked_ids(asked, MOST_IDS)))


def ids_of_rows(library: Library, asked: Asked) -> Answer:
    """The ids of some rows of a set."""
    found = set_of(library, asked.part("set"))
    return as_json(ids_at(library.ids(found), asked.rows("rows", found.rows, MOST_IDS)))


def _found(library: Library, found: SampleSet, ids: list[str]) -> dict[str, Any]:
    at = pc.index_in(pa.array(ids, pa.string()), value_set=library.ids(found))
    return {"rows": encode_rows(at.drop_null()), "unknown": at.null_count}


def checked_ids(asked: Asked, most: int) -> list[str]:
    """The ids that a request names.

    Raises:
        InputError: there are none or too many, or one is no id.
    """
    ids = asked.texts("ids", most)
    if not ids:
        raise InputError("The request names no samples.", expected="at least one id")
    for each in ids:
        if not 0 < len(each) <= LONGEST_ID or "\0" in each:
            raise InputError(
                "That is no sample's id.", got=repr(each[:80]), expected=f"text of 1 to {LONGEST_ID:,} characters"
            )
    return ids
