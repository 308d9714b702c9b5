"""Turns picture files of many kinds and sizes into one raw uint8 array of a common size."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.decoding import PICTURE_SUFFIXES, PictureForm, decoded, form_of
from embedding_lab.embeddings.files import storage_errors
from embedding_lab.embeddings.left_out import OnError
from embedding_lab.errors import BrokenFile, EmptyData, InputError
from embedding_lab.progress import Progress, silent

MIXED_SIDE = 256
"""Pictures of mixed sizes are brought to a common one with sides no longer than this."""
MEMORY_BYTES = 8 << 30
"""More than this is not decoded into memory at once."""
STAGE = "read pictures"


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
            pictures[row] = decoded(path, self.form)
            self.progress(STAGE, row + 1, len(paths))
        return pictures

    def readable(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.uint8], dict[int, str]]:
        """The pictures of those of these rows that can be read, and of the others what is wrong with them."""
        _check_memory(len(rows), self.form)
        pictures = np.empty((len(rows), *self.form.shape), np.uint8)
        unreadable: dict[int, str] = {}
        for place, row in enumerate(map(int, rows)):
            try:
                pictures[place - len(unreadable)] = decoded(self.paths[row], self.form)
            except BrokenFile as error:
                unreadable[row] = error.got
            self.progress(STAGE, place + 1, len(rows))
        return pictures[: len(rows) - len(unreadable)], unreadable


def pictures_below(folder: Path) -> list[Path]:
    """All picture files below a folder that are not hidden, in the order of their paths."""
    with storage_errors(folder):
        paths = sorted(folder.rglob("*"), key=Path.as_posix)
    return [path for path in paths if _is_picture(path.relative_to(folder))]


def common_form(paths: Sequence[Path], on_error: OnError = "stop") -> PictureForm:
    """The form that all these pictures are brought to, decided from their headers alone.

    Pictures of one size keep it. Of mixed sizes, the common one is the median height and the median width,
    scaled down together where a side would exceed 256. One colour picture makes all of them colour.

    Args:
        paths: the files.
        on_error: "skip" to decide without the files that are no pictures.

    Raises:
        BrokenFile: a file is not a picture.
        EmptyData: none is one.
    """
    forms = []
    for path in paths:
        with contextlib.suppress(*([BrokenFile] if on_error == "skip" else [])):
            forms.append(form_of(path))
    if not forms:
        raise EmptyData("None of these files is a picture.", got=f"{len(paths):,} files, {paths[0]} the first")
    colour = any(form.colour for form in forms)
    height, width = np.median([(form.height, form.width) for form in forms], axis=0)
    if all((form.height, form.width) == (height, width) for form in forms):
        return PictureForm(int(height), int(width), colour)
    scale = min(1.0, MIXED_SIDE / max(height, width))
    return PictureForm(max(1, round(height * scale)), max(1, round(width * scale)), colour)


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
    return path.suffix.lower() in PICTURE_SUFFIXES and not any(name.startswith(".") for name in path.parts)
