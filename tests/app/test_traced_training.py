"""A training can be traced while it runs, and goes as it would without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import embedding_lab as lab
from embedding_lab.app.traced_training import train_traced
from embedding_lab.model import train

keras = pytest.importorskip("keras", reason='no Keras: pip install "embedding-lab[tensorflow]"')


def data() -> lab.Dataset:
    pictures = np.random.default_rng(0).integers(0, 256, (200, 8, 8), dtype=np.uint8)
    return lab.as_dataset(pictures, labels=np.arange(200) % 4)


def test_the_first_steps_are_reported_by_layer_and_the_training_goes_as_without(tmp_path: Path) -> None:
    plain = train("mlp", data(), steps=8, run_dir=tmp_path / "plain")
    trained, report = train_traced("mlp", data(), steps=8, run_dir=tmp_path / "traced")
    assert trained.card.fingerprint == plain.card.fingerprint
    assert report is not None
    assert len(report.step_seconds) == 3
    assert {"hidden", "dropout", "logits"} <= {row.layer for row in report.layers}
    assert report.run == tmp_path / "traced"
    assert report.profile.is_file()


def test_no_report_where_none_is_asked_for_or_nothing_is_left_to_train(tmp_path: Path) -> None:
    assert train_traced("mlp", data(), steps=2, run_dir=tmp_path, trace_steps=0)[1] is None
    assert train_traced("mlp", data(), steps=2, run_dir=tmp_path, resume=True)[1] is None


def test_an_error_ends_the_trace_too(tmp_path: Path) -> None:
    def interrupt(batch: int, logs: object) -> None:
        raise KeyboardInterrupt

    stops = keras.callbacks.LambdaCallback(on_train_batch_end=interrupt)
    for _ in range(2):  # a profiler that was left running would be in the second one's way
        with pytest.raises(KeyboardInterrupt):
            train_traced("mlp", data(), steps=8, run_dir=tmp_path, callbacks=[stops])
