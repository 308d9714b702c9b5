"""Pictures as the page asks for them: thumbnails on pages in the fair order, and a sample's original."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from embedding_lab.board.dashboard.answers import Answer, tag_of
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.places import set_of
from embedding_lab.board.dashboard.sample_set import Pictures, SampleSet
from embedding_lab.embeddings.png import as_png
from embedding_lab.errors import BrokenFile, DataMissing


def atlas(library: Library, asked: Asked) -> Answer:
    """A page of thumbnails at a size."""
    found, pictures = _pictures(library, asked)
    level = asked.number("level", 0, pictures.facts["levels"] - 1, 0)
    number = asked.number("page", 0, pictures.facts["pages"] - 1)
    key = ("page", found.key, pictures.key, level, number)

    def make() -> bytes:
        page = pictures.page(number)
        return page if level == 0 else as_png(_coarser(_opened(page), pictures.facts["cell"], level))

    media_type = pictures.media_type if level == 0 else "image/png"
    return Answer(lambda: library.cache.get(key, make, len), media_type, tag_of(*key))


def picture(library: Library, asked: Asked) -> Answer:
    """The picture of a sample as it was logged; its thumbnail where the original was too costly to keep."""
    found, pictures = _pictures(library, asked)
    row = asked.number("row", 0, found.rows - 1)
    original = pictures.original(row)
    if original is not None:
        return Answer(lambda: original[0], original[1], tag_of(found.key, pictures.key, row))
    place = int(np.flatnonzero(library.order(found.rows) == row)[0])
    return Answer(lambda: _cut_out(pictures, place), "image/png", tag_of(found.key, pictures.key, row))


def _pictures(library: Library, asked: Asked) -> tuple[SampleSet, Pictures]:
    found = set_of(library, asked)
    if found.pictures is None:
        raise DataMissing(
            f"The samples of {found.name} have no pictures.",
            remedy="Log them with images=…, raw uint8 pictures of shape (n, height, width[, 3]).",
        )
    return found, found.pictures


def _coarser(page: Any, cell: tuple[int, int], level: int) -> Any:
    """A page whose cells are 2^level times smaller, rounded up: each is made of its own pixels alone."""
    from PIL import Image

    cells = zip(page.size, cell, strict=True)
    return page.resize([side // own * -(-own // (1 << level)) for side, own in cells], Image.Resampling.BOX)


def _cut_out(pictures: Pictures, place: int) -> bytes:
    facts = pictures.facts
    number, cell = divmod(place, facts["per_page"])
    (width, height), columns = facts["cell"], facts["columns"]
    line, column = divmod(cell, columns)
    own_width, own_height = facts["original"] or facts["cell"]
    left, top = column * width + (width - own_width) // 2, line * height + (height - own_height) // 2
    return as_png(_opened(pictures.page(number)).crop((left, top, left + own_width, top + own_height)))


def _opened(data: bytes) -> Any:
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data), formats=["PNG", "WEBP"])
        image.load()
        return image
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BrokenFile("A page of thumbnails is no picture.", got=str(error)[:200]) from error
