"""A sample of very many rows is fair and keeps what is rare."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedding_lab.errors import InputError, NotFinite
from embedding_lab.projection import frame
from embedding_lab.projection import landmarks as drawing
from embedding_lab.projection.landmarks import landmarks, shared_out


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the vectors are read in many."""
    monkeypatch.setattr(frame.row_blocks, "__defaults__", (20_000,))


def crowd_and_a_few() -> np.ndarray:
    """20,000 rows in one place and 60 far away."""
    random = np.random.default_rng(0)
    return np.concatenate([random.normal(size=(20_000, 8)), 30 + random.normal(size=(60, 8))]).astype(np.float32)


def test_a_small_group_far_away_is_seen_in_the_sample() -> None:
    rows = landmarks(crowd_and_a_few(), 400, seed=1)
    assert len(rows) == 400
    assert (np.diff(rows) > 0).all()
    assert (rows >= 20_000).sum() >= 8, "evenly drawn there would be one"
    assert (rows < 20_000).sum() > 200


def test_a_seed_means_the_same_rows_also_from_a_file(tmp_path: Path) -> None:
    vectors = crowd_and_a_few()
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    np.testing.assert_array_equal(landmarks(vectors, 300, seed=2), landmarks(mapped, 300, seed=2))
    assert not np.array_equal(landmarks(vectors, 300, seed=2), landmarks(vectors, 300, seed=3))


def test_of_few_rows_all_are_taken_and_of_equal_ones_as_many_as_asked_for() -> None:
    np.testing.assert_array_equal(landmarks(np.eye(5), 9), np.arange(5))
    assert len(landmarks(np.ones((500, 3)), 20)) == 20
    with pytest.raises(InputError):
        landmarks(np.eye(5), 0)
    with pytest.raises(NotFinite, match="3"):
        landmarks(np.where(np.eye(5) * np.arange(5) == 3, np.nan, 1.0), 2)


@given(
    sizes=arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 1_000)),
    part=st.floats(0, 1),
    chance=st.floats(0, 0.999),
)
def test_shares_make_up_the_number_and_no_box_gives_more_than_it_has(
    sizes: np.ndarray, part: float, chance: float
) -> None:
    count = int(part * sizes.sum())
    if count == 0:
        return
    shares = shared_out(sizes, count, chance)
    assert shares.sum() == count
    assert (shares <= sizes).all()
    assert (shares >= 0).all()


def test_memory_grows_with_the_sample_and_not_with_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "SEEN_ROWS", 1_000)

    def peak(rows: int) -> int:
        vectors = np.lib.format.open_memmap(tmp_path / f"{rows}.npy", "w+", np.float32, (rows, 4))
        vectors[:] = np.random.default_rng(0).normal(size=vectors.shape)
        tracemalloc.start()
        landmarks(vectors, 500)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(400_000) < 1.2 * peak(100_000)
