"""The event file without which TensorBoard does not list a folder as a run."""

from __future__ import annotations

import os
import platform
import struct
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
    """One record, by hand: TensorBoard's own writers load half of it, and TensorFlow too where it is installed."""
    from tensorboard.compat.proto.event_pb2 import Event

    event: bytes = Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString()
    length = struct.pack("<Q", len(event))
    return length + _checksum(length) + event + _checksum(event)


def _checksum(data: bytes) -> bytes:
    """CRC-32C (RFC 3720, appendix B.4), masked as the format of records wants it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (crc & 1) * 0x82F63B78
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
