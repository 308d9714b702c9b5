"""Puts a trace into a run: for the Profile tab, for the Graphs tab, for Perfetto, and as numbers."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import platform
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedding_lab.embeddings import create_run
from embedding_lab.embeddings.files import publish_file
from embedding_lab.profiling.chrome import chrome_trace
from embedding_lab.profiling.recorder import Recording
from embedding_lab.profiling.timeline import Track, shortened, shortest_kept_ns
from embedding_lab.profiling.xplane import build_xspace, drop_short_events

PROFILES = "plugins/profile"
TRACES = "plugins/embedding_lab/traces"
NO_XPROF = (
    "The Profile tab needs xprof, which is not installed: "
    'pip install "embedding-lab[tensorflow]", or pip install xprof. The trace is written and will show then.'
)


@dataclass(frozen=True)
class WrittenTrace:
    """Where a trace lies.

    Attributes:
        profile: the file behind the Profile tab.
        chrome: the timeline for Perfetto.
        folder: holds the timeline and the report.
        notes: what to know, the recording's own first.
    """

    profile: Path
    chrome: Path
    folder: Path
    notes: list[str]

    def keep_report(self, report: Mapping[str, Any]) -> None:
        """Puts the numbers beside the timeline."""
        publish_file(self.folder / "report.json", json.dumps(report, indent=1).encode())


def write_trace(run: Path, name: str, recording: Recording, began_ns: int, most_events: int) -> WrittenTrace:
    """Adds a recording to a run; the run and its earlier traces stay as they are.

    Args:
        run: the run's folder.
        name: what was traced.
        recording: what to write.
        began_ns: when the trace began, nanoseconds since 1970.
        most_events: how many events to keep; the longest ones stay.

    Raises:
        StorageError: the disk is full, read-only, or refuses.
    """
    notes = list(recording.notes)
    count = _count(recording.tracks)
    longer_than_ns = shortest_kept_ns(recording.tracks, most_events)
    tracks = shortened(recording.tracks, longer_than_ns) if longer_than_ns >= 0 else recording.tracks
    space = recording.xspace
    host = re.sub(r"[^\w-]+", "-", platform.node()) or "localhost"
    if space is None:
        space = build_xspace(tracks, host, began_ns)
    elif longer_than_ns >= 0:
        drop_short_events(space, longer_than_ns)
    left_out = recording.left_out + count - _count(tracks)
    if left_out:
        notes.append(
            f"The timeline keeps the {most_events:,} longest of {count + recording.left_out:,} events; "
            "the table counts all of them."
        )
    if importlib.util.find_spec("xprof") is None:
        notes.append(NO_XPROF)

    session = _new_session(run)
    profile, folder = run / PROFILES / session / f"{host}.xplane.pb", run / TRACES / session
    publish_file(profile, space.SerializeToString())
    publish_file(folder / "trace.json.gz", chrome_trace(tracks, name))
    create_run(run)
    if recording.graph is not None:
        _write_graph(run, recording.graph)
    return WrittenTrace(profile, folder / "trace.json.gz", folder, notes)


def _count(tracks: Sequence[Track]) -> int:
    """How many events there are, steps not counted."""
    return sum(event.kind != "step" for track in tracks for event in track.events)


def _new_session(run: Path) -> str:
    """The time, in the form of the Profile tab; a trace within the same second is another session."""
    now = time.strftime("%Y_%m_%d_%H_%M_%S")
    session, taken = now, 1
    while (run / PROFILES / session).exists() or (run / TRACES / session).exists():
        taken += 1
        session = f"{now}_{taken}"
    return session


def _write_graph(run: Path, graph: bytes) -> None:
    """An event file of its own that holds the graph, as TensorBoard's Graphs tab reads it."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    content = io.BytesIO()
    writer = RecordWriter(content)
    now = time.time()
    writer.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
    writer.write(Event(wall_time=now, graph_def=graph).SerializeToString())
    name = f"events.out.tfevents.{time.time_ns()}.{platform.node()}.{os.getpid()}.graph"
    publish_file(run / name, content.getvalue())
