"""t-SNE maps mean something: neighbours stay, clusters part, the divergence falls, and odd data do no
harm."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, make_swiss_roll
from sklearn.neighbors import KNeighborsClassifier

from embedding_lab.errors import InputError, NotFinite, UnknownName
from embedding_lab.projection.affinity import Affinities
from embedding_lab.projection.attraction import attraction, neighbour_cost
from embedding_lab.projection.crew import Crew
from embedding_lab.projection.kernel import Weighting, kernel_for
from embedding_lab.projection.repulsion import ExactRepulsion
from embedding_lab.projection.repulsion_mesh import MeshRepulsion
from embedding_lab.projection.tsne import TSNE

ALONE = Crew(1, None)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    pictures, labels = load_digits(return_X_y=True)
    return pictures.astype(np.float32), labels


@pytest.fixture(scope="module", params=[2, 3])
def trace(request: pytest.FixtureRequest, digits: tuple[np.ndarray, np.ndarray]) -> tuple[TSNE, list[Any]]:
    """A map of the digits and all that was heard of it on the way."""
    heard: list[Any] = []
    tsne = TSNE(request.param, max_iter=600, callback=lambda *said: heard.append(said), callback_interval=50)
    return tsne.fit(digits[0]), heard


def accuracy(points: np.ndarray, labels: np.ndarray) -> float:
    even, odd = slice(0, None, 2), slice(1, None, 2)
    return float(KNeighborsClassifier(5).fit(points[even], labels[even]).score(points[odd], labels[odd]))


def neighbours_kept(vectors: np.ndarray, points: np.ndarray, k: int = 10) -> float:
    def near(table: np.ndarray) -> np.ndarray:
        square = (table**2).sum(axis=1)
        apart = square[:, None] + square - 2 * table.astype(float) @ table.T
        np.fill_diagonal(apart, np.inf)
        return np.argsort(apart, axis=1)[:, :k]

    both = zip(near(vectors), near(points), strict=True)
    return float(np.mean([len(np.intersect1d(a, b)) for a, b in both]) / k)


# -- what the forces are


@pytest.mark.parametrize(("dims", "weighting"), [(2, "neighbours"), (3, "gradient")])
def test_the_forces_are_the_gradient_of_the_divergence(dims: int, weighting: Weighting) -> None:
    rng = np.random.default_rng(0)
    n, kernel = 30, kernel_for(dims, weighting)
    table = rng.random((n, n)) * (rng.random((n, n)) < 0.4)
    table = table + table.T
    np.fill_diagonal(table, 0)
    table /= table.sum()
    starts = np.concatenate([[0], np.cumsum((table > 0).sum(axis=1))]).astype(np.uint64)
    p = Affinities(starts, np.nonzero(table)[1].astype(np.uint32), table[table > 0].astype(np.float32))
    points = rng.normal(0, 2, (dims, n))

    def divergence(at: np.ndarray) -> float:
        apart = ((at[:, :, None] - at[:, None, :]) ** 2).sum(axis=0)
        w = (1 + apart / kernel.dof) ** -kernel.likeness
        np.fill_diagonal(w, 0)
        q = w / w.sum()
        return float((table[table > 0] * np.log(table[table > 0] / q[table > 0])).sum())

    single = points.astype(np.float32)
    push = ExactRepulsion(kernel, ALONE).among(single)
    slope = attraction(p, single, kernel, ALONE) - push.forces / push.normaliser
    slope = slope * 2 * (kernel.dof + 1) / kernel.dof
    for axis, i in ((0, 3), (1, 7), (dims - 1, 20)):
        step = np.zeros_like(points)
        step[axis, i] = 1e-4
        finite = (divergence(points + step) - divergence(points - step)) / 2e-4
        assert slope[axis, i] == pytest.approx(finite, rel=1e-3, abs=1e-6)
    measured = neighbour_cost(p, single, kernel, ALONE) + np.log(push.normaliser)
    assert measured == pytest.approx(divergence(points), rel=1e-4)


# -- what a run does


def test_the_divergence_falls_once_exaggeration_ends(trace: tuple[TSNE, list[Any]]) -> None:
    tsne, heard = trace
    late = [divergence for iteration, _, divergence in heard if iteration > 250]
    assert all(after < before + 1e-3 for before, after in itertools.pairwise(late))
    assert tsne.kl_divergence_ == pytest.approx(late[-1], rel=1e-3)
    assert late[-1] < heard[0][2] / 2


def test_a_classifier_is_poor_on_the_first_map_and_good_on_the_last(
    trace: tuple[TSNE, list[Any]], digits: tuple[np.ndarray, np.ndarray]
) -> None:
    tsne, _ = trace
    pictures, labels = digits
    first = TSNE(tsne.n_components, max_iter=1, init="random").fit_transform(pictures)
    assert accuracy(first, labels) < 0.3
    assert accuracy(tsne.embedding_, labels) > 0.97


def test_the_callback_hears_of_every_interval_and_gets_centred_maps(
    trace: tuple[TSNE, list[Any]], digits: tuple[np.ndarray, np.ndarray]
) -> None:
    tsne, heard = trace
    assert [iteration for iteration, _, _ in heard] == list(range(50, 601, 50))
    for _, points, divergence in heard:
        assert points.shape == (len(digits[0]), tsne.n_components)
        assert points.dtype == np.float32
        assert np.abs(points.mean(axis=0)).max() < 1e-3 * np.abs(points).max() + 1e-6
        assert np.isfinite(divergence)
    np.testing.assert_array_equal(heard[-1][1], tsne.embedding_)


def test_weighting_neighbours_keeps_more_of_them_than_the_gradient(
    digits: tuple[np.ndarray, np.ndarray],
) -> None:
    kept = {
        weighting: TSNE(3, weighting=weighting, max_iter=500).fit(digits[0])
        for weighting in ("neighbours", "gradient")
    }
    assert kept["gradient"].kl_divergence_ < kept["neighbours"].kl_divergence_
    assert neighbours_kept(digits[0], kept["neighbours"].embedding_) > neighbours_kept(
        digits[0], kept["gradient"].embedding_
    )


@pytest.mark.parametrize("dims", [pytest.param(2, marks=pytest.mark.long), 3])
def test_noise_forms_a_map_with_forces_right_at_every_stage(dims: int) -> None:
    """Noise has no clusters to gather, so the early phase leaves a point that the late one must unfold."""
    rng, maps = np.random.default_rng(0), []
    tsne = TSNE(dims, max_iter=250, callback=lambda *said: maps.append(said), callback_interval=10)
    points = tsne.fit_transform(rng.standard_normal((4_500, 10)))
    kernel = kernel_for(dims)
    for _, so_far, _ in maps:
        flat = np.ascontiguousarray(so_far.T)
        right, found = (way(kernel, ALONE).among(flat).forces for way in (ExactRepulsion, MeshRepulsion))
        assert np.linalg.norm(found - right) < 0.01 * np.linalg.norm(right)
    assert np.ptp(points, axis=0).max() < 150
    late = [divergence for iteration, _, divergence in maps if iteration > 170]
    assert all(after < before for before, after in itertools.pairwise(late))


# -- what a map shows


@pytest.mark.parametrize("dims", [2, 3])
def test_clusters_far_apart_stay_apart(dims: int) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 120)
    vectors = 30 * np.eye(5, 20)[labels] + rng.standard_normal((600, 20))
    assert accuracy(TSNE(dims, max_iter=400).fit_transform(vectors), labels) == 1


def test_a_swiss_roll_keeps_its_neighbours() -> None:
    roll, _ = make_swiss_roll(1_000, random_state=0)
    assert neighbours_kept(roll, TSNE(max_iter=500).fit_transform(roll)) > 0.6


def test_of_two_nested_spheres_no_neighbour_changes_sides() -> None:
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((800, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    sphere = np.repeat([0, 1], 400)
    vectors = directions * np.array([1.0, 4.0])[sphere][:, None]
    assert accuracy(TSNE(max_iter=500).fit_transform(vectors), sphere) > 0.99


# -- odd data


def test_duplicates_lie_together_and_leave_room_for_the_rest() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((400, 5))
    vectors[:100] = vectors[0]
    points = TSNE(max_iter=400).fit_transform(vectors)
    assert np.isfinite(points).all()
    assert np.ptp(points[:100], axis=0).max() < 0.5 * np.ptp(points, axis=0).max()


def test_an_outlier_far_away_does_not_flatten_the_rest(digits: tuple[np.ndarray, np.ndarray]) -> None:
    vectors = digits[0][:600].copy()
    vectors[5] = 1e6
    assert accuracy(TSNE(max_iter=400).fit_transform(vectors), digits[1][:600]) > 0.9


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 6),
    dims=st.sampled_from([1, 2, 3]),
    scale=st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e30]),
    seed=st.integers(0, 3),
)
@settings(max_examples=25, deadline=None)
def test_any_small_table_gets_a_finite_map(rows: int, columns: int, dims: int, scale: float, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((rows, columns)) * scale
    points = TSNE(dims, max_iter=60, early_exaggeration_iter=30).fit_transform(vectors)
    assert points.shape == (rows, dims)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 50, 2_000])
def test_rows_that_are_all_equal_get_a_finite_map(rows: int) -> None:
    tsne = TSNE(max_iter=120, early_exaggeration_iter=60).fit(np.full((rows, 4), 7.0))
    assert np.isfinite(tsne.embedding_).all()
    assert np.isfinite(tsne.kl_divergence_)


@pytest.mark.parametrize("scale", [2.0**-90, 2.0**90])
def test_the_scale_of_the_vectors_does_not_matter(scale: float, digits: tuple[np.ndarray, np.ndarray]) -> None:
    few = digits[0][:300].astype(np.float64)
    tsne = TSNE(max_iter=100, early_exaggeration_iter=50)
    plain = tsne.fit_transform(few)
    np.testing.assert_allclose(tsne.fit_transform(few * scale), plain, atol=1e-2 * np.ptp(plain))


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e300, 1e308])
def test_the_largest_and_smallest_numbers_there_are_give_a_map(scale: float) -> None:
    vectors = np.random.default_rng(0).uniform(-1, 1, (60, 4))
    with np.errstate(under="ignore"):
        extreme = np.round(vectors * 100) * scale if scale < 1e-323 else vectors * scale
    tsne = TSNE(max_iter=60, early_exaggeration_iter=30).fit(extreme)
    assert np.isfinite(tsne.embedding_).all()
    assert len(np.unique(tsne.embedding_, axis=0)) == 60
    np.testing.assert_array_equal(tsne.transform(extreme[:5]), tsne.embedding_[:5])
    assert np.isfinite(tsne.transform(np.ones((1, 4)))).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint8])
def test_any_real_type_will_do(dtype: type, digits: tuple[np.ndarray, np.ndarray]) -> None:
    tsne = TSNE(max_iter=60, early_exaggeration_iter=30)
    expected = tsne.fit_transform(digits[0][:200])
    np.testing.assert_array_equal(tsne.fit_transform(digits[0][:200].astype(dtype)), expected)


def test_a_row_with_nan_is_named(digits: tuple[np.ndarray, np.ndarray]) -> None:
    vectors = digits[0].copy()
    vectors[1_234, 5] = np.nan
    with pytest.raises(NotFinite, match="1,234"):
        TSNE().fit(vectors)


# -- what cannot be


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"n_components": 4}, InputError),
        ({"perplexity": 0}, InputError),
        ({"perplexity": float("nan")}, InputError),
        ({"max_iter": 0}, InputError),
        ({"early_exaggeration": -1}, InputError),
        ({"learning_rate": 0.0}, InputError),
        ({"learning_rate": "fast"}, UnknownName),
        ({"affinity": "cosine"}, UnknownName),
        ({"weighting": "both"}, UnknownName),
        ({"metric": "manhattan"}, UnknownName),
        ({"init": "spectral"}, UnknownName),
        ({"init": np.zeros((3, 2))}, InputError),
    ],
    ids=str,
)
def test_impossible_parameters_are_refused(
    parameters: dict[str, Any], error: type[Exception], digits: tuple[np.ndarray, np.ndarray]
) -> None:
    with pytest.raises(error):
        TSNE(**parameters).fit(digits[0][:100])


def test_steps_too_long_are_told_from_a_bad_map(digits: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InputError, match="flew apart"):
        TSNE(learning_rate=1e30, max_iter=100).fit(digits[0][:300])
