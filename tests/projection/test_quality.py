"""The measures of trust are those of their definitions, counted here the slow way, and of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness

from embedding_lab.errors import InputError, NotFinite, ShapeMismatch
from embedding_lab.projection import neighbours, quality
from embedding_lab.projection.quality import label_agreement, measure, rank_correlation
from embedding_lab.projection.ranks import nearer_rows


def squares(table):
    x = np.asarray(table, dtype=np.float64)
    return ((x[:, None] - x[None]) ** 2).sum(-1)


def nearest(distance, k):
    distance = distance.copy()
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1, kind="stable")[:, :k]


def trust_by_counting(vectors, points, k=10):
    """Venna & Kaski's measure, per sample; equal distances share the lowest rank."""
    n, distance = len(vectors), squares(vectors)
    found = np.empty(n)
    for i, others in enumerate(nearest(squares(points), k)):
        rest = np.delete(distance[i], i)
        ranks = np.array([1 + (rest < distance[i, j]).sum() for j in others])
        found[i] = 1 - 2 / (k * (2 * n - 3 * k - 1)) * np.maximum(ranks - k, 0).sum()
    return found


def a_map(n=200, dims=8, seed=0):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n, dims)) * 0.7 ** np.arange(dims)
    return vectors, vectors[:, :2] + 0.05 * random.normal(size=(n, 2))


def test_trustworthiness_and_continuity_are_those_of_scikit_learn():
    vectors, points = a_map()
    found = measure(vectors, points)
    assert found.totals["trustworthiness"] == pytest.approx(
        trustworthiness(vectors, points, n_neighbors=10), abs=1e-6
    )
    assert found.totals["continuity"] == pytest.approx(trustworthiness(points, vectors, n_neighbors=10), abs=1e-6)


def test_every_measure_is_its_definition():
    vectors, points = a_map()
    found = measure(vectors, points).per_sample
    layer, plane = nearest(squares(vectors), 30), nearest(squares(points), 30)

    def share(some, among):
        return np.array([np.isin(a, b).mean() for a, b in zip(some, among, strict=True)])

    np.testing.assert_allclose(found["kept_10"], share(layer[:, :10], plane[:, :10]), rtol=1e-6)
    np.testing.assert_allclose(found["kept_30"], share(layer, plane), rtol=1e-6)
    np.testing.assert_allclose(found["false"], 1 - share(plane[:, :10], layer), atol=1e-6)
    np.testing.assert_allclose(found["missing"], 1 - share(layer[:, :10], plane), atol=1e-6)
    np.testing.assert_allclose(found["trustworthiness"], trust_by_counting(vectors, points), atol=1e-6)
    np.testing.assert_allclose(found["continuity"], trust_by_counting(points, vectors), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(21, 45),
    dims=st.integers(1, 4),
    values=st.integers(1, 5),
    copies=st.integers(1, 3),
    seed=st.integers(0, 10_000),
)
def test_ties_and_duplicates_share_the_lowest_rank(n, dims, values, copies, seed):
    random = np.random.default_rng(seed)
    vectors = np.repeat(random.integers(0, values, size=(n, dims)), copies, axis=0).astype(np.float32)
    points = random.integers(0, values, size=(len(vectors), 2)).astype(np.float32)
    found = measure(vectors, points, seed=seed)
    np.testing.assert_allclose(found.per_sample["trustworthiness"], trust_by_counting(vectors, points), atol=1e-6)
    np.testing.assert_allclose(found.per_sample["continuity"], trust_by_counting(points, vectors), atol=1e-6)
    assert all(0 <= value <= 1 or name == "rank_correlation" for name, value in found.totals.items())


def test_ranks_are_right_in_larger_sets_with_twins():
    random = np.random.default_rng(2)
    vectors = random.normal(size=(2_500, 12)).astype(np.float32)
    vectors[2_000:] = vectors[:500]
    rows, others = np.array([0, 7, 2_001, 2_499]), random.integers(1, 2_000, size=(4, 9)).astype(np.int32)
    counts = nearer_rows(neighbours.Index(vectors), rows, others, threads=1)
    for i, row in enumerate(rows):
        apart = ((vectors.astype(np.float64) - vectors[row]) ** 2).sum(axis=1)
        rest = np.delete(apart, row)
        # twins of one vector are equally far, but for the order of summation
        expected = [(rest < apart[j] * (1 - 1e-9)).sum() for j in others[i]]
        np.testing.assert_array_equal(counts[i], expected)


def test_the_map_that_is_the_data_keeps_everything_and_a_shuffled_one_nothing():
    points = np.random.default_rng(3).normal(size=(400, 2))
    same = measure(points, points * 100 + 5).totals
    for name in ("kept_10", "kept_30", "trustworthiness", "continuity"):
        assert same[name] == pytest.approx(1, abs=1e-3)
    assert same["rank_correlation"] == pytest.approx(1, abs=1e-6)
    assert same["false"] == same["missing"] == 0
    shuffled = measure(points, np.random.default_rng(4).permutation(points)).totals
    assert shuffled["kept_10"] < 0.1
    assert shuffled["trustworthiness"] == pytest.approx(0.5, abs=0.05)
    assert abs(shuffled["rank_correlation"]) < 0.05
    assert shuffled["false"] > 0.85
    assert shuffled["missing"] > 0.85


def test_a_torn_neighbourhood_is_missing_and_a_folded_one_is_false():
    line = np.linspace(0, 1, 300)[:, None] * [1, 0]
    folded = np.abs(line - [0.5, 0])
    fold = measure(line, folded).totals
    assert fold["false"] > 0.3 > 0.05 > fold["missing"]
    tear = measure(folded, line).totals
    assert tear["missing"] > 0.3 > 0.05 > tear["false"]


def test_large_sets_are_ranked_in_part_with_an_honest_error(monkeypatch):
    vectors, points = a_map(1_500)
    whole = measure(vectors, points).totals
    monkeypatch.setattr(quality, "EXACT_ROWS", 500)
    monkeypatch.setattr(quality, "RANKED_PAIRS", 500 * 1_500)
    monkeypatch.setattr(quality, "FEWEST_RANKED", 10)
    off = []
    for seed in range(10):
        part = measure(vectors, points, seed=seed)
        assert np.isfinite(part.per_sample["trustworthiness"]).sum() == 500
        assert np.isfinite(part.per_sample["kept_10"]).all()
        names = ("trustworthiness", "continuity")
        off.extend((part.totals[name] - whole[name]) / part.totals[f"{name}_error"] for name in names)
    assert 0.4 < np.std(off) < 1.8
    assert "trustworthiness_error" not in whole


def test_the_metric_of_the_vectors_counts():
    vectors, points = a_map()
    longer = vectors * np.random.default_rng(5).lognormal(size=(200, 1))
    found = measure(longer, points, metric="cosine")
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(found.per_sample["trustworthiness"], trust_by_counting(units, points), atol=1e-4)


def test_neighbours_that_are_there_are_not_searched_again():
    vectors, points = a_map()
    given = neighbours.find(vectors, 90)
    heard = []
    found = measure(vectors, points, neighbours=given, progress=lambda stage, *rest: heard.append((stage, *rest)))
    assert found.totals == measure(vectors, points).totals
    assert not [said for said in heard if said[0] == "search neighbours"]
    assert heard[-1] == ("rank neighbours", 200, 200)


def test_label_agreement_is_the_share_of_neighbours_with_the_own_label():
    line = np.arange(6.0)[:, None]
    found = neighbours.find(line, 2)
    agreement = label_agreement(found, [0, 0, 1, 1, -1, 1], k=2)
    np.testing.assert_array_equal(agreement, [0.5, 0.5, 0.5, 1.0, np.nan, 1.0])
    vectors, points = a_map()
    totals = measure(vectors, points, labels=(vectors[:, 0] > 0).astype(int)).totals
    assert 0.8 < totals["label_agreement_map"] < 1
    assert 0.8 < totals["label_agreement"] < 1
    assert "label_agreement" not in measure(vectors, points, labels=np.full(200, -1)).totals
    with pytest.raises(ShapeMismatch):
        label_agreement(found, [1, 2])


def test_rank_correlation_is_spearmans():
    vectors, points = a_map(60)
    one, two = np.triu_indices(60, 1)
    ranks = [np.argsort(np.argsort(np.sqrt(squares(table)[one, two]))) for table in (vectors, points)]
    assert rank_correlation(vectors, points) == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=0.02)
    assert rank_correlation(vectors * 1e200, points * 1e-200) == pytest.approx(rank_correlation(vectors, points))
    assert rank_correlation(np.ones((9, 3)), points[:9]) is None


@pytest.mark.parametrize("n", [1, 2, 3, 10, 20, 21, 60, 61])
def test_what_is_not_defined_for_few_samples_is_left_out(n):
    totals = measure(*(table[:n] for table in a_map())).totals
    assert ("kept_10" in totals) == ("trustworthiness" in totals) == (n > 20)
    assert ("kept_30" in totals) == ("missing" in totals) == (n > 60)
    assert all(np.isfinite(value) for value in totals.values())


def test_per_sample_measures_fit_a_projection():
    from embedding_lab.embeddings import Projection

    vectors, points = a_map()
    found = measure(vectors, points)
    ids = np.array([str(i) for i in range(200)])
    shown = Projection(points.astype("f"), ids, "pca", quality=found.totals, per_sample=found.per_sample)
    assert set(shown.per_sample) < set(shown.quality)


def test_what_does_not_fit_is_refused():
    vectors, points = a_map()
    with pytest.raises(ShapeMismatch, match="199"):
        measure(vectors, points[1:])
    with pytest.raises(ShapeMismatch, match="neighbours of 50"):
        measure(vectors, points, neighbours=neighbours.find(points[:50], 3))
    points[3] = np.nan
    with pytest.raises(NotFinite, match="row 3"):
        measure(vectors, points)
    with pytest.raises(InputError, match="manhattan"):
        rank_correlation(vectors, vectors, metric="manhattan")
