"""Turns arrays of numbers into pictures of eight bits: any layout of channels, any range of values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.errors import InputError, ShapeMismatch

CHANNELS = (1, 3, 4)
"""Grey, RGB and RGBA."""

WHITE = 255
BYTE = (0.0, 255.0)
UNIT = ((0.0, 1.0), (-1.0, 1.0))
"""What the values of pictures are most often meant to be: of whole numbers the first, of floats any of these."""

BRIGHT = 128
"""Values of which none is as bright are meant to have another range than 0 to 255."""

ROUNDING = 1e-6


@dataclass(frozen=True)
class Layout:
    """Where the channels of a picture stand.

    Attributes:
        height: in pixels.
        width: in pixels.
        channels: 1, 3 or 4.
        axis: of the channels among those of one picture: 0, 2, or None where there is none.
    """

    height: int
    width: int
    channels: int
    axis: int | None

    @classmethod
    def of(cls, shape: tuple[int, ...], what: str) -> Layout:
        """The layout of pictures of a shape; where both ends may be channels, the one that leaves them squarer.

        Args:
            shape: of one picture.
            what: the name for messages.

        Raises:
            ShapeMismatch: it is the shape of no picture.
        """
        found: list[Layout] = []
        if len(shape) == 2:
            found = [cls(*shape, channels=1, axis=None)]
        if len(shape) == 3 and shape[2] in CHANNELS:
            found.append(cls(shape[0], shape[1], shape[2], axis=2))
        if len(shape) == 3 and shape[0] in CHANNELS:
            found.append(cls(shape[1], shape[2], shape[0], axis=0))
        found = [each for each in found if each.height and each.width]
        if not found:
            raise ShapeMismatch(
                f"The {what} cannot be shown.",
                got=f"an array of shape {shape} for each",
                expected="(height, width), or with 1, 3 or 4 channels first or last",
                remedy="Reshape them first, or choose three of the channels.",
            )
        return min(found, key=lambda each: max(each.height, each.width) / min(each.height, each.width))

    def last(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """Pictures of shape (m, …) with their channels last, or without where there is one."""
        if self.axis is None:
            return pictures
        pictures = np.moveaxis(pictures, 1 + self.axis, -1)
        return pictures[..., 0] if self.channels == 1 else pictures


@dataclass(frozen=True)
class Brightness:
    """Which values are black and white.

    Attributes:
        black: the value that is shown black, and all below.
        white: the value that is shown white, and all above.
    """

    black: float
    white: float

    @classmethod
    def of(cls, blocks: Iterable[NDArray[Any]], what: str) -> Brightness:
        """The range that the values of some pictures are meant to have; their own where it is no usual one.

        Args:
            blocks: numbers of any shape; those that are not finite are passed over.
            what: the name for messages.

        Raises:
            InputError: they are no real numbers.
        """
        low, high, floats = np.inf, -np.inf, False
        for block in blocks:
            if block.dtype == np.uint8:
                low, high = min(low, 0.0), max(high, float(WHITE))
                continue
            if block.dtype.kind not in "fiub":
                raise InputError(
                    f"The {what} cannot be shown.", got=f"dtype {block.dtype}", expected="real numbers"
                )
            floats |= block.dtype.kind in "fb"
            finite = block[np.isfinite(block)] if block.dtype.kind == "f" else block
            if finite.size:
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        for black, white in (*(UNIT if floats else ()), *([BYTE] if high >= BRIGHT else [])):
            if black - ROUNDING <= low and high <= white + ROUNDING:
                return cls(black, white)
        return cls(low, high) if -np.inf < low < high < np.inf else cls(*BYTE)

    @property
    def usual(self) -> bool:
        """Whether the values are meant to be just that."""
        return (self.black, self.white) in (*UNIT, BYTE)

    def eight_bits(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """The values as uint8, of the same shape; what is not a number is black."""
        if values.dtype == np.uint8 and (self.black, self.white) == BYTE:
            return values
        scale = WHITE / (self.white - self.black)
        shown = np.nan_to_num((values.astype(np.float32) - np.float32(self.black)) * np.float32(scale))
        return np.asarray(np.clip(shown + 0.5, 0, WHITE), np.uint8)


def without_alpha(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures with their channels last, RGBA on white: uint8, (…, height, width[, 3])."""
    if pictures.shape[-1] != 4 or pictures.ndim < 4:
        return pictures
    colours, share = pictures[..., :3].astype(np.uint16), pictures[..., 3:].astype(np.uint16)
    return np.asarray((colours * share + WHITE * (WHITE - share) + WHITE // 2) // WHITE, np.uint8)
