"""Log directories of others: what was meant for the stock Projector is shown, and what is wrong is said."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedding_lab.app.loggers import log_embeddings
from embedding_lab.embeddings.sampling import fair_order

ROWS, DIMS = 12, 4
VECTORS = np.random.default_rng(0).normal(size=(ROWS, DIMS)).astype(np.float32)


class Elsewhere:
    """Writes a run as others do."""

    def __init__(self, logdir: Path) -> None:
        self.folder = logdir / "theirs"
        self.folder.mkdir(parents=True)

    def list(self, *entries: str) -> None:
        text = "\n".join(f"embeddings {{ {each} }}" for each in entries)
        (self.folder / "projector_config.pbtxt").write_text(text, "utf-8")

    def text(self, name: str, rows: Any) -> str:
        (self.folder / name).write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), "utf-8")
        return name


@pytest.fixture
def theirs(tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path / "logs")


@pytest.fixture
def page(theirs: Elsewhere, ask_page: Any, tmp_path: Path) -> Any:
    return ask_page(tmp_path / "logs")


def names(page: Any) -> list[str]:
    return [layer["name"] for run in page.json("overview")["runs"] for layer in run["layers"]]


def problems(page: Any) -> str:
    return str([each["happened"] for run in page.json("overview")["runs"] for each in run["problems"]])


ASKED = {"run": "theirs", "layer": "default:00000"}


def test_what_pytorchs_writer_leaves_is_shown_with_labels_and_pictures(theirs: Elsewhere, page: Any) -> None:
    theirs.text("tensors.tsv", VECTORS)
    theirs.text("metadata.tsv", [[f"class {row % 3}"] for row in range(ROWS)])
    sheet = np.zeros((4 * 6, 4 * 6), np.uint8)
    for row in range(ROWS):
        sheet[row // 4 * 6 : row // 4 * 6 + 6, row % 4 * 6 : row % 4 * 6 + 6] = 10 * row + 5
    Image.fromarray(sheet).save(theirs.folder / "sprite.png")
    theirs.list(
        'tensor_name: "default:00000" tensor_path: "tensors.tsv" metadata_path: "metadata.tsv" '
        'sprite { image_path: "sprite.png" single_image_dim: 6 single_image_dim: 6 }'
    )
    assert names(page) == ["default:00000"]
    assert problems(page) == "[]"
    points = page.arrays("points", **ASKED, map="pca-3d").arrays["points"]
    assert points.shape == (ROWS, 3)
    order = fair_order(ROWS)
    codes = page.arrays("column", **ASKED, name="label").arrays["codes"]
    assert np.array_equal(codes, order % 3)
    pixels = np.asarray(Image.open(io.BytesIO(page.ask("atlas", **ASKED, level=0, page=0).data)))
    assert [int(pixels[4, 8 * place + 4]) for place in range(ROWS)] == (10 * order + 5).tolist()
    neighbours = page.json("neighbours", **ASKED, row=3, k=3, metric="euclidean")["neighbours"]
    distances = np.linalg.norm(VECTORS - VECTORS[3], axis=1)
    assert [each["row"] for each in neighbours] == np.argsort(distances)[1:4].tolist()
    assert page.json("samples", **ASKED, rows="4")[0]["values"] == {"label": "class 1"}


def test_raw_tensors_numbers_and_several_columns_are_read(theirs: Elsewhere, page: Any) -> None:
    VECTORS.tofile(theirs.folder / "points.bytes")
    rows = [["name", "size", "kind"], *[[f"n{row}", row / 3, row % 2] for row in range(ROWS)]]
    theirs.text("table.tsv", rows)
    theirs.list(
        f'tensor_name: "raw" tensor_path: "points.bytes" tensor_shape: {ROWS} tensor_shape: {DIMS} '
        'metadata_path: "table.tsv"'
    )
    asked = {"run": "theirs", "layer": "raw"}
    columns = {each["name"]: each["kind"] for each in page.json("columns", **asked)}
    assert columns == {"name": "category", "size": "number", "kind": "category", "id": "text"}
    found = page.arrays("search", **asked, mode="filter", query="size > 2 and kind == 1").arrays["rows"]
    assert found.tolist() == [7, 9, 11]


def test_a_tensor_that_takes_the_stock_page_down_is_shown_and_explained(theirs: Elsewhere, page: Any) -> None:
    np.save(theirs.folder / "points.npy", VECTORS)
    theirs.list('tensor_name: "saved" tensor_path: "points.npy"', 'tensor_name: "gone" tensor_path: "gone.tsv"')
    assert names(page) == ["saved"]
    assert "'saved': TensorBoard cannot read its tensor" in problems(page)
    assert "'gone': its tensor file is missing" in problems(page)
    assert "cannot be read" in page.error("points", run="theirs", layer="gone", map="pca-3d")["happened"]
    assert page.arrays("points", run="theirs", layer="saved", map="pca-3d").header["total"] == ROWS


def test_vectors_that_are_not_finite_lie_in_the_middle_and_are_told_of(theirs: Elsewhere, page: Any) -> None:
    spoiled = VECTORS.copy()
    spoiled[3, 1] = np.nan
    theirs.text("tensors.tsv", spoiled)
    theirs.list('tensor_name: "default:00000" tensor_path: "tensors.tsv"')
    assert "NaN or infinity" in problems(page)
    assert np.isfinite(page.arrays("points", **ASKED, map="pca-3d").arrays["points"]).all()


def test_a_list_that_cannot_be_read_is_explained(theirs: Elsewhere, page: Any) -> None:
    (theirs.folder / "projector_config.pbtxt").write_text("embeddings { tensor_name: }", "utf-8")
    assert names(page) == []
    assert "cannot be read" in problems(page) or "list" in problems(page)


def test_files_that_several_runs_share_inside_the_log_directory_are_fine(theirs: Elsewhere, page: Any) -> None:
    (theirs.folder.parent / "shared").mkdir()
    for name, rows in (("tensors.tsv", VECTORS), ("labels.tsv", [[f"class {row % 3}"] for row in range(ROWS)])):
        theirs.text(f"../shared/{name}", rows)
    theirs.list('tensor_name: "x" tensor_path: "../shared/tensors.tsv" metadata_path: "../shared/labels.tsv"')
    assert "TensorBoard refuses" in problems(page)  # which we show all the same
    column = page.arrays("column", run="theirs", layer="x", name="label")
    assert np.array_equal(column.arrays["codes"], fair_order(ROWS) % 3)
    assert page.arrays("points", run="theirs", layer="x", map="pca-3d").header["total"] == ROWS


@pytest.mark.parametrize("kind", ["tensor", "metadata"])
def test_a_file_outside_the_log_directory_is_not_opened(
    theirs: Elsewhere, page: Any, tmp_path: Path, kind: str
) -> None:
    theirs.text("tensors.tsv", VECTORS)
    secret = tmp_path / "secret.tsv"
    secret.write_text("".join(f"{row}\tvery secret\n" for row in range(ROWS)), "utf-8")
    given = {"tensor": "tensors.tsv", "metadata": "none.tsv"} | {kind: str(secret)}
    theirs.list(f'tensor_name: "x" tensor_path: "{given["tensor"]}" metadata_path: "{given["metadata"]}"')
    assert names(page) == []
    assert "refuses its" in problems(page)
    for route in ("points", "columns", "neighbours"):
        answer = page.ask(route, run="theirs", layer="x", map="pca-3d", row=0)
        assert answer.status_code == 422
        assert "very secret" not in answer.text
    assert "very secret" not in page.ask("overview").text


def test_what_we_wrote_for_the_stock_projector_ourselves_is_not_shown_twice(tmp_path: Path, ask_page: Any) -> None:
    log_embeddings(tmp_path / "logs" / "ours", VECTORS, layer="mine", labels=["a", "b"] * 6)
    page = ask_page(tmp_path / "logs")
    assert names(page) == ["mine"]
    assert problems(page) == "[]"
