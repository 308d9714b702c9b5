"""Every failure that lies in a log directory: reproduced, named, mended, and then shown by real TensorBoard."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedding_lab.board.doctor import doctor
from embedding_lab.board.launch import Board, launch
from embedding_lab.board.ready import POLL_SECONDS, runs_in

SECONDS = 120.0
Build = Callable[[Any], None]
CASES: dict[str, Case] = {}


@dataclass(frozen=True)
class Case:
    """A log directory that is ill.

    Attributes:
        build: writes it.
        finding: the name of what the doctor must find.
        shows: the shapes of the tensors that the Projector must show after the mend, as (rows, dims).
        tensorflow: whether it is only ill where TensorFlow is installed.
    """

    build: Build
    finding: str
    shows: tuple[tuple[int, int], ...] = ((20, 4),)
    tensorflow: bool = False


def case(finding: str, **how: Any) -> Callable[[Build], Build]:
    def keep(build: Build) -> Build:
        CASES[build.__name__] = Case(build, finding, **how)
        return build

    return keep


# Which files a list may name


@case("tensor-missing")
def a_missing_tensor_file(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run)}, {"tensor_name": "gone", "tensor_path": "gone.f32"})


@case("asset-outside")
def an_absolute_path(desk: Any) -> None:
    run = desk.run()
    desk.raw(desk.root / "shared")
    desk.list(run, {"tensor_path": str(desk.root / "shared" / "points.f32")})


@case("asset-outside")
def files_shared_by_several_runs(desk: Any) -> None:
    run = desk.run()
    desk.labels(desk.root)
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": "../labels.tsv"})


@case("asset-outside")
def a_symbolic_link(desk: Any) -> None:
    run = desk.run()
    sheet = desk.sheet(desk.root)
    (run / "sheet.png").symlink_to(desk.root / "sheet.png")
    desk.list(run, {"tensor_path": desk.raw(run), "sprite": sheet})


@case("asset-path-doubled")
def a_path_relative_to_where_the_program_ran(desk: Any) -> None:
    run = desk.run()
    desk.raw(run), desk.labels(run)
    desk.list(run, {"tensor_path": "./logs/run/points.f32", "metadata_path": "logs/run/labels.tsv"})


@case("metadata-missing")
def a_missing_table(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": "gone.tsv"})


@case("sprite-missing")
def a_missing_sheet(desk: Any) -> None:
    run = desk.run()
    sprite = {"image_path": "gone.png", "single_image_dim": [8, 8]}
    desk.list(run, {"tensor_path": desk.raw(run), "sprite": sprite})


@case("bookmarks-missing")
def missing_bookmarks(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run), "bookmarks_path": "gone.txt"})


# What a tensor file may be


@case("tensor-form")
def a_numpy_file(desk: Any) -> None:
    run = desk.run()
    np.save(run / "points.npy", desk.points())
    desk.list(run, {"tensor_path": "points.npy"})


@case("tensor-form")
def a_table_with_commas(desk: Any) -> None:
    run = desk.run()
    np.savetxt(run / "points.csv", desk.points(), delimiter=",")
    desk.list(run, {"tensor_path": "points.csv", "tensor_shape": []})


@case("tensor-form")
def a_table_with_a_header(desk: Any) -> None:
    run = desk.run()
    np.savetxt(run / "points.tsv", desk.points(), delimiter="\t", header="a\tb\tc\td", comments="")
    desk.list(run, {"tensor_path": "points.tsv", "tensor_shape": []})


@case("tensor-form")
def double_precision(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run, desk.points().astype(np.float64))})


@case("tensor-form")
def half_precision(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run, (0.99 * desk.points()).astype(np.float16))})


@case("tensor-form")
def raw_numbers_without_a_shape(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run), "tensor_shape": [], "metadata_path": desk.labels(run)})


@case("tensor-form")
def more_rows_than_the_list_says(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run), "tensor_shape": [10, 4]})


@case("tensor-form")
def all_zeros(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run, np.zeros((20, 4), np.float32))})


@case("tensor-form")
def numbers_that_begin_like_text(desk: Any) -> None:
    run = desk.run()
    values = desk.points()
    values[0] = np.frombuffer(b"\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x3f\x00\x00\x00\x3f", "<f4")
    desk.list(run, {"tensor_path": desk.raw(run, values)})


@case("tensor-form", shows=())
def lines_of_different_length(desk: Any) -> None:
    run = desk.run()
    (run / "points.tsv").write_text("1\t2\n3\n")
    desk.list(run, {"tensor_path": "points.tsv", "tensor_shape": []})


@case("tensor-shape")
def another_shape_than_the_file_has(desk: Any) -> None:
    run = desk.run()
    np.savetxt(run / "points.tsv", desk.points(), delimiter="\t")
    desk.list(run, {"tensor_path": "points.tsv", "tensor_shape": [10, 8]})


@case("tensor-not-finite")
def nan_among_the_vectors(desk: Any) -> None:
    run = desk.run()
    values = desk.points()
    values[[3, 13]] = np.nan
    desk.list(run, {"tensor_path": desk.raw(run, values)})


# The list itself


@case("list-unreadable", shows=())
def a_list_that_is_none(desk: Any) -> None:
    (desk.run() / "projector_config.pbtxt").write_text("embeddings { tensor_name: 'x' tensor_pth: 'y' }")


@case("tensor-name-twice", shows=((20, 4), (20, 4)))
def one_name_for_two_tensors(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run)}, {"tensor_path": desk.raw(run, name="other.f32")})


@case("tensor-nameless", shows=((20, 4), (20, 4)))
def tensors_without_names(desk: Any) -> None:
    run = desk.run()
    unnamed = {"tensor_name": "", "tensor_path": desk.raw(run, name="other.f32")}
    desk.list(run, {"tensor_path": desk.raw(run)}, unnamed)


@case("name-in-address")
def a_name_the_page_cannot_ask_for(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_name": "conv + relu & pool", "tensor_path": desk.raw(run)})


@case("tensor-unlisted", shows=((20, 4), (30, 8)))
def a_second_writer_that_overwrote_the_list(desk: Any) -> None:
    shutil.copytree(desk.HERE / "written_by" / "pytorch", desk.root / "run")
    run = desk.root / "run"
    shutil.rmtree(run / "00002")
    values = np.loadtxt(run / "00001" / "layer" / "tensors.tsv")
    values -= values.mean(axis=0)
    np.savetxt(
        run / "00001" / "layer" / "tensors.tsv", values / np.linalg.norm(values, axis=1).max(), delimiter="\t"
    )
    desk.list(run, {"tensor_path": desk.raw(run)})


@case("run-without-events")
def a_folder_without_an_event_file(desk: Any) -> None:
    desk.run("other")
    desk.list(desk.root / "run", {"tensor_path": desk.raw(desk.root / "run")})


# Checkpoints in place of tensor files


@case("checkpoint-not-found", shows=((30, 4), (30, 4)))
def the_tutorials_recipe(desk: Any) -> None:
    """TensorFlow 1: paths relative to the working directory, a checkpoint named by where it was written."""
    run = desk.run("projector")
    shutil.copytree(desk.HERE / "tutorial", run, dirs_exist_ok=True)
    (run / "checkpoint").write_text('model_checkpoint_path: "/home/someone/logs/projector/model.ckpt-1"\n')
    desk.labels(run, ["label", *(str(row % 10) for row in range(30))], "metadata.tsv")
    sheet = desk.sheet(run, columns=10, rows=3, name="sprite.png")
    entry = {
        "tensor_name": "images:0",
        "tensor_shape": [],
        "metadata_path": "logs/projector/metadata.tsv",
        "sprite": {**sheet, "image_path": "logs/projector/sprite.png"},
    }
    desk.list(run, entry)


@case("checkpoint-only", shows=((20, 5), (20, 5)), tensorflow=True)
def the_first_tutorials_recipe(desk: Any) -> None:
    """TensorFlow 2: a checkpoint of one variable, labels below a word, a flat sheet, a trace without profile."""
    shutil.copytree(desk.HERE / "written_by" / "tf_summary", desk.root, dirs_exist_ok=True)
    run = desk.run("projector")
    shutil.copytree(desk.HERE / "object_checkpoint", run, dirs_exist_ok=True)
    (run / "checkpoint").write_text('model_checkpoint_path: "embedding.ckpt-1"\n')
    desk.labels(run, ["label", *(str(row % 10) for row in range(20))], "metadata.tsv")
    entry = {
        "tensor_name": "embedding/.ATTRIBUTES/VARIABLE_VALUE",
        "tensor_shape": [],
        "metadata_path": "metadata.tsv",
        "sprite": desk.sheet(run, columns=10, rows=2, name="sprite.png"),
    }
    desk.list(run, entry)


@case("tensor-not-in-checkpoint", shows=((20, 5), (20, 5)), tensorflow=True)
def a_variable_under_another_name(desk: Any) -> None:
    run = desk.run()
    shutil.copytree(desk.HERE / "object_checkpoint", run, dirs_exist_ok=True)
    (run / "checkpoint").write_text('model_checkpoint_path: "embedding.ckpt-1"\n')
    desk.list(run, {"tensor_name": "embedding", "tensor_shape": []})


@case("checkpoint-needs-tensorflow", shows=((20, 5), (20, 5)))
def a_checkpoint_where_there_is_no_tensorflow(desk: Any) -> None:
    run = desk.run()
    shutil.copytree(desk.HERE / "object_checkpoint", run, dirs_exist_ok=True)
    (run / "checkpoint").write_text('model_checkpoint_path: "embedding.ckpt-1"\n')
    desk.list(run, {"tensor_name": "embedding/.ATTRIBUTES/VARIABLE_VALUE", "tensor_shape": []})


@case("checkpoint-gone", tensorflow=True)
def a_checkpoint_that_is_gone(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run)}, model_checkpoint_path="/home/someone/model.ckpt-1")


@case("keras-embeddings", shows=((11, 6), (11, 6)))
def the_embeddings_that_keras_3_saves(desk: Any) -> None:
    pytest.importorskip("h5py", reason="the weights that Keras saves are HDF5; install h5py")
    shutil.copytree(desk.HERE / "written_by" / "keras", desk.root / "run")


# Tables of samples


@case("metadata-header")
def a_header_over_a_single_column(desk: Any) -> None:
    run = desk.run()
    lines = ["label", *(f"class {row}" for row in range(20))]
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": desk.labels(run, lines)})


@case("metadata-header")
def several_columns_without_a_header(desk: Any) -> None:
    run = desk.run()
    lines = [f"class {row}\t{row}" for row in range(20)]
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": desk.labels(run, lines)})


@case("metadata-blank-lines")
def blank_lines_among_the_labels(desk: Any) -> None:
    run = desk.run()
    lines = ["" if row == 4 else f"class {row}" for row in range(20)]
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": desk.labels(run, lines)})


@case("metadata-count")
def fewer_labels_than_points(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": desk.labels(run, ["one", "two"])})


@case("metadata-empty-cells")
def empty_cells(desk: Any) -> None:
    run = desk.run()
    lines = ["label\tword\tsize", *("class\t\t1" if row == 4 else "class\tword\t2" for row in range(19)), "class"]
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": desk.labels(run, lines)})


@case("metadata-returns")
def lines_as_windows_ends_them(desk: Any) -> None:
    run = desk.run()
    lines = ["label\tword\r", *("class\tword\r" for _ in range(20))]
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": desk.labels(run, lines)})


@case("metadata-not-utf8")
def labels_in_latin_1(desk: Any) -> None:
    run = desk.run()
    (run / "labels.tsv").write_bytes("café\n".encode("latin-1") * 20)
    desk.list(run, {"tensor_path": desk.raw(run), "metadata_path": "labels.tsv"})


@case("too-many-classes", shows=((120, 4),))
def more_classes_than_colours(desk: Any) -> None:
    run = desk.run()
    labels = desk.labels(run, [f"class {row % 60}" for row in range(120)])
    points = desk.raw(run, desk.points(120))
    desk.list(run, {"tensor_path": points, "tensor_shape": [120, 4], "metadata_path": labels})


# Sheets of thumbnails


@case("sprite-too-large")
def a_sheet_that_is_too_large(desk: Any) -> None:
    run = desk.run()
    sheet = desk.sheet(run, columns=1025, rows=1)
    desk.list(run, {"tensor_path": desk.raw(run), "sprite": sheet})


@case("sprite-not-square")
def a_sheet_that_is_not_square(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run), "sprite": desk.sheet(run, columns=10, rows=2)})


@case("sprite-too-few")
def fewer_thumbnails_than_points(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run), "sprite": desk.sheet(run, columns=4, rows=4)})


@case("sprite-unreadable")
def a_sheet_that_is_no_picture(desk: Any) -> None:
    run = desk.run()
    (run / "sheet.png").write_bytes(b"no picture")
    sprite = {"image_path": "sheet.png", "single_image_dim": [8, 8]}
    desk.list(run, {"tensor_path": desk.raw(run), "sprite": sprite})


@case("sprite-dimensions")
def thumbnails_of_another_size_than_said(desk: Any) -> None:
    run = desk.run()
    sheet = {**desk.sheet(run), "single_image_dim": [7, 7]}
    desk.list(run, {"tensor_path": desk.raw(run), "sprite": sheet})


# Vectors that are shown wrongly


@case("neighbours-lost", shows=((20, 4), (20, 4)))
def vectors_that_are_not_of_length_1(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run, np.abs(desk.points()) * 9)})


@case("pca-off-centre", shows=((20, 4), (20, 4)))
def vectors_off_centre(desk: Any) -> None:
    run = desk.run()
    values = np.abs(desk.points())
    desk.list(run, {"tensor_path": desk.raw(run, values / np.linalg.norm(values, axis=1, keepdims=True) * 0.999)})


@case("neighbours-of-sphere", shows=((20, 49), (20, 49)))
def more_dimensions_than_the_page_leaves_alone(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run, desk.points(20, 64) + 1), "tensor_shape": [20, 64]})


@case("pca-random", shows=((20, 49), (20, 49)))
def more_dimensions_than_the_page_can_use(desk: Any) -> None:
    run = desk.run()
    low = desk.points() @ np.random.default_rng(1).normal(size=(4, 300)).astype(np.float32)
    desk.list(run, {"tensor_path": desk.raw(run, low), "tensor_shape": [20, 300]})


@case("too-many-points", shows=((100_000, 2),))
def more_points_than_the_page_takes(desk: Any) -> None:
    run = desk.run()
    angle = np.linspace(0, 2 * np.pi, 100_100, endpoint=False)
    circle = 0.9999 * np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    labels = desk.labels(run, ["label\trow", *(f"{'ab'[row % 2]}\t{row}" for row in range(100_100))])
    entry = {"tensor_path": desk.raw(run, circle), "tensor_shape": [100_100, 2], "metadata_path": labels}
    desk.list(run, {**entry, "sprite": desk.sheet(run, columns=317, rows=317, cell=4)})


# The doctor, and then TensorBoard


@dataclass(frozen=True)
class Mended:
    """All cases, mended, in one TensorBoard."""

    before: dict[str, Any]
    after: dict[str, Any]
    files_before: dict[str, dict[Path, bytes]]
    board: Board
    ask: Any


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory, new_desk: Any, asked: Any) -> Iterator[Mended]:
    root = tmp_path_factory.mktemp("cases")
    before, after, files = {}, {}, {}
    for name, each in CASES.items():
        desk = new_desk(root / name)
        desk.root.mkdir()
        each.build(desk)
        files[name] = {path: path.read_bytes() for path in desk.root.rglob("*") if path.is_file()}
        before[name] = desk.examine(tensorflow=each.tensorflow)
        after[name] = desk.examine(fix=True, tensorflow=each.tensorflow)
    with launch(root, port=0) as board:
        yield Mended(before, after, files, board, asked(board.url))


each_case = pytest.mark.parametrize("name", CASES)


@each_case
def test_the_doctor_names_what_is_wrong(mended: Mended, name: str) -> None:
    found = {each.name: each for each in mended.before[name].findings}
    assert CASES[name].finding in found, str(mended.before[name])
    finding = found[CASES[name].finding]
    assert finding.mend is not None
    assert finding.file is not None
    assert finding.remedy


@each_case
def test_after_the_mend_there_is_no_error(mended: Mended, name: str) -> None:
    assert mended.after[name].mended
    assert not [each.name for each in mended.after[name].findings if each.severity == "error"]
    assert CASES[name].finding not in {each.name for each in mended.after[name].findings}


@each_case
def test_mending_destroys_nothing(mended: Mended, name: str) -> None:
    now = {path.read_bytes() for path in Path(mended.after[name].logdir).rglob("*") if path.is_file()}
    for path, content in mended.files_before[name].items():
        assert content in now, path


@each_case
def test_mending_leaves_no_file_that_nobody_names(mended: Mended, name: str) -> None:
    lists = [path.read_text("utf-8") for path in Path(mended.after[name].logdir).rglob("projector_config.pbtxt")]
    for path in Path(mended.after[name].logdir).rglob("mended/*"):
        assert any(path.name in text for text in lists) or name in TWO_STEPS, path


TWO_STEPS = (
    "the_tutorials_recipe",
    "the_first_tutorials_recipe",
    "a_variable_under_another_name",
    "a_checkpoint_where_there_is_no_tensorflow",
    "the_embeddings_that_keras_3_saves",
)
"""Here the first mend writes a tensor that the second one replaces by better ones."""


@each_case
def test_the_projector_shows_the_points(mended: Mended, name: str) -> None:
    (run,) = [each for each in (f"{name}/run", f"{name}/projector") if each in _runs(mended)] or [""]
    tensors = mended.ask.json("plugin/projector/info", run=run)["embeddings"] if run else []
    assert sorted(tuple(each["tensorShape"]) for each in tensors) == sorted(CASES[name].shows)
    for each in tensors:
        ask = {"run": run, "name": each["tensorName"]}
        rows, dims = each["tensorShape"]
        values = np.frombuffer(mended.ask("plugin/projector/tensor", **ask, num_rows=100_000), np.float32)
        assert values.shape == (rows * dims,)
        assert np.isfinite(values).all()
        if "metadataPath" in each:
            _fits(mended.ask("plugin/projector/metadata", **ask, num_rows=100_000).decode(), rows)
        if "sprite" in each:
            sheet = Image.open(io.BytesIO(mended.ask("plugin/projector/sprite_image", **ask)))
            assert sheet.width <= 8192
            assert sheet.size[0] == sheet.size[1]
            assert sheet.size[0] % each["sprite"]["singleImageDim"][0] == 0


def _runs(mended: Mended) -> list[str]:
    return list(mended.ask.json("plugin/projector/runs"))


def _fits(table: str, rows: int) -> None:
    """The page's own rules: one line per point, none blank, no carriage return, a header with a tab."""
    lines = table.split("\n")
    assert lines.pop() == ""
    assert all(line.strip() for line in lines)
    assert "\r" not in table
    assert len(lines) == rows + ("\t" in lines[0])
    assert len({line.count("\t") for line in lines}) == 1


def test_every_reason_of_the_tutorials_empty_tab_is_named(mended: Mended) -> None:
    found = {each.name for each in mended.before["the_tutorials_recipe"].findings}
    assert found == {
        "checkpoint-needs-tensorflow",
        "checkpoint-not-found",
        "asset-path-doubled",
        "metadata-header",
        "sprite-not-square",
    }


def test_every_reason_why_the_first_tutorial_misleads_is_named(mended: Mended) -> None:
    found = {each.name for each in mended.before["the_first_tutorials_recipe"].findings}
    assert found == {"checkpoint-only", "metadata-header", "sprite-not-square", "trace-without-profile"}
    after = {each.name for each in mended.after["the_first_tutorials_recipe"].findings}
    assert after == {"trace-without-profile"}


def test_the_numbers_of_the_checkpoint_are_the_models(mended: Mended) -> None:
    values = np.random.RandomState(1).rand(30, 4).astype(np.float32)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    for each in mended.ask.json("plugin/projector/info", run="the_tutorials_recipe/projector")["embeddings"]:
        if "cosine" in each["tensorName"]:
            raw = mended.ask(
                "plugin/projector/tensor", run="the_tutorials_recipe/projector", name=each["tensorName"]
            )
            shown = np.frombuffer(raw, np.float32).reshape(30, -1)
            np.testing.assert_allclose(shown @ shown.T, unit @ unit.T, atol=1e-3)


def test_thumbnails_keep_their_order_on_the_new_sheet(mended: Mended) -> None:
    ask = {"run": "a_sheet_that_is_not_square/run", "name": "points"}
    sheet = np.asarray(Image.open(io.BytesIO(mended.ask("plugin/projector/sprite_image", **ask))))
    assert (sheet[4::8, 4::8].ravel()[:20] == np.arange(1, 21)).all()


def test_a_fair_sample_keeps_points_and_labels_together(mended: Mended) -> None:
    ask = {"run": "more_points_than_the_page_takes/run", "name": "points", "num_rows": 100_000}
    shown = np.frombuffer(mended.ask("plugin/projector/tensor", **ask), np.float32).reshape(-1, 2)
    lines = mended.ask("plugin/projector/metadata", **ask).decode().splitlines()[1:]
    rows = np.array([int(line.split("\t")[1]) for line in lines])
    angle = 2 * np.pi * rows / 100_100
    np.testing.assert_allclose(shown, 0.9999 * np.stack([np.cos(angle), np.sin(angle)], axis=1), atol=1e-4)
    sheet = np.asarray(Image.open(io.BytesIO(mended.ask("plugin/projector/sprite_image", **ask))))
    assert (sheet[2::4, 2::4].ravel()[:100_000] == rows % 250 + 1).all()


def test_points_without_a_thumbnail_get_an_empty_one(mended: Mended) -> None:
    ask = {"run": "fewer_thumbnails_than_points/run", "name": "points"}
    sheet = np.asarray(Image.open(io.BytesIO(mended.ask("plugin/projector/sprite_image", **ask))))
    assert (sheet[4::8, 4::8].ravel() == [*range(1, 17), *[0] * 9]).all()


def test_many_classes_can_be_coloured_by_their_number(mended: Mended) -> None:
    ask = {"run": "more_classes_than_colours/run", "name": "points", "num_rows": 1000}
    header, *lines = mended.ask("plugin/projector/metadata", **ask).decode().splitlines()
    assert header == "label\tlabel number"
    assert len({line.split("\t")[1] for line in lines}) == 60
    assert len(set(lines)) == 60


def test_nearest_points_of_wide_vectors_are_true_after_the_mend(mended: Mended, new_desk: Any) -> None:
    """The page's own distance below 50 dimensions, beside the true one."""
    run = "more_dimensions_than_the_page_leaves_alone/run"
    before = new_desk.points(None, 20, 64) + 1
    unit = before / np.linalg.norm(before, axis=1, keepdims=True)
    (name,) = [
        each["tensorName"]
        for each in mended.ask.json("plugin/projector/info", run=run)["embeddings"]
        if "cosine" in each["tensorName"]
    ]
    shown = np.frombuffer(mended.ask("plugin/projector/tensor", run=run, name=name), np.float32).reshape(20, 49)
    np.testing.assert_allclose(shown @ shown.T, unit @ unit.T, atol=1e-3)


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="without TensorFlow TensorBoard lists no run there")
def test_a_log_directory_given_as_an_address_shows_runs_but_no_embeddings(
    tmp_path: Path, new_desk: Any, asked: Any
) -> None:
    desk = new_desk(tmp_path)
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run)})
    with plain_tensorboard(tmp_path, asked, f"file://{tmp_path}") as ask:
        assert ask.json("runs") == ["run"]
        assert ask.status("plugin/projector/runs") == 500
    assert [each.name for each in doctor(f"file://{tmp_path}").findings] == ["logdir-remote"]
    assert desk.examine().tabs["Projector"], "its copy on this machine"


# How it was before


TAKES_THE_TAB_DOWN = ("a_missing_tensor_file", "all_zeros", "a_list_that_is_none")


@contextmanager
def plain_tensorboard(logdir: Path, asked: Any, given: str = "") -> Iterator[Any]:
    """TensorBoard as its own command starts it, with its runs read, of which nobody has asked more yet."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", given or str(logdir), "--port", "0"]
    # killed, it leaves its note in the folder for temporary files, which is therefore one of its own
    own = {**os.environ, "TMPDIR": str(logdir.parent)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=own) as process:
        try:
            assert process.stderr is not None
            url = next(found[0] for line in process.stderr if (found := re.search(r"http://\S+:\d+", line)))
            ask = asked(f"{url}/")
            deadline = time.monotonic() + SECONDS
            while not runs_in(logdir) <= set(ask.json("runs")):
                assert time.monotonic() < deadline
                with suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_SECONDS)
            yield ask
        finally:
            process.kill()


@pytest.mark.parametrize("name", TAKES_THE_TAB_DOWN)
def test_what_the_doctor_calls_taking_the_tab_down_does_so(
    tmp_path: Path, new_desk: Any, asked: Any, name: str
) -> None:
    CASES[name].build(new_desk(tmp_path))
    with plain_tensorboard(tmp_path, asked) as ask:
        assert ask.status("plugin/projector/runs") == 500


def test_the_tutorials_recipe_shows_nothing_without_the_doctor(tmp_path: Path, new_desk: Any, asked: Any) -> None:
    the_tutorials_recipe(new_desk(tmp_path))
    with launch(tmp_path, port=0) as board:
        assert asked(board.url).json("plugin/projector/runs") == []


@pytest.mark.long  # test_the_projector_shows_the_points asks the same of the server
@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("the_tutorials_recipe", 30),
        ("the_first_tutorials_recipe", 20),
        ("the_embeddings_that_keras_3_saves", 11),
        ("a_missing_tensor_file", 20),
    ],
)
def test_the_page_shows_the_points(mended: Mended, browser: Any, name: str, points: int) -> None:
    with launch(mended.after[name].logdir, port=0) as board:
        page = browser.new_page(viewport={"width": 1000, "height": 700})
        page.goto(f"{board.url}#projector", wait_until="commit", timeout=120_000)
        frame = page.frame_locator("iframe").frame_locator("iframe")
        frame.get_by_text(f"Points: {points}").first.wait_for(timeout=120_000)
        assert not frame.get_by_text("Error").first.is_visible()
        page.close()
