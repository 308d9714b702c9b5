"""What the page keeps with the run, what it takes away, and who may do so."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from embedding_lab.board.dashboard.permission import Permission
from embedding_lab.board.dashboard.row_code import encode_rows
from embedding_lab.embeddings import Run, open_run


def test_a_selection_comes_back_in_python_and_pythons_on_the_page(own_page: Any, own_run: Run, dense: Any) -> None:
    asked = {"run": "sub/first", "name": "odd <fours>", "set": dense, "rows": [3, 1, 80]}
    assert own_page.post("selections", asked).json == {"name": "odd <fours>", "count": 3}
    assert own_run.selection("odd <fours>") == ["tiny/00001", "tiny/00003", "tiny/00080"]
    own_run.save_selection("mine", ["tiny/00007", "elsewhere/1", "tiny/00000"])
    assert own_page.json("overview")["runs"][0]["selections"] == ["mine", "odd <fours>"]
    assert own_page.json("selection", **dense, name="mine") == {
        "name": "mine",
        "rows": encode_rows([0, 7]),
        "unknown": 1,
    }


def test_ids_are_found_in_any_set_and_rows_have_theirs(page: Any, dense: Any) -> None:
    asked = {"set": dense, "ids": ["tiny/00005", "nobody", "tiny/00000"]}
    assert page.post("rows", asked).json == {"rows": encode_rows([0, 5]), "unknown": 1}
    assert page.post("ids", {"set": dense, "rows": [0, 5]}).json == ["tiny/00000", "tiny/00005"]


def test_a_selection_by_ids_is_kept_too(own_page: Any, own_run: Run) -> None:
    own_page.post("selections", {"run": "sub/first", "name": "by id", "ids": ["tiny/00002"]})
    assert own_run.selection("by id") == ["tiny/00002"]


def test_a_selection_is_removed(own_page: Any, own_run: Run) -> None:
    own_run.save_selection("mine", ["tiny/00007"])
    assert own_page.json("overview")["runs"][0]["selections"] == ["mine"]
    assert own_page.post("selections/remove", {"run": "sub/first", "name": "mine"}).status_code == 200
    assert own_page.json("overview")["runs"][0]["selections"] == []
    again = own_page.post("selections/remove", {"run": "sub/first", "name": "mine"})
    assert again.status_code == 404
    assert "'mine'" in again.json["error"]["happened"]


def test_what_was_said_is_taken_back_of_some_samples_or_of_all(own_page: Any, own_run: Run, dense: Any) -> None:
    def tagged() -> list[int]:
        answer = own_page.arrays("search", **dense, mode="filter", query="tags ~ torn")
        return list(answer.arrays["rows"])

    own_run.annotate(["tiny/00001", "tiny/00002"], tags=["torn"], reason="by eye")
    before = own_page.json("overview")["runs"][0]["annotations"]
    asked = {"run": "sub/first", "time": own_run.annotations[0]["time"]}
    assert tagged() == [1, 2]
    assert own_page.post("annotations/withdraw", {**asked, "ids": ["tiny/00001"]}).json == {"count": 1}
    assert tagged() == [2]
    assert own_page.json("overview")["runs"][0]["annotations"] > before  # the page asks anew
    assert own_page.json("annotations", run="sub/first")["annotations"] == own_run.annotations
    assert own_page.post("annotations/withdraw", {**asked, "ids": ["tiny/00001"]}).status_code == 400
    own_page.post("annotations/withdraw", {**asked, "ids": ["tiny/00002"]})
    assert own_run.annotations == []


@pytest.mark.parametrize("time", [None, True, "now", [1], float("nan")])
def test_a_time_that_is_none_takes_nothing_back(own_page: Any, own_run: Run, time: Any) -> None:
    own_run.annotate("tiny/00001", tags=["torn"])
    asked = {"run": "sub/first", "ids": ["tiny/00001"], "time": time}
    assert own_page.post("annotations/withdraw", asked).status_code == 400
    assert len(own_run.annotations) == 1


def test_annotations_are_only_added_with_time_and_reason(own_page: Any, own_run: Run) -> None:
    asked = {"run": "sub/first", "ids": ["tiny/00001", "tiny/00002"], "label": "two", "reason": "by eye"}
    assert own_page.post("annotations", asked).json == {"count": 2}
    own_page.post("annotations", {"run": "sub/first", "ids": ["tiny/00001"], "tags": ["blurred", "café"]})
    said = own_page.json("annotations", run="sub/first")
    assert said["total"] == 3
    assert [each["id"] for each in said["annotations"]] == ["tiny/00001", "tiny/00002", "tiny/00001"]
    assert said["annotations"][0]["reason"] == "by eye"
    assert said["annotations"][2]["tags"] == ["blurred", "café"]
    assert all(each["time"] > 1e9 for each in said["annotations"])
    assert own_run.annotations == said["annotations"]
    assert said["annotations"][0]["time"] == said["annotations"][1]["time"]  # said at once
    before = own_page.json("overview")["runs"][0]["annotations"]
    own_run.annotate("tiny/00003", label="two")
    assert own_page.json("overview")["runs"][0]["annotations"] > before  # the page asks anew
    labels = own_run.embeddings("block/Dense").dataset.labels
    assert labels is not None
    assert labels[1] == 0


def test_what_was_noted_down_is_a_column_like_any_other_and_follows_what_is_said_next(
    own_page: Any, own_run: Run, dense: Any
) -> None:
    def columns() -> dict[str, Any]:
        return {each["name"]: each for each in own_page.json("columns", **dense) if each["source"] == "note"}

    def found(query: str) -> list[int]:
        return list(own_page.arrays("search", **dense, mode="filter", query=query).arrays["rows"])

    assert columns() == {}
    own_run.annotate(["tiny/00001", "tiny/00002"], label="two", tags=["torn"], reason="by eye")
    own_run.annotate(["tiny/00002", "nobody"], label=0, tags=["thin"])  # the number of a class
    first = columns()
    assert {name: each["categories"] for name, each in first.items()} == {
        "corrected_label": ["two", "zero"],
        "tags": ["torn", "torn, thin"],
        "reasons": ["by eye"],
    }
    assert first["tags"]["counts"] == [1, 1]
    assert first["tags"]["missing"] == 88
    codes = own_page.arrays("column", **dense, name="corrected_label").arrays["codes"]
    assert sorted(codes[codes < 2]) == [0, 1]
    assert found("tags ~ torn") == [1, 2]
    assert found("corrected_label == zero and label != corrected_label") == [2]
    asked = {"set": dense, "rows": [2, 3], "format": "csv"}
    second, third = csv.DictReader(io.StringIO(own_page.post("download", asked).text))
    assert (second["corrected_label"], second["tags"], second["reasons"]) == ("zero", "torn, thin", "by eye")
    assert third["corrected_label"] == third["tags"] == third["reasons"] == ""

    own_run.annotate("tiny/00001", tags=[])
    assert found("tags ~ torn") == [2]
    assert columns()["tags"]["generation"] != first["tags"]["generation"]
    label = {each["name"]: each for each in own_page.json("columns", **dense)}["label"]
    assert label["counts"] == [23, 22, 22]  # what was given stays


@pytest.mark.parametrize(
    "said",
    [
        {"label": {"a": [1]}},
        {"label": "\ud800"},
        {"tags": "torn"},
        {"tags": [None, 3, ""]},
        {"reason": 7},
        {"label": True, "tags": ["a" * 100_000], "reason": "</script>"},
    ],
)
def test_whatever_was_said_in_python_the_page_goes_on(own_page: Any, own_run: Run, dense: Any, said: Any) -> None:
    own_run.files.local("annotations.jsonl").write_text(
        "".join(json.dumps({"id": each, **said}) + "\n" for each in ("tiny/00001", "\ud800", 7)) + "[" * 100_000
    )
    assert own_page.json("overview")["runs"][0]["problems"] == []
    assert own_page.json("samples", **dense, rows="1")[0]["id"] == "tiny/00001"
    for each in own_page.json("columns", **dense):
        if each["source"] == "note":
            own_page.arrays("column", **dense, name=each["name"])


@pytest.mark.parametrize(
    "asked",
    [
        {"run": "sub/first", "name": " ", "ids": ["a"]},
        {"run": "sub/first", "name": "n" * 300, "ids": ["a"]},
        {"run": "sub/first", "name": "n", "ids": []},
        {"run": "sub/first", "name": "n", "ids": [1]},
        {"run": "sub/first", "name": "n", "set": {"run": "sub/first", "layer": "input"}, "rows": [90]},
        {"run": "../sub/first", "name": "n", "ids": ["a"]},
        {"run": "/etc", "name": "n", "ids": ["a"]},
        ["run"],
        None,
    ],
)
def test_a_selection_that_cannot_be_kept_says_why(own_page: Any, asked: Any) -> None:
    answer = own_page.post("selections", asked)
    assert 400 <= answer.status_code < 500
    assert answer.json["error"]["happened"].endswith(".")


def test_a_request_without_the_token_changes_nothing(own_page: Any, own_run: Run) -> None:
    asked = {"run": "sub/first", "name": "mine", "ids": ["tiny/00000"]}
    for headers in ({}, {"X-Embedding-Lab-Token": "wrong"}, {"X-Embedding-Lab-Token": "wröng"}):
        answer = own_page.client.post("/selections", json=asked, headers=headers)
        assert answer.status_code == 403
        assert "may not change things" in answer.json["error"]["happened"]
    assert own_run.selections == []


def test_a_form_of_another_page_changes_nothing_even_with_the_token(own_page: Any, own_run: Run) -> None:
    token = own_page.json("overview")["token"]
    answer = own_page.client.post(
        "/selections", data={"run": "sub/first"}, headers={"X-Embedding-Lab-Token": token}
    )
    assert answer.status_code == 403
    assert own_run.selections == []


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "192.168.0.7"])
def test_a_server_that_can_be_reached_from_elsewhere_only_reads(own_page: Any, own_run: Run, bound: str) -> None:
    there = {"SERVER_NAME": bound}
    overview = own_page.client.get("/overview", environ_overrides=there).json
    assert overview["writable"] is False
    assert overview["token"] is None
    answer = own_page.client.post(
        "/selections",
        json={"run": "sub/first", "name": "mine", "ids": ["a"]},
        headers={"X-Embedding-Lab-Token": own_page.dashboard.permission.token},
        environ_overrides=there,
    )
    assert answer.status_code == 403
    assert "only reads" in answer.json["error"]["happened"]
    assert own_run.selections == []


@pytest.mark.parametrize(
    ("host", "environment", "known"),
    [
        ("localhost:6006", {}, True),
        ("127.0.0.1:8080", {}, True),
        ("[::1]:6006", {}, True),
        ("evil.example:6006", {}, False),
        ("evil.example", {}, False),
        ("localhost.evil.example:6006", {}, False),
        ("evil.example:6006", {"JPY_PARENT_PID": "1"}, False),
        ("hub.example", {"JPY_PARENT_PID": "1"}, True),
        ("hub.example:8888", {"JUPYTERHUB_SERVICE_PREFIX": "/user/x"}, True),
        ("lab.example:6006", {"EMBEDDING_LAB_HOSTS": "lab.example, other"}, True),
        ("lab.example:99999", {"JPY_PARENT_PID": "1"}, False),
        ("a" * 5000, {}, False),
    ],
)
def test_a_name_that_was_made_to_lead_here_is_told_from_a_notebooks_proxy(
    host: str, environment: dict[str, str], known: bool
) -> None:
    from werkzeug.test import EnvironBuilder
    from werkzeug.wrappers import Request

    environ = EnvironBuilder("/overview", headers={"Host": host}).get_environ()
    environ |= {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "6006"}
    assert (Permission(environment).token_for(Request(environ)) is not None) == known


def test_trust_is_the_share_of_neighbours_that_are_selected_too(page: Any, dense: Any, run: Run) -> None:
    vectors = np.asarray(run.vectors("block/Dense", 2), np.float64)
    distances = ((vectors[:, None] - vectors) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    rows = np.flatnonzero(vectors[:, 0] > 0)
    near = np.argsort(distances[rows], axis=1)[:, :10]
    answer = page.post("trust", {"set": dense, "rows": rows.tolist()}).json
    assert answer["k"] == 10
    assert answer["of"] == near.size
    assert answer["kept"] == np.isin(near, rows).sum()
    assert answer["share"] == pytest.approx(np.isin(near, rows).mean())


def test_trust_in_a_few_or_in_all(page: Any, dense: Any) -> None:
    assert page.post("trust", {"set": dense, "rows": [5]}).json["share"] is None
    assert page.post("trust", {"set": dense, "rows": [5, 6]}).json["k"] == 1
    assert page.post("trust", {"set": dense, "rows": list(range(90))}).json["share"] == 1


def test_trust_in_many_looks_at_a_fair_sample_block_by_block(
    page: Any, dense: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = list(range(0, 90, 2))
    whole = page.post("trust", {"set": dense, "rows": rows}).json
    monkeypatch.setattr("embedding_lab.board.dashboard.trust._BLOCK_NUMBERS", 1)
    assert page.post("trust", {"set": dense, "rows": rows}).json == whole
    monkeypatch.setattr("embedding_lab.board.dashboard.trust.MOST_PRODUCTS", 90 * 5 * 40)
    assert page.post("trust", {"set": dense, "rows": rows}).json["looked_at"] == 40


def test_a_selection_is_taken_away_as_csv(page: Any, dense: Any) -> None:
    answer = page.post("download", {"set": dense, "map": "tsne-3d", "rows": [13, 0], "format": "csv"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sub-first-block-Dense-tsne-3d.csv"'
    first, second = csv.DictReader(io.StringIO(answer.text))
    assert (second["id"], second["label"], second["count"], second["split"]) == (
        *("tiny/00013", "zero", "13000039", "train"),
    )
    assert first["label"] == first["weight"] == ""
    assert {"x", "y", "z", "kept_10"} <= set(first)


def test_all_samples_are_taken_away_as_parquet(page: Any, dense: Any, run: Run) -> None:
    answer = page.post("download", {"set": dense, "map": "umap-2d", "format": "parquet"})
    table = pq.read_table(io.BytesIO(answer.data))
    assert table.num_rows == 90
    assert table["x"].null_count == 30
    assert table["note"].to_pylist()[:2] == ["", "note 1"]
    assert "z" not in table.column_names


def test_reading_a_run_after_writing_into_it_finds_it_whole(own_page: Any, own_logdir: Path, dense: Any) -> None:
    own_page.post("selections", {"run": "sub/first", "name": "x", "set": dense, "rows": [0]})
    assert open_run(own_logdir / "sub" / "first").embeddings("block/Dense").dims == 5
