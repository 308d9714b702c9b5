"""The overview: every run, layer, step and map there is, and what cannot be shown and why. The page polls it."""

from __future__ import annotations

import time
from typing import Any

from embedding_lab import __version__
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.measuring import unmeasured
from embedding_lab.board.dashboard.sample_set import Map, Problem, SampleSet
from embedding_lab.embeddings.open_runs import last_written
from embedding_lab.embeddings.places import shown
from embedding_lab.embeddings.run import Run
from embedding_lab.errors import LabError

FORMING_SECONDS = 60.0
"""A map that another program makes is put in place more often than this while it forms."""


def overview(library: Library, token: str | None) -> dict[str, Any]:
    """What the page shows first.

    Args:
        library: the log directory.
        token: what allows to change things; None where nothing may be changed.
    """
    runs = [_run(library, name, run) for name, run in library.logdir.runs.items()]
    return {
        "version": __version__,
        "title": library.logdir.path.name,
        "logdir": shown(library.logdir.path),
        "writable": token is not None,
        "token": token,
        "computing": library.jobs is not None and token is not None,
        "runs": runs,
        "problems": [],
    }


def _run(library: Library, name: str, run: Run) -> dict[str, Any]:
    problems: list[dict[str, str]] = []
    layers = [
        {"name": layer, "steps": steps}
        for layer in _tried(lambda: run.layers, problems)
        if (steps := _steps(library, name, run, layer, problems))
    ]
    layers += _foreign(library, name, {each["name"] for each in layers}, problems)
    selections = _tried(lambda: run.selections, problems)
    return {
        "name": name,
        "written": last_written(run) / 1e9,
        "problems": problems,
        "layers": layers,
        "selections": selections,
        "annotations": run.annotations_bytes,
    }


def _steps(
    library: Library, name: str, run: Run, layer: str, problems: list[dict[str, str]]
) -> list[dict[str, Any]]:
    found = []
    for step in _tried(lambda: run.steps(layer), problems):
        try:
            found.append(told_of(library, library.set(name, layer, step)))
        except LabError as error:
            problems.append(problem_of(error))
    return found


def _foreign(library: Library, name: str, taken: set[str], problems: list[dict[str, str]]) -> list[dict[str, Any]]:
    """What others wrote for the stock Projector, with the doctor's words on what is wrong with it."""
    foreign = library.foreign(name)
    if foreign is None:
        return []
    layers = []
    for layer in foreign.entries:
        if layer not in taken:
            try:
                layers.append({"name": layer, "steps": [told_of(library, library.set(name, layer, None))]})
            except (LabError, OSError) as error:
                problems.append(problem_of(error))
    said = library.cache.get(("problems", foreign.signature()), foreign.problems, lambda made: 1000 * len(made))
    problems += [problem_of(each) for each in said]
    return layers


def told_of(library: Library, found: SampleSet) -> dict[str, Any]:
    """What the overview says of a layer at a step."""
    return {
        "step": found.step,
        "rows": found.rows,
        "dims": found.dims,
        **found.facts,
        "maps": [
            {
                "name": each.name,
                "dims": each.dims,
                "generation": each.generation,
                **each.facts,
                "state": _state(library, found, each),
                "unmeasured": unmeasured(library, found, each),
            }
            for each in found.maps.values()
        ],
        "pictures": None if found.pictures is None else found.pictures.facts,
    }


def _state(library: Library, found: SampleSet, shown: Map) -> str:
    """What a map is. One that was left half-made says that it is forming; nobody may be at work at it any more.

    Of another program nobody knows: a large map may take longer, so the page says that it may be stopped.
    """
    state = str(shown.facts["state"])
    if state != "forming":
        return state
    made = (found.run, found.layer, found.step, shown.name)
    jobs = [] if library.jobs is None else library.jobs.all()
    ours = [each["state"] for each in jobs if (each["run"], each["layer"], each["step"], each["map"]) == made]
    at_work = ours[-1] in ("queued", "running") if ours else time.time() - shown.published < FORMING_SECONDS
    return state if at_work else "stopped"


def _tried(ask: Any, problems: list[dict[str, str]]) -> list[Any]:
    try:
        return list(ask())
    except (LabError, OSError) as error:
        problems.append(problem_of(error))
        return []


def problem_of(error: Exception | Problem) -> dict[str, str]:
    """An error as the page shows it."""
    if isinstance(error, LabError | Problem):
        return {part: str(getattr(error, part)) for part in ("happened", "got", "expected", "remedy")}
    return {"happened": str(error), "got": "", "expected": "", "remedy": "Reload the page."}
