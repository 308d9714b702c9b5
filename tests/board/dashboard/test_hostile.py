"""Whatever is asked, and whatever happens to the files meanwhile: an answer, or a refusal in words."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding_lab.board.dashboard.application import ASKING, READING, WRITING
from embedding_lab.embeddings import EmbeddingSet, Projection, Run, create_run, open_run

HUGE = ("-1", "1e309", "NaN", "99999999999999999999999", "0x10", "1.5", "", " 3", "٣", "1_0", "--1", "null", "[]")
PATHS = (
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "sub/../sub/first",
    "sub//first",
    "C:\\x",
    "\\\\host\\x",
    "%2e%2e",
)
NAMES = ("sub/first", "block/Dense", "input", "tsne-3d", "umap-2d", "pca-3d", "label", "id", "loss", "static", "2")
words = st.sampled_from([*HUGE, *PATHS, *NAMES]) | st.text(max_size=30)
parameters = ["run", "layer", "step", "map", "name", "from", "count", "rows", "row", "k", "metric", "mode", "query"]
parameters += ["level", "page", "unknown"]
SAID = ("set", "ids", "tags", "label", "format", "id", "by", "direction")
good = {
    "run": "sub/first",
    "layer": "block/Dense",
    "step": "2",
    "map": "tsne-3d",
    "name": "label",
    "row": "3",
    "rows": "1,2",
    "query": "a",
    "page": "0",
}
values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def spare_page(kept_logdir: Path, tmp_path_factory: pytest.TempPathFactory, ask_page: Any) -> Any:
    """A page over a copy that anything may be written into."""
    return ask_page(Path(shutil.copytree(kept_logdir, tmp_path_factory.mktemp("spare") / "logs")))


def check(answer: Any) -> None:
    """Success, or a refusal that says what happened as text."""
    if answer.status_code in (200, 302, 304):
        return
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    said = json.loads(answer.data)["error"]
    assert said["happened"].endswith(".")
    assert answer.headers["Content-Type"] == "application/json"


@given(
    route=st.sampled_from([*sorted(READING), "overview"]),
    changed=st.dictionaries(st.sampled_from(parameters), words),
)
def test_any_question_has_an_answer(page: Any, route: str, changed: dict[str, str]) -> None:
    check(page.client.get(f"/{route}", query_string={**good, **changed}))


@given(path=st.text(max_size=60) | st.sampled_from(PATHS))
def test_any_address_has_an_answer(page: Any, path: str) -> None:
    from urllib.parse import quote

    check(page.client.get(f"/{quote(path, safe='/.%', errors='replace')}"))


@given(
    route=st.sampled_from([*sorted(ASKING), *sorted(WRITING), "overview"]),
    body=st.dictionaries(st.sampled_from([*parameters, *SAID]), values) | values,
)
def test_any_body_has_an_answer(spare_page: Any, route: str, body: Any) -> None:
    if isinstance(body, dict) and isinstance(body.get("set"), dict):
        body["set"] = {**good, **body["set"]}
    token = {"X-Embedding-Lab-Token": spare_page.dashboard.permission.token}
    check(
        spare_page.client.post(f"/{route}", data=json.dumps(body), content_type="application/json", headers=token)
    )


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"run": 1e999}', b"null"])
def test_a_body_that_is_no_json_is_refused(page: Any, body: bytes) -> None:
    token = {"X-Embedding-Lab-Token": page.dashboard.permission.token}
    for route in ("selections", "trust"):
        answer = page.client.post(f"/{route}", data=body, content_type="application/json", headers=token)
        assert answer.status_code == 400
        check(answer)


def test_a_body_beyond_the_limit_is_refused_unread(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedding_lab.board.dashboard.asked.LARGEST_BODY_BYTES", 1000)
    answer = page.client.post("/trust", json={"set": {}, "rows": list(range(10_000))})
    assert answer.status_code == 400
    assert "too large" in answer.json["error"]["happened"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(page: Any, method: str) -> None:
    check(page.client.open("/overview", method=method))


def test_labels_and_names_are_sent_as_text_never_as_a_page(page: Any, dense: Any) -> None:
    for answer in (page.ask("columns", **dense), page.ask("points", run="<script>", layer="x", map="y")):
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def ask_all(page: Any, asked: dict[str, Any], stop: threading.Event, failures: list[str]) -> None:
    """Asks everything over and over; nothing is remembered that would not be asked again."""
    more = {"rows": "1,2", "row": 3, "query": "loss > 1", "mode": "filter", "name": "label", "page": 0}
    while not stop.is_set():
        for route in [*READING, "overview"]:
            answer = page.client.get(f"/{route}", query_string={**asked, "map": "tsne-3d", **more})
            try:
                check(answer)
            except AssertionError as error:
                failures.append(f"{route}: {error}")
                return


def test_a_run_that_is_written_replaced_and_deleted_while_it_is_read(
    own_page: Any, own_run: Run, own_logdir: Path, dense: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedding_lab.board.dashboard.logdir.FRESH_SECONDS", 0.0)
    embeddings = own_run.embeddings("block/Dense", 2)
    random = np.random.default_rng(0)
    copy = shutil.copytree(own_run.path, own_logdir.parent / "copy")
    stop, failures = threading.Event(), list[str]()
    readers = [threading.Thread(target=ask_all, args=(own_page, dense, stop, failures)) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(4):
            vectors = random.normal(size=(90, 5)).astype(np.float32)
            run = create_run(own_run.path)
            run.save_embeddings(EmbeddingSet(vectors, embeddings.dataset, "block/Dense", step=2))
            run.save_map(
                "block/Dense", 2, "tsne-3d", Projection(vectors[:, :3], embeddings.ids, "tsne", state="forming")
            )
            shutil.rmtree(own_run.path)
            shutil.copytree(copy, own_run.path)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert failures == []
    assert open_run(own_run.path).layers


@settings(max_examples=60)
@given(data=st.data())
def test_a_run_with_spoiled_files_is_refused_in_words(
    kept_logdir: Path, tmp_path_factory: pytest.TempPathFactory, ask_page: Any, data: st.DataObject
) -> None:
    logdir = Path(shutil.copytree(kept_logdir, tmp_path_factory.mktemp("spoiled") / "logs"))
    files = sorted(path for path in (logdir / "sub" / "first" / "plugins").rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    page = ask_page(logdir)
    for route in [*READING, "overview"]:
        check(page.client.get(f"/{route}", query_string=good))
    shutil.rmtree(logdir)
