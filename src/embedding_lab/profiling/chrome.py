"""Writes a timeline as a Chrome trace, which ui.perfetto.dev and chrome://tracing open."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import Any

from embedding_lab.profiling.timeline import Track


def chrome_trace(tracks: Sequence[Track], name: str) -> bytes:
    """The gzipped JSON of the tracks; times in it are microseconds, as the format says.

    Args:
        tracks: every device becomes a process, every track a thread of it.
        name: what was traced.
    """
    events: list[dict[str, Any]] = []
    devices = list(dict.fromkeys(track.device for track in tracks))
    for process, device in enumerate(devices):
        events.append(_named("process_name", f"{device}: {name}", process, 0))
    for thread, track in enumerate(tracks):
        process = devices.index(track.device)
        events.append(_named("thread_name", track.name, process, thread))
        for each in track.events:
            layer = {"layer": each.layer} if each.layer else {}
            events.append(
                {
                    "ph": "X",
                    "name": each.name,
                    "cat": each.kind,
                    "ts": round(each.start_ns / 1000, 4),
                    "dur": round(each.duration_ns / 1000, 4),
                    "pid": process,
                    "tid": thread,
                    "args": {**layer, **each.details},
                }
            )
    content = {"displayTimeUnit": "ms", "traceEvents": events}
    return gzip.compress(json.dumps(content, default=str, separators=(",", ":")).encode(), compresslevel=6, mtime=0)


def _named(what: str, name: str, process: int, thread: int) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}}
