"""A run in one file: the page, and every answer it would ask the server for, and nothing that leads elsewhere."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.app.plugin import Computer
from embedding_lab.board.dashboard import embedded
from embedding_lab.board.dashboard.embedded import embedded_page
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.wire import decode
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


def test_the_file_holds_every_answer_the_server_gives(
    page: Any, dense: Any, kept_logdir: Path, static: Path
) -> None:
    text = embedded_page(Library(kept_logdir, Computer()), "sub/first", None, near, static)
    answers = answers_in(text)
    which = '{"layer":"block/Dense","map":"tsne-3d","run":"sub/first","step":"2"}'
    assert base64.b64decode(answers[f"points {which}"]["base64"]) == page.ask("points", **dense, map="tsne-3d").data
    assert json.loads(answers[f"columns {which}"]["text"]) == page.json("columns", **dense, map="tsne-3d")
    ids = json.loads(answers['texts {"layer":"block/Dense","name":"id","run":"sub/first","step":"2"}']["text"])
    assert ids[17] == "tiny/00017"
    sheet = answers['atlas {"layer":"input","level":"0","page":"0","run":"sub/first","step":"static"}']
    assert base64.b64decode(sheet["base64"]).startswith(b"\x89PNG")
    neighbours = decode(
        base64.b64decode(answers['near {"layer":"input","run":"sub/first","step":"static"}']["base64"])
    )
    assert neighbours.arrays["rows"].shape == (90, 10)


def test_the_file_tells_of_the_run_and_not_of_this_machine(kept_logdir: Path, static: Path) -> None:
    text = embedded_page(Library(kept_logdir, Computer()), "sub/first", ["input"], near, static)
    overview = json.loads(answers_in(text)["overview"]["text"])
    assert (overview["writable"], overview["token"], overview["computing"]) == (False, None, False)
    assert [layer["name"] for layer in overview["runs"][0]["layers"]] == ["input"]
    assert str(kept_logdir) not in text
    assert "block/Dense" not in text


def test_hostile_names_stay_text_and_a_policy_forbids_every_address(kept_logdir: Path, static: Path) -> None:
    text = embedded_page(Library(kept_logdir, Computer()), "sub/first", None, near, static)
    assert "<b>two</b>" not in text
    assert text.count("</script>") == 2
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)


def test_what_cannot_be_exported_says_why(kept_logdir: Path, static: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(kept_logdir, Computer())
    with pytest.raises(DataMissing, match="no layer 'dense'"):
        embedded_page(library, "sub/first", ["dense"], near, static)
    with pytest.raises(DataMissing, match="not built"):
        embedded_page(library, "sub/first", None, near, static / "nowhere")
    monkeypatch.setattr(embedded, "MOST_ROWS", 80)
    with pytest.raises(InputError, match="too many samples"):
        embedded_page(library, "sub/first", None, near, static)
