"""A run in one file: the page, and every answer it would ask the server for, and nothing that leads elsewhere."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedding_lab.app.plugin import Computer
from embedding_lab.board.dashboard import embedded, embedded_files
from embedding_lab.board.dashboard.embedded import embedded_page
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.wire import decode
from embedding_lab.embeddings import EmbeddingSet, as_dataset, create_run
from embedding_lab.errors import DataMissing, InputError


def near(layer: str, step: int | None, k: int) -> Any:
    return np.zeros((90, k), np.int32), np.ones((90, k), np.float32)


@pytest.fixture
def static(tmp_path: Path) -> Path:
    (tmp_path / "index.js").write_text("const a = '</script><!--'; export { a };", "utf-8")
    return tmp_path


def answers_in(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="embedding-lab-data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def answer(answers: Any, key: str) -> Any:
    """The answer of a key, which may lie there under another that is answered alike."""
    found = answers[key]
    return answer(answers, found["same"]) if "same" in found else found


def test_the_file_holds_every_answer_the_server_gives(
    page: Any, dense: Any, kept_logdir: Path, static: Path
) -> None:
    text = embedded_page(Library(kept_logdir, Computer()), "sub/first", None, None, near, static).text
    answers = answers_in(text)
    which = '{"layer":"block/Dense","map":"tsne-3d","run":"sub/first","step":"2"}'
    assert base64.b64decode(answers[f"points {which}"]["base64"]) == page.ask("points", **dense, map="tsne-3d").data
    assert json.loads(answers[f"columns {which}"]["text"]) == page.json("columns", **dense, map="tsne-3d")
    ids = json.loads(
        answer(answers, 'texts {"layer":"block/Dense","name":"id","run":"sub/first","step":"2"}')["text"]
    )
    assert ids[17] == "tiny/00017"
    sheet = answer(answers, 'atlas {"layer":"input","level":"0","page":"0","run":"sub/first","step":"static"}')
    assert base64.b64decode(sheet["base64"]).startswith(b"\x89PNG")
    neighbours = decode(
        base64.b64decode(answer(answers, 'near {"layer":"input","run":"sub/first","step":"static"}')["base64"])
    )
    assert neighbours.arrays["rows"].shape == (90, 10)


def test_the_file_tells_of_the_run_and_not_of_this_machine(kept_logdir: Path, static: Path) -> None:
    text = embedded_page(Library(kept_logdir, Computer()), "sub/first", ["input"], None, near, static).text
    overview = json.loads(answers_in(text)["overview"]["text"])
    assert (overview["writable"], overview["token"], overview["computing"]) == (False, None, False)
    assert [layer["name"] for layer in overview["runs"][0]["layers"]] == ["input"]
    assert str(kept_logdir) not in text
    assert "block/Dense" not in text


def test_hostile_names_stay_text_and_a_policy_forbids_every_address(kept_logdir: Path, static: Path) -> None:
    text = embedded_page(Library(kept_logdir, Computer()), "sub/first", None, None, near, static).text
    assert "<b>two</b>" not in text
    assert text.count("</script>") == 2
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)


def test_what_cannot_be_exported_says_why(kept_logdir: Path, static: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(kept_logdir, Computer())
    with pytest.raises(DataMissing, match="no layer 'dense'"):
        embedded_page(library, "sub/first", ["dense"], None, near, static)
    with pytest.raises(DataMissing, match="not built"):
        embedded_page(library, "sub/first", None, None, near, static / "nowhere")
    monkeypatch.setattr(embedded, "MOST_ROWS", 80)
    with pytest.raises(InputError, match="too many samples"):
        embedded_page(library, "sub/first", None, "newest", near, static)
    with pytest.raises(DataMissing, match="no step 7"):
        embedded_page(library, "sub/first", None, [1, 7], near, static)


@pytest.mark.parametrize(
    ("steps", "most", "kept", "said"),
    [
        (None, 1000, [1, 2], ()),
        (None, 100, [2], ("Only the newest of 2 steps: all of them hold 270 samples. Choose with --step.",)),
        ("newest", 1000, [2], ()),
        ("all", 100, [1, 2], ()),
        ([1], 1000, [1], ()),
    ],
)
def test_the_file_holds_the_steps_that_were_asked_for_and_says_what_is_left_out(
    kept_logdir: Path, static: Path, monkeypatch: pytest.MonkeyPatch, steps: Any, most: int, kept: Any, said: Any
) -> None:
    monkeypatch.setattr(embedded, "FEW_ROWS", most)
    page = embedded_page(Library(kept_logdir, Computer()), "sub/first", None, steps, near, static)
    answers = answers_in(page.text)
    layers = json.loads(answers["overview"]["text"])["runs"][0]["layers"]
    assert {each["name"]: [step["step"] for step in each["steps"]] for each in layers} == {
        "block/Dense": kept,
        "input": [None],
    }
    assert page.notes == said
    for step in kept:
        assert f'columns {{"layer":"block/Dense","run":"sub/first","step":"{step}"}}' in answers


def test_what_steps_and_layers_have_in_common_lies_there_once(kept_logdir: Path, static: Path) -> None:
    page = embedded_page(Library(kept_logdir, Computer()), "sub/first", None, "all", near, static)
    answers = answers_in(page.text)
    names = [
        f'column {{"layer":"block/Dense","name":"label","run":"sub/first","step":"{step}"}}' for step in (1, 2)
    ]
    assert answers[names[1]] == {"same": names[0]}
    assert {"type", "base64"} == set(answers[names[0]])


def sounds_in(logdir: Path, static: Path) -> Any:
    data = as_dataset(
        np.zeros((90, 2)),
        images=[Image.new("RGB", (100 + row, 80), (row, 0, 0)) for row in range(90)],
        columns={"tone": [None if row == 4 else b"RIFF0000WAVE" + bytes(1000 + row) for row in range(90)]},
    )
    run = create_run(logdir / "sounds")
    for layer in ("one", "two"):
        run.save_embeddings(EmbeddingSet(np.eye(90, dtype=np.float32), data, layer))
    run.save_pictures(data)
    run.save_media(data)
    page = embedded_page(Library(logdir, Computer()), "sounds", None, None, near, static)
    return page, answers_in(page.text), data


def key_of(route: str, answers: Any, **more: Any) -> str:
    told = json.loads(answer(answers, "overview")["text"])
    query = {"run": "sounds", "samples": told["runs"][0]["layers"][0]["steps"][0]["samples"], **more}
    return f"{route} {json.dumps(dict(sorted(query.items())), separators=(',', ':'))}"


def test_sounds_and_pictures_in_their_size_are_in_the_file_once_for_all_layers(
    tmp_path: Path, static: Path
) -> None:
    page, answers, data = sounds_in(tmp_path / "logs", static)
    sound = answers[key_of("media", answers, name="tone", row="7")]
    assert sound["type"] == "audio/wav"
    assert base64.b64decode(sound["base64"]) == data.media["tone"].file(7)
    assert key_of("media", answers, name="tone", row="4") not in answers
    picture = base64.b64decode(answers[key_of("picture", answers, row="7")]["base64"])
    assert Image.open(io.BytesIO(picture)).size == (107, 80)
    assert sum(key.startswith("media") for key in answers) == 89
    assert page.notes == ()
    assert "media-src blob:" in page.text


def test_files_beyond_the_limit_are_left_out_and_the_page_says_so(
    tmp_path: Path, static: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_files, "MOST_BYTES", 20_000)
    page, answers, _ = sounds_in(tmp_path / "logs", static)
    kept = [base64.b64decode(answers[key]["base64"]) for key in answers if key.startswith(("media", "picture"))]
    assert 15_000 < sum(map(len, kept)) <= 20_000
    (problem,) = json.loads(answer(answers, "overview")["text"])["runs"][0]["problems"]
    assert problem["happened"] == "Not all sounds, and pictures in their size, are in this file."
    assert problem["got"].startswith(f"{len(kept)} files")
    assert len(page.notes) == 1
