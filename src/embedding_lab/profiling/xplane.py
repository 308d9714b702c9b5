"""The file behind TensorBoard's Profile tab (`*.xplane.pb`): its messages, read and written without TensorFlow.

Only the fields used here are declared; whatever else a file holds is kept as it is. The numbers are those of
https://github.com/openxla/xla/blob/main/third_party/tsl/tsl/profiler/protobuf/xplane.proto, which never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from embedding_lab.errors import BrokenFile
from embedding_lab.profiling.timeline import HOST, STEP_NAME, STEP_NUMBER, Track

HOST_PLANE = "/host:CPU"

# message: field, number, type; a type that begins with a capital is another message, * means many of it
_MESSAGES = {
    "XSpace": "planes 1 XPlane*, hostnames 4 string*",
    "XPlane": "id 1 int64, name 2 string, lines 3 XLine*, event_metadata 4 EventEntry*, stat_metadata 5 StatEntry*",
    "EventEntry": "key 1 int64, value 2 XEventMetadata",
    "StatEntry": "key 1 int64, value 2 XStatMetadata",
    "XLine": "id 1 int64, name 2 string, timestamp_ns 3 int64, events 4 XEvent*, display_name 11 string",
    "XEvent": "metadata_id 1 int64, offset_ps 2 int64, duration_ps 3 int64, stats 4 XStat*",
    "XEventMetadata": "id 1 int64, name 2 string, display_name 4 string, stats 5 XStat*",
    "XStatMetadata": "id 1 int64, name 2 string",
    "XStat": "metadata_id 1 int64, double_value 2 double, uint64_value 3 uint64, int64_value 4 int64, "
    "str_value 5 string, bytes_value 6 bytes, ref_value 7 uint64",
}
_VALUES = ("double_value", "uint64_value", "int64_value", "str_value", "bytes_value", "ref_value")


def read_xspace(data: bytes) -> Any:
    """The XSpace message in the bytes of a file.

    Raises:
        BrokenFile: they hold none.
    """
    space = _message("XSpace")()
    try:
        space.ParseFromString(data)
    except Exception as error:  # each protobuf runtime has its own DecodeError
        raise BrokenFile("A profile cannot be read.", got=str(error), expected="an XSpace message") from error
    return space


def stats_of(message: Any, names: Mapping[int, str]) -> dict[str, Any]:
    """The statistics of an event or of its metadata, by name.

    Args:
        message: what bears them.
        names: the plane's names of statistics; a value may refer to one of them.
    """
    found: dict[str, Any] = {}
    for stat in message.stats:
        # a value of its own presence: the field that is set, 0 included
        kind = stat.WhichOneof("value")
        value: Any = getattr(stat, kind) if kind else None
        found[names.get(stat.metadata_id, "")] = names.get(value, "") if kind == "ref_value" else value
    return found


def drop_short_events(space: Any, longer_than_ns: float) -> None:
    """Takes the events away that take no longer, except steps and what a program tells about itself."""
    for plane in space.planes:
        numbers = {entry.key for entry in plane.stat_metadata if entry.value.name == STEP_NUMBER}
        for line in plane.lines:
            kept = [
                event
                for event in line.events
                if event.duration_ps > longer_than_ns * 1000
                or any(stat.metadata_id in numbers for stat in event.stats)
            ]
            del line.events[:]
            line.events.extend(kept)


def forget_loops(space: Any) -> None:
    """Takes the numbers of loop iterations away: the Profile tab would take those for the steps, not ours.

    Any recurrent layer has such a loop.
    """
    for plane in space.planes:
        loops = {entry.key for entry in plane.stat_metadata if entry.value.name == "iter_num"}
        for event in (event for line in plane.lines for event in line.events if loops):
            for at in [at for at, stat in enumerate(event.stats) if stat.metadata_id in loops]:
                del event.stats[at]


def build_xspace(tracks: Sequence[Track], host: str, began_ns: int) -> Any:
    """An XSpace message of the tracks, for profilers that write none of their own.

    Args:
        tracks: what to write; every device becomes a plane.
        host: the machine's name.
        began_ns: when the trace began, nanoseconds since 1970.
    """
    space = _message("XSpace")()
    space.hostnames.append(host)
    for number, device in enumerate(dict.fromkeys(track.device for track in tracks)):
        plane = space.planes.add(id=number, name=HOST_PLANE if device == HOST else f"/device:{device}")
        _fill_plane(plane, [track for track in tracks if track.device == device], began_ns)
    return space


def _fill_plane(plane: Any, tracks: Sequence[Track], began_ns: int) -> None:
    events: dict[str, int] = {}
    stats: dict[str, int] = {}
    for number, track in enumerate(tracks, start=1):
        line = plane.lines.add(id=number, name=track.name, display_name=track.name, timestamp_ns=began_ns)
        for each in sorted(track.events, key=lambda each: (each.start_ns, -each.duration_ns)):
            name = STEP_NAME if each.kind == "step" else each.name
            written = line.events.add(
                metadata_id=events.setdefault(name, len(events) + 1),
                offset_ps=round(each.start_ns * 1000),
                duration_ps=round(each.duration_ns * 1000),
            )
            for name, value in each.details.items():
                _add_stat(written, stats.setdefault(name, len(stats) + 1), value)
    for name, number in events.items():
        plane.event_metadata.add(key=number).value.MergeFrom(_message("XEventMetadata")(id=number, name=name))
    for name, number in stats.items():
        plane.stat_metadata.add(key=number).value.MergeFrom(_message("XStatMetadata")(id=number, name=name))


def _add_stat(event: Any, number: int, value: Any) -> None:
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        event.stats.add(metadata_id=number, int64_value=value)
    elif isinstance(value, float):
        event.stats.add(metadata_id=number, double_value=value)
    else:
        event.stats.add(metadata_id=number, str_value=str(value))


@cache
def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"embedding_lab.{name}"))


@cache
def _pool() -> Any:
    """A pool of our own: TensorFlow and xprof register the same messages in the common one."""
    file = descriptor_pb2.FileDescriptorProto(name="xplane.proto", package="embedding_lab", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for text in fields.split(", "):
            _declare(message, *text.split())
        if name == "XStat":
            message.oneof_decl.add(name="value")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _declare(message: Any, name: str, number: str, kind: str) -> None:
    field_type = descriptor_pb2.FieldDescriptorProto
    many, kind = kind.endswith("*"), kind.rstrip("*")
    field = message.field.add(name=name, number=int(number))
    field.label = field_type.LABEL_REPEATED if many else field_type.LABEL_OPTIONAL
    if kind[0].isupper():
        field.type, field.type_name = field_type.TYPE_MESSAGE, f".embedding_lab.{kind}"
    else:
        field.type = getattr(field_type, f"TYPE_{kind.upper()}")
    if name in _VALUES and message.name == "XStat":
        field.oneof_index = 0
