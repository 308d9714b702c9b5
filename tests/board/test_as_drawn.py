"""The stock Projector turns three columns and stretches their axes, and yet draws a map in its proportions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from embedding_lab.board.as_drawn import as_drawn


def on_page(values: np.ndarray) -> np.ndarray:
    """What the page does: to the eigenvectors of the second moments, then each axis to one length."""
    wide = values.astype(np.float64)
    turned = wide @ np.linalg.eigh(wide.T @ wide)[1]
    lengths = np.ptp(turned, axis=0)
    return np.asarray(turned / np.where(lengths > 1e-5 * lengths.max(), lengths, 1))


def islands(seed: int, dims: int, count: int, longer: float = 1.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    middles = random.normal(0, 20, (count, dims))
    points = middles[random.integers(0, count, 400)] + random.normal(size=(400, dims)) * random.uniform(0.5, 6)
    points[:, 0] *= longer
    return (points + 300).astype(np.float32)


def unlike(one: np.ndarray, other: np.ndarray) -> float:
    """How much longer than another one distance has become, 1 where all kept their proportions."""
    apart = pdist(other) > 1e-3 * pdist(other).max()
    ratio = pdist(one)[apart] / pdist(other)[apart]
    return float(ratio.max() / ratio.min())


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000), dims=st.sampled_from([2, 3]), count=st.integers(1, 9), longer=st.floats(0.3, 3))
def test_the_page_stretches_as_little_as_is_said_and_a_plane_not_at_all(
    seed: int, dims: int, count: int, longer: float
) -> None:
    points = islands(seed, dims, count, longer)
    drawn = as_drawn(points)
    assert unlike(drawn.values, points) < 1.001, "it is only turned and moved"
    assert unlike(on_page(drawn.values), points) == pytest.approx(drawn.stretch, rel=0.01)
    assert drawn.stretch <= 1.01 * unlike(on_page(points - points.mean(axis=0)), points), "never worse for it"
    if dims == 2:
        assert drawn.stretch < 1.001
        assert not drawn.values[:, 2].any()


@pytest.mark.parametrize(
    ("widths", "most"),
    [
        ((1, 0.9, 0.7), 1.001),
        ((1, 0.85, 0.7), 1.03),
        ((1, 0.98, 0.96), 1.001),
        ((1, 1, 0.1), 1.001),
        ((1, 0.5, 0.5), 1.7),
    ],
)
def test_a_round_or_flat_map_in_space_keeps_its_proportions_or_nearly_and_a_long_one_gains(
    widths: tuple[float, ...], most: float
) -> None:
    points = np.random.default_rng(0).normal(size=(1000, 3))
    points *= widths / np.linalg.norm(points, axis=1, keepdims=True)
    assert as_drawn(points).stretch < most < unlike(on_page(points), points)


@pytest.mark.parametrize("shape", ["one point", "two points", "a line", "a plane in space", "equal points"])
def test_a_map_without_a_body_is_drawn_too(shape: str) -> None:
    flat = islands(0, 2, 5)
    points = {
        "one point": flat[:1],
        "two points": flat[:2],
        "a line": np.outer(np.arange(30), [1, 2, 3]),
        "a plane in space": np.column_stack([flat, flat.sum(axis=1)]),
        "equal points": np.ones((20, 3)),
    }[shape]
    drawn = as_drawn(points)
    assert drawn.values.shape == (len(points), 3)
    np.testing.assert_allclose(pdist(drawn.values), pdist(points), rtol=1e-3, atol=1e-4)
