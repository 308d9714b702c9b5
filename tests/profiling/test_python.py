"""Plain Python functions: profile only, and it says so."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedding_lab.errors import InputError, LabError, StorageError, UnknownName
from embedding_lab.profiling import python, trace, traced_steps
from embedding_lab.profiling.xplane import read_xspace

from .conftest import chrome_events


@pytest.fixture(autouse=True)
def nothing_is_collected() -> Iterator[None]:
    """Collecting garbage in the middle of a step would call what other tests left behind."""
    gc.disable()
    yield
    gc.enable()


def square(number: int) -> int:
    return number * number


def squares(count: int, *, upward: bool = True) -> list[int]:
    return sorted((square(each) for each in range(count)), reverse=not upward)


def names(report: Any) -> dict[str, int]:
    return {row.operation.split(" ")[0]: row.calls for row in report.rows}


def test_every_call_is_counted_with_its_builtin_functions(tmp_path: Path) -> None:
    report = trace(squares, 100, upward=False, logdir=tmp_path, steps=2)
    assert report.framework == "python"
    assert names(report) == {"square": 200, "squares.<locals>.<genexpr>": 202, "sorted": 2, "squares": 2}
    assert len(report.step_seconds) == 2
    assert 0 < report.python_share < 1
    assert report.rows[0].seconds <= sum(report.step_seconds)


def test_it_says_that_there_is_no_graph(tmp_path: Path) -> None:
    report = trace(squares, 3, logdir=tmp_path)
    assert not report.has_graph
    assert python.NO_GRAPH in report.notes
    assert "Profile only: there is no graph for a plain Python function." in str(report)


def test_the_profile_and_the_chrome_trace_hold_the_same_events(tmp_path: Path) -> None:
    report = trace(squares, 20, logdir=tmp_path, steps=2)
    slices = [each for each in chrome_events(report) if each["ph"] == "X"]
    plane = read_xspace(report.profile.read_bytes()).planes[0]
    assert len(slices) == len(plane.lines[0].events) == sum(names(report).values()) + 2
    steps = [each for each in slices if each["cat"] == "step"]
    assert [each["name"] for each in steps] == ["step 0", "step 1"]
    assert all(
        any(
            step["ts"] <= each["ts"] <= each["ts"] + each["dur"] <= step["ts"] + step["dur"] + 0.01
            for step in steps
        )
        for each in slices
    )


def test_a_busy_builtin_function_is_not_python(tmp_path: Path) -> None:
    report = trace(lambda: sum(range(200_000)), logdir=tmp_path)
    assert report.python_share < 0.5
    assert report.rows[0].operation == "sum"


def test_the_report_lies_beside_the_timeline_as_json(tmp_path: Path) -> None:
    report = trace(squares, 3, logdir=tmp_path)
    kept = json.loads((report.chrome.parent / "report.json").read_text())
    assert kept == json.loads(json.dumps(report.as_dict()))
    assert kept["rows"][0].keys() == {"operation", "layer", "seconds", "share", "calls", "device"}


def test_a_function_is_called_once_and_then_for_every_step(tmp_path: Path) -> None:
    calls = []
    trace(calls.append, 1, logdir=tmp_path, steps=5)
    assert len(calls) == 6


def test_what_a_function_raises_passes_on_and_nothing_is_left(tmp_path: Path) -> None:
    calls: list[int] = []

    def fails_late() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        trace(fails_late, logdir=tmp_path / "logs")
    assert sys.getprofile() is None
    assert not (tmp_path / "logs").exists()
    assert trace(squares, 3, logdir=tmp_path / "logs").rows


def test_calls_that_catch_their_errors_keep_the_count_right(tmp_path: Path) -> None:
    def caught() -> None:
        for text in ("1", "x"):
            try:
                int(text)
                json.loads(text)
            except ValueError:
                pass

    report = trace(caught, logdir=tmp_path, steps=1)
    assert names(report)["loads"] == 1


def test_another_profiler_in_the_thread_is_told_and_left_running(tmp_path: Path) -> None:
    def theirs(frame: Any, what: str, argument: Any) -> None:
        return None

    sys.setprofile(theirs)
    try:
        with pytest.raises(LabError, match="Another profiler is running in this thread"):
            trace(squares, 3, logdir=tmp_path)
        assert sys.getprofile() is theirs
    finally:
        sys.setprofile(None)


def test_a_trace_within_a_trace_is_told(tmp_path: Path) -> None:
    def outer() -> None:
        if sys.getprofile() is not None:
            trace(squares, 3, logdir=tmp_path / "inner")

    with pytest.raises(LabError, match="Another profiler"):
        trace(outer, logdir=tmp_path / "outer")
    assert sys.getprofile() is None


def test_a_second_trace_is_a_second_run_and_erases_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "events.out.tfevents.1.x").write_bytes(b"theirs")
    runs = {trace(squares, 3, logdir=tmp_path).run for _ in range(3)}
    assert len(runs) == 3
    assert (tmp_path / "other" / "events.out.tfevents.1.x").read_bytes() == b"theirs"
    assert all(any(run.glob("events.out.tfevents.*")) for run in runs)


def test_a_named_run_takes_a_second_trace_beside_the_first(tmp_path: Path) -> None:
    first, second = (trace(squares, 3, logdir=tmp_path, run="mine") for _ in range(2))
    assert first.run == second.run == tmp_path / "mine"
    assert first.profile != second.profile
    assert first.profile.exists()
    assert first.chrome.exists()


def test_of_very_many_calls_the_longest_are_kept_and_the_table_counts_all(tmp_path: Path) -> None:
    report = trace(squares, 500, logdir=tmp_path, steps=1, most_events=50)
    slices = [each for each in chrome_events(report) if each["ph"] == "X"]
    assert 0 < len(slices) <= 51
    assert names(report)["square"] == 500
    assert "keeps the 50 longest of 1,003 events" in " ".join(report.notes)


def test_the_recorder_itself_never_holds_more_than_twice_the_limit() -> None:
    recorder = python.PythonRecorder(most_events=20)
    recorder.begin_first()
    recorder.end_first()
    recorder.begin_step(0)
    squares(1000)
    recorder.end_step()
    assert len(recorder._events) < 40
    recording = recorder.finish()
    assert len(recording.tracks[0].events) == 21
    assert recording.left_out >= 1900


def test_no_step_is_begun_once_the_trace_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedding_lab.profiling.steps.MOST_SECONDS", 0.0)
    report = trace(squares, 3, logdir=tmp_path, steps=10)
    assert len(report.step_seconds) == 1
    assert "1 of 10 steps were profiled." in report.notes


def test_memory_that_a_function_holds_is_seen(tmp_path: Path) -> None:
    def holds() -> int:
        block = bytearray(b"x") * 80_000_000
        until = time.thread_time() + 0.05  # of work, during which others of this process have their turns
        while time.thread_time() < until:
            pass
        return len(block)

    report = trace(holds, logdir=tmp_path, steps=1)
    assert report.grown_bytes > 40_000_000
    assert report.tensor_bytes is None


def test_a_loop_of_one_s_own_is_traced_for_its_first_steps(tmp_path: Path) -> None:
    with traced_steps(tmp_path / "run", steps=2, framework="python", name="loop") as traced:
        done = []
        for _ in range(6):
            squares(10)
            traced.step()
            done.append(traced.done)
    assert done == [False, False, True, True, True, True]
    assert names(traced.report)["squares"] == 2


def test_a_loop_that_ends_early_is_reported_as_far_as_it_went(tmp_path: Path) -> None:
    with traced_steps(tmp_path / "run", steps=5, framework="python") as traced:
        for _ in range(3):
            squares(10)
            traced.step()
    assert len(traced.report.step_seconds) == 2
    assert sys.getprofile() is None


def test_a_loop_without_a_step_says_that_nothing_was_traced(tmp_path: Path) -> None:
    with traced_steps(tmp_path / "run", framework="python") as traced:
        pass
    with pytest.raises(LabError, match="Nothing has been traced"):
        _ = traced.report
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: trace(3), InputError, "That cannot be traced. Got: int"),
        (lambda: trace(squares, 3, steps=0), InputError, "There is nothing to trace. Got: 0 steps"),
        (lambda: trace(squares, 3, framework="jax"), UnknownName, "one of tensorflow, torch, python"),
        (lambda: traced_steps("x", framework="jax"), UnknownName, "Framework 'jax' does not exist"),
    ],
)
def test_what_cannot_be_traced_is_told(call: Any, error: type[LabError], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        trace(squares, 3, logdir=tmp_path / "file")
    assert sys.getprofile() is None


def test_without_xprof_it_says_what_to_install_and_writes_the_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = __import__("importlib.util").util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name == "xprof" else find(name, *rest)
    )
    report = trace(squares, 3, logdir=tmp_path)
    assert 'pip install "embedding-lab[tensorflow]"' in " ".join(report.notes)
    assert report.profile.stat().st_size > 0
