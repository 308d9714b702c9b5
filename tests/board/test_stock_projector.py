"""What lies in a run after an export is what TensorBoard's server hands to its page."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from embedding_lab.board import stock_projector
from embedding_lab.board.projector_config import CONFIG_NAME, raw_tensor, tensor_name
from embedding_lab.board.stock_projector import write_stock_projector
from embedding_lab.embeddings import EmbeddingSet, as_dataset
from embedding_lab.errors import BrokenFile, NotFinite, StorageError


def embedding_set(
    layer: str = "hidden", step: int | None = None, *, samples: int = 30, dims: int = 5, seed: int = 0, **parts: Any
) -> EmbeddingSet:
    rng = np.random.default_rng(seed)
    pictures = np.random.default_rng(0).integers(0, 256, (samples, 28, 28)).astype(np.uint8)
    data = as_dataset(pictures, labels=np.arange(samples) % 3, class_names=["a", "b", "c"])
    return EmbeddingSet(rng.normal(size=(samples, dims)).astype(np.float32) + 1, data, layer, step, **parts)


def test_the_page_is_given_two_tensors_a_table_and_thumbnails(tmp_path: Path, serve: Any) -> None:
    each = embedding_set("hidden", 7)
    export = write_stock_projector(tmp_path / "run", [each])
    server = serve(tmp_path)
    assert server.runs == ["run"]
    names = ["hidden · step 00007 · PCA, euclidean", "hidden · step 00007 · t-SNE, UMAP, cosine"]
    assert list(server.tensors("run")) == [shown.name for shown in export.tensors] == names
    for shown in export.tensors:
        assert shown.shape == (30, 5)
        np.testing.assert_array_equal(
            server.values("run", shown.name), np.fromfile(shown.path, "<f4").reshape(30, 5)
        )
        table = server.metadata("run", shown.name)
        assert [row["id"] for row in table.rows] == list(each.ids)
        assert table.first_text_column == "label"
        sheet = server.sheet("run", shown.name)
        assert sheet.size == (8 * 28, 8 * 28)
        assert server.tensors("run")[shown.name]["sprite"]["singleImageDim"] == [28, 28]
        picture = np.asarray(sheet)[28 : 2 * 28, 3 * 28 : 4 * 28]
        np.testing.assert_array_equal(picture, each.dataset.samples[11])
    files = [path for path in (tmp_path / "run").rglob("*-*.*") if "tfevents" not in path.name]
    assert export.size_bytes == sum(path.stat().st_size for path in files)
    assert export.notes == ()


def test_layers_steps_and_runs_stand_side_by_side(tmp_path: Path, serve: Any) -> None:
    write_stock_projector(tmp_path / "one", [embedding_set("a"), embedding_set("b", 1), embedding_set("b", 20)])
    write_stock_projector(tmp_path / "two", [embedding_set("a", dims=4)])
    server = serve(tmp_path)
    assert sorted(server.runs) == ["one", "two"]
    assert [name.rsplit(" · ", 1)[0] for name in sorted(server.tensors("one"))][::2] == [
        "a", "b · step 00001", "b · step 00020",
    ]  # fmt: skip
    assert server.values("two", "a · PCA, euclidean").shape == (30, 4)
    assert len(list((tmp_path / "one/projector").glob("thumbnails-*"))) == 1


def test_logging_twice_adds_and_the_same_again_replaces(tmp_path: Path, serve: Any) -> None:
    run = tmp_path / "run"
    write_stock_projector(run, [embedding_set("first")])
    write_stock_projector(run, [embedding_set("second")])
    before = serve(tmp_path).values("run", "first · PCA, euclidean")
    write_stock_projector(run, [embedding_set("first", seed=1)])
    server = serve(tmp_path)
    assert len(server.tensors("run")) == 4
    assert not np.array_equal(server.values("run", "first · PCA, euclidean"), before)


def test_a_layer_that_became_narrower_leaves_no_tensor_of_its_old_self(tmp_path: Path, serve: Any) -> None:
    wide = embedding_set(samples=400, dims=300)
    export = write_stock_projector(tmp_path / "run", [wide])
    assert [shown.name for shown in export.tensors][2:] == [
        "hidden · euclidean, all 300 (untick Spherize)",
        "hidden · t-SNE, UMAP, cosine, all 300 (untick Spherize)",
    ]
    assert "49 of 300 dimensions" in export.notes[0]
    assert "'all 300 (untick Spherize)'" in export.notes[0]
    write_stock_projector(tmp_path / "run", [embedding_set()])
    assert list(serve(tmp_path).tensors("run")) == ["hidden · PCA, euclidean", "hidden · t-SNE, UMAP, cosine"]


def test_files_that_no_list_names_any_more_go_and_those_of_the_last_list_stay(tmp_path: Path) -> None:
    exports = [write_stock_projector(tmp_path, [embedding_set(seed=seed)]) for seed in range(4)]
    kept = [{shown.path for shown in export.tensors} for export in exports]
    assert set((tmp_path / "projector").rglob("*.f32")) == kept[2] | kept[3]


def test_the_same_again_writes_no_new_file(tmp_path: Path) -> None:
    write_stock_projector(tmp_path, [embedding_set()])
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*-*.*")}
    write_stock_projector(tmp_path, [embedding_set()])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*-*.*")} == files


def test_a_damaged_file_is_written_again(tmp_path: Path) -> None:
    path = write_stock_projector(tmp_path, [embedding_set()]).tensors[0].path
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    write_stock_projector(tmp_path, [embedding_set()])
    assert path.read_bytes() == whole


def test_what_others_listed_stays(tmp_path: Path, serve: Any) -> None:
    run = tmp_path / "run"
    run.mkdir()
    np.linspace(-1, 1, 30, dtype=np.float32).tofile(run / "theirs.bytes")
    (run / CONFIG_NAME).write_text(
        'embeddings { tensor_name: "theirs" tensor_path: "theirs.bytes" tensor_shape: 10 tensor_shape: 3 }\n'
    )
    write_stock_projector(run, [embedding_set()])
    server = serve(tmp_path)
    assert next(iter(server.tensors("run"))) == "theirs"
    assert len(server.tensors("run")) == 3
    assert server.values("run", "theirs").shape == (10, 3)


def test_a_list_that_cannot_be_read_is_named_and_left_alone(tmp_path: Path) -> None:
    for content in (b"embeddings { tensor_name: ", b"\xff\xfe"):
        (tmp_path / CONFIG_NAME).write_bytes(content)
        with pytest.raises(BrokenFile, match=CONFIG_NAME):
            write_stock_projector(tmp_path, [embedding_set()])
        assert (tmp_path / CONFIG_NAME).read_bytes() == content


@pytest.mark.parametrize(
    "layer",
    [
        "a+b",
        "q&a",
        "block/1:0",
        "100%",
        "c#",
        "naïve · 日本",
        "a  b",
        "tab\there",
        "semi;colon=x?",
        "quo\"te's",
        "back\\slash",
    ],
)
def test_the_page_can_ask_for_a_layer_of_any_name(tmp_path: Path, serve: Any, layer: str) -> None:
    export = write_stock_projector(tmp_path / "run", [embedding_set(layer), embedding_set("other", seed=1)])
    server = serve(tmp_path)
    for shown in export.tensors:
        assert server.tensors("run")[shown.name]
        np.testing.assert_array_equal(
            server.values("run", shown.name), np.fromfile(shown.path, "<f4").reshape(30, 5)
        )
        assert len(server.metadata("run", shown.name).rows) == 30


def test_names_that_need_no_change_get_none() -> None:
    assert (
        tensor_name("embed_layer · step 00042 · t-SNE, UMAP, cosine")
        == "embed_layer · step 00042 · t-SNE, UMAP, cosine"
    )
    assert len({tensor_name(name) for name in ("a+b", "a_b", "a&b", "a b", "a  b", "ab")}) == 6


def test_a_run_the_page_cannot_ask_for_is_told(tmp_path: Path) -> None:
    assert "cannot open run 'a+b'" in write_stock_projector(tmp_path / "a+b", [embedding_set()]).notes[0]


def test_a_single_sample_is_told_and_not_listed(tmp_path: Path, serve: Any) -> None:
    export = write_stock_projector(tmp_path / "run", [embedding_set("one", samples=1), embedding_set("two")])
    assert "single sample" in export.notes[0]
    assert {shown.layer for shown in export.tensors} == {"two"}
    assert len(serve(tmp_path).tensors("run")) == 2


@pytest.mark.parametrize("dims", [1, 2])
def test_one_or_two_dimensions_are_listed_too(tmp_path: Path, serve: Any, dims: int) -> None:
    write_stock_projector(tmp_path / "run", [embedding_set(dims=dims)])
    assert all(each["tensorShape"] == [30, 3] for each in serve(tmp_path).tensors("run").values())


def test_zero_vectors_and_vectors_all_alike_reach_the_page(tmp_path: Path, serve: Any) -> None:
    each = embedding_set()
    sets = [
        EmbeddingSet(np.zeros((30, 5), np.float32), each.dataset, "zero"),
        EmbeddingSet(np.ones((30, 5), np.float32), each.dataset, "alike"),
    ]
    export = write_stock_projector(tmp_path / "run", sets)
    server = serve(tmp_path)
    for shown in export.tensors:
        assert np.isfinite(server.values("run", shown.name)).all()
    assert "30 of the vectors are zero" in export.notes[0]


def test_vectors_that_are_not_finite_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    bad = embedding_set("bad")
    bad.vectors[3, 1] = np.nan
    with pytest.raises(NotFinite, match="'bad'"):
        write_stock_projector(tmp_path / "run", [embedding_set(), bad])
    assert not (tmp_path / "run").exists()


def test_samples_without_pictures_have_no_thumbnails(tmp_path: Path, serve: Any) -> None:
    data = as_dataset(np.zeros((30, 4)), columns={"weight": np.arange(30)})
    write_stock_projector(tmp_path / "run", [EmbeddingSet(embedding_set().vectors, data, "plain")])
    listed = serve(tmp_path).tensors("run")
    assert len(listed) == 2
    assert all("sprite" not in each for each in listed.values())


def test_of_more_samples_than_the_page_takes_each_class_shows_its_share(
    tmp_path: Path, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock_projector, "MOST_ROWS", 100)
    each = embedding_set(samples=330, dims=4)
    export = write_stock_projector(tmp_path / "run", [each, embedding_set("other", samples=330)])
    assert "100 of 330 samples are shown" in export.notes[0]
    assert len([note for note in export.notes if "330" in note]) == 1
    server = serve(tmp_path)
    tables = [server.metadata("run", shown.name) for shown in export.tensors]
    labels = [row["label"] for row in tables[0].rows]
    assert sorted(labels.count(name) for name in "abc") == [33, 33, 34]
    assert all(table == tables[0] for table in tables)
    rows = [int(row["id"].split("/")[1]) for row in tables[0].rows]
    values = server.values("run", "hidden · t-SNE, UMAP, cosine")
    true = each.vectors[rows] / np.linalg.norm(each.vectors[rows], axis=1, keepdims=True)
    np.testing.assert_allclose(values @ values.T, true @ true.T, atol=2e-4)
    sheet = np.asarray(server.sheet("run", "hidden · PCA, euclidean"))
    np.testing.assert_array_equal(sheet[:28, 28:56], each.dataset.samples[rows[1]])


def test_a_disk_that_refuses_leaves_the_last_list_in_place(tmp_path: Path, serve: Any) -> None:
    run = tmp_path / "run"
    write_stock_projector(run, [embedding_set()])
    before = serve(tmp_path).values("run", "hidden · PCA, euclidean")
    (run / "projector/new").write_text("a file where a folder should be")
    with pytest.raises(StorageError):
        write_stock_projector(run, [embedding_set(seed=1), embedding_set("new")])
    server = serve(tmp_path)
    assert len(server.tensors("run")) == 2
    np.testing.assert_array_equal(server.values("run", "hidden · PCA, euclidean"), before)


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.floats(-1, 1, width=32))
)
def test_no_tensor_is_ever_taken_for_text(values: Any) -> None:
    raw = raw_tensor(values)
    with pytest.raises(UnicodeDecodeError):
        raw.split(b"\n")[0].decode()  # the server reads line by line
    read = np.frombuffer(raw, "<f4").reshape(values.shape)
    np.testing.assert_array_equal(read.ravel()[1:], values.ravel()[1:])
    assert abs(int(read.view("<i4").flat[0]) - int(values.view(np.int32).flat[0])) <= 128


def test_a_matrix_of_zeros_is_read_as_a_matrix_also_where_tensorflow_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    from tensorboard.plugins.projector import projector_plugin

    with pytest.MonkeyPatch.context() as patch:
        import tensorflow as tf

        patch.setattr(projector_plugin, "tf", tf)
        for number, values in enumerate([np.zeros((4, 3)), np.full((4, 3), 1.4e-44), np.ones((40, 30))]):
            path = tmp_path / f"{number}.f32"
            path.write_bytes(raw_tensor(values.astype(np.float32)))
            with pytest.raises(UnicodeDecodeError):
                projector_plugin._read_tensor_tsv_file(str(path))


def _log_many(run: Path, mark: str) -> None:
    for number in range(6):
        write_stock_projector(run, [embedding_set(f"{mark}{number}", samples=10, dims=3)])


def test_two_processes_that_log_into_one_run_lose_nothing(tmp_path: Path, serve: Any) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_log_many, args=(tmp_path / "run", mark)) for mark in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    server = serve(tmp_path)
    expected = {f"{mark}{number}" for mark in "ab" for number in range(6)}
    assert {name.split(" · ")[0] for name in server.tensors("run")} == expected
    for name in server.tensors("run"):
        assert server.values("run", name).shape == (10, 3)


def _log_for_ever(run: Path) -> None:
    seed = 0
    while True:
        seed += 1
        write_stock_projector(
            run, [embedding_set("hidden", seed=seed), embedding_set(f"layer {seed % 5}", seed=seed)]
        )


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is not Windows'")
@pytest.mark.parametrize("moment", range(25))
def test_a_writer_killed_at_any_moment_leaves_a_run_the_page_opens(tmp_path: Path, serve: Any, moment: int) -> None:
    run = tmp_path / "run"
    write_stock_projector(run, [embedding_set("hidden")])
    first = (run / CONFIG_NAME).read_bytes()
    writer = multiprocessing.get_context("spawn").Process(target=_log_for_ever, args=(run,))
    writer.start()
    while (run / CONFIG_NAME).read_bytes() == first:
        assert writer.is_alive()
    writer.join(np.random.default_rng(moment).uniform(0, 0.3))  # which never ends: the moment is what is tested
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join()
    server = serve(tmp_path)
    for name in server.tensors("run"):
        assert server.values("run", name).shape[0] == len(server.metadata("run", name).rows) == 30
        assert server.sheet("run", name).size == (224, 224)
    write_stock_projector(run, [embedding_set("after")])
    assert "after · PCA, euclidean" in serve(tmp_path).tensors("run")


def test_files_of_the_user_stay_whatever_their_endings(tmp_path: Path) -> None:
    own = [tmp_path / "projector" / name for name in ("my-notes.tsv", "photo-1.png", "weights-old.f32")]
    for seed in range(3):
        vectors = np.random.default_rng(seed).normal(size=(20, 4)).astype(np.float32)
        write_stock_projector(tmp_path, [EmbeddingSet(vectors, as_dataset(vectors), "layer")])
        for path in own:
            path.write_text("kept")
    assert all(path.exists() for path in own)
