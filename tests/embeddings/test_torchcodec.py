"""Sounds that torchcodec opened or decoded are kept as the files they were, or as WAV."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from embedding_lab.embeddings import as_dataset

RATE, LENGTH = 8000, 800


def sound(row: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", ""))
        writer.writeframes(samples(row).tobytes())
    return file.getvalue()


def samples(row: int) -> Any:
    return (8000 * np.sin(np.arange(LENGTH) / (3 + row))).astype("<i2")


@pytest.fixture(scope="module")
def open_sound() -> Callable[[bytes], Any]:
    """Opens a sound as torchcodec does."""
    try:
        from torchcodec.decoders import AudioDecoder
    except (ImportError, OSError, RuntimeError) as error:  # its libraries want FFmpeg's and PyTorch's own
        first = str(error).strip().partition("\n")[0]
        pytest.skip(f"torchcodec does not run here ({first}): pip install torchcodec, beside FFmpeg")
    return AudioDecoder


def test_a_sound_of_a_decoded_example_of_datasets_is_the_file_it_was(open_sound: Callable[[bytes], Any]) -> None:
    datasets = pytest.importorskip("datasets", reason="no datasets: pip install datasets")
    files = [sound(row) for row in range(3)]
    table = datasets.Dataset.from_dict({"tone": [{"bytes": file, "path": None} for file in files]})
    table = table.cast_column("tone", datasets.Audio())
    examples = [table[row]["tone"] for row in range(3)]
    data = as_dataset(np.eye(3), columns={"one by one": [*examples[:2], None], "slice": table[:]["tone"]})
    assert [data.media["one by one"].file(row) for row in range(3)] == [*files[:2], None]
    assert [data.media["slice"].file(row) for row in range(3)] == files
    assert data.columns["one by one"].tolist() == ["audio/wav", "audio/wav", None]


def test_a_sound_that_was_opened_or_decoded_by_hand_becomes_a_wav_file(open_sound: Callable[[bytes], Any]) -> None:
    opened = [open_sound(sound(row)) for row in range(2)]
    data = as_dataset(np.eye(2), columns={"opened": opened, "decoded": [each.get_all_samples() for each in opened]})
    for column in data.media.values():
        with wave.open(io.BytesIO(column.file(1) or b"")) as read:
            assert (read.getframerate(), read.getnchannels(), read.getnframes()) == (RATE, 1, LENGTH)
            np.testing.assert_allclose(np.frombuffer(read.readframes(LENGTH), "<i2"), samples(1), atol=1)
