"""The demo goes from pictures to a run that TensorBoard can show, and says when it must take another dataset."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

import embedding_lab as lab
from embedding_lab.app.demo import DemoReport, demo
from embedding_lab.errors import DataMissing


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> DemoReport:
    return demo(dataset="digits", samples=100, logdir=tmp_path_factory.mktemp("logs"))


def test_every_layer_of_the_trained_model_and_the_samples_themselves_are_kept(report: DemoReport) -> None:
    run = lab.open_run(report.run)
    assert {each.layer: each.dims for each in report.layers} == {"input": 64, "embed_layer": 16, "output": 10}
    assert set(run.layers) == {each.layer for each in report.layers}
    assert len(run.embeddings("embed_layer")) == report.samples == 100


def test_what_the_model_said_is_kept_with_the_step_it_was_at(report: DemoReport) -> None:
    found = lab.open_run(report.run).embeddings("embed_layer")
    assert found.step == 5 * (1352 // 32)
    assert found.outputs is not None
    agreement = np.mean(found.outputs.prediction == found.dataset.labels)
    assert abs(agreement - report.accuracy) < 0.1, "the sample is fair"


def test_the_projector_is_given_every_layer_with_labels_and_thumbnails(report: DemoReport) -> None:
    config = text_format.Parse((report.run / "projector_config.pbtxt").read_text(), ProjectorConfig())
    shown = {each.tensor_name.split(" ")[0] for each in config.embeddings}
    assert shown == {"input", "embed_layer", "output"}
    for each in config.embeddings:
        for path in (each.tensor_path, each.metadata_path, each.sprite.image_path):
            assert (report.run / path).is_file(), path


def test_the_first_steps_of_training_are_traced(report: DemoReport) -> None:
    assert report.trace is not None
    assert report.trace.run == report.run
    assert len(report.trace.step_seconds) == 3
    assert "embed_layer" in {row.layer for row in report.trace.layers}


def test_the_report_tells_each_step_of_the_story_and_can_be_json(report: DemoReport) -> None:
    assert list(report.elapsed_seconds) == [
        *("data", "train", "extract", "write for the Projector", "PCA maps", "t-SNE maps", "examine"),
    ]
    assert json.loads(json.dumps(report.as_dict()))["samples"] == 100


def test_every_layer_has_maps_of_all_its_samples_and_says_what_they_keep(report: DemoReport) -> None:
    run = lab.open_run(report.run)
    made = {(each.layer, each.name): each for each in report.maps}
    assert made.keys() == {(layer, name) for layer in run.layers for name in ("pca-3d", "tsne-3d")}
    for (layer, name), told in made.items():
        found = run.map(layer, name)
        assert (found.points.shape, found.state) == ((report.samples, 3), "complete")
        assert told.quality["kept_10"] == pytest.approx(found.per_sample["kept_10"].mean(), abs=1e-6)
    assert made["embed_layer", "tsne-3d"].quality["kept_10"] > made["embed_layer", "pca-3d"].quality["kept_10"]


def test_it_ends_with_the_doctors_word(report: DemoReport) -> None:
    assert report.diagnosis.ok
    assert report.diagnosis.tabs["Projector"]
    assert not report.diagnosis.tabs["Audio"]


def test_a_second_demo_is_a_second_run_that_finds_the_same(report: DemoReport, tmp_path: Path) -> None:
    again = demo(dataset="digits", samples=100, maps=False, logdir=tmp_path)
    one, other = (lab.open_run(each.run).embeddings("embed_layer") for each in (report, again))
    assert np.array_equal(one.vectors, other.vectors)
    assert list(one.ids) == list(other.ids)
    assert again.maps == (), "and makes no maps where none are asked for"


@pytest.fixture
def no_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without MNIST, without caches and without a network."""
    for name in ("EMBEDDING_LAB_DATA", "HOME", "XDG_CACHE_HOME", "KERAS_HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "empty"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.mark.usefixtures("no_mnist")
@pytest.mark.parametrize("cache_can_be_written", [True, False])
def test_without_mnist_it_says_so_in_one_line_and_goes_on_with_digits(
    tmp_path: Path, cache_can_be_written: bool
) -> None:
    said: list[str] = []
    if not cache_can_be_written:
        (tmp_path / "empty").write_text("a file where the cache's folder should be")
    report = demo(samples=50, epochs=1, maps=False, logdir=tmp_path / "logs", say=said.append)
    assert report.dataset == "digits"
    assert len(said) == 1
    assert "\n" not in said[0]
    assert "digits" in said[0]


@pytest.mark.usefixtures("no_mnist")
def test_an_mnist_that_was_asked_for_and_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="t10k-images-idx3-ubyte"):
        demo(dataset="mnist", logdir=tmp_path / "logs")
    assert not (tmp_path / "logs").exists()
