"""An event file is readable at any moment, and one that goes on from a step leaves no older word of later steps."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util.tensor_util import make_ndarray

from embedding_lab.board.launch import launch
from embedding_lab.model import protos
from embedding_lab.model.event_file import EventFile

DEADLINE_SECONDS = 120


def write_losses(folder: Path, first_step: int, steps: list[int], value: float) -> Path:
    """The event file of a training that ends after these steps."""
    before = set(folder.glob("*"))
    file = EventFile(folder, first_step)
    for step in steps:
        file.write(Summary(value=[protos.scalar("loss", value)]), step)
    file.close()
    (path,) = set(folder.glob("*")) - before
    return path


def losses(folder: Path) -> list[tuple[int, float]]:
    """All that the files say, nothing forgotten."""
    return [
        (event.step, float(make_ndarray(event.summary.value[0].tensor)))
        for path in sorted(folder.glob("*tfevents*"))
        for event in EventFileLoader(str(path)).Load()
        if event.summary.value
    ]


def test_what_is_written_can_be_read_before_the_file_is_closed(tmp_path: Path) -> None:
    file = EventFile(tmp_path, 0)
    file.write(Summary(value=[protos.scalar("loss", 0.5)]), 10)
    assert losses(tmp_path) == [(10, 0.5)]
    file.close()


def test_going_on_takes_away_later_steps_and_keeps_earlier_ones(tmp_path: Path) -> None:
    write_losses(tmp_path, 0, [10, 20, 30, 40], 0.5)
    write_losses(tmp_path, 21, [30], 0.25)
    write_losses(tmp_path, 21, [30, 40], 0.125)
    assert losses(tmp_path) == [(10, 0.5), (20, 0.5), (30, 0.125), (40, 0.125)]
    assert len(list(tmp_path.iterdir())) == 2, "a file of which nothing is left is gone"


def test_beginning_anew_takes_away_all(tmp_path: Path) -> None:
    write_losses(tmp_path, 0, [10, 20], 0.5)
    write_losses(tmp_path, 0, [10], 0.25)
    assert losses(tmp_path) == [(10, 0.25)]


def test_half_a_record_is_cut_off(tmp_path: Path) -> None:
    path = write_losses(tmp_path, 0, [10, 20], 0.5)
    for missing in (1, 10):
        path.write_bytes(path.read_bytes()[:-missing])
    write_losses(tmp_path, 21, [30], 0.5)
    assert losses(tmp_path) == [(10, 0.5), (30, 0.5)]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "events.out.tfevents.1700000000.host.1.0"
    theirs.write_bytes(write_losses(tmp_path / "elsewhere", 0, [10], 0.5).read_bytes())
    write_losses(tmp_path, 0, [10], 0.25)
    assert losses(tmp_path) == [(10, 0.5), (10, 0.25)]


@pytest.mark.usefixtures("quick_tensorboard")
def test_a_tensorboard_that_looks_on_forgets_what_is_taken_away(tmp_path: Path) -> None:
    run = tmp_path / "logs" / "run"
    write_losses(run, 0, [10, 20, 30, 40], 0.5)
    with launch(run.parent, port=0) as board:

        def shown() -> list[list[float]]:
            with urllib.request.urlopen(f"{board.url}data/plugin/scalars/scalars?run=run&tag=loss") as answer:
                return [point[1:] for point in json.load(answer)]

        assert shown() == [[10, 0.5], [20, 0.5], [30, 0.5], [40, 0.5]]
        write_losses(run, 21, [30], 0.25)
        until = time.monotonic() + DEADLINE_SECONDS
        while shown() != [[10, 0.5], [20, 0.5], [30, 0.25]] and time.monotonic() < until:
            time.sleep(0.5)  # TensorBoard looks every few seconds
        assert shown() == [[10, 0.5], [20, 0.5], [30, 0.25]]
