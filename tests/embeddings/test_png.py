"""PNG files are written fast, and hold every pixel as it was."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from embedding_lab.embeddings.png import as_png

PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
DRAWING = np.where(np.add.outer(np.arange(40), np.arange(60)) // 7 % 5, 0, 200).astype(np.uint8)

PICTURES = {
    "grey runs": DRAWING,
    "grey": PHOTOGRAPH[..., 0],
    "coloured runs": np.stack([DRAWING, DRAWING // 2, DRAWING], axis=2),
    "coloured": PHOTOGRAPH,
    "transparent runs": np.stack([DRAWING] * 4, axis=2),
    "one pixel": DRAWING[:1, :1],
    "one line": DRAWING[:1],
    "long and half empty": np.pad(np.tile(DRAWING, (40, 20)), ((0, 1600), (0, 0))),
    "lines longer than a piece": np.tile(DRAWING[:3], (1, 1200)),
    "a part of another": np.concatenate([DRAWING, DRAWING])[5:50, 3:40],
}


@pytest.mark.parametrize("kind", PICTURES)
def test_pillow_reads_back_what_was_written(kind: str) -> None:
    pixels = PICTURES[kind]
    with Image.open(io.BytesIO(as_png(pixels)), formats=["PNG"]) as read:
        read.load()  # which compares checksums
        assert np.array_equal(np.asarray(read), pixels)


def test_runs_take_little() -> None:
    assert len(as_png(DRAWING)) < DRAWING.size / 5


def test_a_picture_of_pillow_is_kept_as_it_is() -> None:
    with Image.open(io.BytesIO(as_png(Image.fromarray(PHOTOGRAPH)))) as read:
        assert np.array_equal(np.asarray(read), PHOTOGRAPH)
