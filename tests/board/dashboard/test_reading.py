"""What the page reads: the overview, points and columns by places, samples and pictures."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedding_lab.board.dashboard import places
from embedding_lab.embeddings import EmbeddingSet, Run, as_dataset, create_run
from embedding_lab.embeddings.sampling import fair_order


def test_the_overview_lists_runs_layers_steps_and_maps(page: Any) -> None:
    overview = page.json("overview")
    assert [each["name"] for each in overview["runs"]] == ["sub/first"]
    (run,) = overview["runs"]
    assert run["problems"] == []
    assert {layer["name"]: [each["step"] for each in layer["steps"]] for layer in run["layers"]} == {
        "block/Dense": [1, 2],
        "input": [None],
    }
    second = run["layers"][0]["steps"][1]
    assert (second["rows"], second["dims"], second["epoch"]) == (90, 5, 2)
    assert {each["name"]: (each["dims"], each["state"]) for each in second["maps"]} == {
        "tsne-3d": (3, "complete"),
        "umap-2d": (2, "complete"),
    }
    assert second["maps"][0]["quality"] == {"kept_10": 0.5}
    assert second["pictures"]["cell"] == [8, 12]


def test_an_unchanged_overview_is_not_sent_again(page: Any) -> None:
    first = page.ask("overview")
    again = page.client.get("/overview", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""


def test_new_runs_steps_and_maps_appear_and_deleted_ones_go(
    own_page: Any, own_run: Run, own_logdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedding_lab.board.dashboard.logdir.FRESH_SECONDS", -1.0)
    own_page.json("overview")
    create_run(own_logdir / "second").save_embeddings(
        EmbeddingSet(np.eye(3), as_dataset(np.eye(3)), "mine", step=4)
    )
    assert [each["name"] for each in own_page.json("overview")["runs"]] == ["second", "sub/first"]
    shutil.rmtree(own_run.path)
    assert [each["name"] for each in own_page.json("overview")["runs"]] == ["second"]
    assert "does not exist" in own_page.error("points", run="sub/first", layer="input", map="pca-3d")["happened"]


def test_a_set_without_a_map_gets_one_while_the_page_waits(page: Any) -> None:
    points = page.arrays("points", run="sub/first", layer="input", step="static", map="pca-3d")
    assert points.arrays["points"].shape == (90, 3)
    spread = points.arrays["points"].std(axis=0)
    assert spread[0] >= spread[1] >= spread[2] > 0


def test_the_order_is_the_same_for_every_layer_and_step_and_has_each_row_once(page: Any, dense: Any) -> None:
    order = page.arrays("order", **dense).arrays["row"]
    assert sorted(order) == list(range(90))
    assert np.array_equal(order, fair_order(90))
    for other in ({"layer": "block/Dense", "step": 1}, {"layer": "input", "step": "static"}):
        assert np.array_equal(page.arrays("order", run="sub/first", **other).arrays["row"], order)


def test_every_beginning_of_the_order_is_a_fair_sample() -> None:
    labels = np.repeat(np.arange(10), 1000)
    counts = np.bincount(labels[fair_order(10_000)[:1000]], minlength=10)
    assert counts.min() > 70
    assert counts.max() < 130


def test_points_and_columns_come_by_places_also_in_parts(page: Any, dense: Any, run: Run) -> None:
    order = fair_order(90)
    whole = page.arrays("points", **dense, map="tsne-3d")
    assert np.array_equal(whole.arrays["points"], run.map("block/Dense", "tsne-3d").points[order])
    assert "present" not in whole.arrays
    parts = [page.arrays("points", **dense, map="tsne-3d", **{"from": start}, count=40) for start in (0, 40, 80)]
    assert [each.header["count"] for each in parts] == [40, 40, 10]
    assert np.array_equal(np.concatenate([each.arrays["points"] for each in parts]), whole.arrays["points"])
    assert parts[1].header["bounds"] == whole.header["bounds"]
    loss = page.arrays("column", **dense, name="loss")
    assert np.array_equal(loss.arrays["values"], np.linspace(0, 3, 90, dtype=np.float32)[order])


def test_samples_that_are_not_on_a_map_are_marked_absent(page: Any, dense: Any) -> None:
    message = page.arrays("points", **dense, map="umap-2d")
    present = np.unpackbits(message.arrays["present"], bitorder="little")[:90].astype(bool)
    assert np.array_equal(present, fair_order(90) % 3 != 0)
    assert (message.arrays["points"][~present] == 0).all()
    low, high = message.header["bounds"]
    assert np.allclose(low, message.arrays["points"][present].min(axis=0))
    assert np.allclose(high, message.arrays["points"][present].max(axis=0))


def test_an_answer_holds_a_bounded_number_of_places(page: Any, dense: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_PLACES", 7)
    message = page.arrays("order", **dense, count=10**15)
    assert message.header["count"] == len(message.arrays["row"]) == 7
    assert message.header["total"] == 90


def test_columns_have_the_form_of_what_they_hold(page: Any, dense: Any) -> None:
    columns = {each["name"]: each for each in page.json("columns", **dense, map="tsne-3d")}
    assert {name: each["kind"] for name, each in columns.items()} == {
        "label": "category",
        "prediction": "category",
        "correct": "category",
        "confidence": "number",
        "loss": "number",
        "id": "text",
        "split": "category",
        "weight": "number",
        "count": "number",
        "note": "category",
        "flag": "category",
        "my column": "category",
        "kept_10": "number",
    }
    assert columns["label"]["categories"] == ["zero", "öne", "<b>two</b>"]
    assert columns["label"]["missing"] == 23
    assert columns["correct"]["counts"] == [0, 67]
    assert columns["weight"]["missing"] == 13
    assert sum(columns["loss"]["histogram"]["counts"]) == 90
    assert columns["kept_10"]["source"] == "map"
    assert columns["note"]["categories"][:4] == ["", "note 1", "note 3", "note 5"]
    assert "kept_10" not in {each["name"] for each in page.json("columns", **dense)}


def test_missing_values_are_a_code_of_their_own_or_nan(page: Any, dense: Any) -> None:
    order = fair_order(90)
    codes = page.arrays("column", **dense, name="label").arrays["codes"]
    assert np.array_equal(codes, np.where(order % 4 == 0, 0xFFFF, order % 4 - 1))
    values = page.arrays("column", **dense, name="weight").arrays["values"]
    assert np.array_equal(np.isnan(values), order % 7 == 0)


def test_text_that_cannot_be_coloured_by_says_so(page: Any, dense: Any) -> None:
    assert "too many different values" in page.error("column", **dense, name="id")["happened"]


def test_samples_tell_all_their_values_as_they_were_logged(page: Any, dense: Any) -> None:
    first, other = page.json("samples", **dense, rows="0,13", map="tsne-3d")
    assert first["id"] == "tiny/00000"
    assert first["values"]["label"] is None
    assert first["values"]["weight"] is None
    assert other["values"]["count"] == 13_000_039
    assert other["values"]["label"] == "zero"
    assert other["values"]["note"] == "note 13"
    assert other["values"]["split"] == "train"


def test_a_page_of_thumbnails_holds_places_at_any_size_down_to_a_pixel(page: Any, dense: Any, run: Run) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (90, 10, 6), np.uint8)
    full = opened(page.ask("atlas", **dense, level=0, page=0))
    for place, row in enumerate(fair_order(90)):
        y, x = place // 128 * 12 + 1, place % 128 * 8 + 1
        assert np.array_equal(full[y : y + 10, x : x + 6], pictures[row])
    half = opened(page.ask("atlas", **dense, level=1, page=0))
    assert half.shape == (full.shape[0] // 2, full.shape[1] // 2)
    levels = page.json("overview")["runs"][0]["layers"][0]["steps"][1]["pictures"]["levels"]
    assert levels == 5
    for level in range(2, levels):
        high, wide = -(-12 // 2**level), -(-8 // 2**level)
        coarse = opened(page.ask("atlas", **dense, level=level, page=0))
        assert coarse.shape == (full.shape[0] // 12 * high, full.shape[1] // 8 * wide)
        for place in (0, 50, 89):  # each of its own pixels alone
            own = full[:12, 8 * place : 8 * place + 8].mean()
            seen = coarse[:high, wide * place : wide * place + wide].mean()
            assert seen == pytest.approx(own, abs=1)
    row = opened(page.ask("picture", **dense, row=17))
    assert np.array_equal(row, pictures[17])


def test_pages_that_do_not_exist_are_refused(page: Any, dense: Any) -> None:
    assert "out of range" in page.error("atlas", **dense, level=0, page=1)["happened"]
    assert "out of range" in page.error("atlas", **dense, level=9, page=0)["happened"]


def opened(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.data)))


def test_large_json_is_zipped_for_who_can_unzip_it(page: Any, dense: Any) -> None:
    plain = page.ask("columns", **dense)
    zipped = page.client.get("/columns", query_string=dense, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert len(zipped.data) < len(plain.data)
    assert zipped.headers["ETag"] == plain.headers["ETag"]


def test_a_link_out_of_the_log_directory_is_not_followed(own_page: Any, own_run: Run, tmp_path: Path) -> None:
    shard = next(own_run.files.root.glob("layers/input/static/vectors-*.npy"))
    outside = tmp_path / "secret.npy"
    shard.rename(outside)
    shard.symlink_to(outside)
    error = own_page.error("neighbours", run="sub/first", layer="input", row=0)
    assert "leads out of the log directory" in error["happened"]
