"""Fair samples: every class keeps its share, the order stays, a seed always means the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embedding_lab.embeddings.sampling import fair_sample
from embedding_lab.errors import InputError

labellings = st.lists(st.integers(-1, 6), min_size=1, max_size=80).map(lambda each: np.array(each, np.int64))


@settings(deadline=None)
@given(labels=labellings, share=st.floats(0, 1), seed=st.integers(0, 2**64))
def test_every_class_has_its_share(labels: NDArray[np.int64], share: float, seed: int) -> None:
    size = max(1, round(share * len(labels)))
    rows = fair_sample(len(labels), labels, size, seed)
    assert len(rows) == size
    for label in np.unique(labels):
        exact = size * np.mean(labels == label)
        assert abs(np.sum(labels[rows] == label) - exact) < 1


@settings(deadline=None)
@given(labels=st.none() | labellings, count=st.integers(1, 80), seed=st.integers(0, 99), data=st.data())
def test_rows_are_distinct_in_order_and_the_same_again(
    labels: NDArray[np.int64] | None, count: int, seed: int, data: st.DataObject
) -> None:
    count = count if labels is None else len(labels)
    size = data.draw(st.integers(1, count))
    rows = fair_sample(count, labels, size, seed)
    assert np.all(np.diff(rows) > 0)
    assert 0 <= rows[0] <= rows[-1] < count
    np.testing.assert_array_equal(rows, fair_sample(count, labels, size, seed))


def test_a_seed_means_these_rows_for_ever() -> None:
    labels = np.arange(1000) % 10
    pinned = [6, 32, 37, 339, 561, 614, 648, 680, 865, 923]
    assert fair_sample(1000, labels, 10, seed=7).tolist() == pinned


def test_another_seed_is_another_sample() -> None:
    assert fair_sample(1000, None, 10, seed=0).tolist() != fair_sample(1000, None, 10, seed=1).tolist()


def test_without_labels_every_row_is_as_likely_as_any_other() -> None:
    hits = np.zeros(50)
    for seed in range(400):
        hits[fair_sample(50, None, 10, seed)] += 1
    assert np.all(np.abs(hits - 80) < 5 * np.sqrt(80))


def test_where_shares_are_equal_no_class_always_wins() -> None:
    labels = np.repeat(np.arange(10), 5)
    drawn = {int(labels[fair_sample(50, labels, 1, seed)[0]]) for seed in range(100)}
    assert drawn == set(range(10))


def test_asking_for_all_gives_all() -> None:
    assert fair_sample(7, np.zeros(7, np.int64), 7, seed=0).tolist() == list(range(7))


@pytest.mark.parametrize("size", [0, -1, 1001])
def test_a_size_out_of_range_says_how_many_there_are(size: int) -> None:
    with pytest.raises(InputError, match="1 to 1,000"):
        fair_sample(1000, None, size, seed=0)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="seed=-1"):
        fair_sample(10, None, 5, seed=-1)


@pytest.mark.parametrize("size", [1, 7, 60, 299, 3000])
@pytest.mark.parametrize("classes", [1, 3, 400])
def test_of_each_class_those_with_the_lowest_draws_are_taken(size: int, classes: int) -> None:
    labels = np.random.default_rng(1).zipf(1.5, 3000).clip(0, classes)
    chosen = fair_sample(len(labels), labels, size, seed=5)
    draws = np.random.PCG64(5).random_raw(len(labels))
    for label in np.unique(labels):
        members, taken = np.flatnonzero(labels == label), chosen[labels[chosen] == label]
        lowest = members[np.argsort(draws[members], kind="stable")[: len(taken)]]
        np.testing.assert_array_equal(taken, np.sort(lowest))
