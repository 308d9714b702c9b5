"""One file that holds the page and all it would ask for: a run to send to a colleague, opened from disk.

The answers of the routes are laid into the page under the addresses that they would be asked at. The page then
looks them up (`frontend/src/data/embedded.ts`), and has no server to ask.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from werkzeug.wrappers import Request

from embedding_lab.board import wire
from embedding_lab.board.dashboard import annotating, pages, places
from embedding_lab.board.dashboard.answers import BINARY, JSON, Answer
from embedding_lab.board.dashboard.asked import STATIC as STATIC_STEP
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.columns import Text
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.overview import overview
from embedding_lab.board.dashboard.sample_set import SampleSet
from embedding_lab.errors import DataMissing, InputError

MOST_ROWS = 100_000
"""A page that holds more opens slowly, and nobody can send it."""

NEIGHBOURS = 10
ELEMENT = "embedding-lab-data"

Near = Callable[[str, int | None, int], tuple[NDArray[np.int32], NDArray[np.float32]]]
"""Gives the nearest neighbours of every sample of a layer at a step, and their distances, each of shape (n, k)."""


def embedded_page(library: Library, run: str, layers: list[str] | None, near: Near, static: Path) -> str:
    """The page with a run in it, at the newest step of each layer.

    Args:
        library: the log directory.
        run: the run's name.
        layers: the layers' names; all when left out.
        near: gives neighbours.
        static: the folder of the built page.

    Returns:
        An HTML document that asks for nothing from anywhere.

    Raises:
        DataMissing: the page was not built, or the run has none of these layers.
        InputError: there are too many samples.
    """
    script = static / "index.js"
    if not script.is_file():
        raise DataMissing("The dashboard's page was not built.", remedy="Install embedding-lab from a wheel.")
    shown = _overview(library, run, layers)
    answers = {
        "overview": _as_text(JSON, json.dumps(shown).encode()),
        _key("annotations", {"run": run}): _asked(annotating.said_of, library, {"run": run}),
    }
    for layer in shown["runs"][0]["layers"]:
        (step,) = layer["steps"]
        answers.update(_answers(library, library.set(run, layer["name"], step["step"]), near))
    data = json.dumps(answers, ensure_ascii=True).replace("<", "\\u003c")
    module = script.read_text("utf-8").replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return _PAGE.format(policy=_POLICY, element=ELEMENT, data=data, module=module)


_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src data: blob:"
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


def _overview(library: Library, run: str, layers: list[str] | None) -> dict[str, Any]:
    """The overview of one run, without what only a server can do and without this machine's paths."""
    whole = overview(library, None)
    library.logdir.run(run)
    (found,) = (each for each in whole["runs"] if each["name"] == run)
    kept = [
        {**layer, "steps": layer["steps"][-1:]}
        for layer in found["layers"]
        if layers is None or layer["name"] in layers
    ]
    missing = sorted(set(layers or ()) - {layer["name"] for layer in kept})
    if missing or not kept:
        raise DataMissing(
            f"Run {run!r} has no layer {missing[0]!r}." if missing else f"Run {run!r} holds nothing to show.",
            expected=", ".join(layer["name"] for layer in found["layers"]),
        )
    rows = max(layer["steps"][0]["rows"] for layer in kept)
    if rows > MOST_ROWS:
        raise InputError(
            "There are too many samples for one file.",
            got=f"{rows:,}",
            expected=f"{MOST_ROWS:,} at most",
            remedy="Log a fair sample of them, or let your colleague open the log directory.",
        )
    return {**whole, "logdir": whole["title"], "runs": [{**found, "layers": kept, "selections": []}]}


def _answers(library: Library, found: SampleSet, near: Near) -> Iterator[tuple[str, Mapping[str, str]]]:
    """What the page may ask about a set: address and answer."""
    step = STATIC_STEP if found.step is None else found.step
    which = {"run": found.run, "layer": found.layer, "step": step}

    def ask(route: str, handler: Callable[[Library, Asked], Answer], **more: Any) -> tuple[str, Mapping[str, str]]:
        return _key(route, {**which, **more}), _asked(handler, library, {**which, **more})

    yield ask("order", places.order)
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
