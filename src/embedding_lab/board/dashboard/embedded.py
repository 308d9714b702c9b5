"""One file that holds the page and all it would ask for: a run to send to a colleague, opened from disk.

The answers of the routes are laid into the page under the addresses that they would be asked at. The page then
looks them up (`frontend/src/data/embedded.ts`), and has no server to ask.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from werkzeug.wrappers import Request

from embedding_lab.board import wire
from embedding_lab.board.dashboard import annotating, pages, places, selections
from embedding_lab.board.dashboard.answers import BINARY, JSON, Answer
from embedding_lab.board.dashboard.asked import STATIC as STATIC_STEP
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.columns import Text
from embedding_lab.board.dashboard.embedded_files import EmbeddedFiles
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.measuring import why_not
from embedding_lab.board.dashboard.overview import overview, told_of
from embedding_lab.board.dashboard.sample_set import Map, SampleSet
from embedding_lab.errors import DataMissing, InputError

MOST_ROWS = 500_000
"""Of all layers and steps together: a page that holds more opens slowly, and nobody can send it."""

FEW_ROWS = 200_000
"""Up to so many, all steps go into the file without being asked for."""

NEIGHBOURS = 10
ELEMENT = "embedding-lab-data"

Steps = Sequence[int] | Literal["all", "newest"] | None
Near = Callable[[str, int | None, int], tuple[NDArray[np.int32], NDArray[np.float32]]]
"""Gives the nearest neighbours of every sample of a layer at a step, and their distances, each of shape (n, k)."""

Measure = Callable[[SampleSet, Map], None]
"""Measures a map that has no measures, and puts them where the library finds them, unless that cannot be."""


@dataclass(frozen=True)
class EmbeddedPage:
    """The page with a run in it.

    Attributes:
        text: an HTML document that asks for nothing from anywhere.
        notes: what of the run is not in it, in words.
    """

    text: str
    notes: tuple[str, ...]


def embedded_page(
    library: Library,
    run: str,
    layers: Sequence[str] | None,
    steps: Steps,
    near: Near,
    static: Path,
    measure: Measure | None = None,
) -> EmbeddedPage:
    """The page with a run in it.

    Args:
        library: the log directory.
        run: the run's name.
        layers: the layers' names; all when left out.
        steps: the steps, "all" of them, or the "newest" of each layer. None: all where they hold few samples, else
            the newest. A layer without steps is there in any case.
        near: gives neighbours.
        static: the folder of the built page.
        measure: measures maps, since the page has no server that would; they stay as they are when left out.

    Raises:
        DataMissing: the page was not built, or the run has none of these layers or steps.
        InputError: there are too many samples.
    """
    script = static / "index.js"
    if not script.is_file():
        raise DataMissing("The dashboard's page was not built.", remedy="Install embedding-lab from a wheel.")
    shown, notes = _overview(library, run, layers, steps)
    answers, files = _Answers(), EmbeddedFiles()
    answers.put(_key("annotations", {"run": run}), _asked(annotating.said_of, library, {"run": run}))
    for layer in shown["runs"][0]["layers"]:
        for step in layer["steps"]:
            found = library.set(run, layer["name"], step["step"])
            if measure is not None:
                found = _measured(library, found, step, measure)
            for key, answer in _answers(library, found, near):
                answers.put(key, answer)
            for route, query, file, media_type in files.of(found):
                answers.put(_key(route, query), _as_text(media_type, file))
    if problem := files.problem:
        shown["runs"][0]["problems"].append(problem)
        notes += (f"{problem['happened']} {problem['got']}; {problem['expected']}.",)
    answers.put("overview", _as_text(JSON, json.dumps(shown).encode()))
    data = json.dumps(answers.by_key, ensure_ascii=True).replace("<", "\\u003c")
    module = script.read_text("utf-8").replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return EmbeddedPage(_PAGE.format(policy=_POLICY, element=ELEMENT, data=data, module=module), notes)


class _Answers:
    """The answers by their keys; what many steps and layers answer alike lies there once."""

    def __init__(self) -> None:
        self.by_key: dict[str, Mapping[str, str]] = {}
        self._first: dict[bytes, str] = {}

    def put(self, key: str, answer: Mapping[str, str]) -> None:
        content = hashlib.sha256(repr(sorted(answer.items())).encode()).digest()
        first = self._first.setdefault(content, key)
        self.by_key[key] = answer if first == key else {"same": first}


_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "media-src blob:; connect-src data: blob:"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>Embedding Lab</title>
</head>
<body>
<script type="application/json" id="{element}">{data}</script>
<script type="module">
{module}
</script>
</body>
</html>
"""


def _overview(
    library: Library, run: str, layers: Sequence[str] | None, steps: Steps
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The overview of one run, without what only a server can do and this machine's paths; and what is left out."""
    whole = overview(library, None)
    library.logdir.run(run)
    (found,) = (each for each in whole["runs"] if each["name"] == run)
    kept = [layer for layer in found["layers"] if layers is None or layer["name"] in layers]
    missing = sorted(set(layers or ()) - {layer["name"] for layer in kept})
    if missing or not kept:
        raise DataMissing(
            f"Run {run!r} has no layer {missing[0]!r}." if missing else f"Run {run!r} holds nothing to show.",
            expected=", ".join(layer["name"] for layer in found["layers"]),
        )
    chosen, notes = _at_steps(kept, steps)
    rows = _rows(chosen)
    if rows > MOST_ROWS:
        raise InputError(
            "There are too many samples for one file.",
            got=f"{rows:,} in {sum(len(layer['steps']) for layer in chosen)} layers and steps together",
            expected=f"{MOST_ROWS:,} at most",
            remedy="Choose with --layer and --step, log a fair sample, or send the log directory.",
        )
    alone = {**found, "layers": chosen, "problems": [*found["problems"]]}
    return {**whole, "logdir": whole["title"], "runs": [alone]}, notes


def _at_steps(layers: list[dict[str, Any]], steps: Steps) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The layers with the steps that were asked for, and what is said of those that were not."""
    newest = [{**layer, "steps": layer["steps"][-1:]} for layer in layers]
    if steps == "newest":
        return newest, ()
    if steps == "all" or (steps is None and _rows(layers) <= FEW_ROWS):
        return layers, ()
    if steps is None:
        most = max(len(layer["steps"]) for layer in layers)
        told = f"Only the newest of {most:,} steps: all of them hold {_rows(layers):,} samples. Choose with --step."
        return newest, (told,) if most > 1 else ()
    known = {step["step"] for layer in layers for step in layer["steps"]} - {None}
    if unknown := sorted(set(steps) - known):
        raise DataMissing(
            f"There is no step {unknown[0]}.", expected=", ".join(map(str, sorted(known))) or "no steps"
        )
    wanted = {None, *steps}
    at = [{**each, "steps": [step for step in each["steps"] if step["step"] in wanted]} for each in layers]
    return [each for each in at if each["steps"]], ()


def _rows(layers: list[dict[str, Any]]) -> int:
    return sum(step["rows"] for layer in layers for step in layer["steps"])


def _measured(library: Library, found: SampleSet, told: dict[str, Any], measure: Measure) -> SampleSet:
    """The set with measures of all its maps that can have some, and the overview told of them."""
    for each in told["maps"]:
        shown = found.map(each["name"])
        if not shown.measured and each["state"] != "forming" and not why_not(found, shown):
            measure(found, shown)
    found = library.set(found.run, found.layer, found.step)
    told.update(told_of(library, found))
    return found


def _answers(library: Library, found: SampleSet, near: Near) -> Iterator[tuple[str, Mapping[str, str]]]:
    """What the page may ask about a set: address and answer."""
    step = STATIC_STEP if found.step is None else found.step
    which = {"run": found.run, "layer": found.layer, "step": step}

    def ask(route: str, handler: Callable[[Library, Asked], Answer], **more: Any) -> tuple[str, Mapping[str, str]]:
        return _key(route, {**which, **more}), _asked(handler, library, {**which, **more})

    yield ask("order", places.order)
    for name in library.logdir.run(found.run).selections:
        if len(name) <= selections.LONGEST_NAME:
            yield ask("selection", selections.selection, name=name)
    yield ask("columns", places.columns)
    for column in found.columns:
        yield from _column(library, found, column.name, None, ask)
    for shown in found.maps.values():
        yield ask("points", places.points, map=shown.name)
        yield ask("columns", places.columns, map=shown.name)
        for column in shown.columns:
            yield from _column(library, found, column.name, shown.name, ask)
    if found.pictures is not None:
        for page in range(found.pictures.facts["pages"]):
            yield ask("atlas", pages.atlas, level=0, page=page)
    if found.rows > 1:
        rows, distances = near(found.layer, found.step, min(NEIGHBOURS, found.rows - 1))
        header = {"kind": "rows", "generation": "", "total": found.rows, "from": 0, "count": len(rows)}
        arrays = {"rows": rows.astype(np.uint32), "distances": distances.astype(np.float32)}
        yield _key("near", which), _as_text(BINARY, wire.encode(header, arrays))


def _asked(
    handler: Callable[[Library, Asked], Answer], library: Library, query: Mapping[str, Any]
) -> Mapping[str, str]:
    answer = handler(library, Asked(Request({"REQUEST_METHOD": "GET", "QUERY_STRING": urlencode(query)})))
    return _as_text(answer.media_type, answer.body())


def _column(
    library: Library, found: SampleSet, name: str, shown: str | None, ask: Any
) -> Iterator[tuple[str, Mapping[str, str]]]:
    values = found.column(name, shown).values(library.cache)
    more = {"name": name} if shown is None else {"name": name, "map": shown}
    if isinstance(values, Text):
        texts = json.dumps(values.texts.to_pylist()).encode()
        which = {"run": found.run, "layer": found.layer, "step": STATIC_STEP if found.step is None else found.step}
        yield _key("texts", {**which, **more}), _as_text(JSON, texts)
    else:
        yield ask("column", places.column, **more)


def _key(route: str, query: Mapping[str, Any]) -> str:
    """The address as a key that both sides write alike: the parameters by name."""
    named = {name: str(query[name]) for name in sorted(query)}
    return f"{route} {json.dumps(named, ensure_ascii=False, separators=(',', ':'))}"


def _as_text(media_type: str, body: bytes) -> Mapping[str, str]:
    if media_type == JSON:
        return {"type": media_type, "text": body.decode()}
    return {"type": media_type, "base64": base64.b64encode(body).decode()}
