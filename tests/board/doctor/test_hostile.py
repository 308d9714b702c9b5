"""No log directory makes the doctor crash, hang, unfold or give away what lies outside of it."""

from __future__ import annotations

import itertools
import os
import shutil
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedding_lab.app.loggers import log_embeddings
from embedding_lab.embeddings import create_run

NAMES = [
    "events.out.tfevents.1.host",
    "projector_config.pbtxt",
    "points.f32",
    "labels.tsv",
    "sheet.png",
    "checkpoint",
    "model.index",
    "model.data-00000-of-00001",
    "train/keras_embedding.ckpt-1.weights.h5",
    "plugins/embedding_lab/layers/a/1/embeddings.json",
    "plugins/embedding_lab/annotations.jsonl",
    "plugins/profile/now/host.xplane.pb",
    "00000/default/tensors.tsv",
]
EXAMPLES = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
LISTS = [
    'embeddings {{ tensor_name: "a" tensor_path: "points.f32" tensor_shape: {} tensor_shape: {} '
    'metadata_path: "labels.tsv" sprite {{ image_path: "sheet.png" single_image_dim: {} single_image_dim: {} }} }}',
    'embeddings {{ tensor_name: "a" metadata_path: "labels.tsv" tensor_shape: {} tensor_shape: {} '
    "sprite {{ single_image_dim: {} single_image_dim: {} }} }}",
    'embeddings {{ tensor_name: "layer_with_weights-0/embeddings/x" }} model_checkpoint_path: "model" #{}{}{}{}',
]


@EXAMPLES
@given(files=st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=300), max_size=6))
def test_any_bytes_in_any_file(tmp_path_factory: pytest.TempPathFactory, new_desk: Any, files: Any) -> None:
    desk = new_desk(tmp_path_factory.mktemp("hostile"))
    for name, content in files.items():
        (desk.root / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        (desk.root / "run" / name).write_bytes(content)
    assert str(desk.examine())
    assert desk.examine(fix=True).to_dict()


@EXAMPLES
@given(
    text=st.sampled_from(LISTS),
    numbers=st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 9), min_size=4, max_size=4),
    tensor=st.binary(max_size=200) | st.text("0123456789.\t\n ,-e", max_size=200).map(str.encode),
    labels=st.text(st.characters(codec="utf-8"), max_size=100).map(str.encode),
    sheet=st.binary(max_size=50) | st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 9)).map(lambda s: png(*s)),
)
def test_any_numbers_in_a_list(
    tmp_path_factory: pytest.TempPathFactory, new_desk: Any, text: str, numbers: Any, **files: bytes
) -> None:
    desk = new_desk(tmp_path_factory.mktemp("hostile"))
    run = desk.run()
    (run / "projector_config.pbtxt").write_text(text.format(*numbers))
    for name, each in zip(("tensor", "labels", "sheet"), ("points.f32", "labels.tsv", "sheet.png"), strict=True):
        (run / each).write_bytes(files[name])
    shutil.copytree(desk.HERE / "tutorial", run, dirs_exist_ok=True)
    before = desk.examine()
    after = desk.examine(fix=True)
    assert len(after.errors) <= len(before.errors) + 1


@EXAMPLES
@given(cut=st.integers(0, 700), junk=st.binary(max_size=20))
@pytest.mark.parametrize("name", ["tutorial/model.ckpt-1", "object_checkpoint/embedding.ckpt-1"])
def test_any_damage_in_a_checkpoint(
    tmp_path_factory: pytest.TempPathFactory, new_desk: Any, name: str, cut: int, junk: bytes
) -> None:
    desk = new_desk(tmp_path_factory.mktemp("hostile"))
    run = desk.run()
    for ending in (".index", ".data-00000-of-00001"):
        content = (desk.HERE / f"{name}{ending}").read_bytes()
        (run / f"model{ending}").write_bytes(content[:cut] + junk + content[cut + len(junk) :])
    desk.list(run, {"tensor_name": "images"})
    desk.examine(fix=True)


def png(width: int, height: int) -> bytes:
    """A few bytes that claim to be a picture of any size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT\0\0\0\0"


def test_a_picture_that_would_unfold_to_gigabytes_is_not_opened(desk: Any) -> None:
    run = desk.run()
    (run / "sheet.png").write_bytes(png(40_000, 40_000))
    desk.list(
        run, {"tensor_path": desk.raw(run), "sprite": {"image_path": "sheet.png", "single_image_dim": [100, 100]}}
    )
    assert desk.found("sprite-too-large").mend is None


def test_files_outside_the_log_directory_are_not_copied_into_it(desk: Any) -> None:
    run = desk.run()
    secret = desk.root.parent / "secret.tsv"
    secret.write_text("word\n" * 20)
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": str(secret)})
    assert desk.found("asset-outside").mend is None
    desk.examine(fix=True)
    assert not list(desk.root.rglob("*.tsv"))


@pytest.mark.parametrize(
    "given", ["/dev/zero", "/proc/self/mem", "~nobody-of-this-name/x", "\0", "a" * 5000, "/", "."]
)
def test_paths_that_lead_nowhere_good(desk: Any, given: str) -> None:
    run = desk.run()
    entry = {"tensor_path": given, "metadata_path": given, "sprite": {"image_path": given}}
    desk.list(run, entry)
    assert desk.examine().errors
    assert {each.name for each in desk.examine(fix=True).errors} <= {"asset-outside"}


def test_a_list_that_is_too_large_is_not_read(desk: Any) -> None:
    with (desk.run() / "projector_config.pbtxt").open("wb") as file:
        file.truncate(1 << 30)
    assert "bytes" in desk.found("list-unreadable").got


def test_a_list_that_is_nested_without_end(desk: Any) -> None:
    (desk.run() / "projector_config.pbtxt").write_text("embeddings { sprite { x { " + "y { " * 20_000)
    assert desk.found("list-unreadable").mend


def test_a_manifest_that_names_files_elsewhere(desk: Any) -> None:
    run = create_run(desk.root / "run")
    path = run.files.local("layers/a/1/embeddings.json")
    path.parent.mkdir(parents=True)
    path.write_text(
        '{"format": "embedding-lab", "version": "1.0", "kind": "embeddings", '
        '"files": [{"name": "../../../../../../secret", "bytes": 1, "sha256": ""}]}'
    )
    assert "cannot be trusted" in desk.found("own-file-broken").got


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_links_that_lead_round_in_circles(desk: Any) -> None:
    run = desk.run()
    (run / "a").symlink_to(run / "b")
    (run / "b").symlink_to(run / "a")
    (run / "up").symlink_to(desk.root, target_is_directory=True)
    desk.list(run, {"tensor_path": "a"})
    assert desk.examine().errors


def test_a_disk_that_refuses_is_told_and_the_rest_goes_on(desk: Any) -> None:
    run = desk.run()
    (run / "mended").write_text("a file where a folder is to be")
    desk.labels(desk.root)
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": "../labels.tsv"})
    said = desk.examine(fix=True)
    assert said.mended[0].startswith("Could not mend asset-outside")
    assert not said.ok


def test_twice_as_many_runs_are_no_more_than_twice_the_work(new_desk: Any, tmp_path: Path) -> None:
    """Counted in calls: when each run looked through all the others, three hundred took minutes."""
    log_embeddings(tmp_path / "run", np.eye(5), labels=list("abcde"))

    def calls(runs: int) -> int:
        desk = new_desk(tmp_path / f"{runs} runs")
        for number in range(runs):
            shutil.copytree(tmp_path / "run", desk.root / f"run {number}")
        counted = itertools.count()
        sys.setprofile(lambda frame, what, given: next(counted) if what in ("call", "c_call") else None)
        try:
            assert desk.names() == set()
        finally:
            sys.setprofile(None)
        return next(counted)

    calls(1)  # what is loaded once and remembered is not counted
    few, many = calls(15), calls(30)
    assert many < 2.2 * few, (few, many)
