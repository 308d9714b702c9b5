"""Decodes one picture, whatever holds it: a file, the bytes of one, or a picture of Pillow."""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.embeddings.held_files import BYTES
from embedding_lab.errors import BrokenFile

PICTURE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
)
"""Which files are taken for pictures, in any letter case, wherever files are named: in folders and in columns."""

GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
EXIF_ORIENTATION = 0x0112

_OPENING = threading.Lock()
"""Filters of warnings belong to the process, and pictures are decoded by several threads."""


class PictureForm(NamedTuple):
    """The form a picture has, or that all of them get."""

    height: int
    width: int
    colour: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its array."""
        return (self.height, self.width, 3) if self.colour else (self.height, self.width)


def form_of(source: Any) -> PictureForm:
    """The form of a picture as it stands upright, from its header alone.

    Args:
        source: the path of a file, its bytes, or a picture of Pillow.

    Raises:
        BrokenFile: it is no picture.
        DataMissing: there is no such file.
    """
    with _opened(source) as image:
        width, height = image.size
        on_its_side = image.getexif().get(EXIF_ORIENTATION, 1) >= 5
        colour = image.mode not in GREY_MODES
        return PictureForm(width, height, colour) if on_its_side else PictureForm(height, width, colour)


def decoded(source: Any, form: PictureForm | None = None) -> NDArray[np.uint8]:
    """One picture, upright, with eight bits per channel.

    Args:
        source: the path of a file, its bytes, or a picture of Pillow.
        form: what it is brought to: scaled to fit and centred on black where its own form is another. Its own form
            when left out.

    Returns:
        uint8, shape (height, width) or (height, width, 3).

    Raises:
        BrokenFile: it is no whole picture.
        DataMissing: there is no such file.
    """
    from PIL import Image, ImageOps

    with _opened(source) as image:
        if form is not None and image is not source:
            image.draft(None, (form.width, form.height))  # a JPEG is decoded at a fraction of its size
        upright = ImageOps.exif_transpose(image)
        colour = image.mode not in GREY_MODES if form is None else form.colour
        picture = _eight_bits(upright, colour)
        if form is not None and picture.size != (form.width, form.height):
            picture = ImageOps.pad(picture, (form.width, form.height), method=Image.Resampling.LANCZOS)
        return np.asarray(picture)


def _eight_bits(image: Any, colour: bool) -> Any:
    """Eight bits per channel; sixteen are scaled, and what is transparent becomes white."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers, which have no black and white")
    if image.mode.startswith("I"):
        image = Image.fromarray((np.clip(np.asarray(image), 0, 0xFFFF) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB" if colour else "L")


@contextlib.contextmanager
def _opened(source: Any) -> Iterator[Any]:
    """The picture, open until the block ends; whatever a decoder says of it becomes help."""
    with contextlib.ExitStack() as until_read:
        if isinstance(source, str | Path):
            until_read.enter_context(storage_errors(Path(source)))
            file: Any = until_read.enter_context(Path(source).open("rb"))
        else:
            file = io.BytesIO(source) if isinstance(source, BYTES) else None
        try:
            yield source if file is None else until_read.enter_context(_picture_in(file))
        except MemoryError:
            raise
        except Exception as error:  # every decoder has its own ways to say that a file is broken
            name = source if isinstance(source, str | Path) else "What was given"
            raise BrokenFile(
                f"{name} is not a whole picture.",
                got=str(error).rstrip("."),
                expected="a picture file that Pillow can read",
                remedy="Mend it or take it out.",
            ) from error


def _picture_in(file: Any) -> Any:
    """The picture of a file, refused where its header promises more pixels than any honest one has."""
    from PIL import Image

    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(file)
