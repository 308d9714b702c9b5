"""What goes into a run comes out of it, and nothing else ever does."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from embedding_lab.embeddings import (
    Dataset,
    EmbeddingSet,
    Projection,
    Run,
    as_dataset,
    create_run,
    open_run,
    run_folder,
)
from embedding_lab.embeddings.files import LocalFiles
from embedding_lab.embeddings.manifest import read_manifest, verify
from embedding_lab.embeddings.together import Together
from embedding_lab.errors import (
    BrokenFile,
    DataMissing,
    InputError,
    NotFinite,
    ShapeMismatch,
    UnknownName,
    UnknownVersion,
)

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def manifest_path(run: Run, layer: str, step: str) -> Path:
    return run.files.root / "layers" / layer / step / "embeddings.json"


def test_an_embedding_set_comes_back_whole(run: Run, embeddings: EmbeddingSet) -> None:
    run.save_embeddings(embeddings)
    found = open_run(run.path).embeddings("block/Dense.1")
    for fact in ("layer", "step", "epoch", "wall_time", "split", "pooling", "model"):
        assert getattr(found, fact) == getattr(embeddings, fact), fact
    assert isinstance(found.vectors, np.memmap)
    assert np.array_equal(found.vectors, embeddings.vectors)
    assert list(found.ids) == list(embeddings.ids)


def test_the_samples_come_back_with_labels_names_splits_and_columns(run: Run, embeddings: EmbeddingSet) -> None:
    run.save_embeddings(embeddings)
    found, given_data = run.embeddings("block/Dense.1").dataset, embeddings.dataset
    assert found.name == given_data.name
    assert found.class_names == given_data.class_names
    assert np.array_equal(found.labels, given_data.labels)
    assert np.array_equal(found.splits, given_data.splits)
    assert found.columns.keys() == given_data.columns.keys()
    for name, values in given_data.columns.items():
        assert np.array_equal(found.columns[name], values), name


def test_what_the_model_said_comes_back(run: Run, embeddings: EmbeddingSet) -> None:
    run.save_embeddings(embeddings)
    found, said = run.embeddings("block/Dense.1").outputs, embeddings.outputs
    assert found is not None
    assert said is not None
    for part in ("prediction", "confidence", "loss", "probabilities"):
        assert np.array_equal(getattr(found, part), getattr(said, part)), part


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    vectors=arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=FINITE),
    shard_bytes=st.integers(1, 2000),
    block=st.integers(1, 50),
)
def test_any_vectors_come_back_to_the_bit_however_they_are_cut(
    tmp_path: Path, vectors: np.ndarray, shard_bytes: int, block: int
) -> None:
    run, data = create_run(tmp_path / "run"), as_dataset(vectors)
    with run.embedding_writer("layer", data, shard_bytes=shard_bytes) as writer:
        for start in range(0, len(vectors), block):
            writer.append(vectors[start : start + block])
    found = run.embeddings("layer").vectors
    assert found.shape == vectors.shape
    assert np.asarray(found).tobytes() == vectors.tobytes()


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.integers(-30, 29), max_size=40),
    start=st.integers(-40, 40),
    stop=st.integers(-40, 40),
    step=st.sampled_from([None, 1, 2, -1]),
)
def test_several_shards_read_as_one_array(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], start: int, stop: int, step: int | None
) -> None:
    whole = np.random.default_rng(1).normal(size=(30, 3)).astype(np.float32)
    run = create_run(tmp_path_factory.mktemp("sharded"))
    with run.embedding_writer("layer", as_dataset(whole), shard_bytes=100) as writer:
        writer.append(whole)
    shards = run.embeddings("layer").vectors
    assert np.array_equal(shards[rows], whole[np.array(rows, dtype=int)])
    assert np.array_equal(shards[start:stop:step], whole[start:stop:step])
    assert np.array_equal(shards[start:stop, 1], whole[start:stop, 1])
    assert np.array_equal(shards[whole[:, 0] > 0], whole[whole[:, 0] > 0])
    assert np.array_equal(shards[4], whole[4])


@pytest.mark.parametrize("layer", ["Dense", "dense", "block/dense_1", "ünï", "con", "x" * 400, "."])
def test_any_layer_name_can_be_kept_and_listed(run: Run, data: Dataset, layer: str) -> None:
    with run.embedding_writer(layer, data) as writer:
        writer.append(np.ones((12, 2)))
    assert run.layers == [layer]
    assert run.embeddings(layer).layer == layer


def test_layers_that_differ_in_letter_case_only_are_two(run: Run, data: Dataset) -> None:
    for value, layer in enumerate(["Dense", "dense"]):
        with run.embedding_writer(layer, data) as writer:
            writer.append(np.full((12, 2), value))
    assert [float(run.embeddings(layer).vectors[0, 0]) for layer in ("Dense", "dense")] == [0.0, 1.0]


def test_the_newest_step_is_meant_unless_one_is_named(run: Run, data: Dataset) -> None:
    for step in (10, 9, 100):
        with run.embedding_writer("layer", data, step=step) as writer:
            writer.append(np.full((12, 2), step))
    assert run.steps("layer") == [9, 10, 100]
    assert run.embeddings("layer").step == 100
    assert float(run.embeddings("layer", step=9).vectors[0, 0]) == 9.0


def test_writing_again_replaces_while_a_reader_keeps_what_it_has(run: Run, data: Dataset) -> None:
    for value in range(4):
        with run.embedding_writer("layer", data) as writer:
            writer.append(np.full((12, 2), value))
        if value == 0:
            before = run.embeddings("layer")
    assert float(before.vectors[0, 0]) == 0.0
    assert float(run.embeddings("layer").vectors[0, 0]) == 3.0
    kept = [each for each in run.files.list("layers/layer/static") if each.endswith(".npy")]
    assert len(kept) == 2, "the last generation and the one before it"


def test_the_same_samples_are_kept_once_for_all_layers_and_steps(run: Run, data: Dataset) -> None:
    for layer in ("a", "b"):
        for step in (1, 2):
            with run.embedding_writer(layer, data, step=step) as writer:
                writer.append(np.ones((12, 2)))
    assert len([each for each in run.files.list("samples/tiny") if each.endswith(".parquet")]) == 1


def test_other_samples_at_another_step_leave_the_first_ones_alone(run: Run, data: Dataset) -> None:
    for step, part in ((1, data), (2, data.take(slice(3)))):
        with run.embedding_writer("layer", part, step=step) as writer:
            writer.append(np.ones((len(part), 2)))
    assert len(run.embeddings("layer", step=1)) == 12
    assert len(run.embeddings("layer", step=2)) == 3


def test_outputs_of_other_samples_are_not_taken_for_these(run: Run, embeddings: EmbeddingSet) -> None:
    run.save_embeddings(embeddings)
    with run.embedding_writer("other", embeddings.dataset.take(slice(3)), step=7) as writer:
        writer.append(np.ones((3, 2)))
    assert run.embeddings("other").outputs is None


class Interrupted(BaseException):
    """Stands for Ctrl-C."""


@pytest.mark.parametrize("stop", [Interrupted, ValueError])
def test_a_writer_that_is_stopped_leaves_the_last_complete_state(
    run: Run, data: Dataset, stop: type[BaseException]
) -> None:
    with run.embedding_writer("layer", data) as writer:
        writer.append(np.zeros((12, 2)))
    before = sorted(path.name for path in run.path.rglob("*"))
    with pytest.raises(stop), run.embedding_writer("layer", data) as writer:
        writer.append(np.ones((5, 2)))
        raise stop
    assert sorted(path.name for path in run.path.rglob("*")) == before
    assert float(run.embeddings("layer").vectors[0, 0]) == 0.0


def test_a_layer_whose_first_writer_was_killed_does_not_exist_yet(run: Run) -> None:
    script = """
import os, sys, numpy as np
from embedding_lab.embeddings import as_dataset, create_run
writer = create_run(sys.argv[1]).embedding_writer("layer", as_dataset(np.zeros((12, 2))))
writer.append(np.ones((5, 2)))
os._exit(9)  # as a kill: nothing is closed
"""
    assert subprocess.run([sys.executable, "-c", script, str(run.path)], check=False).returncode == 9
    assert list(run.path.rglob("*.partial"))
    assert run.layers == []
    with pytest.raises(UnknownName, match="'layer'"):
        run.embeddings("layer")


def test_missing_vectors_are_not_published(run: Run, data: Dataset) -> None:
    with pytest.raises(ShapeMismatch, match="5 rows"), run.embedding_writer("layer", data) as writer:
        writer.append(np.ones((5, 2)))
    assert run.layers == []


def test_more_vectors_than_samples_are_refused(run: Run, data: Dataset) -> None:
    with pytest.raises(ShapeMismatch, match="more vectors"), run.embedding_writer("layer", data) as writer:
        writer.append(np.ones((13, 2)))


def test_blocks_of_two_widths_are_refused(run: Run, data: Dataset) -> None:
    with pytest.raises(ShapeMismatch, match="wrong shape"), run.embedding_writer("layer", data) as writer:
        writer.append(np.ones((6, 2)))
        writer.append(np.ones((6, 3)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_refused_and_the_sample_is_named(
    run: Run, data: Dataset, bad: float
) -> None:
    vectors = np.ones((12, 2), np.float32)
    vectors[8, 1] = bad
    with pytest.raises(NotFinite, match="tiny/00008"), run.embedding_writer("layer", data) as writer:
        writer.append(vectors[:6])
        writer.append(vectors[6:])
    assert run.layers == []


def test_huge_but_finite_vectors_are_kept(run: Run, data: Dataset) -> None:
    vectors = np.full((12, 2), np.finfo(np.float32).max)
    with run.embedding_writer("layer", data) as writer:
        writer.append(vectors)
    assert np.array_equal(run.embeddings("layer").vectors, vectors)


def test_a_map_comes_back_with_its_measures(run: Run, embeddings: EmbeddingSet) -> None:
    run.save_embeddings(embeddings)
    points = np.arange(36, dtype=np.float32).reshape(12, 3)
    given_map = Projection(
        points=points,
        ids=embeddings.ids,
        method="tsne",
        parameters={"perplexity": 30},
        seed=3,
        parent={"map": "pca-3d", "transform": [[1.0, 0.0], [0.0, 1.0]]},
        quality={"trustworthiness": 0.98},
        per_sample={"kept": np.linspace(0, 1, 12, dtype=np.float32)},
        state="forming",
    )
    run.save_map("block/Dense.1", 7, "t-SNE 3-D", given_map)
    assert run.maps("block/Dense.1", 7) == ["t-SNE 3-D"]
    found = run.map("block/Dense.1", "t-SNE 3-D")
    for part in ("method", "parameters", "seed", "parent", "quality", "state"):
        assert getattr(found, part) == getattr(given_map, part), part
    assert np.array_equal(found.points, points)
    assert list(found.ids) == list(embeddings.ids)
    assert np.array_equal(found.per_sample["kept"], given_map.per_sample["kept"])


def test_an_unknown_map_is_answered_with_the_known_ones(run: Run, embeddings: EmbeddingSet) -> None:
    run.save_embeddings(embeddings)
    run.save_map("block/Dense.1", 7, "pca", Projection(np.zeros((12, 2), np.float32), embeddings.ids, "pca"))
    with pytest.raises(UnknownName, match="pca"):
        run.map("block/Dense.1", "tsne")


def test_selections_come_back_by_name_and_are_replaced_by_name(run: Run) -> None:
    run.save_selection("odd fours", ["b", "a", "b"])
    assert run.selection("odd fours") == ["b", "a"]
    run.save_selection("odd fours", ["c"])
    assert run.selection("odd fours") == ["c"]
    assert run.selections == ["odd fours"]
    with pytest.raises(UnknownName, match="odd fours"):
        run.selection("even fours")


def test_annotations_are_only_ever_added_to(run: Run) -> None:
    run.annotate("a", label="four", reason="looks like it")
    first = (run.files.root / "annotations.jsonl").read_bytes()
    run.annotate("a", label="nine")
    assert (run.files.root / "annotations.jsonl").read_bytes().startswith(first)
    assert [(each["id"], each["label"]) for each in run.annotations] == [("a", "four"), ("a", "nine")]


def test_a_selection_is_removed_by_its_name(run: Run) -> None:
    run.save_selection("odd fours", ["b"])
    run.save_selection("even fours", ["c"])
    run.remove_selection("odd fours")
    assert run.selections == ["even fours"]
    with pytest.raises(UnknownName):
        run.remove_selection("odd fours")


def test_what_was_said_at_once_is_taken_back_and_stays_in_the_file(run: Run) -> None:
    run.annotate(["a", "b"], label="four", tags=["torn"], reason="by eye")
    run.annotate("a", label="nine")
    first = (run.files.root / "annotations.jsonl").read_bytes()
    of_a, of_b, later = run.annotations
    run.withdraw([of_a, of_b])
    assert run.annotations == [later]
    assert (run.files.root / "annotations.jsonl").read_bytes().startswith(first)
    run.withdraw(later)
    assert run.annotations == []
    run.annotate("a", label="nine")  # and may be said again
    assert [each["label"] for each in run.annotations] == ["nine"]


@pytest.mark.parametrize("what", [{"id": "a", "time": 1.0}, {"id": "a"}, {"time": []}])
def test_only_what_stands_is_taken_back(run: Run, what: dict[str, object]) -> None:
    run.annotate("a", label="four")
    (said,) = run.annotations
    with pytest.raises(InputError, match="nothing to take back"):
        run.withdraw([said, what])
    assert run.annotations == [said]
    run.withdraw(said)
    with pytest.raises(InputError, match="taken back already"):
        run.withdraw(said)


def test_an_annotation_that_a_killed_writer_left_unfinished_is_passed_over(run: Run) -> None:
    run.annotate("a", label="four")
    with (run.files.root / "annotations.jsonl").open("ab") as file:
        file.write(b'{"id": "b", "lab')
    run.annotate("c", label="nine")
    assert [each["id"] for each in run.annotations] == ["a", "c"]


@pytest.mark.parametrize("said", [{"when": object()}, {"score": float("nan")}])
def test_an_annotation_that_json_cannot_hold_is_refused(run: Run, said: dict[str, object]) -> None:
    with pytest.raises(InputError):
        run.annotate("a", **said)
    assert run.annotations == []


@pytest.mark.parametrize("name", ["id", "label", "split"])
def test_a_column_with_a_reserved_name_is_refused(run: Run, name: str) -> None:
    with pytest.raises(InputError, match="reserved"):
        run.save_dataset(as_dataset(np.zeros((2, 1)), columns={name: np.zeros(2)}))


def test_tensorboard_lists_a_run_that_was_only_begun(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    create_run(tmp_path / "logs" / "one")
    runs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "logs")).Reload().Runs()
    assert list(runs) == ["one"]


def test_a_second_start_is_a_second_run_within_the_same_second_too(tmp_path: Path) -> None:
    with contextlib.ExitStack() as held:
        paths = [held.enter_context(run_folder(tmp_path / "logs", None, "my model")) for _ in range(5)]
        assert len(set(paths)) == 5
        assert all(path.is_dir() and path.name.startswith("my-model-20") for path in paths)


def test_a_new_run_that_stays_empty_goes_with_the_folders_made_for_it_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(ZeroDivisionError), run_folder(tmp_path / "mine" / "a" / "b", None, "model"):
        raise ZeroDivisionError
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]
    with pytest.raises(ZeroDivisionError), run_folder(tmp_path / "mine" / "logs", None, "model") as path:
        (path / "written").write_text("something")
        raise ZeroDivisionError
    assert (path / "written").is_file()


def test_a_run_that_was_named_is_taken_as_it_is(tmp_path: Path) -> None:
    with run_folder(tmp_path, "mine", "model") as path:
        assert path == tmp_path / "mine"
    assert not path.exists(), "whoever writes into it makes it"


def test_of_things_written_together_none_appears_where_one_is_refused(run: Run, embeddings: EmbeddingSet) -> None:
    data, before = embeddings.dataset, sorted(run.path.rglob("*"))
    with pytest.raises(ShapeMismatch, match="missing"), Together() as together:
        together.enter_context(run.samples_ahead(data))
        half, whole = (together.enter_writer(run.embedding_writer(name, data)) for name in ("half", "whole"))
        half.append(embeddings.vectors[:1])
        whole.append(embeddings.vectors)
    assert sorted(run.path.rglob("*")) == before, "nor anything that was written ahead"


class Asked(LocalFiles):
    """A folder that remembers for which folders it was asked what lies in them, before anything was published."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.listed: list[str] = []
        self.published = False

    def list(self, folder: str) -> list[str]:
        self.listed += [] if self.published else [folder]
        return super().list(folder)

    def publish(self, name: str, data: bytes) -> None:
        self.published = True
        super().publish(name, data)


def test_sets_of_the_same_samples_ask_once_whether_their_table_is_there(run: Run, embeddings: EmbeddingSet) -> None:
    asked = run.files = Asked(run.files.root)  # of an object store each question is a request
    run.save_embeddings(*(replace(embeddings, layer=layer) for layer in ("a", "b", "c")))
    assert [folder for folder in asked.listed if folder.startswith("samples/")] == ["samples/tiny"]
    assert run.layers == ["a", "b", "c"]


def test_outputs_that_are_missing_leave_nothing_behind_that_is_still_written_to(
    run: Run, embeddings: EmbeddingSet
) -> None:
    before = sorted(run.path.rglob("*"))
    said = embeddings.outputs
    assert said is not None
    first = replace(
        said,
        prediction=said.prediction[:1],
        confidence=said.confidence[:1],
        loss=None if said.loss is None else said.loss[:1],
        probabilities=said.probabilities[:1],
    )
    with pytest.raises(ShapeMismatch, match="missing"), run.outputs_writer(embeddings.dataset, step=1) as writer:
        writer.append(first)
    del writer
    gc.collect()  # a table that is still open would write to its closed file, and pytest would say so
    assert sorted(run.path.rglob("*")) == before


def test_samples_that_come_from_a_run_and_go_into_one_are_known_again(run: Run, embeddings: EmbeddingSet) -> None:
    run.save_embeddings(embeddings)
    run.save_embeddings(run.embeddings("block/Dense.1"))
    assert len([each for each in run.files.list("samples/tiny") if each.endswith(".json")]) == 1


def test_outputs_of_another_model_are_not_taken_for_this_ones(run: Run, embeddings: EmbeddingSet) -> None:
    run.save_embeddings(embeddings)
    with run.outputs_writer(embeddings.dataset, step=7, model="another") as writer:
        assert embeddings.outputs is not None
        writer.append(embeddings.outputs)
    assert run.embeddings("block/Dense.1").outputs is None


def test_data_files_that_a_killed_writer_never_named_are_swept_after_a_day(run: Run, data: Dataset) -> None:
    folder = run.files.root / "layers" / "layer" / "static"
    folder.mkdir(parents=True)
    days_ago, just_now = (f"{int((time.time() - age) * 1000):011x}0000" for age in (3 * 86_400, 10))
    for generation in (days_ago, just_now):
        (folder / f"vectors-00000-{generation}.npy").write_bytes(b"left")
    (folder / f"of-the-user-{days_ago}.npy").write_bytes(b"kept")
    with run.embedding_writer("layer", data) as writer:
        writer.append(np.ones((12, 2)))
    left = {each for each in run.files.list("layers/layer/static") if each.endswith("0000.npy")}
    assert left == {f"vectors-00000-{just_now}.npy", f"of-the-user-{days_ago}.npy"}


def test_beginning_a_run_again_adds_no_second_event_file(tmp_path: Path) -> None:
    for _ in range(2):
        create_run(tmp_path / "one")
    assert len(list((tmp_path / "one").glob("*tfevents*"))) == 1


def test_a_log_directory_is_not_taken_for_a_run_and_its_runs_are_named(run: Run, data: Dataset) -> None:
    run.save_dataset(data)
    with pytest.raises(DataMissing, match="the runs run"):
        open_run(run.path.parent)


def spoil(path: Path, **facts: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


@pytest.fixture
def kept(run: Run, embeddings: EmbeddingSet) -> Path:
    run.save_embeddings(embeddings)
    return manifest_path(run, "block%2f%44ense.1", "7")


def test_a_newer_major_version_is_refused_with_what_to_do(run: Run, kept: Path) -> None:
    spoil(kept, version="2.0")
    with pytest.raises(UnknownVersion, match="pip install --upgrade"):
        run.embeddings("block/Dense.1")


def test_a_newer_minor_version_is_read(run: Run, kept: Path) -> None:
    spoil(kept, version="1.9", something_new=[1, 2])
    assert len(run.embeddings("block/Dense.1")) == 12


@pytest.mark.parametrize(
    "facts",
    [
        {"format": "other"},
        {"kind": "map"},
        {"version": None},
        {"files": None},
        {"files": [{"name": "../../../../secret", "bytes": 1, "sha256": ""}]},
        {"files": [{"name": "/etc/passwd", "bytes": 1, "sha256": ""}]},
        {"shape": [99, 5]},
        {"shape": "large"},
        {"shape": []},
        {"shard_rows": [99]},
        {"shard_rows": []},
        {"samples": 3},
        {"samples": "../../../outside.json"},
        {"step": "seven"},
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused(run: Run, kept: Path, facts: dict[str, object]) -> None:
    spoil(kept, **facts)
    with pytest.raises(BrokenFile):
        run.embeddings("block/Dense.1")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"'])
def test_a_manifest_that_is_none_is_refused(run: Run, kept: Path, content: bytes) -> None:
    kept.write_bytes(content)
    with pytest.raises(BrokenFile, match="cannot be read"):
        run.embeddings("block/Dense.1")


@pytest.mark.parametrize("pattern", ["layers/**/vectors-*.npy", "samples/**/*.parquet", "steps/**/*.parquet"])
@pytest.mark.parametrize("damage", ["truncated", "removed", "overwritten"])
def test_a_damaged_data_file_is_named(run: Run, kept: Path, pattern: str, damage: str) -> None:
    path = next(iter(run.files.root.glob(pattern)))
    content = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "truncated" else os.urandom(len(content)))
    with pytest.raises(BrokenFile, match=path.name):
        run.embeddings("block/Dense.1")


def test_a_changed_bit_is_found_by_its_checksum(run: Run, kept: Path) -> None:
    path = next(kept.parent.glob("vectors-*.npy"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    name = str(kept.relative_to(run.files.root))
    with pytest.raises(BrokenFile, match="has changed"):
        verify(run.files, name, read_manifest(run.files, name, "embeddings"))


def test_a_folder_that_is_no_step_is_passed_over(run: Run, kept: Path) -> None:
    (kept.parent.parent / "lost+found").mkdir()
    assert run.steps("block/Dense.1") == [7]


def test_numbers_of_numpys_can_stand_in_a_manifest(tmp_path: Path) -> None:
    run = create_run(tmp_path)
    data = as_dataset(np.zeros((2, 2)))
    with run.embedding_writer("a", data, step=np.int64(4), epoch=np.int32(2)) as writer:  # type: ignore[arg-type]
        writer.append(np.zeros((2, 2)))
    found = run.embeddings("a")
    assert (found.step, found.epoch) == (4, 2)


def test_what_a_killed_writer_left_of_an_event_file_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.host.1.0.abcd.partial").write_bytes(b"")
    create_run(tmp_path)
    assert len([each for each in tmp_path.iterdir() if each.suffix != ".partial"]) == 1


def test_vectors_in_several_shards_know_their_size(tmp_path: Path) -> None:
    run = create_run(tmp_path)
    with run.embedding_writer("a", as_dataset(np.zeros((4, 2))), shard_bytes=16) as writer:
        writer.append(np.zeros((4, 2)))
    assert len(run.embeddings("a").vectors.shards) == 2
    assert run.embeddings("a").size_bytes == 4 * 4 * 2


@pytest.mark.parametrize("at", range(10, 60, 5))
def test_a_map_with_a_spoiled_header_is_refused_in_words(run: Run, embeddings: EmbeddingSet, at: int) -> None:
    """NumPy reads the header as Python source: what it raises depends on where a byte was lost."""
    run.save_embeddings(embeddings)
    run.save_map(embeddings.layer, 7, "pca-2d", Projection(np.zeros((12, 2), np.float32), embeddings.ids, "pca"))
    (points,) = run.path.rglob("pca-2d-*.npy")
    content = bytearray(points.read_bytes())
    content[at] = 0
    points.write_bytes(content)
    with pytest.raises(BrokenFile, match="pca-2d"):
        run.map(embeddings.layer, "pca-2d", 7)
