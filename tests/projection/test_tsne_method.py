"""A t-SNE map of a sample on which all others are placed shows what the map of all shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from embedding_lab.errors import InputError
from embedding_lab.progress import silent
from embedding_lab.projection.landmarks import landmarks
from embedding_lab.projection.method import Stopped, check_parameters
from embedding_lab.projection.neighbours import find
from embedding_lab.projection.quality import measure
from embedding_lab.projection.tsne_method import MOST_SAMPLES, SAMPLE, project, sample_size

BRIEF: dict[str, Any] = {"max_iter": 250, "interval": 50}
SIZE = 400


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    pictures, labels = load_digits(return_X_y=True)
    return pictures[:900].astype(np.float32), labels[:900]


def made(vectors: np.ndarray, *, forming: Any = lambda *told: None, metric: str = "euclidean", **own: Any) -> Any:
    return project(
        vectors,
        dims=2,
        seed=3,
        metric=metric,
        neighbours=lambda k: find(vectors, k, metric=metric),
        forming=forming,
        progress=silent,
        threads=1,
        **{**BRIEF, **own},
    )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_samples_placed_on_the_map_lie_among_their_own_kind(
    digits: tuple[np.ndarray, np.ndarray], metric: str
) -> None:
    pictures, labels = digits
    heard: list[Any] = []
    points = made(pictures, sample=SIZE, metric=metric, forming=lambda *told: heard.append(told))
    rows = landmarks(pictures, SIZE, metric=metric, seed=3)
    others = np.setdiff1d(np.arange(len(pictures)), rows)
    learnt = KNeighborsClassifier(5).fit(points[rows], labels[rows])
    assert learnt.score(points[others], labels[others]) > 0.93
    assert measure(pictures, points, metric=metric).totals["trustworthiness"] > 0.95
    so_far, done, total, measures, _ = heard[-1]
    assert (done, total, measures["sample"]) == (250, 250, SIZE)
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(so_far).all(axis=1)), rows)
    np.testing.assert_array_equal(so_far[rows], points[rows], "the map is not moved by what is placed on it")


def test_stopped_and_gone_on_with_it_becomes_the_same_map(digits: tuple[np.ndarray, np.ndarray]) -> None:
    pictures, _ = digits
    kept: list[Stopped] = []

    def stop(points: Any, done: int, total: int, measures: Any, checkpoint: Any) -> None:
        kept.append(Stopped(done, checkpoint))
        if done == 150:
            raise KeyboardInterrupt

    whole = made(pictures, sample=SIZE)
    with pytest.raises(KeyboardInterrupt):
        made(pictures, sample=SIZE, forming=stop)
    np.testing.assert_array_equal(made(pictures, sample=SIZE, resume=kept[-1]), whole)


def test_a_sample_of_all_is_the_map_of_all(digits: tuple[np.ndarray, np.ndarray]) -> None:
    few = digits[0][:300]
    np.testing.assert_array_equal(made(few, sample=1_000), made(few))


def test_a_sample_starts_from_its_part_of_an_earlier_map(digits: tuple[np.ndarray, np.ndarray]) -> None:
    few = digits[0][:300]
    first = made(few)
    assert np.isfinite(made(few, sample=100, init=first)).all()


def test_beyond_two_million_a_sample_is_taken_by_itself() -> None:
    assert sample_size(MOST_SAMPLES, None) == MOST_SAMPLES
    assert sample_size(MOST_SAMPLES + 1, None) == SAMPLE
    assert sample_size(MOST_SAMPLES + 1, 5_000) == 5_000
    for wrong in (1, 0, -5, True, 2.5):
        with pytest.raises(InputError):
            check_parameters("tsne", {"sample": wrong})
