"""The divergence of a map is that of its definition, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest

from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.projection import neighbours
from embedding_lab.projection.divergence import affinities_of, kl_divergence
from embedding_lab.projection.quality import measure


@pytest.mark.parametrize("dims", [2, 3])
def test_it_is_the_sum_over_all_pairs(dims):
    random = np.random.default_rng(0)
    vectors, points = random.normal(size=(150, 5)), random.normal(size=(150, dims)) * 3 + 1_000
    p = affinities_of(neighbours.find(vectors, 30), 10.0)
    dense = np.zeros((150, 150))
    for i in range(150):
        part = slice(int(p.starts[i]), int(p.starts[i + 1]))
        dense[i, p.columns[part]] = p.values[part]
    dof = dims - 1
    w = (1 + ((points[:, None] - points[None]) ** 2).sum(-1) / dof) ** (-(dof + 1) / 2)
    np.fill_diagonal(w, 0)
    seen = dense > 0
    expected = (dense[seen] * np.log(dense[seen] / (w / w.sum())[seen])).sum()
    assert kl_divergence(points, p, threads=1) == pytest.approx(expected, rel=1e-4)
    assert measure(vectors, points, affinities=p).totals["kl"] == pytest.approx(expected, rel=1e-4)


def test_affinities_are_as_wide_as_the_perplexity_asks():
    vectors = np.random.default_rng(1).normal(size=(400, 5))
    p = affinities_of(neighbours.find(vectors, 90))
    assert p.values.sum() == pytest.approx(1, abs=1e-5)
    assert len(affinities_of(neighbours.find(vectors[:4], 90))) == 4
    with pytest.raises(InputError, match="not so many"):
        affinities_of(neighbours.find(vectors, 20))


def test_what_does_not_fit_is_refused():
    vectors = np.random.default_rng(2).normal(size=(50, 4))
    p = affinities_of(neighbours.find(vectors, 15), 5.0)
    with pytest.raises(ShapeMismatch, match="49"):
        kl_divergence(vectors[1:, :2], p)
    with pytest.raises(InputError, match="two or three"):
        kl_divergence(vectors, p)
