"""What is measured of some samples of very many is what is measured of all, within the error that is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.projection import frame
from embedding_lab.projection.quality import measure
from embedding_lab.projection.quality_in_part import measure_in_part


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the tables are read in many."""
    monkeypatch.setattr(frame.row_blocks, "__defaults__", (600,))


def tables(rows: int = 900) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = np.arange(rows) % 3
    vectors = random.normal(size=(rows, 6)) + 3 * np.eye(3, 6)[labels]
    labels[::50] = -1
    return vectors.astype(np.float32), (vectors[:, :2] + random.normal(size=(rows, 2))).astype(np.float32), labels


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_of_all_samples_it_is_what_the_whole_measure_gives(metric: str) -> None:
    vectors, points, labels = tables()
    whole = measure(vectors, points, metric=metric, labels=labels).totals
    part = measure_in_part(vectors, points, metric=metric, labels=labels, samples=900).totals
    assert {name for name in part if not name.endswith("_error")} == set(whole)
    for name, value in whole.items():
        assert part[name] == pytest.approx(value, abs=1e-4), name
        assert part.get(f"{name}_error", 0) == 0


def test_of_some_it_lies_within_the_error_that_is_said(tmp_path: Path) -> None:
    vectors, points, labels = tables()
    whole = measure(vectors, points, labels=labels).totals
    np.save(tmp_path / "vectors.npy", vectors)
    mapped: Any = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    for seed in range(3):
        part = measure_in_part(mapped, points, labels=labels, samples=200, seed=seed).totals
        for name in ("kept_10", "false", "missing", "trustworthiness", "continuity", "label_agreement_map"):
            assert 0 < part[f"{name}_error"] < 0.05
            assert abs(part[name] - whole[name]) < 4 * part[f"{name}_error"], name
