"""What the tests of tracing share: a small Keras model, and one trace of its training for all who only look."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.profiling import TraceReport, trace


def small_model(name: str = "net") -> Any:
    keras = pytest.importorskip("keras", reason="no Keras: pip install 'embedding-lab[tensorflow]'")
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((64,)),
            layers.Dense(32, activation="relu", name="hidden"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(10, name="logits"),
        ],
        name=name,
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(name="adam"), loss=loss, metrics=["accuracy"])
    return model


@pytest.fixture(scope="session")
def batch() -> tuple[Any, Any]:
    """Pictures (50, 64) and their labels."""
    generator = np.random.default_rng(0)
    return generator.random((50, 64), dtype=np.float32), generator.integers(0, 10, 50)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, batch: tuple[Any, Any]) -> TraceReport:
    """The trace of a step of training."""
    logdir: Path = tmp_path_factory.mktemp("trained") / "logs"
    return trace(small_model().train_on_batch, *batch, logdir=logdir, steps=3)


def chrome_events(report: TraceReport) -> list[dict[str, Any]]:
    return list(json.loads(gzip.decompress(report.chrome.read_bytes()))["traceEvents"])
