"""Writes one event file of TensorBoard, whole record by whole record, so that a kill leaves it readable.

TensorBoard's own writers hand records to a thread, which a kill outruns. Here a record is on its way to the disk
when `write` returns, and a checkpoint made after it never knows of a step that the event files lack. What they hold
of later steps is taken away when the training goes on from the checkpoint, so that no reader finds a point twice.
"""

from __future__ import annotations

import os
import platform
import re
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter

from embedding_lab.embeddings.files import discard, storage_errors

ENDING = ".lab"
"""Of our own files, the only ones that are ever cut."""


class EventFile:
    """A new event file in a folder, which supersedes what older ones of ours there say of the same steps.

    Args:
        folder: the TensorBoard run; made where it does not exist.
        first_step: the first step to come. What older files hold of this step and later ones comes from a training
            that was killed or is begun anew; it is cut off, and a TensorBoard that has read it already forgets it.

    Raises:
        StorageError: the disk is full, read-only, or refuses.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        self._path = folder / _next_name(folder)
        with storage_errors(self._path):
            folder.mkdir(parents=True, exist_ok=True)
            for older in folder.glob(f"*tfevents*{ENDING}"):
                _cut(older, first_step)
            self._file = self._path.open("xb")
        self._records = RecordWriter(self._file)
        self._write(Event(file_version="brain.Event:2"))
        self._write(Event(step=first_step, session_log=SessionLog(status=SessionLog.START)))

    def write(self, summary: Any, step: int) -> None:
        """Writes a Summary message."""
        self._write(Event(step=step, summary=summary))

    def write_graph(self, graph: bytes) -> None:
        """Writes a serialised GraphDef."""
        self._write(Event(graph_def=graph))

    def close(self) -> None:
        """Ends the file."""
        self._file.close()

    def _write(self, event: Any) -> None:
        event.wall_time = time.time()
        with storage_errors(self._path):
            self._records.write(event.SerializeToString())
            self._file.flush()


def has_events(folder: Path) -> bool:
    """Whether a folder holds an event file."""
    return any("tfevents" in each.name for each in folder.glob("*"))


def _next_name(folder: Path) -> str:
    """A name that sorts behind all others: TensorBoard reads the files of a run in the order of their names."""
    times = [int(match[1]) for each in folder.glob("*") if (match := re.search(r"tfevents\.(\d{10})", each.name))]
    moment = max([int(time.time()), *(each + 1 for each in times)])
    return f"events.out.tfevents.{moment}.{platform.node()}.{os.getpid()}{ENDING}"


def _cut(path: Path, first_step: int) -> None:
    """Cuts a file off before its first event of this step or a later one, and where a kill left half a record."""
    end, told = 0, False
    for event, event_end in _events(path.read_bytes()):
        if not event.file_version:
            if event.step >= first_step:
                break
            told = True
        end = event_end
    if told:
        os.truncate(path, end)
    else:  # nothing is left of it
        discard(path)


def _events(content: bytes) -> Iterator[tuple[Any, int]]:
    """The whole events of a file, each with where it ends. A record is length, checksum, event, checksum."""
    start = 0
    while start + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, start)
        end = start + 12 + length + 4
        if end > len(content):
            return
        yield Event.FromString(content[start + 12 : end - 4]), end
        start = end
