"""Event files: what TensorBoard drops, mixes up or cannot read, checked against its own answers."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from embedding_lab.board.checks.finding import Finding
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.machine import Machine
from embedding_lab.board.checks.records import Damage, read_events
from embedding_lab.board.launch import launch

NAME = "events.out.tfevents.1.host"
SECOND = "events.out.tfevents.2.host"


DAMAGED = {
    "two runs in one folder": [0, 1, 2],
    "a step that goes back": [0, 1, 2],
    "breaks off": list(range(9)),
    "a damaged length": list(range(4)),
    "no steps": [0],
}
"""The steps of the loss that TensorBoard shows of each run."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, new_desk: Any) -> Any:
    """A log directory in which every run has an event file with a fault."""
    desk = new_desk(tmp_path_factory.mktemp("runs"))
    folder = {name: desk.root / name for name in DAMAGED}
    ten = [desk.scalar(step, 1.0) for step in range(10)]

    desk.events(folder["two runs in one folder"] / NAME, *ten[:5])
    again = (desk.scalar(step, 2.0, time=2000.0 + step) for step in range(3))
    desk.events(folder["two runs in one folder"] / SECOND, *again)
    back = (desk.scalar(step, 1.0, time=1000.0 + n) for n, step in enumerate((0, 1, 2, 3, 1, 2)))
    desk.events(folder["a step that goes back"] / NAME, *back)
    whole = desk.events(folder["breaks off"] / NAME, *ten)
    (folder["breaks off"] / NAME).write_bytes(whole[:-7])
    desk.events(folder["a damaged length"] / NAME, *ten)
    at = record_starts(whole)[5]
    (folder["a damaged length"] / NAME).write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
    desk.events(folder["no steps"] / NAME, *(desk.scalar(0, float(n)) for n in range(9)))
    return desk


def finding(runs: Any, name: str, run: str) -> Finding:
    (found,) = [each for each in runs.examine().findings if each.run == run]
    assert found.name == name
    return found  # type: ignore[no-any-return]


def test_the_doctor_counts_points_as_tensorboard_does(runs: Any, asked: Any) -> None:
    here = LogDir(runs.root, Machine((), (), False))
    assert {run.name: list(run.tags["loss"].steps) for run in here.runs} == DAMAGED
    with launch(runs.root, port=0) as board:
        ask = asked(board.url)
        for run, steps in DAMAGED.items():
            shown = ask.json("plugin/scalars/scalars", run=run, tag="loss")
            assert [step for _, step, _ in shown] == steps, run


def test_a_healthy_run_gives_no_cause_for_complaint(desk: Any) -> None:
    desk.events(desk.root / "run" / NAME, *(desk.scalar(step, 1 / (step + 1)) for step in range(100)))
    diagnosis = desk.examine()
    assert diagnosis.findings == ()
    assert diagnosis.ok
    assert diagnosis.tabs["Scalars"] == {"run": "1 curve, steps 0 to 99"}
    assert "Nothing to complain of" in str(diagnosis)


def test_two_runs_in_one_folder_take_each_others_points(runs: Any) -> None:
    found = finding(runs, "mixed-runs", "two runs in one folder")
    assert found.severity == "warning"
    assert "5 points lost of 'loss'" in found.got


def test_two_writers_at_once_are_told_from_a_resumed_training(desk: Any) -> None:
    desk.events(desk.root / "run" / NAME, *(desk.scalar(step, 1.0) for step in range(10)))
    desk.events(desk.root / "run" / SECOND, *(desk.scalar(step, 2.0, time=995.0 + step) for step in range(8, 12)))
    assert "at the same time" in desk.found("mixed-runs").got
    desk.events(desk.root / "run" / SECOND, *(desk.scalar(step, 2.0, time=5000.0 + step) for step in range(8, 12)))
    assert desk.found("mixed-runs").severity == "note"
    desk.events(desk.root / "run" / SECOND, *(desk.scalar(step, 2.0, time=5000.0 + step) for step in range(10, 12)))
    assert desk.names() == set()


def test_a_step_that_goes_back_takes_later_points_with_it(runs: Any) -> None:
    assert "2 points lost" in finding(runs, "steps-went-back", "a step that goes back").got


def test_a_file_that_breaks_off_is_only_noted(runs: Any) -> None:
    assert finding(runs, "event-file-torn", "breaks off").severity == "note"


def test_what_lies_behind_a_damaged_length_is_lost(runs: Any) -> None:
    found = finding(runs, "event-file-damaged", "a damaged length")
    assert found.severity == "error"
    assert "the length of a record" in found.got


def test_a_changed_value_is_found_by_its_checksum(desk: Any) -> None:
    whole = desk.events(desk.root / "run" / NAME, *(desk.scalar(step, 1.0) for step in range(10)))
    at = record_starts(whole)[5] + 12 + 8
    (desk.root / "run" / NAME).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    assert desk.found("event-file-damaged").severity == "error"


def test_a_length_beyond_all_bounds_is_not_believed(tmp_path: Path) -> None:
    from embedding_lab.board.checks.records import _checksum_of_length

    length = 2**62
    (tmp_path / NAME).write_bytes(struct.pack("<QI", length, _checksum_of_length(length)) + b"x" * 100)
    assert list(read_events(tmp_path / NAME)) == [Damage(0, "the file ends inside a record", torn=True)]


def record_starts(data: bytes) -> list[int]:
    starts, at = [], 0
    while at < len(data):
        starts.append(at)
        at += 16 + struct.unpack_from("<Q", data, at)[0]
    return starts


def test_nan_is_named_with_its_first_step(desk: Any) -> None:
    values = (1.0, float("nan"), float("inf"), 1.0)
    desk.events(desk.root / "run" / NAME, *(desk.scalar(step, value) for step, value in enumerate(values)))
    finding = desk.found("scalar-not-finite")
    assert "from step 1 on" in finding.happened
    assert finding.got.startswith("2 such values")


def test_values_without_a_step_become_one_point(runs: Any) -> None:
    assert "9 values of 'loss' at step 0" in finding(runs, "one-step-for-all", "no steps").got


def test_a_clock_that_was_set_back_is_noted(desk: Any) -> None:
    desk.events(desk.root / "run" / NAME, *(desk.scalar(step, 1.0, time=9000.0 - 900 * step) for step in range(3)))
    assert desk.found("clock-went-back").severity == "note"


def test_a_run_that_was_never_flushed_is_named(desk: Any) -> None:
    desk.events(desk.root / "run" / NAME)
    assert "flush" in desk.found("run-empty").remedy


def test_an_empty_event_file_is_only_noted(desk: Any) -> None:
    desk.run()
    (desk.root / "run" / SECOND).touch()
    assert desk.found("event-file-empty").severity == "note"


def test_a_folder_without_runs_names_the_one_above_when_that_holds_them(desk: Any) -> None:
    assert "first run" in desk.found("no-runs").remedy
    desk.events(desk.root.parent / NAME, desk.scalar(0, 1.0))
    assert str(desk.root.parent) in desk.found("no-runs").remedy


def test_a_renamed_event_file_is_found_and_mended(desk: Any, asked: Any) -> None:
    desk.events(desk.root / "run" / "backup-of-monday", *(desk.scalar(step, 1.0) for step in range(3)))
    assert desk.found("event-file-renamed").mend
    after = desk.examine(fix=True)
    assert after.ok
    assert after.tabs["Scalars"] == {"run": "1 curve, steps 0 to 2"}
    with launch(desk.root, port=0) as board:
        assert len(asked(board.url).json("plugin/scalars/scalars", run="run", tag="loss")) == 3


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may read every file")
def test_a_file_that_may_not_be_read_is_named(desk: Any) -> None:
    desk.run()
    (desk.root / "run" / NAME).chmod(0)
    assert "chmod" in desk.found("event-file-unreadable").remedy


def test_a_pipe_in_the_folder_is_not_waited_for(desk: Any) -> None:
    desk.run()
    if hasattr(os, "mkfifo"):
        os.mkfifo(desk.root / "run" / SECOND)
    (desk.root / "run" / "loop").symlink_to(desk.root, target_is_directory=True)
    assert desk.examine().ok
