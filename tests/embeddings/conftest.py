"""A small set of embeddings that the tests of the store share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedding_lab.embeddings import Dataset, EmbeddingSet, Outputs, Run, as_dataset, create_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(tmp_path / "run")


@pytest.fixture
def data() -> Dataset:
    return as_dataset(
        np.arange(12 * 4 * 4, dtype=np.uint8).reshape(12, 4, 4),
        name="tiny",
        labels=[0, 1, 2, -1] * 3,
        class_names=["zero", "one", "two"],
        splits="test",
        columns={"weight": np.linspace(0, 1, 12), "note": np.array(["", "tab\there", "ünïcode"] * 4)},
    )


@pytest.fixture
def embeddings(data: Dataset) -> EmbeddingSet:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), size=12).astype(np.float32)
    return EmbeddingSet(
        vectors=rng.normal(size=(12, 5)).astype(np.float32),
        dataset=data,
        layer="block/Dense.1",
        step=7,
        epoch=1,
        wall_time=1234.5,
        split="test",
        pooling="mean",
        model="abc",
        outputs=Outputs(
            prediction=probabilities.argmax(axis=1),
            confidence=probabilities.max(axis=1),
            loss=np.linspace(0, 2, 12, dtype=np.float32),
            probabilities=probabilities,
        ),
    )
