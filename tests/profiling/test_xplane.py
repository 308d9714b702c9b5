"""The file behind the Profile tab: what we write is what we and TensorFlow read."""

from __future__ import annotations

import pytest

from embedding_lab.errors import BrokenFile
from embedding_lab.profiling import TraceReport
from embedding_lab.profiling.timeline import STEP_MARK, STEP_NUMBER, Event, Track
from embedding_lab.profiling.xplane import (
    build_xspace,
    drop_short_events,
    forget_loops,
    read_xspace,
    stats_of,
)

STEP = Event("step 0", 0, 100, "step", details={STEP_NUMBER: 0, STEP_MARK: 1})
TRACKS = [
    Track("main", events=[Event("late", 50, 25, "native", details={"shape": "[2,3]", "ratio": 0.5}), STEP]),
    Track("stream", "GPU:0", [Event("kernel", 60.5, 0.25, "operation", "kernel")]),
]


def test_what_is_written_is_read_again_in_the_order_of_time() -> None:
    space = read_xspace(build_xspace(TRACKS, "here", 5).SerializeToString())
    host, device = space.planes
    names = {entry.key: entry.value.name for entry in host.event_metadata}
    stats = {entry.key: entry.value.name for entry in host.stat_metadata}
    first, second = host.lines[0].events
    assert (host.name, device.name, host.lines[0].timestamp_ns) == ("/host:CPU", "/device:GPU:0", 5)
    assert (first.duration_ps, stats_of(first, stats)) == (100_000, {STEP_NUMBER: 0, STEP_MARK: 1})
    assert names[second.metadata_id] == "late"
    assert (second.offset_ps, second.duration_ps) == (50_000, 25_000)
    assert stats_of(second, stats) == {"shape": "[2,3]", "ratio": 0.5}
    assert device.lines[0].events[0].offset_ps == 60_500


def test_tensorflow_s_own_message_reads_ours_and_ours_keeps_all_of_tensorflow_s(trained: TraceReport) -> None:
    theirs = pytest.importorskip("tensorflow.tsl.profiler.protobuf.xplane_pb2", reason="no TensorFlow")
    read = theirs.XSpace.FromString(build_xspace(TRACKS, "here", 5).SerializeToString())
    assert [plane.name for plane in read.planes] == ["/host:CPU", "/device:GPU:0"]
    data = trained.profile.read_bytes()
    again = read_xspace(data).SerializeToString()
    assert theirs.XSpace.FromString(again) == theirs.XSpace.FromString(data)


def test_dropping_short_events_keeps_the_steps() -> None:
    space = build_xspace(
        [Track("main", events=[STEP, *(Event("e", n, n, "native") for n in range(1, 90))])], "h", 0
    )
    drop_short_events(space, 80)
    assert sorted(event.duration_ps for event in space.planes[0].lines[0].events) == [
        *(1000 * n for n in range(81, 90)),
        100_000,
    ]


def test_loop_iterations_are_not_told_to_the_profile_tab() -> None:
    event = Event("ExecutorState::Process", 0, 5, "native", details={"iter_num": 3, "id": 7})
    space = build_xspace([Track("pool", events=[event])], "h", 0)
    forget_loops(space)
    plane = space.planes[0]
    names = {entry.key: entry.value.name for entry in plane.stat_metadata}
    assert stats_of(plane.lines[0].events[0], names) == {"id": 7}


def test_a_broken_file_is_told() -> None:
    with pytest.raises(BrokenFile, match="A profile cannot be read"):
        read_xspace(b"\xff\xff\xff no profile")
