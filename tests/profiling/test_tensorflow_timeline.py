"""A timeline of a GPU, written by hand as TensorFlow's profiler does, is read rightly without one."""

from __future__ import annotations

from embedding_lab.profiling.costs import operation_costs
from embedding_lab.profiling.tensorflow_timeline import compiles, read_tracks, tensor_bytes
from embedding_lab.profiling.timeline import Event, Track
from embedding_lab.profiling.xplane import build_xspace


def memory(held: int, allocator: str) -> Event:
    return Event("MemoryAllocation", 0, 0, "native", details={"bytes_allocated": held, "allocator_name": allocator})


def test_kernels_of_a_device_count_for_the_operation_that_started_them() -> None:
    stream = [
        Event("sgemm_32x32", 10, 30, "operation", details={"tf_op": "net/hidden/MatMul:MatMul"}),
        Event("memset", 50, 10, "operation"),
    ]
    space = build_xspace([Track("python", events=[]), Track("Stream #1", "GPU:0", stream)], "here", 1000)
    tracks = read_tracks(space)
    rows = {(row.operation, row.layer, row.device): row.share for row in operation_costs(tracks)}
    assert rows == {("MatMul", "net", "GPU:0"): 0.75, ("memset", "", "GPU:0"): 0.25}


def test_memory_is_the_most_that_each_allocator_held() -> None:
    events = [memory(5, "gpu"), memory(9, "gpu"), memory(7, "gpu"), memory(2, "cpu")]
    assert tensor_bytes([Track("python", events=events)]) == 11
    assert tensor_bytes([Track("python")]) is None


def test_a_call_that_was_compiled_is_told_from_one_that_was_not() -> None:
    calls = [
        Event("f", 0, 1, "python", details={"tf_function_call": how})
        for how in ("traced-nonXla", "notTraced-nonXla")
    ]
    assert [compiles(call) for call in calls] == [True, False]
