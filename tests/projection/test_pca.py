"""Principal components are those of float64, whatever the shape, the offset and the scale of the vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding_lab.errors import EmptyData, InputError, NotFinite, ShapeMismatch
from embedding_lab.projection.pca import fit_pca


def reference(vectors, k):
    """Points, components and variances from a float64 singular value decomposition."""
    x = np.asarray(vectors, dtype=np.float64)
    x = x - x.mean(axis=0)
    left, sizes, right = np.linalg.svd(x, full_matrices=False)
    return (left * sizes)[:, :k], right[:k], sizes[:k] ** 2 / max(len(x) - 1, 1)


def varied(n, dims, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(n, dims)) @ (random.normal(size=(dims, dims)) * 0.8 ** np.arange(dims))


def assert_right(vectors, k, within=1e-4):
    found = fit_pca(vectors, k)
    points, components, variances = reference(vectors, k)
    sign = np.sign((components * found.components[: len(components)]).sum(axis=1))
    scale = points[:, 0].std()
    assert np.abs(found.points - points * sign).max() <= within * scale
    np.testing.assert_allclose(found.variances, variances, atol=within * variances[0])
    return found


@pytest.mark.parametrize("shape", [(3_000, 40), (60, 60), (40, 300), (10, 5_000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_points_and_variances_are_those_of_float64(shape, dtype):
    found = assert_right(varied(*shape).astype(dtype), 8)
    assert found.points.dtype == np.float32
    assert found.points.shape == (shape[0], 8)
    np.testing.assert_allclose(found.components @ found.components.T, np.eye(8), atol=1e-6)


@pytest.mark.parametrize("shape", [(2_000, 12), (30, 100)])
@pytest.mark.parametrize("offset", [0.0, 1e4, -3e5])
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e30])
def test_scale_and_distance_from_the_origin_do_not_matter(shape, offset, scale):
    assert_right((varied(*shape) + offset) * scale, 5)


def test_float32_far_from_the_origin_is_right_too():
    assert_right((np.random.default_rng(1).normal(size=(5_000, 6)) * [3, 2.5, 2, 1.5, 1, 0.5] + 1e4).astype("f"), 3)


def test_a_value_that_few_rows_hint_at_is_not_lost():
    vectors = varied(5_000, 6)
    vectors[2_501] *= 1e35
    assert_right(vectors, 2)


def test_half_precision_and_whole_numbers_are_taken():
    assert_right(varied(500, 10).astype(np.float16), 3)
    assert_right(np.random.default_rng(2).integers(0, 255, size=(500, 10)).astype(np.uint8), 3)


def test_explained_is_the_share_of_the_whole_variance():
    vectors = varied(800, 20)
    found = fit_pca(vectors, 20)
    assert found.total_variance == pytest.approx(vectors.var(axis=0, ddof=1).sum(), rel=1e-5)
    assert found.explained.sum() == pytest.approx(1, rel=1e-5)
    assert (np.diff(found.explained) <= 1e-9).all()


def test_signs_are_fixed_by_the_largest_value():
    vectors = varied(400, 9)
    found, mirrored = fit_pca(vectors, 4), fit_pca(-vectors, 4)
    for component in found.components:
        assert component[np.abs(component).argmax()] > 0
    np.testing.assert_allclose(mirrored.components, found.components, atol=1e-6)
    assert fit_pca(vectors, 4).points.tobytes() == found.points.tobytes()


@pytest.mark.parametrize("shape", [(900, 15), (20, 70)])
def test_transform_places_the_same_vectors_on_the_same_points(shape):
    vectors = varied(*shape) + 7
    found = fit_pca(vectors, 3)
    np.testing.assert_array_equal(found.transform(vectors), found.points)
    np.testing.assert_allclose(found.transform(vectors[3:5]), found.points[3:5], atol=1e-4 * found.points.std())


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 12), dims=st.integers(1, 12), data=st.data(), seed=st.integers(0, 1_000))
def test_any_number_of_components_of_any_table(n, dims, data, seed):
    vectors = np.random.default_rng(seed).integers(-3, 4, size=(n, dims)).astype(np.float32)
    k = data.draw(st.integers(1, dims))
    found = fit_pca(vectors, k)
    assert found.points.shape == (n, k)
    np.testing.assert_allclose(found.components @ found.components.T, np.eye(k), atol=1e-6)
    _, _, variances = reference(vectors, k)
    np.testing.assert_allclose(found.variances[: len(variances)], variances, atol=1e-4 * max(variances[0], 1e-9))
    assert found.variances[len(variances) :].max(initial=0) <= 1e-4 * max(variances[0], 1e-9)


def test_constant_vectors_lie_on_one_point():
    found = fit_pca(np.full((50, 4), 1234.5), 2)
    assert not found.points.any()
    assert found.total_variance == 0
    assert not found.explained.any()


def test_a_memory_mapped_file_gives_the_same(tmp_path):
    vectors = varied(9_000, 12).astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    np.testing.assert_array_equal(fit_pca(mapped, 3).points, fit_pca(vectors, 3).points)


@pytest.mark.long
def test_mnist_is_right_within_a_ten_thousandth(mnist_dir):
    import gzip

    raw = gzip.decompress((mnist_dir / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())
    assert_right((np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784) / np.float32(255))[:1_500], 50)


def test_progress_counts_every_sample():
    heard = []
    fit_pca(varied(100, 4), 2, progress=lambda *said: heard.append(said))
    assert heard[-1] == ("principal components", 100, 100)


@pytest.mark.parametrize("shape", [(50, 4), (4, 50)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_with_their_row(shape, bad):
    vectors = np.ones(shape)
    vectors[2, 3] = bad
    with pytest.raises(NotFinite, match="row 2"):
        fit_pca(vectors, 2)


def test_what_has_no_components_is_refused():
    with pytest.raises(InputError, match="k=5"):
        fit_pca(np.ones((10, 4)), 5)
    with pytest.raises(EmptyData):
        fit_pca(np.ones((0, 4)), 1)
    with pytest.raises(ShapeMismatch, match="3 columns"):
        fit_pca(varied(10, 4), 2).transform(np.ones((2, 3)))
