"""Maps of a run are kept there, shown while they form, gone on with after an interruption, and not made twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from scipy.spatial.distance import pdist
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

import embedding_lab as lab
from embedding_lab.app import run_maps
from embedding_lab.embeddings.manifest import read_manifest, verify
from embedding_lab.errors import DataMissing, StorageError, UnknownName

ROWS = 150
MAPS = "layers/wide/7/maps"


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    """A run with two layers of pictured, labelled samples at step 7."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 255, (ROWS, 8, 8), dtype=np.uint8)
    for layer, dims in (("wide", 12), ("narrow", 2)):
        vectors = random.normal(size=(ROWS, dims)) + 8 * (np.arange(ROWS) % 3)[:, None]
        labels = ["a", "b", "c"] * 50
        lab.log_embeddings(tmp_path / "logs/mine", vectors, layer=layer, step=7, labels=labels, images=pictures)
    return tmp_path / "logs/mine"


def listed(run_path: Path) -> dict[str, Any]:
    config = text_format.Parse((run_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    return {each.tensor_name: each for each in config.embeddings}


def test_every_layer_gets_a_map_that_can_be_opened_later(run_path: Path) -> None:
    report = lab.project_run(run_path, "tsne", max_iter=40)
    assert [(each.layer, each.step, each.name, each.samples) for each in report.maps] == [
        ("narrow", 7, "tsne-3d", ROWS),
        ("wide", 7, "tsne-3d", ROWS),
    ]
    json.dumps(report.as_dict())
    run = lab.open_run(run_path)
    for each in report.maps:
        found = run.map(each.layer, "tsne-3d")
        assert (found.points.shape, found.state) == ((ROWS, 3), "complete")
        assert found.quality == each.quality
        assert set(found.per_sample) >= {"kept_10", "trustworthiness", "label_agreement_map"}


def test_layers_dimensions_metric_and_name_can_be_chosen(run_path: Path) -> None:
    lab.project_run(run_path, layers=["wide"], dims=2, metric="cosine", max_iter=20)
    lab.project_run(run_path, layers=["wide"], name="wide view", max_iter=20, perplexity=40)
    run = lab.open_run(run_path)
    assert run.maps("wide", 7) == ["tsne-2d-cosine", "wide view"]
    assert run.maps("narrow", 7) == []
    assert run.map("wide", "wide view").parameters["perplexity"] == 40
    assert run.map("wide", "tsne-2d-cosine").points.shape == (ROWS, 2)


def test_a_map_that_is_there_already_is_not_made_again_unless_asked(run_path: Path) -> None:
    first = lab.project_run(run_path, layers=["wide"], max_iter=30)
    again = lab.project_run(run_path, layers=["wide"], max_iter=30)
    assert first.maps[0].elapsed_seconds > 0
    assert again.maps[0].elapsed_seconds == 0
    assert again.maps[0].quality == first.maps[0].quality
    run = lab.open_run(run_path)
    points = run.map("wide", "tsne-3d").points
    for asked in ({"anew": True}, {"seed": 3}, {"max_iter": 31}):
        made = lab.project_run(run_path, layers=["wide"], **{"max_iter": 30, **asked})
        assert made.maps[0].elapsed_seconds > 0, asked
        if "anew" in asked:
            np.testing.assert_array_equal(run.map("wide", "tsne-3d").points, points)


def test_maps_of_vectors_that_were_replaced_are_none_of_the_new_ones(run_path: Path) -> None:
    lab.project_run(run_path, layers=["wide", "narrow"], max_iter=20)
    lab.log_embeddings(run_path, np.eye(ROWS, 5), layer="wide", step=7)
    run = lab.open_run(run_path)
    assert run.maps("wide", 7) == []
    assert run.maps("narrow", 7) == ["tsne-3d"]
    assert {name for name in listed(run_path) if "t-SNE 3-D" in name} == {"narrow · step 00007 · t-SNE 3-D"}
    with pytest.raises(UnknownName):
        run.map("wide", "tsne-3d")


def test_a_named_step_means_the_layers_that_have_it(run_path: Path) -> None:
    lab.log_embeddings(run_path, np.eye(ROWS, 5), layer="wide", step=9)
    report = lab.project_run(run_path, "pca", step=7)
    assert [(each.layer, each.step) for each in report.maps] == [("narrow", 7), ("wide", 7)]
    report = lab.project_run(run_path, "pca")
    assert [(each.layer, each.step) for each in report.maps] == [("narrow", 7), ("wide", 9)]
    with pytest.raises(UnknownName, match="7, 9"):
        lab.project_run(run_path, "pca", step=8)
    with pytest.raises(UnknownName, match="7"):
        lab.project_run(run_path, "pca", layers=["narrow"], step=9)
    with pytest.raises(UnknownName, match="narrow, wide"):
        lab.project_run(run_path, "pca", layers=["deep"])


def test_a_map_of_a_sample_says_so_and_has_everything_else_on_it(run_path: Path) -> None:
    lab.project_run(run_path, layers=["wide"], max_iter=30, sample=60)
    found = lab.open_run(run_path).map("wide", "tsne-3d")
    assert np.isfinite(found.points).all()
    assert (found.quality["sample"], found.parameters["sample"]) == (60, 60)
    assert len(found.per_sample["kept_10"]) == ROWS
    again = lab.project_run(run_path, layers=["wide"], max_iter=30, sample=60)
    assert again.maps[0].elapsed_seconds == 0
    assert lab.project_run(run_path, layers=["wide"], max_iter=30).maps[0].elapsed_seconds > 0, "another question"
    with pytest.raises(UnknownName, match="sample"):
        lab.project_run(run_path, "umap", layers=["wide"], sample=60)


# interruptions


@pytest.fixture
def publish_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishes every map that is told of, whatever it costs."""
    monkeypatch.setattr(run_maps, "COST", float("inf"))


class StopsAt:
    """Looks at what is there while t-SNE works, and stops it as Ctrl-C does after so many iterations."""

    def __init__(self, run_path: Path, iteration: int) -> None:
        self.run = lab.open_run(run_path)
        self.iteration = iteration
        self.seen: list[tuple[int | None, str]] = []

    def __call__(self, stage: str, done: int, total: int | None, note: str = "", /) -> None:
        if "t-SNE" not in stage:
            return
        if done > 25:
            there = self.run.map("wide", "tsne-3d")
            self.seen.append((there.done, there.state))
        if done >= self.iteration:
            raise KeyboardInterrupt


@pytest.mark.usefixtures("publish_all")
def test_a_map_can_be_seen_while_it_forms(run_path: Path) -> None:
    watching = StopsAt(run_path, 101)
    lab.project_run(run_path, layers=["wide"], max_iter=100, progress=watching)
    assert watching.seen == [(25, "forming"), (50, "forming"), (75, "forming")]
    assert lab.open_run(run_path).map("wide", "tsne-3d").state == "complete"


@pytest.mark.parametrize("cost", [float("inf"), 1e-9])
def test_an_interruption_keeps_the_last_map_and_says_so(
    run_path: Path, monkeypatch: pytest.MonkeyPatch, cost: float
) -> None:
    monkeypatch.setattr(run_maps, "COST", cost)
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        lab.project_run(run_path, max_iter=200, layers=["wide"], say=said.append, progress=StopsAt(run_path, 100))
    assert said == ["wide: stopped at 75 of 200; the map so far is kept."]
    kept = lab.open_run(run_path).map("wide", "tsne-3d")
    assert (kept.state, kept.done, kept.total) == ("forming", 75, 200)
    assert kept.quality["kl"] > 0
    assert not [name for name in listed(run_path) if "t-SNE 3-D" in name], "the page gets finished maps"


@pytest.mark.usefixtures("publish_all")
def test_the_same_call_goes_on_from_where_it_was_stopped(run_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        lab.project_run(run_path, layers=["wide"], max_iter=400, progress=StopsAt(run_path, 300))
    said: list[str] = []
    heard: list[int] = []

    def listening(stage: str, done: int, total: int | None, note: str = "", /) -> None:
        if "t-SNE" in stage:
            heard.append(done)

    report = lab.project_run(run_path, layers=["wide"], max_iter=400, say=said.append, progress=listening)
    assert said == ["wide: going on with 'tsne-3d', stopped at 275 of 400."]
    assert (heard[0], heard[-1]) == (275, 400)
    found = lab.open_run(run_path).map("wide", "tsne-3d")
    assert (found.state, found.parent) == ("complete", {"stopped": 275})
    assert not found.checkpoint, "nothing to go on with is kept of a finished map"
    whole = lab.project_run(run_path, layers=["wide"], max_iter=400, anew=True)
    assert report.maps[0].quality == whole.maps[0].quality
    points = lab.open_run(run_path).map("wide", "tsne-3d").points
    np.testing.assert_array_equal(found.points, points, "as if it had never been stopped")


@pytest.mark.usefixtures("publish_all")
def test_another_question_does_not_go_on_from_an_old_answer(run_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        lab.project_run(run_path, layers=["wide"], max_iter=400, progress=StopsAt(run_path, 300))
    said: list[str] = []
    lab.project_run(run_path, layers=["wide"], max_iter=30, perplexity=10, say=said.append)
    assert said == []
    assert lab.open_run(run_path).map("wide", "tsne-3d").parent is None


def test_stopped_before_it_began_it_says_that_nothing_is_there(run_path: Path) -> None:
    def stop(stage: str, done: int, total: int | None, note: str = "", /) -> None:
        raise KeyboardInterrupt

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        lab.project_run(run_path, layers=["wide"], say=said.append, progress=stop)
    assert said == ["wide: stopped before its map began to form."]
    assert lab.open_run(run_path).maps("wide", 7) == []


def started(run_path: Path, iterations: int) -> subprocess.Popen[str]:
    words = ["project", str(run_path), "--layer", "wide", "--set", f"max_iter={iterations}", "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "embedding_lab", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_until_it_forms(run_path: Path, process: subprocess.Popen[str]) -> None:
    manifest = run_path / "plugins/embedding_lab" / MAPS / "tsne-3d.json"
    end = time.monotonic() + 120
    while not manifest.exists():
        assert time.monotonic() < end
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
            raise AssertionError(process.communicate())


@pytest.fixture
def long_work(run_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`embedding-lab project`, with more to do than it can."""
    process = started(run_path, 10_000_000)
    try:
        wait_until_it_forms(run_path, process)
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as POSIX has it")
def test_ctrl_c_ends_the_command_with_130_and_the_last_map_opens(
    run_path: Path, long_work: subprocess.Popen[str]
) -> None:
    os.kill(long_work.pid, signal.SIGINT)
    out, messages = long_work.communicate(timeout=60)
    assert long_work.returncode == 130
    assert json.loads(out)["error"]["type"] == "Interrupted"
    found = lab.open_run(run_path).map("wide", "tsne-3d")
    assert found.state == "forming"
    assert f"wide: stopped at {found.done} of 10000000; the map so far is kept." in messages
    assert not list(run_path.rglob("*.partial"))


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as POSIX has it")
def test_killed_outright_it_leaves_the_last_map_whole(run_path: Path, long_work: subprocess.Popen[str]) -> None:
    os.kill(long_work.pid, signal.SIGKILL)
    long_work.communicate()
    run = lab.open_run(run_path)
    manifest = f"{MAPS}/tsne-3d.json"
    verify(run.files, manifest, read_manifest(run.files, manifest, "map"))
    assert run.map("wide", "tsne-3d").state == "forming"
    assert run.neighbours(run.embeddings("wide")) is not None


# the stock Projector


def test_the_projector_is_given_every_finished_map_as_three_columns(run_path: Path) -> None:
    before = listed(run_path)
    lab.project_run(run_path, layers=["wide"], max_iter=20)
    lab.project_run(run_path, layers=["wide"], max_iter=20, dims=2)
    lab.project_run(run_path, "pca", layers=["wide"])
    lab.project_run(run_path, "pca", layers=["wide"], dims=5)
    lab.project_run(run_path, layers=["wide"], max_iter=20, name="tight", exaggeration=4)
    after = listed(run_path)
    assert after.keys() - before.keys() == {
        "wide · step 00007 · t-SNE 3-D",
        "wide · step 00007 · t-SNE 2-D",
        "wide · step 00007 · t-SNE 3-D (tight)",
        "wide · step 00007 · principal components 3-D",
        "wide · step 00007 · principal components 5-D",
    }
    assert min(name for name in after if name.startswith("wide")) == "wide · step 00007 · PCA, euclidean"
    run = lab.open_run(run_path)
    for title, name in (
        ("t-SNE 3-D", "tsne-3d"),
        ("t-SNE 2-D", "tsne-2d"),
        ("principal components 3-D", "pca-3d"),
        ("principal components 5-D", "pca-5d"),
    ):
        entry = after[f"wide · step 00007 · {title}"]
        assert list(entry.tensor_shape) == [ROWS, 3]
        tensor = np.fromfile(run_path / entry.tensor_path, "<f4").reshape(ROWS, 3)
        points = run.map("wide", name).points[:, :3]
        assert tensor[1:, 2].any() == (name != "tsne-2d")
        shown, true = pdist(tensor), pdist(points)
        np.testing.assert_allclose(shown, true * (shown.sum() / true.sum()), atol=1e-4)


def test_a_maps_tensor_has_the_labels_the_pictures_and_the_measures_of_its_samples(run_path: Path) -> None:
    lab.project_run(run_path, layers=["wide"], max_iter=20)
    entries = listed(run_path)
    layer, shown = entries["wide · step 00007 · PCA, euclidean"], entries["wide · step 00007 · t-SNE 3-D"]
    assert shown.sprite.image_path == layer.sprite.image_path != ""
    assert shown.sprite.single_image_dim == layer.sprite.single_image_dim
    header, *lines = (run_path / shown.metadata_path).read_text().splitlines()
    assert {"label", "id", "map kept_10", "map trustworthiness"} <= set(header.split("\t"))
    kept = header.split("\t").index("map kept_10")
    told = [float(line.split("\t")[kept]) for line in lines]
    np.testing.assert_allclose(told, lab.open_run(run_path).map("wide", "tsne-3d").per_sample["kept_10"], rtol=1e-5)


def test_a_map_made_again_leaves_no_tensor_of_the_old_one_behind(run_path: Path) -> None:
    for seed in (0, 1, 2):
        lab.project_run(run_path, layers=["wide"], max_iter=20, seed=seed)
    named = {each.tensor_path for each in listed(run_path).values()}
    files = {each.relative_to(run_path).as_posix() for each in run_path.glob("projector/**/*.f32")}
    assert named <= files
    assert len(files - named) <= 1, "the one before stays for a TensorBoard that reads by the old list"
    lab.log_embeddings(run_path, np.eye(ROWS, 5), layer="wide", step=7)
    lab.log_embeddings(run_path, np.eye(ROWS, 5), layer="wide", step=7)
    assert not list(run_path.glob("projector/wide/7/maps/**/*.f32"))


# what cannot be done


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataMissing):
        lab.project_run(tmp_path)


def test_a_run_that_cannot_be_written_to_is_said_before_the_work_begins_in_vain(run_path: Path) -> None:
    (run_path / "plugins/embedding_lab" / MAPS).write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        lab.project_run(run_path, layers=["wide"], progress=StopsAt(run_path, 50))
