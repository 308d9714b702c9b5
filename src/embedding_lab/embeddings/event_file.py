"""The event file without which TensorBoard does not list a folder as a run."""

from __future__ import annotations

import io
import os
import platform
import time
from pathlib import Path

from embedding_lab.embeddings.files import PARTIAL, publish_file


def ensure_event_file(folder: Path) -> None:
    """Writes an event file without events, where the folder holds none.

    Raises:
        StorageError: the disk is full, read-only, or refuses.
    """
    if not any("tfevents" in each.name and not each.name.endswith(PARTIAL) for each in folder.iterdir()):
        name = f"events.out.tfevents.{int(time.time())}.{platform.node()}.{os.getpid()}.0"
        publish_file(folder / name, _no_events())


def _no_events() -> bytes:
    # TensorBoard's own EventFileWriter would load TensorFlow where it is installed: nine seconds for forty bytes
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    content = io.BytesIO()
    RecordWriter(content).write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
    return content.getvalue()
