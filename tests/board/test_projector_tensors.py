"""Every view of the page agrees with scikit-learn on the layer's own vectors."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances

from embedding_lab.board import leading_axes
from embedding_lab.board.fidelity import neighbours_kept
from embedding_lab.board.projector_tensors import (
    LayerVectors,
    carried,
    cosine_full_width,
    cosine_tensor,
    euclidean_full_width,
    pca_tensor,
)

Floats = NDArray[np.float32]


def relu_layer(samples: int, dims: int, seed: int = 0, *, shift: float = 3.0) -> Floats:
    """Vectors like those of a hidden layer: clustered, not centred, far longer than 1, some units dead."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(8, dims)) * 2 + shift
    spread = rng.normal(size=(samples, dims)) * np.linspace(2, 0.1, dims)
    vectors = np.maximum(centres[rng.integers(8, size=samples)] + spread, 0)
    if dims > 4:
        vectors[:, 1] = 0
    return vectors.astype(np.float32)


def wide_layer(samples: int, dims: int) -> Floats:
    """Wide as trained layers are: most of what varies lies in a few directions, and a little in all of them."""
    rng = np.random.default_rng(dims)
    inner = rng.normal(size=(samples, 40)) * np.geomspace(3, 0.5, 40)
    return np.maximum(inner @ rng.normal(size=(40, dims)) / 6 + 1, 0).astype(np.float32)


def digits() -> Floats:
    return load_digits().data.astype(np.float32)


def assert_same_neighbours(found: Any, vectors: Floats, row: int, metric: str) -> None:
    """The found ones are as near as the true ones: where two are equally near, either will do."""
    true = pairwise_distances(vectors[[row]].astype(np.float64), vectors.astype(np.float64), metric=metric)[0]
    others = np.delete(true, row)
    expected = np.sort(others)[: len(found)]
    np.testing.assert_allclose(true[list(found)], expected, rtol=2e-4, atol=1e-6 * others.max())


@pytest.mark.parametrize("dims", [2, 3, 16, 49])
def test_pca_and_its_variances_are_those_of_scikit_learn(the_page: Any, dims: int) -> None:
    vectors = relu_layer(400, dims)
    positions, described = the_page(pca_tensor(LayerVectors(vectors)).values).pca()
    count = min(3, dims)
    truth = PCA(count).fit(vectors.astype(np.float64))
    np.testing.assert_allclose(described[:count], truth.explained_variance_ratio_, atol=1e-5)
    for component, expected in enumerate(truth.transform(vectors.astype(np.float64)).T):
        if truth.explained_variance_ratio_[component] > 1e-6:
            assert abs(np.corrcoef(positions[:, component], expected)[0, 1]) > 0.99999


@pytest.mark.parametrize("dims", [64, 200, 1200])
def test_from_fifty_dimensions_on_pca_and_its_variances_are_right_all_the_same(the_page: Any, dims: int) -> None:
    vectors = digits() if dims == 64 else wide_layer(400, dims)
    points = pca_tensor(LayerVectors(vectors))
    assert points.values.shape == (len(vectors), 49)
    assert points.variance_overstated == 0
    positions, described = the_page(points.values).pca()
    truth = PCA(10, svd_solver="full").fit(vectors.astype(np.float64))
    np.testing.assert_allclose(described[:10], truth.explained_variance_ratio_, atol=1e-4)
    for component, expected in enumerate(truth.transform(vectors.astype(np.float64)).T[:3]):
        assert abs(np.corrcoef(positions[:, component], expected)[0, 1]) > 0.9999


@pytest.mark.parametrize("dims", [2, 3, 16, 49])
@pytest.mark.parametrize("row", [0, 7, 399])
def test_nearest_points_by_euclidean_distance_are_those_of_scikit_learn(the_page: Any, dims: int, row: int) -> None:
    vectors = relu_layer(400, dims)
    found = the_page(pca_tensor(LayerVectors(vectors)).values).nearest(row, 20, "euclidean")
    assert_same_neighbours(found, vectors, row, "euclidean")


def test_euclidean_distances_keep_their_proportions() -> None:
    vectors = relu_layer(200, 16)
    values = pca_tensor(LayerVectors(vectors)).values
    shown, true = pairwise_distances(values.astype(np.float64)), pairwise_distances(vectors.astype(np.float64))
    np.testing.assert_allclose(shown, true * (shown[0, 1] / true[0, 1]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dims", [2, 3, 16, 49])
def test_nearest_points_by_cosine_are_those_of_scikit_learn(the_page: Any, dims: int) -> None:
    vectors = relu_layer(400, dims)
    page = the_page(cosine_tensor(LayerVectors(vectors)).values)
    for row in (0, 7, 399):
        assert_same_neighbours(page.nearest(row, 20, "cosine"), vectors, row, "cosine")


@pytest.mark.parametrize("dims", [2, 3, 16, 49])
def test_the_neighbours_of_tsne_and_umap_are_the_cosine_neighbours_of_scikit_learn(
    the_page: Any, dims: int
) -> None:
    vectors = relu_layer(400, dims)
    rows, _ = the_page(cosine_tensor(LayerVectors(vectors)).values).graph(90)
    for row, found in enumerate(rows):
        assert len(found) == 90
        assert_same_neighbours(found, vectors, row, "cosine")


def test_as_it_comes_the_same_layer_gives_the_page_nothing(the_page: Any) -> None:
    """Why all this: the page drops every neighbour, and takes the mean for the first component."""
    vectors = relu_layer(400, 16)
    rows, _ = the_page(vectors).graph(90)
    assert max(len(found) for found in rows) == 0
    _, described = the_page(vectors).pca()
    assert described[:3].sum() > PCA(3).fit(vectors).explained_variance_ratio_.sum() + 0.1


def test_duplicates_are_neighbours_at_a_distance_that_rounding_cannot_make_negative(the_page: Any) -> None:
    vectors = np.repeat(relu_layer(40, 16), 10, axis=0)
    rows, distances = the_page(cosine_tensor(LayerVectors(vectors)).values).graph(9)
    for row, (found, apart) in enumerate(zip(rows, distances, strict=True)):
        assert set(found) == set(range(row // 10 * 10, row // 10 * 10 + 10)) - {row}
        assert 0 < apart.min() <= apart.max() < 2e-4


@pytest.mark.parametrize(("dims", "shown"), [(16, 17), (49, 49), (100, 49)])
def test_zero_vectors_lie_at_cosine_distance_1_from_all_others(the_page: Any, dims: int, shown: int) -> None:
    vectors = relu_layer(300, dims)
    vectors[[5, 17]] = 0
    points = cosine_tensor(LayerVectors(vectors))
    assert points.values.shape == (300, shown)
    assert points.apart == 2
    others = np.delete(np.arange(300), [5, 17])
    np.testing.assert_allclose(1 - points.values[others] @ points.values[5], 1, atol=1e-6)
    assert the_page(points.values).nearest(5, 1, "cosine") == [17]


def test_digits_keep_their_neighbours_in_forty_nine_of_sixty_four_dimensions() -> None:
    layer = LayerVectors(digits())
    assert neighbours_kept(layer.centred, pca_tensor(layer).values) > 9.9
    assert neighbours_kept(layer.directions, cosine_tensor(layer).values) > 9.9


def test_what_is_measured_is_the_share_of_true_neighbours() -> None:
    vectors = relu_layer(500, 80)
    layer, few = LayerVectors(vectors), LayerVectors(vectors[:, :2])
    assert neighbours_kept(layer.centred, vectors) == 10
    true = np.argsort(pairwise_distances(vectors), axis=1)[:, 1:11]
    shown = np.argsort(pairwise_distances(vectors[:, :2]), axis=1)[:, 1:11]
    queries = np.unique(np.linspace(0, 499, 200).astype(int))
    expected = np.mean([len({*true[row]} & {*shown[row]}) for row in queries])
    assert neighbours_kept(layer.centred, next(few.centred())) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("row", [0, 7, 599])
def test_with_all_dimensions_and_spherize_unticked_every_neighbour_is_true(the_page: Any, row: int) -> None:
    vectors = relu_layer(600, 300)
    layer = LayerVectors(vectors)
    near = the_page(euclidean_full_width(layer).values, spherize=False).nearest(row, 20, "euclidean")
    assert_same_neighbours(near, vectors, row, "euclidean")
    page = the_page(cosine_full_width(layer).values, spherize=False)
    assert_same_neighbours(page.nearest(row, 20, "cosine"), vectors, row, "cosine")
    assert_same_neighbours(page.graph(90)[0][row], vectors, row, "cosine")


def test_a_layer_that_spreads_evenly_says_by_how_much_its_variance_is_overstated(the_page: Any) -> None:
    vectors = np.random.default_rng(0).normal(size=(2000, 400)).astype(np.float32)
    points = pca_tensor(LayerVectors(vectors))
    described = the_page(points.values).pca()[1][:3].sum()
    truth = PCA(3).fit(vectors).explained_variance_ratio_.sum()
    assert points.variance_overstated == pytest.approx(100 * (described - truth), abs=0.1)
    assert points.variance_overstated > 1


@given(
    spread=st.lists(st.floats(0, 1e6), min_size=11, max_size=49).map(lambda each: np.sort(each)[::-1]),
    left_out=st.floats(0, 1e7),
)
def test_the_kept_axes_carry_what_was_left_out_and_hide_where_they_are_not_shown(
    spread: NDArray[np.float64], left_out: float
) -> None:
    axes = leading_axes.Axes(np.eye(len(spread)), spread, float(spread.sum()) + left_out)
    variances, missing = carried(axes)
    np.testing.assert_array_equal(variances[:10], spread[:10])
    assert (variances[10:] <= spread[9] * (1 + 1e-12)).all()
    assert variances.sum() + missing == pytest.approx(axes.total, rel=1e-5)
    assert missing >= 0


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e18])
def test_vectors_of_any_size_are_shown(the_page: Any, scale: float) -> None:
    vectors = relu_layer(200, 12) * np.float32(scale)
    layer = LayerVectors(vectors)
    _, described = the_page(pca_tensor(layer).values).pca()
    truth = PCA(3).fit(relu_layer(200, 12)).explained_variance_ratio_
    np.testing.assert_allclose(described[:3], truth, atol=1e-4)
    assert np.abs(np.linalg.norm(cosine_tensor(layer).values, axis=1) - 1).max() < 1e-4


@pytest.mark.parametrize("dims", [1, 2])
def test_one_or_two_dimensions_get_what_the_three_dimensional_view_needs(the_page: Any, dims: int) -> None:
    vectors = relu_layer(50, dims, shift=5)
    for points in (pca_tensor(LayerVectors(vectors)), cosine_tensor(LayerVectors(vectors))):
        assert points.values.shape == (50, 3)
        assert np.isfinite(the_page(points.values).pca()[0][:, :3]).all()


@pytest.mark.parametrize("dims", [7, 300])
def test_vectors_that_are_all_alike_show_no_rounding_as_structure(dims: int) -> None:
    vectors = np.full((50, dims), 0.1, np.float32)
    assert not pca_tensor(LayerVectors(vectors)).values.any()
    directions = cosine_tensor(LayerVectors(vectors)).values
    assert np.ptp(directions, axis=0).max() < 1e-6  # some processors round a product's last rows otherwise


@given(
    samples=st.integers(2, 60),
    dims=st.integers(1, 70),
    seed=st.integers(0, 99),
    shift=st.floats(-1e3, 1e3),
    kind=st.sampled_from([np.float32, np.float64, np.float16, np.int32, np.uint8, np.bool_]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_vectors_the_page_can_show_what_it_gets(
    samples: int, dims: int, seed: int, shift: float, kind: Any
) -> None:
    vectors = (np.random.default_rng(seed).normal(size=(samples, dims)) * 20 + shift).astype(kind)
    for points in (pca_tensor(LayerVectors(vectors)), cosine_tensor(LayerVectors(vectors))):
        assert points.values.dtype == np.float32
        assert points.values.shape[0] == samples
        assert 3 <= points.values.shape[1] <= 49
        assert np.isfinite(points.values).all()
        assert (1 - points.values @ points.values.T >= 0).all()


def test_only_the_shown_rows_count(the_page: Any) -> None:
    vectors = relu_layer(300, 16)
    rows = np.arange(0, 300, 3)
    for tensor in (pca_tensor, cosine_tensor):
        np.testing.assert_array_equal(
            tensor(LayerVectors(vectors, rows)).values, tensor(LayerVectors(vectors[rows])).values
        )


def test_memory_does_not_grow_with_the_samples_beyond_what_comes_out(tmp_path: Path) -> None:
    file = tmp_path / "vectors.npy"
    vectors = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(60_000, 128))
    vectors[:] = np.tile(relu_layer(1000, 128), (60, 1))
    peaks = {}
    for count in (20_000, 60_000):
        layer = LayerVectors(np.load(file, mmap_mode="r")[:count])
        tracemalloc.start()
        size = pca_tensor(layer).values.nbytes + cosine_tensor(layer).values.nbytes
        peaks[count] = tracemalloc.get_traced_memory()[1] - 4 * size  # float64 and float32 of what comes out
        tracemalloc.stop()
    assert peaks[60_000] < peaks[20_000] + 10e6  # the vectors themselves take 20 MB more
