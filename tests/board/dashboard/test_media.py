"""Sounds and pictures in columns are sent as they were logged, in parts where a player asks, and nothing else."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedding_lab.embeddings import EmbeddingSet, as_dataset, create_run


def sound(row: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(np.full(40, row, "<i2").tobytes())
    return file.getvalue()


SOUNDS = [None if row == 2 else sound(row) for row in range(5)]
SET = {"run": "sounds", "layer": "voice", "step": "static"}


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    data = as_dataset(np.zeros((5, 2)), columns={"my sound": SOUNDS, "note": list("abcde")})
    run = create_run(tmp_path / "logs" / "sounds")
    run.save_embeddings(EmbeddingSet(np.zeros((5, 2), np.float32), data, "voice"))
    run.save_media(data)
    return tmp_path / "logs"


@pytest.fixture
def sounds(logdir: Path, ask_page: Any) -> Any:
    return ask_page(logdir)


def test_a_sound_is_sent_as_it_was_logged(sounds: Any) -> None:
    for row in (0, 4):
        answer = sounds.ask("media", **SET, name="my sound", row=row)
        assert answer.data == SOUNDS[row]
        assert answer.content_type == "audio/wav"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    columns = {each["name"]: each for each in sounds.json("columns", **SET)}
    assert columns["my sound"]["media"] == "audio"
    assert "media" not in columns["note"]
    assert sounds.json("samples", **SET, rows="1,2")[0]["values"]["my sound"] == "audio/wav"


def test_a_player_gets_the_part_that_it_asks_for_and_what_it_has_already_is_not_sent_again(sounds: Any) -> None:
    query = {**SET, "name": "my sound", "row": 1}
    part = sounds.client.get("/media", query_string=query, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, sound(1)[10:20])
    whole = sounds.ask("media", **query)
    again = sounds.client.get("/media", query_string=query, headers={"If-None-Match": whole.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"row": 2}, "Row 2 has nothing"),
        ({"name": "note"}, "'note' does not exist"),
        ({"name": "../../x"}, "does not exist"),
        ({"row": 5}, "row"),
    ],
)
def test_what_is_not_there_is_said(sounds: Any, given: dict[str, Any], said: str) -> None:
    assert said in sounds.error("media", **{**SET, "name": "my sound", "row": 1, **given})["happened"]


def test_a_table_that_claims_to_hold_sounds_sends_no_page(logdir: Path, sounds: Any) -> None:
    (table,) = logdir.rglob("media/*.parquet")
    size = table.stat().st_size
    hostile = pa.table({"data": [b"<html><script>alert(1)</script>"] * 5, "media_type": ["text/html"] * 5})
    pq.write_table(hostile, table)
    table.write_bytes(table.read_bytes().ljust(size, b"\0")[:size])
    answer = sounds.ask("media", **SET, name="my sound", row=1)
    assert answer.status_code >= 400
    assert b"<script>" not in answer.data
