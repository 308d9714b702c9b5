"""Draws what the Images tab shows of a classifier: input pictures, its mistakes, and its confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

LEAST_SIDE = 112
"""Small pictures are enlarged to this many pixels, without smoothing."""

TILE, CAPTION, COLUMNS = 96, 16, 5
LARGEST_NUMBERED = 20
"""With more classes there is no room for numbers in the cells of a confusion matrix."""

PAPER, INK, RIGHT, WRONG = (255, 255, 255), (40, 40, 40), (33, 113, 181), (203, 24, 29)


def as_pictures(samples: Any) -> NDArray[np.uint8] | None:
    """Samples as pictures, shape (n, height, width) or (n, height, width, 3); None where they are none.

    Numbers that are no bytes are spread over grey from the least to the greatest of them all.
    """
    values: NDArray[Any] = np.asarray(samples)
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.dtype.kind not in "fiub" or values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[3] != 3):
        return None
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    low, high = np.nanmin(values), np.nanmax(values)
    spread: NDArray[Any] = np.nan_to_num(255 * (values - low) / (high - low or 1))
    return spread.astype(np.uint8)


def enlarged(picture: NDArray[np.uint8]) -> Image.Image:
    """A picture of at least `LEAST_SIDE` pixels."""
    image = Image.fromarray(picture)
    factor = max(1, -(-LEAST_SIDE // max(image.size)))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def captioned_grid(pictures: NDArray[np.uint8], captions: Sequence[str]) -> Image.Image:
    """Pictures in rows of five, each with a line of text below it.

    Args:
        pictures: shape (n, height, width) or (n, height, width, 3), n at least 1.
        captions: n short texts.
    """
    rows = -(-len(pictures) // COLUMNS)
    grid = Image.new("RGB", (COLUMNS * (TILE + 8) + 8, rows * (TILE + CAPTION + 8) + 8), PAPER)
    draw, font = ImageDraw.Draw(grid), ImageFont.load_default(12)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = 8 + number % COLUMNS * (TILE + 8), 8 + number // COLUMNS * (TILE + CAPTION + 8)
        image = Image.fromarray(picture).convert("RGB")
        image = image.resize(_fitted(image.size), Image.Resampling.NEAREST)
        grid.paste(image, (left + (TILE - image.width) // 2, top + (TILE - image.height) // 2))
        draw.text((left + TILE // 2, top + TILE + CAPTION // 2), caption, fill=INK, font=font, anchor="mm")
    return grid


def confusion_picture(confusion: NDArray[np.int64], class_names: Sequence[str]) -> Image.Image:
    """A confusion matrix: a row per true class, a column per class that was said; the diagonal is right.

    Args:
        confusion: counts, shape (classes, classes).
        class_names: as many texts.
    """
    classes = len(class_names)
    cell = max(6, min(40, 1200 // classes))
    numbered = classes <= LARGEST_NUMBERED
    margin = 32 + (max(8 * len(name[:12]) for name in class_names) if numbered else 0)
    side = margin + classes * cell
    picture = Image.new("RGB", (side + 8, side + 8), PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    draw.text((margin, margin - 30), "said", fill=INK, font=font)
    draw.text((4, margin - 16), "true", fill=INK, font=font)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    for true, said in np.ndindex(classes, classes):
        left, top = margin + said * cell, margin + true * cell
        share = float(shares[true, said])
        draw.rectangle((left, top, left + cell - 1, top + cell - 1), _tint(share, true == said))
        if numbered and confusion[true, said]:
            ink = PAPER if share > 0.5 else INK
            draw.text((left + cell // 2, top + cell // 2), str(confusion[true, said]), ink, font, anchor="mm")
    if numbered:
        for number, name in enumerate(class_names):
            middle = margin + number * cell + cell // 2
            draw.text((margin - 6, middle), name[:12], INK, font, anchor="rm")
            draw.text((middle, margin - 8), name[: max(1, cell // 8)], INK, font, anchor="mm")
    return picture


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    scale = TILE / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _tint(share: float, right: bool) -> tuple[int, int, int]:
    """From white to full colour; a mistake shows from the first one on, since a few hundredths matter there."""
    strength = share if right else min(1.0, (0.15 if share else 0.0) + 3 * share)
    red, green, blue = (
        round(paper + (full - paper) * strength)
        for paper, full in zip(PAPER, RIGHT if right else WRONG, strict=True)
    )
    return red, green, blue
