"""A training that was killed goes on to the very weights it would have had, and its curves have no point twice."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from embedding_lab.embeddings import Dataset
from embedding_lab.errors import InputError
from embedding_lab.model import load_model, train

SCRIPT = Path(__file__).with_name("training_script.py")
STEPS = 60  # as in the script, which makes a checkpoint every 20

Train = Callable[..., str]
"""Trains in a run, as far as a step where one is named; the line that is printed at the end, or "killed"."""


@pytest.fixture(scope="module")
def train_apart() -> Iterator[Train]:
    """Trains in a process that can be killed."""
    if sys.platform == "win32":
        pytest.skip("processes are forked and killed as POSIX has it")
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as forks:
        assert forks.stdin is not None
        assert forks.stdout is not None

        def train_in(run: Path, kill_at: int | None = None) -> str:
            print(run, "" if kill_at is None else kill_at, sep="\t", file=forks.stdin, flush=True)
            said = [forks.stdout.readline().strip()]
            while said[-1] not in ("killed", "ended"):
                said.append(forks.stdout.readline().strip())
            return said[0]

        yield train_in
        forks.stdin.close()


def points(run: Path) -> dict[str, list[tuple[int, Any]]]:
    """Every step and value that the event files hold, by run, tab and tag.

    This reader forgets nothing of what TensorBoard would forget, so a point that is written twice is seen twice.
    """
    found = {}
    for part in filter(lambda part: (run / part).exists(), ("", "train", "test")):
        events = EventAccumulator(str(run / part), size_guidance={"tensors": 0})
        events.Reload()
        for tag in events.Tags()["tensors"]:
            tab = events.SummaryMetadata(tag).plugin_data.plugin_name
            found[f"{part} {tab} {tag}"] = [
                (each.step, make_ndarray(each.tensor_proto)) for each in events.Tensors(tag)
            ]
    return found


def check_same_points(run: Path, whole: Path) -> None:
    ours, theirs = points(run), points(whole)
    assert ours.keys() == theirs.keys()
    for tag, expected in theirs.items():
        assert [step for step, _ in ours[tag]] == [step for step, _ in expected], tag
        for (step, here), (_, there) in zip(ours[tag], expected, strict=True):
            np.testing.assert_array_equal(here, there, err_msg=f"{tag} at {step}")


@pytest.fixture(scope="module")
def uninterrupted(train_apart: Train, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    run = tmp_path_factory.mktemp("whole") / "run"
    return run, train_apart(run)


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.long)])
def test_killed_at_random_steps_it_ends_with_the_same_weights_and_curves(
    train_apart: Train, uninterrupted: tuple[Path, str], tmp_path: Path, kills: int
) -> None:
    run = tmp_path / "run"
    whole, said = uninterrupted
    numbers = random.Random(kills)
    for step in sorted(numbers.randint(0, STEPS) for _ in range(kills)):
        assert train_apart(run, step) == "killed"
        points(run)  # every event file is readable as it is left behind
    assert train_apart(run) == said
    for ours, theirs in zip(
        load_model(run / "model.keras")[0].get_weights(),
        load_model(whole / "model.keras")[0].get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
    check_same_points(run, whole)


def test_resuming_a_finished_training_changes_nothing(train_apart: Train, uninterrupted: tuple[Path, str]) -> None:
    run, said = uninterrupted
    before = {path: path.read_bytes() for path in run.rglob("*tfevents*")}
    assert train_apart(run) == said
    assert {path: path.read_bytes() for path in run.rglob("*tfevents*")} == before


def test_only_two_checkpoints_are_kept_and_a_broken_one_is_passed_over(
    corners: Dataset, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("embedding_lab.model.loop.CHECKPOINT_EVERY", 4)
    whole = train("mlp", corners, run_dir=tmp_path, steps=14, batch_size=50)
    kept = sorted((tmp_path / "checkpoints").iterdir())
    assert [each.name for each in kept] == ["step-000000012.npz", "step-000000014.npz"]
    kept[-1].write_bytes(kept[-1].read_bytes()[:1000])
    again = train("mlp", corners, run_dir=tmp_path, steps=14, batch_size=50, resume=True)
    assert again.card.fingerprint == whole.card.fingerprint
    finished = train("mlp", corners, run_dir=tmp_path, steps=14, batch_size=50, resume=True)
    assert finished.card.fingerprint == whole.card.fingerprint


def test_a_run_of_other_settings_is_not_resumed_but_begun_anew_when_asked(corners: Dataset, tmp_path: Path) -> None:
    train("mlp", corners, run_dir=tmp_path, steps=5)
    with pytest.raises(InputError, match=r"seed 1 \(it was begun with 0\)"):
        train("mlp", corners, run_dir=tmp_path, steps=5, seed=1, resume=True)
    assert train("mlp", corners, run_dir=tmp_path, steps=5, seed=1).card.seed == 1
