"""The event file without which TensorBoard does not list a folder as a run."""

from __future__ import annotations

import io
import os
import platform
import time

from embedding_lab.embeddings.files import Files


def ensure_event_file(files: Files) -> None:
    """Writes an event file without events, where the run's folder holds none.

    Raises:
        StorageError: the disk is full, read-only, or refuses.
    """
    if not any("tfevents" in name for name in files.list("")):
        name = f"events.out.tfevents.{int(time.time())}.{platform.node()}.{os.getpid()}.0"
        files.publish(name, _no_events())


def _no_events() -> bytes:
    # TensorBoard's own EventFileWriter would load TensorFlow where it is installed: nine seconds for forty bytes
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    content = io.BytesIO()
    RecordWriter(content).write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
    return content.getvalue()
