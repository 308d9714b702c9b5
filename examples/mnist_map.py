"""Takes the README's picture: the 3-D map of all 70,000 digits of MNIST.

.venv/bin/python examples/mnist_map.py docs/images/mnist_map.png

The map takes about a minute on one core. Everything else is drawing: every digit is a little ball, coloured by its
label, and fades with its distance.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import embedding_lab as lab
from embedding_lab.projection.pca import fit_pca

WIDTH, HEIGHT = 1200, 800
FINER = 3
"""Everything is drawn so many times larger and then made smaller, for smooth edges."""

BACKGROUND = np.array([13, 17, 28], np.float32)
COLOURS = np.array(
    [
        [240, 82, 82],
        [255, 159, 64],
        [250, 214, 70],
        [144, 212, 84],
        [52, 186, 120],
        [64, 201, 214],
        [76, 148, 255],
        [138, 116, 250],
        [214, 110, 240],
        [250, 128, 176],
    ],
    np.float32,
)
TURNED, TIPPED = np.radians(300), np.radians(-20)
BALL = 4.4
"""Radius of a ball at the middle of the map, in pixels of the large picture."""


def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All pictures as rows of pixels, shape (70000, 784), and what they show."""
    parts = [lab.load_dataset("mnist", split=split) for split in ("train", "test")]
    pixels = np.concatenate([np.asarray(part.samples).reshape(len(part), -1) for part in parts])
    return pixels.astype(np.float32), np.concatenate([np.asarray(part.labels) for part in parts])


def seen(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Across, down and nearness of each point for an onlooker, the map turned and tipped."""
    cos, sin = np.cos([TURNED, TIPPED]), np.sin([TURNED, TIPPED])
    x, y, z = (points / np.percentile(np.linalg.norm(points, axis=1), 99)).T
    x, z = cos[0] * x + sin[0] * z, cos[0] * z - sin[0] * x
    y, z = cos[1] * y - sin[1] * z, cos[1] * z + sin[1] * y
    away = 3.2 / (3.2 - z)
    return x * away, y * away, z


def drawn(points: NDArray[np.float32], labels: NDArray[np.int64]) -> Image.Image:
    """The balls, near ones before far ones."""
    across, down, nearness = seen(points)
    order = np.argsort(nearness)
    across, down, nearness, labels = across[order], down[order], nearness[order], labels[order]
    width, height = WIDTH * FINER, HEIGHT * FINER
    canvas = np.tile(BACKGROUND, (height * width, 1))
    column = (width * 0.47 + across * height * 0.46).astype(int)
    row = (height * 0.5 + down * height * 0.46).astype(int)
    radius = BALL * 3.2 / (3.2 - nearness)
    light = np.clip(0.72 + 0.34 * nearness, 0.25, 1)[:, None]
    colour = BACKGROUND + light * (COLOURS[labels] - BACKGROUND)

    # Where balls overlap the last one painted stays: all pixels of all balls, from far to near.
    reach = int(np.ceil(radius.max()))
    pixels, painters, shades = [], [], []
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            covers = (i * i + j * j < radius**2) & (row + i >= 0) & (row + i < height)
            covers &= (column + j >= 0) & (column + j < width)
            pixels.append(((row + i) * width + column + j)[covers])
            painters.append(np.flatnonzero(covers))
            shades.append(
                np.clip(1 - 0.09 * (i + j) / radius[covers] - 0.2 * (i * i + j * j) / radius[covers] ** 2, 0, 1.2)
            )
    painter = np.concatenate(painters)
    turn = np.argsort(painter, kind="stable")
    pixel, painter, shade = np.concatenate(pixels)[turn], painter[turn], np.concatenate(shades)[turn]
    canvas[pixel] = colour[painter] * shade[:, None]
    large = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8).reshape(height, width, 3))
    return large.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def with_legend(picture: Image.Image) -> Image.Image:
    """What each colour means, on the right."""
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(22)
    for digit, colour in enumerate(COLOURS.astype(int)):
        y = HEIGHT // 2 + (digit - 4.5) * 38
        pen.ellipse((WIDTH - 92, y - 9, WIDTH - 74, y + 9), fill=tuple(colour))
        pen.text((WIDTH - 56, y), str(digit), fill=(214, 220, 232), font=font, anchor="lm")
    return picture


def in_few_colours(picture: Image.Image) -> Image.Image:
    """A small file: 25 shades of each digit's colour, from the background up."""
    shades = np.linspace(0, 1.15, 25)[:, None, None]
    palette = np.clip(BACKGROUND + shades * (COLOURS - BACKGROUND), 0, 255).astype(np.uint8).reshape(-1, 3)
    few = Image.new("P", (1, 1))
    few.putpalette([*palette.ravel().tolist(), 120, 125, 138, 214, 220, 232])
    return picture.quantize(palette=few, dither=Image.Dither.NONE)


if __name__ == "__main__":
    pixels, labels = digits()
    points = lab.TSNE(3).fit_transform(fit_pca(pixels, 50).points)
    picture = with_legend(drawn(points, labels))
    in_few_colours(picture).save(sys.argv[1], optimize=True)
