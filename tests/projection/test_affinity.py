"""Affinities are symmetric, sum to one, and mean what perplexity promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from embedding_lab.projection.affinity import (
    Affinities,
    conditional,
    perplexity_affinities,
    uniform_affinities,
)
from embedding_lab.projection.crew import Crew
from embedding_lab.projection.neighbours import find

ALONE = Crew(1, None)


def as_matrix(p: Affinities) -> csr_matrix:
    return csr_matrix((p.values, p.columns.astype(np.int64), p.starts.astype(np.int64)), shape=(len(p), len(p)))


def reference(indices: np.ndarray, weights: np.ndarray) -> np.ndarray:
    table = np.zeros((len(indices), len(indices)))
    table[np.arange(len(indices))[:, None], indices] = weights
    return (table + table.T) / (2 * len(indices))


@pytest.fixture(scope="module")
def cloud() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((300, 6)).astype(np.float32)


@given(scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e30]), perplexity=st.floats(2, 25))
@settings(max_examples=20, deadline=None)
def test_every_sample_has_the_perplexity_asked_for_at_any_scale(scale: float, perplexity: float) -> None:
    distances = np.sort(np.random.default_rng(1).gamma(4, size=(50, 75)), axis=1) * scale
    weights = conditional(distances, perplexity, ALONE).astype(float)
    entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), perplexity, rtol=1e-3)


def test_equal_distances_give_equal_weights() -> None:
    for distance in (0.0, 3.0):
        np.testing.assert_allclose(conditional(np.full((4, 9), distance), 3, ALONE), 1 / 9, rtol=1e-6)


def test_duplicates_do_not_swallow_a_neighbourhood_of_others() -> None:
    distances = np.array([[0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    weights = conditional(distances, 3, ALONE)
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-6)


def test_the_table_is_the_mean_of_both_directions(cloud: np.ndarray) -> None:
    near = find(cloud, 30)
    p = perplexity_affinities(near.indices, near.distances, 10, ALONE)
    expected = reference(near.indices, conditional(near.distances, 10, ALONE))
    np.testing.assert_allclose(as_matrix(p).toarray(), expected, rtol=1e-5, atol=1e-12)
    assert p.values.sum() == pytest.approx(1, rel=1e-5)


def test_uniform_affinities_weigh_every_neighbour_alike(cloud: np.ndarray) -> None:
    near = find(cloud, 8)
    expected = reference(near.indices, np.full((300, 8), 1 / 8))
    np.testing.assert_allclose(as_matrix(uniform_affinities(near.indices)).toarray(), expected, rtol=1e-5)


def test_another_order_of_the_samples_is_the_same_table(cloud: np.ndarray) -> None:
    near = find(cloud, 12)
    p = perplexity_affinities(near.indices, near.distances, 4, ALONE)
    order = np.random.default_rng(2).permutation(300)
    moved = as_matrix(p.reordered(order)).toarray()
    np.testing.assert_array_equal(moved, as_matrix(p).toarray()[order][:, order])
    assert p.reordered(order).negative_entropy == pytest.approx(p.negative_entropy)
