"""The commands on real data: what they print, what they write, and how they refuse."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import embedding_lab as lab

Here = Callable[..., Any]
SECONDS = 120.0


def result(ended: Any) -> Any:
    """The JSON a command printed, once it has succeeded."""
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def trained(with_keras: None, here: Here, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a model was trained on digits, as run `logs/first`."""
    folder = tmp_path_factory.mktemp("trained")
    told = result(here(folder, "train", "--dataset", "digits", "--epochs", 3, "--run", "first", "--json"))
    assert told["model"] == os.path.join("logs", "first", "model.keras")  # noqa: PTH118  (as it is printed)
    assert 0.5 < told["test_accuracy"] <= 1
    return folder


# train


@pytest.mark.usefixtures("with_keras")
def test_a_second_training_is_a_second_run(here: Here, tmp_path: Path) -> None:
    ended = here(tmp_path, "train", "--dataset", "digits", "--epochs", 3)
    assert ended.returncode == 0
    assert "train samples: " in ended.stderr
    verdict = r"(Nothing to complain of\.|\d further findings?: .*)"  # of this machine there may be some
    assert re.search(rf"\n\nTensorBoard will show: .*Scalars, .*Histograms.*\.\n{verdict}\n", ended.stdout)
    (run,) = (tmp_path / "logs").iterdir()
    assert run.name.startswith("dense16-20")


def test_a_dataset_that_does_not_exist_is_answered_with_those_that_do(here: Here, tmp_path: Path) -> None:
    ended = here(tmp_path, "train", "--dataset", "mnits")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Dataset 'mnits' does not exist. Expected: one of mnist" in ended.stderr
    assert not (tmp_path / "logs").exists()


# layers


@pytest.mark.parametrize("what", ["logs/first", "logs/first/model.keras"])
def test_layers_are_listed_for_a_run_and_for_a_file(here: Here, trained: Path, what: str) -> None:
    listed = result(here(trained, "layers", what, "--json"))["layers"]
    assert {"embed_layer", "output"} <= {each["name"] for each in listed}


def test_layers_are_a_table_for_people(here: Here, trained: Path) -> None:
    lines = here(trained, "layers", "logs/first").stdout.splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "by", "default"]
    assert any(line.split()[:3] == ["embed_layer", "Dense", "16"] for line in lines)


@pytest.mark.usefixtures("with_keras")
@pytest.mark.parametrize(
    ("what", "said"), [("nothing.keras", "nothing.keras"), (".", "There is no model in the folder '.'.")]
)
def test_a_model_that_is_not_there_is_said_to_be_missing(here: Here, tmp_path: Path, what: str, said: str) -> None:
    ended = here(tmp_path, "layers", what)
    assert ended.returncode == 1
    assert said in ended.stderr


# extract


def test_extracting_adds_to_the_models_own_run(here: Here, trained: Path) -> None:
    told = result(here(trained, "extract", "logs/first", "--step", 3, "--json"))
    assert told["run"] == str(Path("logs", "first"))
    dims = {each["layer"]: each["dims"] for each in told["layers"]}
    assert dims == {"input": 64, "embed_layer": 16, "output": 10}
    embeddings = lab.open_run(trained / "logs" / "first").embeddings("embed_layer", step=3)
    assert embeddings.vectors.shape[1] == 16
    assert (trained / "logs" / "first" / "projector_config.pbtxt").is_file()


def test_layers_samples_and_the_run_can_be_chosen(here: Here, trained: Path) -> None:
    words = ["--layers", "embed_layer, output", "--split", "all", "--samples", 100, "--run", "second", "--json"]
    told = result(here(trained, "extract", "logs/first/model.keras", *words))
    assert [(each["layer"], each["samples"]) for each in told["layers"]] == [("embed_layer", 100), ("output", 100)]
    assert told["run"] == str(Path("logs", "second"))


def test_a_layer_that_does_not_exist_is_answered_with_those_that_do(here: Here, trained: Path) -> None:
    ended = here(trained, "extract", "logs/first", "--layers", "dense_9")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "dense_9" in ended.stderr
    assert "embed_layer" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.usefixtures("with_keras")
def test_a_model_trained_on_ones_own_data_asks_for_the_samples(here: Here, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    np.savez(
        tmp_path / "mine.npz", x_train=pictures, y_train=np.arange(40) % 2, x_test=pictures, y_test=[0, 1] * 20
    )
    result(here(tmp_path, "train", "--dataset", "mine.npz", "--epochs", 1, "--run", "own", "--json"))
    ended = here(tmp_path, "extract", "logs/own")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "trained on 'mine'" in ended.stderr
    assert "--dataset" in ended.stderr
    result(here(tmp_path, "extract", "logs/own", "--dataset", "mine.npz", "--json"))


def test_a_torn_picture_is_named_and_left_out_where_that_is_asked_for(
    here: Here, trained: Path, tmp_path: Path
) -> None:
    for row in range(4):
        Image.fromarray(np.full((8, 8), 40 * row, np.uint8)).save(tmp_path / f"{row}.png")
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:40])
    words = ("extract", "logs/first", "--dataset", tmp_path, "--run", "torn", "--json")
    ended = here(trained, *words)
    assert ended.returncode == 1
    assert "2.png is not a whole picture" in ended.stderr
    with pytest.warns(UserWarning, match=r"1 of 4 samples left out: '.*2\.png' \("):
        told = result(here(trained, *words, "--on-error", "skip"))
    assert {each["samples"] for each in told["layers"]} == {3}
    assert [Path(name).name for name in told["left_out"]] == ["2.png"]


def test_samples_of_another_shape_are_refused(here: Here, trained: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "large.npz", x=np.zeros((5, 28, 28), np.uint8), y=np.zeros(5, np.int64))
    ended = here(trained, "extract", "logs/first", "--dataset", tmp_path / "large.npz", "--json")
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["error"]["type"] == "ShapeMismatch"


# log


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    np.save(tmp_path / "mine.npy", np.arange(60, dtype=np.float64).reshape(20, 3) % 7)
    return tmp_path


def test_vectors_are_logged_with_labels_ids_and_pictures(here: Here, vectors: Path) -> None:
    (vectors / "labels.txt").write_text("".join(f"{'even' if row % 2 else 'odd'}\n" for row in range(20)))
    (vectors / "ids.txt").write_text("".join(f"sample {row}\n" for row in range(20)))
    np.save(vectors / "pictures.npy", np.zeros((20, 8, 8), np.uint8))
    words = ["--labels", "labels.txt", "--ids", "ids.txt", "--images", "pictures.npy", "--step", 7, "--run", "mine"]
    told = result(here(vectors, "log", "mine.npy", *words, "--json"))
    assert [(each["layer"], each["samples"], each["dims"]) for each in told["layers"]] == [("mine", 20, 3)]

    embeddings = lab.open_run(vectors / "logs" / "mine").embeddings("mine", step=7)
    assert list(embeddings.dataset.ids[:2]) == ["sample 0", "sample 1"]
    assert embeddings.dataset.class_names == ("even", "odd")
    assert list((vectors / "logs" / "mine" / "projector").rglob("*.png"))


def test_a_table_is_logged_with_the_columns_that_are_named(here: Here, tmp_path: Path) -> None:
    rows = "".join(f"{row},{row % 2},{row}.5,{row % 3}.25\n" for row in range(8))
    (tmp_path / "mine.csv").write_text(f"who,is.odd,a,b\n{rows}")
    words = ["--vectors", "b, a", "--labels", "is.odd", "--ids", "who", "--run", "mine"]
    told = result(here(tmp_path, "log", "mine.csv", *words, "--json"))
    assert "The labels are 'is.odd'." in told["notes"]
    found = lab.open_run(tmp_path / "logs" / "mine").embeddings("mine")
    assert found.vectors[4].tolist() == [1.25, 4.5]
    assert (found.dataset.labels[3], found.ids[3]) == (1, "3")


def test_logging_again_adds_another_layer(here: Here, vectors: Path) -> None:
    for name in ("first", "second"):
        result(here(vectors, "log", "mine.npy", "--layer", name, "--run", "mine", "--json"))
    assert set(lab.open_run(vectors / "logs" / "mine").layers) == {"first", "second"}


def test_a_person_is_told_where_it_is_and_how_to_open_it(here: Here, vectors: Path) -> None:
    told = here(vectors, "log", "mine.npy", "--run", "mine").stdout
    assert "mine" in told.splitlines()[1]
    assert told.splitlines()[-1] == f'In {Path("logs", "mine")}. Open it with: embedding-lab serve "logs"'


def test_what_is_wrong_in_the_log_folder_is_told_at_the_end_with_exit_3(here: Here, vectors: Path) -> None:
    result(here(vectors, "log", "mine.npy", "--run", "well", "--json"))
    (vectors / "logs" / "well" / "projector_config.pbtxt").write_text("no list")
    ended = here(vectors, "log", "mine.npy", "--run", "mine")
    assert ended.returncode == 3
    assert "list-unreadable" in ended.stdout
    assert ended.stdout.splitlines()[-1].endswith('embedding-lab serve "logs"')
    told = here(vectors, "log", "mine.npy", "--run", "mine", "--json")
    assert told.returncode == 3
    assert [each["name"] for each in json.loads(told.stdout)["doctor"]["findings"]].count("list-unreadable") == 1


BAD = {
    "a file that does not exist": (["gone.npy"], "There is no file 'gone.npy'."),
    "a file that is no array": (["text.npy"], "text.npy cannot be read as an array."),
    "a file cut short": (["short.npy"], "short.npy cannot be read as an array."),
    "pickled objects": (["objects.npy"], "objects.npy cannot be read as an array."),
    "labels of another length": (["mine.npy", "--labels", "three.txt"], "3"),
    "ids that repeat": (["mine.npy", "--ids", "same.txt"], "twin"),
    "labels that are no text": (["mine.npy", "--labels", "noise.txt"], "noise.txt is not a text file."),
    "labels of a file that is not there": (["mine.npy", "--labels", "labels"], "--labels labels, which is no file"),
    "not a number": (["nan.npy"], "NaN"),
    "no samples": (["empty.npy"], "no samples"),
    "another shape": (["cube.npy"], "shape (2, 2, 2)"),
}


@pytest.mark.parametrize(("words", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_one_clear_message(here: Here, vectors: Path, words: list[str], said: str) -> None:
    (vectors / "text.npy").write_text("1 2 3\n")
    (vectors / "short.npy").write_bytes((vectors / "mine.npy").read_bytes()[:-8])
    np.save(vectors / "objects.npy", np.array([{"a": 1}]), allow_pickle=True)
    (vectors / "three.txt").write_text("a\nb\nc\n")
    (vectors / "same.txt").write_text("twin\n" * 20)
    (vectors / "noise.txt").write_bytes(b"\xff\xfe\x00\xd8" * 5)
    np.save(vectors / "nan.npy", np.full((20, 3), np.nan))
    np.save(vectors / "empty.npy", np.zeros((0, 3)))
    np.save(vectors / "cube.npy", np.zeros((2, 2, 2)))

    ended = here(vectors, "log", *words)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1].startswith("error: ")
    assert said in ended.stderr
    assert "a bug in embedding-lab" not in ended.stderr
    assert not (vectors / "logs").exists(), "what is refused leaves nothing behind"


# project


@pytest.fixture(scope="module")
def logged(here: Here, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three clusters, logged as "near" and "far" in run `logs/mine`, and an older run beside."""
    folder = tmp_path_factory.mktemp("logged")
    vectors = np.random.default_rng(0).normal(size=(90, 6)) + 9 * (np.arange(90) % 3)[:, None]
    np.save(folder / "vectors.npy", vectors)
    for run, layer in (("older", "old"), ("mine", "near"), ("mine", "far")):
        result(here(folder, "log", "vectors.npy", "--layer", layer, "--run", run, "--json"))
    return folder


def test_a_log_directory_means_its_newest_run_and_all_its_layers(here: Here, logged: Path) -> None:
    told = result(here(logged, "project", "logs", "--method", "pca", "--json"))
    assert told["run"] == str(Path("logs", "mine"))
    assert [(each["layer"], each["name"]) for each in told["maps"]] == [("far", "pca-3d"), ("near", "pca-3d")]
    assert 0 < told["maps"][0]["quality"]["kept_10"] <= 1


def test_a_person_is_told_what_each_map_keeps_and_hears_of_iterations(here: Here, logged: Path) -> None:
    words = ["--layer", "near", "--dims", 2, "--set", "max_iter=60", "--set", "init=random"]
    ended = here(logged, "project", "logs/mine", *words)
    assert ended.returncode == 0, ended.stderr
    header, row, last = ended.stdout.splitlines()
    assert header.split("  ")[0] == "layer"
    assert all(word in header for word in ("neighbours kept", "trustworthiness", "KL"))
    assert row.split()[:3] == ["near", "tsne-2d", "90"]
    assert last == f'In {Path("logs", "mine")}. Open it with: embedding-lab serve "logs"'
    assert re.search(r"near: t-SNE iterations: 60 in .* KL \d", ended.stderr)
    found = lab.open_run(logged / "logs" / "mine").map("near", "tsne-2d")
    assert (found.parameters["max_iter"], found.parameters["init"]) == (60, "random")
    assert here(logged, "project", "logs/mine", *words).stdout.splitlines()[1].endswith("there already")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "mds"], "one of pca, tsne, umap"),
        (["--layer", "deep"], "one of far, near"),
        (["--step", "4"], "Step '4' does not exist"),
        (["--dims", "4"], "2 or 3"),
        (["--metric", "manhattan"], "one of euclidean, cosine"),
        (["--set", "perplexty=4"], "perplexity"),
        (["--set", "perplexity"], "perplexity=50"),
        (["--set", "perplexity=-1"], "more than 0"),
    ],
)
def test_a_map_that_cannot_be_made_is_one_clear_message(
    here: Here, logged: Path, words: list[str], said: str
) -> None:
    ended = here(logged, "project", "logs/mine", *words)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert said in ended.stderr.splitlines()[-1]
    assert "a bug in embedding-lab" not in ended.stderr


# demo


@pytest.mark.usefixtures("with_keras")
def test_the_demo_tells_its_story(here: Here, tmp_path: Path) -> None:
    words = ["demo", "--dataset", "digits", "--epochs", 2, "--samples", 200, "--no-serve"]
    ended = here(tmp_path, *words)
    assert ended.returncode == 0, ended.stderr
    assert "200 samples of digits" in ended.stdout
    assert "embed_layer" in ended.stdout
    assert "TensorBoard will show: " in ended.stdout
    assert "tsne-3d" in ended.stdout
    assert ended.stdout.splitlines()[-1] == 'Open it with: embedding-lab serve "logs"'
    told = result(here(tmp_path, *words, "--no-maps", "--json"))
    assert told["maps"] == []
    assert told["samples"] == 200
    assert told["doctor"]["ok"]
    assert told["doctor"]["tabs"]["Projector"]
    assert {each["layer"] for each in told["layers"]} >= {"input", "embed_layer"}
    assert len(list((tmp_path / "logs").iterdir())) >= 1


def test_a_dataset_asked_for_by_name_that_cannot_be_had_is_an_error(here: Here, tmp_path: Path) -> None:
    ended = here(tmp_path, "demo", "--dataset", tmp_path / "nowhere", "--no-serve")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert str(tmp_path / "nowhere") in ended.stderr


def listening(process: subprocess.Popen[str], sign: str) -> None:
    """Returns when the command says the sign on stderr."""
    assert process.stderr is not None
    for line in process.stderr:
        if sign in line:
            return
    pytest.fail(f"it ended before it said {sign!r}")


@pytest.mark.usefixtures("with_keras")
@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX process group")
def test_ctrl_c_in_training_ends_it_with_130_and_nothing_half_written(tmp_path: Path) -> None:
    pictures, labels = np.zeros((99, 8, 8), np.uint8), np.arange(99) % 2
    np.savez(tmp_path / "mine.npz", x_train=pictures, y_train=labels, x_test=pictures, y_test=labels)
    words = ["train", "--dataset", "mine.npz", "--epochs", "100000"]
    with subprocess.Popen(
        [sys.executable, "-m", "embedding_lab", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            listening(process, "train samples: ")
            os.killpg(process.pid, signal.SIGINT)
            out, messages = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, "")
    assert messages.splitlines()[-1] == "error: Interrupted. What was complete is kept."
    assert not list(tmp_path.rglob("*.keras"))


def test_what_others_wrote_for_the_projector_is_exported_too(here: Here, tmp_path: Path) -> None:
    (tmp_path / "vectors.tsv").write_text("0.5\t1\n2\t3\n")
    listed = 'embeddings { tensor_name: "mine" tensor_path: "vectors.tsv" }'
    (tmp_path / "projector_config.pbtxt").write_text(listed)
    result(here(tmp_path, "export", ".", "--format", "tsv", "--out", "theirs.tsv", "--json"))
    assert (tmp_path / "theirs.tsv").read_text().splitlines()[1].split("\t")[-2:] == ["0.5", "1.0"]


def test_a_run_is_exported_in_the_format_that_is_named(here: Here, vectors: Path) -> None:
    result(here(vectors, "log", "mine.npy", "--run", "mine", "--json"))
    told = result(here(vectors, "export", "logs", "--format", "parquet", "--json"))
    assert told["file"] == "mine.parquet"
    assert told["bytes"] == (vectors / "mine.parquet").stat().st_size
    (vectors / "a+b").mkdir()
    (vectors / "a+b" / "older").write_bytes(bytes(1_000_000))
    told = result(here(vectors, "export", "logs", "--format", "projector", "--out", "a+b", "--json"))
    assert told["bytes"] < 1_000_000, "what lay there before is not counted"
    assert "cannot open run 'a+b'" in told["notes"][0]
    ended = here(vectors, "export", "logs", "--format", "tsv", "--step", "all")
    assert "Only html holds other steps than the newest." in ended.stderr
    ended = here(vectors, "export", "logs", "--format", "xls")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Format 'xls' does not exist. Expected: one of html, parquet, npz, tsv, projector." in ended.stderr
