"""Every finished map of a run reaches TensorBoard's own Projector, whoever saved it and of whichever samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from tensorboard.plugins import base_plugin

from embedding_lab.app.plugin import EmbeddingLabPlugin
from embedding_lab.board import stock_projector
from embedding_lab.board.doctor import doctor
from embedding_lab.board.finished_maps import list_maps, title
from embedding_lab.board.projector_config import CONFIG_NAME
from embedding_lab.board.stock_projector import write_stock_projector
from embedding_lab.embeddings import EmbeddingSet, Projection, Run, as_dataset, create_run

ROWS = 40
LAYER = "hidden"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with a layer of pictured samples, as logging leaves it."""
    random = np.random.default_rng(0)
    data = as_dataset(random.integers(0, 256, (ROWS, 28, 28)).astype(np.uint8), labels=np.arange(ROWS) % 3)
    each = EmbeddingSet(random.normal(size=(ROWS, 6)).astype(np.float32), data, LAYER, 7)
    found = create_run(tmp_path / "logs" / "run")
    found.save_embeddings(each)
    write_stock_projector(found.path, [each])
    return found


def a_map(points: Any, method: str = "tsne", **parts: Any) -> Projection:
    ids = as_dataset(np.zeros((ROWS, 1))).ids
    return Projection(np.asarray(points, np.float32), ids, method, **parts)


def start_tensorboard(run: Run) -> None:
    """As far as our plugin sees it."""
    EmbeddingLabPlugin(base_plugin.TBContext(logdir=str(run.path.parent)))


def test_a_map_that_anyone_saved_is_listed_when_tensorboard_starts(run: Run, serve: Any) -> None:
    points = np.random.default_rng(1).normal(size=(ROWS, 3)) + 5
    kept = np.linspace(0, 1, ROWS).astype(np.float32)
    run.save_map(LAYER, 7, "by hand", a_map(points, "mine", per_sample={"kept_10": kept}))
    run.save_map(LAYER, 7, "half made", a_map(points, state="forming"))
    start_tensorboard(run)
    server = serve(run.path.parent)
    name = f"{LAYER} · step 00007 · mine 3-D (by hand)"
    assert [each for each in server.tensors("run") if "3-D" in each] == [name]
    shown, true = pdist(server.values("run", name)), pdist(points)
    np.testing.assert_allclose(shown, true * (shown.sum() / true.sum()), rtol=0.1)
    rows = server.metadata("run", name).rows
    np.testing.assert_allclose([row["map kept_10"] for row in rows], kept, atol=1e-5)
    assert min(server.tensors("run")) == f"{LAYER} · step 00007 · PCA, euclidean", "what the page opens with"


def test_a_map_of_some_samples_shows_these_alone_with_their_own_pictures(run: Run, serve: Any) -> None:
    some = np.array([3, 4, 11, 20, 39])
    points = np.full((ROWS, 2), np.nan)
    points[some] = np.random.default_rng(1).normal(size=(5, 2))
    run.save_map(LAYER, 7, "tsne-2d of 5 (ab12)", a_map(points))
    list_maps(run)
    server = serve(run.path.parent)
    name, whole = f"{LAYER} · step 00007 · t-SNE 2-D of 5 (ab12)", f"{LAYER} · step 00007 · PCA, euclidean"
    tensor = server.values("run", name)
    shown, true = pdist(tensor), pdist(points[some])
    np.testing.assert_allclose(shown, true * (shown.sum() / true.sum()), atol=1e-4)
    all_rows = server.metadata("run", whole).rows
    assert server.metadata("run", name).rows == [all_rows[row] for row in some]
    cells, all_cells = np.asarray(server.sheet("run", name)), np.asarray(server.sheet("run", whole))
    for number, row in enumerate(some):
        cell, of = divmod(number, 4), divmod(row, 8)
        np.testing.assert_array_equal(
            cells[cell[0] * 28 :, cell[1] * 28 :][:28, :28], all_cells[of[0] * 28 :, of[1] * 28 :][:28, :28]
        )


def test_of_more_samples_than_the_page_takes_each_has_its_own_picture_or_none(
    run: Run, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock_projector, "MOST_ROWS", 12)
    embeddings = run.embeddings(LAYER)
    pictures = np.random.default_rng(0).integers(1, 256, (ROWS, 28, 28)).astype(np.uint8)
    data = as_dataset(pictures, ids=embeddings.ids, labels=embeddings.dataset.labels)
    each = EmbeddingSet(np.asarray(embeddings.vectors), data, LAYER, 7)
    run.save_embeddings(each)
    write_stock_projector(run.path, [each])
    points = np.full((ROWS, 2), np.nan)
    points[:30] = np.random.default_rng(1).normal(size=(30, 2))
    run.save_map(LAYER, 7, "tsne-2d", a_map(points))
    assert any("no thumbnail" in note for note in list_maps(run))
    server = serve(run.path.parent)
    name = f"{LAYER} · step 00007 · t-SNE 2-D"
    rows, sheet = server.metadata("run", name).rows, np.asarray(server.sheet("run", name))
    assert len(rows) == 12
    found = 0
    for number, told in enumerate(rows):
        cell = sheet[number // 4 * 28 :, number % 4 * 28 :][:28, :28]
        true = pictures[list(embeddings.ids).index(told["id"])]
        assert not cell.any() or (cell == true).all()
        found += bool(cell.any())
    assert 0 < found < 12


def test_again_nothing_is_written_and_a_map_made_anew_takes_the_place_of_the_old(run: Run, serve: Any) -> None:
    random = np.random.default_rng(1)
    run.save_map(LAYER, 7, "tsne-3d", a_map(random.normal(size=(ROWS, 3))))
    list_maps(run)
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    list_maps(run)
    start_tensorboard(run)
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before
    points = random.normal(size=(ROWS, 3))
    run.save_map(LAYER, 7, "tsne-3d", a_map(points))
    list_maps(run)
    server = serve(run.path.parent)
    assert len([each for each in server.tensors("run") if "t-SNE 3-D" in each]) == 1
    shown = pdist(server.values("run", f"{LAYER} · step 00007 · t-SNE 3-D"))
    assert np.corrcoef(shown, pdist(points))[0, 1] > 0.99


def test_a_map_that_cannot_be_read_keeps_no_other_from_the_list(run: Run, serve: Any) -> None:
    points = np.random.default_rng(1).normal(size=(ROWS, 3))
    for name in ("broken", "tsne-3d"):
        run.save_map(LAYER, 7, name, a_map(points))
    next(run.path.rglob("broken-*.npy")).write_bytes(b"none")
    run.save_map(LAYER, 7, "nothing", a_map(np.full((ROWS, 2), np.nan)))
    list_maps(run)
    assert [each for each in serve(run.path.parent).tensors("run") if "3-D" in each] == [
        f"{LAYER} · step 00007 · t-SNE 3-D"
    ]


def test_a_list_that_cannot_be_read_stops_no_tensorboard(run: Run) -> None:
    run.save_map(LAYER, 7, "tsne-3d", a_map(np.eye(ROWS, 3)))
    (run.path / CONFIG_NAME).write_text("no list")
    start_tensorboard(run)
    assert (run.path / CONFIG_NAME).read_text() == "no list"


def test_the_doctor_tells_of_maps_that_are_not_listed_and_lists_them(run: Run, serve: Any) -> None:
    run.save_map(LAYER, 7, "tsne-3d", a_map(np.random.default_rng(1).normal(size=(ROWS, 3))))
    assert [each.got for each in doctor(run.path.parent).findings if each.name == "map-unlisted"] == [
        f"{LAYER}: tsne-3d"
    ]
    mended = doctor(run.path.parent, fix=True)
    assert "map-unlisted" not in {each.name for each in mended.findings}
    assert [each.name.partition(".bak")[0].startswith(CONFIG_NAME) for each in mended.kept] == [True]
    assert f"{LAYER} · step 00007 · t-SNE 3-D" in serve(run.path.parent).tensors("run")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("tsne-3d", "t-SNE 3-D"),
        ("tsne-3d-cosine", "t-SNE 3-D, cosine"),
        ("tsne-3d perplexity 50 of 1,000 (ab12)", "t-SNE 3-D perplexity 50 of 1,000 (ab12)"),
        ("tsne-3d-cosine of 50 (ab12)", "t-SNE 3-D, cosine of 50 (ab12)"),
        ("tight", "t-SNE 3-D (tight)"),
        ("tsne-3d (tight)", "t-SNE 3-D (tsne-3d (tight))"),
        ("tsne-3d, cosine", "t-SNE 3-D (tsne-3d, cosine)"),
        ("tsne-2d", "t-SNE 3-D (tsne-2d)"),
    ],
)
def test_no_two_maps_have_one_title(name: str, shown: str) -> None:
    assert title(name, a_map(np.zeros((ROWS, 3)))) == shown
