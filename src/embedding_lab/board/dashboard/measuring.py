"""Has maps measured in the background that are shown without measures; says how far that is, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedding_lab.board.dashboard.answers import Answer, as_json
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.computing import WantedMeasures
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.measured import measures_wanted
from embedding_lab.board.dashboard.places import set_of
from embedding_lab.board.dashboard.sample_set import Map, SampleSet

FEWEST_ROWS = 21
"""A neighbourhood of ten is one where it is less than half of the samples."""


def measure(library: Library, asked: Asked) -> Answer:
    """Begins to measure a map that has no measures; they are kept with the run."""
    return _begun(library, asked, keep=True)


def measure_aside(library: Library, asked: Asked) -> Answer:
    """The same for whoever may change nothing: the measures are there while this server runs."""
    return _begun(library, asked, keep=False)


def why_not(found: SampleSet, shown: Map) -> str:
    """Why a map cannot be measured, to go on after "Not measured:"; empty where it can."""
    return f"neighbourhoods take {FEWEST_ROWS} samples or more." if found.rows < FEWEST_ROWS else shown.unmeasurable


def unmeasured(library: Library, found: SampleSet, shown: Map) -> Mapping[str, Any] | None:
    """Why a map has no measures; None where it has some.

    Returns:
        `state`: "wanted" where nobody has begun, that of a job, or "impossible"; `message`: why it failed, or
        cannot be, to go on after "Not measured:"; `stage`, and `done` of `total` of that, total None where nobody
        knows.
    """
    if shown.measured:
        return None
    why = why_not(found, shown)
    if library.jobs is None:
        return _said("impossible", why or "`embedding-lab serve` does it when its page shows this map.")
    if why:
        return _said("impossible", why)
    return library.jobs.measuring(_wanted(found, shown)) or _said("wanted")


def _begun(library: Library, asked: Asked, keep: bool) -> Answer:
    found = set_of(library, asked.part("set"))
    shown = found.maps.get(asked.text("map"))  # the first one is gone when another has come meanwhile
    why = None if shown is None else unmeasured(library, found, shown)
    if shown is not None and why is not None and why["state"] == "wanted":
        assert library.jobs is not None
        library.jobs.measure(_wanted(found, shown), keep=keep)
    return as_json({})


def _wanted(found: SampleSet, shown: Map) -> WantedMeasures:
    return WantedMeasures(found.run, found.layer, found.step, measures_wanted(found, shown))


def _said(state: str, message: str = "") -> Mapping[str, Any]:
    return {"state": state, "message": message, "stage": "", "done": 0, "total": None}
