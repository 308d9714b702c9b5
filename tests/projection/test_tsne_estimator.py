"""The t-SNE estimator behaves as scikit-learn promises: same seed same bytes, stop and go on, new samples
placed."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.projection import descent, repulsion_mesh
from embedding_lab.projection.neighbours import find
from embedding_lab.projection.tsne import TSNE

SHORT = {"max_iter": 150, "early_exaggeration_iter": 80}


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return load_digits().data[:1_700].astype(np.float32)


@pytest.fixture(scope="module", params=[2, 3])
def fitted(request: pytest.FixtureRequest, pictures: np.ndarray) -> TSNE:
    return TSNE(request.param, max_iter=400).fit(pictures[:1_600])


@parametrize_with_checks([TSNE()])
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(
    ("rows", "dims"), [(300, 2), (2_300, 2), (1_700, 3), pytest.param(4_300, 3, marks=pytest.mark.long)]
)
def test_a_seed_gives_the_same_bytes_with_any_number_of_threads(rows: int, dims: int, pictures: np.ndarray) -> None:
    vectors = np.concatenate([pictures, pictures + 1, pictures + 2])[:rows]
    maps = {
        TSNE(dims, init="random", random_state=5, n_jobs=jobs, **SHORT).fit_transform(vectors).tobytes()
        for jobs in (1, 2)
    }
    assert len(maps) == 1


def test_another_seed_gives_another_map(pictures: np.ndarray) -> None:
    one, other = (TSNE(init="random", random_state=seed, **SHORT).fit_transform(pictures[:200]) for seed in (1, 2))
    assert not np.allclose(one, other)


def test_a_callback_that_returns_true_stops(pictures: np.ndarray) -> None:
    tsne = TSNE(callback=lambda iteration, *_: iteration >= 40, callback_interval=20).fit(pictures[:300])
    assert tsne.n_iter_ == 40
    assert tsne.embedding_.shape == (300, 2)


@pytest.mark.parametrize(("rows", "dims"), [(300, 2), (2_300, 2), pytest.param(4_300, 3, marks=pytest.mark.long)])
def test_a_stopped_map_becomes_the_very_map_it_would_have_been(
    rows: int, dims: int, pictures: np.ndarray, tmp_path: Path
) -> None:
    vectors = np.concatenate([pictures, pictures + 1, pictures + 2])[:rows]
    brief = {"max_iter": 100, "early_exaggeration_iter": 40}
    known = find(vectors, TSNE().neighbours_needed())
    whole = TSNE(dims, **brief).fit_transform(vectors, neighbours=known)

    by_limit = TSNE(dims, warm_start=True, **{**brief, "max_iter": 57}).fit(vectors, neighbours=known)
    by_limit = pickle.loads(pickle.dumps(by_limit)).set_params(max_iter=100)
    np.testing.assert_array_equal(by_limit.fit_transform(vectors), whole)
    assert by_limit.n_iter_ == 100

    def stop(iteration: int, *_: Any) -> None:
        np.savez(tmp_path / "stopped.npz", **by_callback.checkpoint())
        if iteration == 62:
            raise KeyboardInterrupt

    by_callback = TSNE(dims, warm_start=True, callback=stop, callback_interval=31, **brief)
    with pytest.raises(KeyboardInterrupt):
        by_callback.fit(vectors, neighbours=known)
    np.testing.assert_array_equal(by_callback.set_params(callback=None).fit_transform(vectors), whole)

    with np.load(tmp_path / "stopped.npz") as checkpoint:
        assert checkpoint["iteration"] == 62
        resumed = TSNE(dims, **brief).fit_transform(vectors, neighbours=known, resume=checkpoint)
    np.testing.assert_array_equal(resumed, whole)


def test_interrupted_at_any_line_a_map_becomes_the_very_map_it_would_have_been(
    pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C comes between any two lines: in a step, while points are sorted, while the mesh is planned."""
    monkeypatch.setattr(descent, "EXACT_POINTS", {2: 0})
    monkeypatch.setattr(descent, "REORDER", 3)
    monkeypatch.setattr(descent, "CENTRE", 2)
    monkeypatch.setattr(repulsion_mesh, "REPLAN", 2)
    vectors = pictures[:60]
    known = find(vectors, TSNE().neighbours_needed())
    start = TSNE(max_iter=90, early_exaggeration_iter=20, n_jobs=1, warm_start=True).fit(vectors, neighbours=known)
    whole = TSNE(max_iter=93, early_exaggeration_iter=20, n_jobs=1).fit_transform(vectors, neighbours=known)
    lines = 0

    def run(stop_at: int) -> TSNE:
        """Three iterations, with an interruption before one line of ours."""
        nonlocal lines
        lines = 0
        tsne = pickle.loads(pickle.dumps(start)).set_params(max_iter=93)

        def told(frame: Any, event: str, _: Any) -> Any:
            nonlocal lines
            if "embedding_lab/projection" not in frame.f_code.co_filename.replace("\\", "/"):
                return None
            if event == "line":
                lines += 1
                if lines == stop_at:
                    raise KeyboardInterrupt
            return told

        before = sys.gettrace()
        sys.settrace(told)
        try:
            tsne.fit(vectors, neighbours=known)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        return tsne

    run(0)
    assert lines > 300
    for stop_at in range(1, lines, 17):
        tsne = run(stop_at).fit(vectors, neighbours=known)
        assert tsne.n_iter_ == 93
        np.testing.assert_array_equal(tsne.embedding_, whole, f"interrupted at line {stop_at} of {lines}")


@pytest.mark.parametrize("damage", ["points", "order", "velocity", "mesh_nodes", "rows"])
def test_a_checkpoint_that_does_not_fit_is_refused(damage: str, pictures: np.ndarray) -> None:
    tsne = TSNE(warm_start=True, max_iter=20).fit(pictures[:100])
    checkpoint = tsne.checkpoint()
    if damage == "points":
        checkpoint["points"][0, 3] = np.nan
    elif damage == "order":
        checkpoint["order"][5] += 1
    else:
        checkpoint.pop(damage, None)
    with pytest.raises(InputError, match="checkpoint"):
        TSNE().fit(pictures[: 99 if damage == "rows" else 100], resume=checkpoint)


def test_without_a_map_under_way_there_is_no_checkpoint(pictures: np.ndarray) -> None:
    tsne = TSNE(max_iter=20)
    with pytest.raises(NotFittedError):
        tsne.checkpoint()
    with pytest.raises(NotFittedError):
        tsne.fit(pictures[:50]).checkpoint()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours_known_already_give_the_same_map(metric: str, pictures: np.ndarray) -> None:
    tsne = TSNE(metric=metric, **SHORT)
    searched = tsne.fit_transform(pictures[:500])
    known = find(pictures[:500], tsne.neighbours_needed(), metric=metric)
    np.testing.assert_array_equal(tsne.fit_transform(pictures[:500], neighbours=known), searched)
    with pytest.raises(ShapeMismatch):
        tsne.fit(pictures[:400], neighbours=known)


def test_uniform_affinities_make_a_map_too(pictures: np.ndarray) -> None:
    tsne = TSNE(affinity="uniform", **SHORT).fit(pictures[:500])
    assert tsne.neighbours_needed() == 15
    assert np.isfinite(tsne.embedding_).all()


def test_few_samples_lower_the_perplexity(pictures: np.ndarray) -> None:
    assert TSNE(**SHORT).fit(pictures[:31]).perplexity_ == 10
    assert TSNE(**SHORT).fit(pictures[:500]).perplexity_ == 30


def test_a_map_can_start_from_an_earlier_one(pictures: np.ndarray) -> None:
    earlier = TSNE(max_iter=400).fit(pictures[:600])
    start = SimpleNamespace(points=earlier.embedding_)
    tsne = TSNE(init=start, early_exaggeration_iter=0, max_iter=20).fit(pictures[:600])
    assert tsne.kl_divergence_ <= earlier.kl_divergence_ + 0.01
    shift = np.linalg.norm(tsne.embedding_ - earlier.embedding_, axis=1)
    assert np.median(shift) < 0.05 * np.ptp(earlier.embedding_)


def test_training_rows_get_their_own_point(fitted: TSNE, pictures: np.ndarray) -> None:
    np.testing.assert_array_equal(fitted.transform(pictures[:1_600]), fitted.embedding_)


def test_where_a_new_row_lands_depends_on_no_other(fitted: TSNE, pictures: np.ndarray) -> None:
    before = fitted.embedding_.copy()
    together = fitted.transform(pictures[1_550:])
    assert np.isfinite(together).all()
    one_by_one = np.concatenate([fitted.transform(pictures[row : row + 1]) for row in range(1_595, 1_640)])
    np.testing.assert_allclose(together[45:90], one_by_one, atol=1e-4)
    np.testing.assert_array_equal(fitted.embedding_, before)


def test_new_rows_land_among_their_own_kind(fitted: TSNE, pictures: np.ndarray) -> None:
    labels = load_digits().target
    places = fitted.transform(pictures[1_600:])
    apart = ((places[:, None] - fitted.embedding_) ** 2).sum(axis=2)
    assert (labels[apart.argmin(axis=1)] == labels[1_600:1_700]).mean() > 0.9


def test_a_new_row_unlike_all_others_still_finds_a_place(fitted: TSNE, pictures: np.ndarray) -> None:
    assert np.isfinite(fitted.transform(np.full((1, 64), 1e3, np.float32))).all()
