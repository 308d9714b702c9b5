"""A timeline that PyTorch exported is read without PyTorch: here one of a GPU, written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from embedding_lab.profiling.costs import python_share
from embedding_lab.profiling.torch_timeline import LAYER, read_tracks, with_backward


def test_a_backward_pass_on_another_thread_is_not_python() -> None:
    def event(name: str, thread: int, start: float, duration: float, category: str = "cpu_op", **args: Any) -> Any:
        where = {"ph": "X", "cat": category, "pid": 1, "tid": thread}
        return {**where, "name": name, "ts": start, "dur": duration, "args": args}

    tracks = read_tracks(
        {
            "traceEvents": [
                event("step 0", 1, 0, 100, "user_annotation"),
                event(f"{LAYER}fc", 1, 5, 20, "user_annotation"),
                event("aten::addmm", 1, 10, 10, **{"Sequence number": 7, "Fwd thread id": 0}),
                event(
                    "autograd::engine::evaluate_function: AddmmBackward0",
                    2,
                    40,
                    50,
                    **{"Sequence number": 7, "Fwd thread id": 1},
                ),
                event("aten::mm", 2, 45, 30),
                event("sgemm", 3, 46, 20, "kernel", device=0),
            ]
        }
    )
    assert [track.device for track in tracks] == ["CPU", "CPU", "GPU:0"]
    assert python_share(with_backward(tracks)) == pytest.approx(0.4)
    backward = {each.operation: each.layer for each in tracks[1].events}
    assert backward == {"AddmmBackward0 (gradient)": "fc", "aten::mm (gradient)": "fc"}
