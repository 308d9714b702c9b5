"""The routes of maps that are made on demand; who makes them stands behind an interface."""

from __future__ import annotations

import math

from embedding_lab.board.dashboard.answers import Answer, Refused, as_json
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.computing import Jobs, WantedMap
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.places import set_of
from embedding_lab.errors import InputError

MOST_PARAMETERS = 20
FEWEST_ROWS = 3


def jobs(library: Library, asked: Asked) -> Answer:
    """All jobs and how far they are."""
    return as_json([] if library.jobs is None else library.jobs.all())


def start(library: Library, asked: Asked) -> Answer:
    """Begins to make a map."""
    found = set_of(library, asked.part("set"))
    rows = None
    if asked.has("rows"):
        rows = tuple(asked.rows("rows", found.rows).tolist())
        if len(rows) < FEWEST_ROWS:
            raise InputError("A map needs more samples.", got=f"{len(rows)}", expected=f"{FEWEST_ROWS} or more")
    wanted = WantedMap(
        found.run,
        found.layer,
        found.step,
        asked.text("method", longest=40),
        asked.number("dims", 2, 3, 3),
        _parameters(asked),
        rows,
    )
    return as_json({"id": _jobs(library).start(wanted)})


def cancel(library: Library, asked: Asked) -> Answer:
    """Ends a job."""
    _jobs(library).cancel(asked.text("id", longest=100))
    return as_json({})


def _jobs(library: Library) -> Jobs:
    if library.jobs is None:
        raise Refused("This dashboard makes no maps.", remedy="Open it with `embedding-lab serve`.")
    return library.jobs


def _parameters(asked: Asked) -> dict[str, float | str | bool]:
    """A method's parameters: few, and each a number or a word."""
    given = asked.plain("parameters")
    if len(given) > MOST_PARAMETERS:
        raise InputError(
            "There are too many parameters.", got=f"{len(given)}", expected=f"{MOST_PARAMETERS} at most"
        )
    for name, value in given.items():
        if isinstance(value, str) and len(value) > 100:
            raise InputError(f"Parameter {name[:40]!r} is too long.", expected="a number or a word")
        if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            raise InputError(f"Parameter {name[:40]!r} cannot be used.", got=repr(value)[:80], expected="a number")
    return given
