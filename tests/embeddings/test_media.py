"""Columns of sounds and pictures are known by what they hold, and their files come back byte by byte."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from embedding_lab.embeddings import Run, as_dataset
from embedding_lab.embeddings.decoding import PICTURE_SUFFIXES
from embedding_lab.embeddings.media import as_media, media_type
from embedding_lab.embeddings.stored_media import read_media
from embedding_lab.errors import InputError


def sound(row: int = 0, seconds: float = 0.01) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(np.full(int(8000 * seconds), row, "<i2").tobytes())
    return file.getvalue()


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    return file.getvalue()


def test_what_a_file_is_is_told_by_its_first_bytes() -> None:
    assert media_type(sound()) == "audio/wav"
    assert media_type(png()) == "image/png"
    assert media_type(b"fLaC....") == "audio/flac"
    assert media_type(b"\x00\x00\x00\x20ftypM4A ") == "audio/mp4"
    for other in (b"", b"<svg onload=alert(1)>", b"<html>", b"RIFF....AVI ", b"%PDF-1.7"):
        assert media_type(other) is None


def as_paths(folder: Path) -> Any:
    for row in range(3):
        (folder / f"{row}.wav").write_bytes(sound(row))
    return [str(folder / f"{row}.wav") for row in range(3)]


HOLD: dict[str, Any] = {
    "bytes": lambda folder: [sound(row) for row in range(3)],
    "paths": as_paths,
    "mappings": lambda folder: [{"bytes": sound(row), "path": "a.wav"} for row in range(3)],
    "arrow": lambda folder: pa.array([sound(row) for row in range(3)]),
    "structs": lambda folder: pa.array([{"bytes": sound(row), "path": None} for row in range(3)]),
    "objects": lambda folder: np.array([sound(row) for row in range(3)], object),
}


@pytest.mark.parametrize("held", HOLD)
def test_sounds_are_kept_byte_by_byte_whatever_holds_them(tmp_path: Path, run: Run, held: str) -> None:
    data = as_dataset(np.zeros((3, 2)), columns={"sound": HOLD[held](tmp_path)})
    assert data.media["sound"].kind == "audio"
    assert run.save_media(data) == []
    stored = read_media(run.files, run.save_dataset(data))["sound"]
    assert [stored.file(row) for row in range(3)] == [(sound(row), "audio/wav") for row in range(3)]


def test_waves_become_files_that_can_be_played() -> None:
    rate = 8000
    tone = np.sin(np.arange(80) / 3)
    media = as_media([{"array": tone, "sampling_rate": rate}])
    assert media is not None
    with wave.open(io.BytesIO(media.file(0) or b"")) as read:
        assert (read.getframerate(), read.getnchannels(), read.getnframes()) == (rate, 1, 80)
        np.testing.assert_allclose(np.frombuffer(read.readframes(80), "<i2") / 32767, tone, atol=1e-4)


@pytest.mark.parametrize(
    "values",
    [
        [1, 2],
        ["a.wav", "b.wav"],
        ["some text", "more"],
        [b"<svg>", b"x"],
        np.zeros(2),
        [None, None],
        pa.array([1, 2]),
    ],
    ids=["numbers", "no files there", "texts", "other bytes", "array", "nothing", "arrow"],
)
def test_other_columns_are_no_media(values: Any) -> None:
    assert as_media(values) is None


def test_rows_are_found_in_groups_of_any_size(run: Run) -> None:
    sounds = [None if row % 7 == 3 else sound(row, seconds=0.001 * (row % 5 + 1)) for row in range(200)]
    data = as_dataset(np.zeros((200, 2)), columns={"sound": sounds})
    run.save_media(data)
    stored = read_media(run.files, run.save_dataset(data))["sound"]
    for row in (0, 3, 63, 64, 127, 128, 199):
        expected = sounds[row]
        assert stored.file(row) == (None if expected is None else (expected, "audio/wav"))


def test_a_column_beyond_the_limit_is_kept_in_part_and_that_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedding_lab.embeddings.stored_media.MOST_BYTES", 70 * len(sound()))
    data = as_dataset(np.zeros((100, 2)), columns={"sound": [sound(row) for row in range(100)]})
    (said,) = run.save_media(data)
    assert "the first 64 samples" in said
    stored = read_media(run.files, run.save_dataset(data))["sound"]
    assert stored.file(63) is not None
    assert stored.file(64) is None


def test_other_sounds_are_another_table_and_a_part_keeps_its_own() -> None:
    one, other = (as_dataset(np.zeros((2, 2)), columns={"s": [sound(a), sound(b)]}) for a, b in ((1, 2), (3, 4)))
    assert one.media["s"].fingerprint() != other.media["s"].fingerprint()
    assert one.take([1]).media["s"].file(0) == sound(2)
    assert one.columns["s"].tolist() == ["audio/wav", "audio/wav"]


def test_missing_values_say_nothing_of_what_a_column_holds_nor_does_a_part_of_it() -> None:
    media = as_media([None] * 50 + [sound(1)] * 2 + [None] * 50)
    assert media is not None
    assert media.kind == "audio"
    assert media[:30].kind == "audio"
    assert as_media([None] * 30) is None


def test_whole_numbers_are_a_wave_too_and_one_without_a_rate_is_refused() -> None:
    steps = np.array([0, 16384, -16384, 32767], np.int16)
    media = as_media([{"array": steps, "sampling_rate": 8000}])
    assert media is not None
    with wave.open(io.BytesIO(media.file(0) or b"")) as reader:
        np.testing.assert_allclose(np.frombuffer(reader.readframes(4), "<i2"), steps, atol=1)
    with pytest.raises(InputError, match="sampling_rate"):
        as_media([{"array": steps}])


def test_pictures_of_pillow_in_any_mode_become_files() -> None:
    media = as_media([Image.new("CMYK", (3, 2)), Image.new("P", (3, 2)), Image.new("RGBA", (3, 2))])
    assert media is not None
    assert [media_type(each or b"") for each in media] == ["image/png"] * 3


@pytest.mark.parametrize("suffix", sorted(PICTURE_SUFFIXES))
def test_every_kind_of_picture_file_is_one_in_a_column_too_and_becomes_what_browsers_show(
    tmp_path: Path, suffix: str
) -> None:
    mode = "1" if suffix == ".pbm" else "L"
    picture = Image.fromarray(np.full((4, 6), 255, np.uint8)).convert(mode)
    picture.save(tmp_path / f"a{suffix}", "PPM" if suffix == ".pnm" else None)
    media = as_media([f"a{suffix}"] * 2, tmp_path)
    assert media is not None
    assert media.kind == "image"
    kept = media.file(1)
    assert kept is not None
    assert media_type(kept) in {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"}
    with Image.open(io.BytesIO(kept)) as shown:
        assert shown.size == (6, 4)
        assert shown.convert("L").getpixel((3, 2)) == 255


def test_what_only_begins_like_a_picture_is_none() -> None:
    assert as_media([b"P5\nbroken", b"II*\x00broken"]) is None


def test_a_broken_column_hides_no_other(run: Run) -> None:
    columns = {"one": [sound(1)] * 2, "two": [sound(2)] * 2}
    data = as_dataset(np.arange(2), name="tiny", columns=columns)
    key = run.save_dataset(data)
    run.save_media(data)
    (manifest,) = run.files.local("samples").rglob("*-one.json")
    manifest.write_text("broken", "utf-8")
    assert list(read_media(run.files, key)) == ["two"]
