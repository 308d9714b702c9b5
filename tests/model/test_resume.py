"""A training that was killed goes on to the very weights it would have had, and its curves have no point twice."""

from __future__ import annotations

import functools
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

import embedding_lab as lab
from embedding_lab.embeddings import Dataset
from embedding_lab.errors import InputError
from embedding_lab.model import load_model, train

tensorflow = pytest.importorskip("tensorflow", reason='no TensorFlow: pip install "embedding-lab[tensorflow]"')
keras = pytest.importorskip("keras", reason='no Keras: pip install "embedding-lab[tensorflow]"')

SCRIPT = Path(__file__).with_name("training_script.py")
STEPS = 60  # as in the script, which makes a checkpoint every 20

Train = Callable[..., str]
"""Trains in one way in a run, as far as a step where one is named; what is printed at the end, or "killed"."""


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

        def train_in(way: str, run: Path, kill_at: int | None = None) -> str:
            print(way, run, "" if kill_at is None else kill_at, sep="\t", file=forks.stdin, flush=True)
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
def uninterrupted(
    train_apart: Train, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, str]]:
    @functools.cache
    def trained(way: str) -> tuple[Path, str]:
        run = tmp_path_factory.mktemp("whole") / way
        return run, train_apart(way, run)

    return trained


@pytest.mark.parametrize(
    ("way", "kills"),
    [
        ("fit", 1),
        pytest.param("train", 10, marks=pytest.mark.long),
        pytest.param("fit", 10, marks=pytest.mark.long),
    ],
)
def test_killed_at_random_steps_it_ends_with_the_same_weights_and_curves(
    train_apart: Train, uninterrupted: Callable[[str], tuple[Path, str]], tmp_path: Path, way: str, kills: int
) -> None:
    run = tmp_path / "run"
    whole, said = uninterrupted(way)
    numbers = random.Random(5 * kills)
    for step in sorted(numbers.randint(0, STEPS) for _ in range(kills)):
        assert train_apart(way, run, step) == "killed"
        points(run)  # every event file is readable as it is left behind
    assert train_apart(way, run) == said
    for ours, theirs in zip(
        load_model(run / "model.keras")[0].get_weights(),
        load_model(whole / "model.keras")[0].get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
    check_same_points(run, whole)


@pytest.mark.parametrize("way", [pytest.param("train", marks=pytest.mark.long), "fit"])
def test_resuming_a_finished_training_changes_nothing(
    train_apart: Train, uninterrupted: Callable[[str], tuple[Path, str]], way: str
) -> None:
    run, said = uninterrupted(way)
    before = {path: path.read_bytes() for path in run.rglob("*tfevents*")}
    assert train_apart(way, run) == said
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


def own_model(learning_rate: float = 1e-3) -> Any:
    """A subclassed model, compiled, and built as it has to be."""
    model = Own()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
    model(np.zeros((1, 8, 8), np.uint8))
    return model


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="own")
        self.inner = keras.Sequential([keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(4)])

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.inner(inputs / 255, training=training)


def fit(run: Path, data: Dataset, *, epochs: int, batch_size: int = 100, seed: int | None = 3, **how: Any) -> Any:
    """What a script of the user's does each time it is started."""
    if seed is not None:
        keras.utils.set_random_seed(seed)
    model = own_model(how.pop("learning_rate", 1e-3))
    summaries = lab.TrainingSummaries(run, (data.samples, data.labels), every=5, **how)
    model.fit(
        data.samples,
        data.labels,
        batch_size=batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=[summaries],
        initial_epoch=summaries.resume(model),
    )
    return model


def checkpoint_names(run: Path) -> list[str]:
    return sorted(each.name for each in run.glob("checkpoints/*"))


def test_a_users_model_and_arrays_go_on_to_the_same_weights_and_curves(corners: Dataset, tmp_path: Path) -> None:
    whole = fit(tmp_path / "whole", corners, epochs=3)
    assert checkpoint_names(tmp_path / "whole") == ["step-000000021.npz"]  # none between, they are too close
    for epochs in (1, 3):
        resumed = fit(tmp_path / "run", corners, epochs=epochs)
    for ours, theirs in zip(resumed.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    ours, theirs = points(tmp_path / "run"), points(tmp_path / "whole")
    assert [step for step, _ in theirs["train scalars loss"]] == [5, 7, 10, 14, 15, 20, 21]
    for tag in ("train scalars loss", "test scalars accuracy"):
        assert ours[tag] == theirs[tag]


def test_what_a_users_training_was_begun_with_is_repeated_or_refused(corners: Dataset, tmp_path: Path) -> None:
    fit(tmp_path, corners, epochs=1)
    with pytest.raises(InputError, match=r"learning_rate 0\.1\d* \(it was begun with 0\.001"):
        fit(tmp_path, corners, epochs=2, learning_rate=0.1)
    with pytest.raises(InputError, match=r"random seed 4 \(it was begun with 3\)"):
        fit(tmp_path, corners, epochs=2, seed=4)
    with pytest.raises(InputError, match=r"14 steps in an epoch.*Expected: 7"):
        fit(tmp_path, corners, epochs=2, batch_size=50)
    keras.utils.set_random_seed(3)
    model, summaries = own_model(), lab.TrainingSummaries(tmp_path, corners.samples)
    summaries.resume(model)
    with pytest.raises(InputError, match=r"initial_epoch=summaries\.resume\(model\)"):
        model.fit(corners.samples, corners.labels, batch_size=100, epochs=2, verbose=0, callbacks=[summaries])
    with pytest.raises(InputError, match="before it is built"):
        unbuilt = Own()
        unbuilt.compile("adam")
        summaries.resume(unbuilt)
    assert checkpoint_names(tmp_path) == ["step-000000007.npz"]


def test_without_a_seed_it_is_said_that_the_order_is_another(corners: Dataset, tmp_path: Path) -> None:
    tensorflow.random.set_seed(None)
    fit(tmp_path, corners, epochs=1, seed=None)
    with pytest.warns(UserWarning, match="No random seed is set"):
        fit(tmp_path, corners, epochs=2, seed=None)


def test_a_training_that_is_not_resumed_begins_anew_and_a_second_one_of_the_model_keeps_no_checkpoint(
    corners: Dataset, tmp_path: Path
) -> None:
    fit(tmp_path, corners, epochs=2)
    model, summaries = own_model(), lab.TrainingSummaries(tmp_path, corners.samples)
    for _ in range(2):
        model.fit(corners.samples, corners.labels, batch_size=100, verbose=0, callbacks=[summaries])
        assert checkpoint_names(tmp_path) == ["step-000000007.npz"]
