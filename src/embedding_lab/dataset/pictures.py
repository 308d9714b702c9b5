"""Turns picture files of many kinds and sizes into one raw uint8 array of a common size."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile, InputError
from embedding_lab.progress import Progress, silent

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
)
"""Which files are taken for pictures, in any letter case."""

GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
MIXED_SIDE = 256
"""Pictures of mixed sizes are brought to a common one with sides no longer than this."""
MEMORY_BYTES = 8 << 30
"""More than this is not decoded into memory at once."""
EXIF_ORIENTATION = 0x0112
STAGE = "read pictures"


class PictureForm(NamedTuple):
    """The form a picture has on disk, or that all of them get."""

    height: int
    width: int
    colour: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its array."""
        return (self.height, self.width, 3) if self.colour else (self.height, self.width)


@dataclass(frozen=True, eq=False)
class PictureFiles:
    """Picture files that are decoded when they are taken: `files[rows]` is the array of these rows.

    Attributes:
        paths: the files, an array of shape (n,).
        form: the form that every picture is brought to.
        progress: called with the number of pictures decoded.
    """

    paths: NDArray[np.object_]
    form: PictureForm
    progress: Progress = silent

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        paths = self.paths[rows]
        _check_memory(len(paths), self.form)
        pictures = np.empty((len(paths), *self.form.shape), np.uint8)
        for row, path in enumerate(paths):
            pictures[row] = read_picture(path, self.form)
            self.progress(STAGE, row + 1, len(paths))
        return pictures


def pictures_below(folder: Path) -> list[Path]:
    """All picture files below a folder that are not hidden, in the order of their paths."""
    with storage_errors(folder):
        paths = sorted(folder.rglob("*"), key=Path.as_posix)
    return [path for path in paths if _is_picture(path.relative_to(folder))]


def common_form(paths: Sequence[Path]) -> PictureForm:
    """The form that all these pictures are brought to, decided from their headers alone.

    Pictures of one size keep it. Of mixed sizes, the common one is the median height and the median width,
    scaled down together where a side would exceed 256. One colour picture makes all of them colour.

    Raises:
        BrokenFile: a file is not a picture.
    """
    forms = [_form_of(path) for path in paths]
    colour = any(form.colour for form in forms)
    height, width = np.median([(form.height, form.width) for form in forms], axis=0)
    if all((form.height, form.width) == (height, width) for form in forms):
        return PictureForm(int(height), int(width), colour)
    scale = min(1.0, MIXED_SIDE / max(height, width))
    return PictureForm(max(1, round(height * scale)), max(1, round(width * scale)), colour)


def read_picture(path: Path, form: PictureForm) -> NDArray[np.uint8]:
    """One picture, upright, in a form: scaled to fit and centred on black where its own form is another.

    Returns:
        uint8, shape (height, width) or (height, width, 3).

    Raises:
        BrokenFile: the file is not a whole picture.
    """
    size = (form.width, form.height)
    with _opened(path) as image:
        image.draft(None, size)  # lets a JPEG be decoded at a fraction of its size where that is enough
        upright = ImageOps.exif_transpose(image)
        picture = _eight_bits(upright, form.colour)
        if picture.size != size:
            picture = ImageOps.pad(picture, size, method=Image.Resampling.LANCZOS)
        return np.asarray(picture)


def _form_of(path: Path) -> PictureForm:
    with _opened(path) as image:
        width, height = image.size
        on_its_side = image.getexif().get(EXIF_ORIENTATION, 1) >= 5
        colour = image.mode not in GREY_MODES
        return PictureForm(width, height, colour) if on_its_side else PictureForm(height, width, colour)


def _eight_bits(image: Image.Image, colour: bool) -> Image.Image:
    """Eight bits per channel; sixteen are scaled, and what is transparent becomes white."""
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers, which have no black and white")
    if image.mode.startswith("I"):
        image = Image.fromarray((np.clip(np.asarray(image), 0, 0xFFFF) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB" if colour else "L")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    with storage_errors(path), path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(file) as image:
                    yield image
        except MemoryError:
            raise
        except Exception as error:  # every decoder has its own ways to say that a file is broken
            raise BrokenFile(
                f"{path} is not a whole picture.",
                got=str(error).rstrip("."),
                expected="a picture file that Pillow can read",
                remedy="Mend it or take it out of the folder.",
            ) from error


def _check_memory(count: int, form: PictureForm) -> None:
    size_bytes = count * int(np.prod(form.shape))
    if size_bytes > MEMORY_BYTES:
        raise InputError(
            "The pictures are too many or too large to be held in memory.",
            got=f"{count:,} pictures of {form.width} × {form.height}, {size_bytes / 2**30:.1f} GiB",
            expected=f"at most {MEMORY_BYTES / 2**30:.0f} GiB",
            remedy="Take a sample of them (samples=, --samples), or make the files smaller.",
        )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not any(name.startswith(".") for name in path.parts)
