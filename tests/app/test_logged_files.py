"""A file from elsewhere is logged for every viewer, with what it holds beside the vectors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

import embedding_lab as lab
from embedding_lab.app.adopted import run_at
from embedding_lab.app.exported_columns import with_pictures
from embedding_lab.app.logged_files import log_file
from embedding_lab.app.loggers import log_embeddings
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.search import matching
from embedding_lab.errors import DataMissing, InputError, NotFinite
from embedding_lab.tables import Choice

VECTORS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
TABLE = pa.table({"name": list("abcdef"), "kind": ["cat", "dog"] * 3, "vector": VECTORS.tolist()})


def write_projector_list(run: Path, name: str) -> None:
    run.mkdir(parents=True)
    np.savetxt(run / "vectors.tsv", VECTORS, delimiter="\t")
    (run / "table.tsv").write_text("name\tlabel\n" + "".join(f"{row}\tkind {row % 2}\n" for row in range(6)))
    entry = f'tensor_name: "{name}" tensor_path: "vectors.tsv" metadata_path: "table.tsv"'
    (run / "projector_config.pbtxt").write_text(f"embeddings {{ {entry} }}")


def test_the_column_of_the_labels_is_found_by_its_own_name_too(tmp_path: Path) -> None:
    pa.parquet.write_table(TABLE, tmp_path / "pets.parquet")
    log_file(tmp_path / "logs" / "run", tmp_path / "pets.parquet")
    library = Library(tmp_path / "logs")
    shown = library.set("run", "pets", None)
    for query in ("kind == dog", "label == dog"):
        assert np.flatnonzero(matching(library, shown, "filter", query)).tolist() == [1, 3, 5]
    assert np.flatnonzero(matching(library, shown, "filter", "name == c")).tolist() == [2]


def test_a_file_in_an_object_store_is_refused_with_what_is_possible(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--logdir s3://.*Copy the file here first") as refused:
        log_file(tmp_path / "run", Path("s3://bucket/pets.parquet"))
    assert refused.value.got == "s3://bucket/pets.parquet"


def test_a_table_is_logged_with_ids_and_labels_and_what_was_guessed_is_said(tmp_path: Path) -> None:
    pa.parquet.write_table(TABLE, tmp_path / "pets.parquet")
    layers, export = log_file(tmp_path / "logs" / "run", tmp_path / "pets.parquet", step=3)
    found = lab.open_run(tmp_path / "logs" / "run").embeddings("pets", step=3)
    assert layers == ["pets"]
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert found.ids.tolist() == list("abcdef")
    assert found.dataset.class_names == ("cat", "dog")
    assert "The labels are 'kind'." in export.notes
    assert (tmp_path / "logs" / "run" / "projector_config.pbtxt").exists()


def test_labels_of_another_file_come_before_those_of_the_table(tmp_path: Path) -> None:
    pa.parquet.write_table(TABLE, tmp_path / "pets.parquet")
    log_file(tmp_path / "logs" / "run", tmp_path / "pets.parquet", layer="mine", labels=[0, 1, 2] * 2, ids=None)
    found = lab.open_run(tmp_path / "logs" / "run").embeddings("mine")
    assert found.dataset.labels is not None
    assert found.dataset.labels.tolist() == [0, 1, 2] * 2


def test_a_log_directory_of_the_projector_gives_a_layer_for_each_entry(tmp_path: Path) -> None:
    write_projector_list(tmp_path / "old" / "one", "words")
    layers, _ = log_file(tmp_path / "logs" / "first", tmp_path / "old")
    assert layers == ["words"]
    found = lab.open_run(tmp_path / "logs" / "first").embeddings("words")
    np.testing.assert_allclose(found.vectors, VECTORS, rtol=1e-6)
    assert found.dataset.label_texts is not None
    assert found.dataset.label_texts[1] == "kind 1"

    write_projector_list(tmp_path / "old" / "two", "words")
    layers, _ = log_file(tmp_path / "logs" / "second", tmp_path / "old")
    assert sorted(layers) == ["one/words", "two/words"]


def test_a_log_directory_of_the_projector_takes_no_description_and_tells_how_far_it_is(tmp_path: Path) -> None:
    write_projector_list(tmp_path / "old" / "one", "words")
    for given in ({"choice": Choice(labels="kind")}, {"images": VECTORS}):
        with pytest.raises(InputError, match="brings its own labels, ids and pictures"):
            log_file(tmp_path / "logs" / "run", tmp_path / "old", **given)
    stages: list[str] = []
    log_file(
        tmp_path / "logs" / "run",
        tmp_path / "old",
        choice=Choice(),
        progress=lambda stage, *_: stages.append(stage),
    )
    assert stages


def write_sheet(run: Path) -> np.ndarray:
    """Adds a sheet of thumbnails to the list of a run: shape (6, 8, 8)."""
    pictures = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
    sheet = np.zeros((24, 24), np.uint8)
    for row, picture in enumerate(pictures):
        sheet[8 * (row // 3) :, 8 * (row % 3) :][:8, :8] = picture
    Image.fromarray(sheet).save(run / "sheet.png")
    entry = (run / "projector_config.pbtxt").read_text().rstrip("}")
    sprite = 'sprite { image_path: "sheet.png" single_image_dim: 8 single_image_dim: 8 }'
    (run / "projector_config.pbtxt").write_text(f"{entry} {sprite} }}")
    return pictures


def test_thumbnails_that_others_wrote_for_the_projector_come_along(tmp_path: Path) -> None:
    write_projector_list(tmp_path / "old" / "one", "words")
    pictures = write_sheet(tmp_path / "old" / "one")
    log_file(tmp_path / "logs" / "run", tmp_path / "old")
    with run_at(tmp_path / "old") as temporary:
        for run in (lab.open_run(tmp_path / "logs" / "run"), temporary):
            found = with_pictures(run, run.embeddings("words")).dataset
            np.testing.assert_array_equal(found.images, pictures)


def test_of_a_damaged_sheet_of_others_a_warning_is_given_and_the_vectors_are_logged(tmp_path: Path) -> None:
    write_projector_list(tmp_path / "old" / "one", "words")
    write_sheet(tmp_path / "old" / "one")
    sheet = tmp_path / "old" / "one" / "sheet.png"
    sheet.write_bytes(sheet.read_bytes()[:60])
    with pytest.warns(UserWarning, match="The thumbnails of 'words' are left out: sheet.png is no sheet"):
        log_file(tmp_path / "logs" / "run", tmp_path / "old")
    found = lab.open_run(tmp_path / "logs" / "run").embeddings("words")
    np.testing.assert_allclose(found.vectors, VECTORS, rtol=1e-6)


def test_where_only_others_wrote_their_vectors_are_a_run_that_leaves_nothing(tmp_path: Path) -> None:
    write_projector_list(tmp_path / "old" / "one", "words")
    for folder in (tmp_path / "old" / "one", tmp_path / "old"):
        with run_at(folder) as run:
            assert (run.name, run.layers) == (folder.name, ["words"])
        assert not run.path.exists()
    log_embeddings(tmp_path / "old" / "two", VECTORS)
    with run_at(tmp_path / "old") as run:
        assert run.name == "two"
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataMissing, match="There is no run in"), run_at(tmp_path / "empty"):
        pass


def test_a_folder_without_such_vectors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"sizes": [1, 2, 3]}')
    with pytest.raises(DataMissing, match="no vectors for the Projector"):
        log_file(tmp_path / "logs" / "run", tmp_path)


def test_vectors_that_are_not_finite_are_refused_with_the_id(tmp_path: Path) -> None:
    spoiled = TABLE.set_column(2, "vector", pa.array(np.where(VECTORS[2] == VECTORS, np.nan, VECTORS).tolist()))
    pa.parquet.write_table(spoiled, tmp_path / "pets.parquet")
    with pytest.raises(NotFinite, match="'c'"):
        log_file(tmp_path / "logs" / "run", tmp_path / "pets.parquet")


OWN_MEMORY = """
import sys, threading
from pathlib import Path
from embedding_lab.app.logged_files import log_file

def own_kilobytes():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

greatest, done = 0, threading.Event()

def watch():
    global greatest
    while not done.wait(0.01):
        greatest = max(greatest, own_kilobytes())

watching = threading.Thread(target=watch)
watching.start()
log_file(Path(sys.argv[1]), Path(sys.argv[2]))
done.set()
watching.join()
print(greatest * 1024)
"""


@pytest.mark.long
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory of a process's own is told by Linux only"
)
def test_memory_grows_by_some_copies_of_the_ids_of_a_file_and_not_by_its_vectors(tmp_path: Path) -> None:
    few, many = 300_000, 1_300_000
    peaks = {}
    for rows in (few, many):
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(16 * rows, np.float32)), 16)
        ids = pa.array([f"sample-{row:012d}" for row in range(rows)])
        pa.parquet.write_table(pa.table({"id": ids, "vector": vectors}), tmp_path / f"{rows}.parquet")
        words = [sys.executable, "-c", OWN_MEMORY, tmp_path / f"run-{rows}", tmp_path / f"{rows}.parquet"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        peaks[rows] = int(done.stdout.split()[-1])
    for_each = (peaks[many] - peaks[few]) / (many - few)
    assert for_each < 8 * len("sample-000000000000"), f"{for_each:.0f} bytes a row, of which each vector has 64"
