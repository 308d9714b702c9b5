"""The thumbnails of a stock Projector's sheet, laid on pages in the fair order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.checks.sheets import MOST_PIXELS
from embedding_lab.board.dashboard.cache import Cache
from embedding_lab.board.dashboard.stored_pages import levels_of
from embedding_lab.embeddings.pictures import PageForm, page_of
from embedding_lab.embeddings.png import as_png
from embedding_lab.embeddings.sampling import fair_order
from embedding_lab.errors import BrokenFile


class SheetPages:
    """The pictures of a sheet.

    Args:
        path: the sheet.
        cell: width and height of a thumbnail.
        columns: how many lie in a row.
        rows: how many samples there are.
        key: says of which generation it is.
        cache: keeps the opened sheet.
    """

    media_type = "image/png"

    def __init__(
        self, path: Path, cell: tuple[int, int], columns: int, rows: int, key: Hashable, cache: Cache
    ) -> None:
        self._path = path
        self._cell = cell
        self._columns = columns
        self._rows = rows
        self._form = PageForm.of(*cell)
        self._cache = cache
        self.key = key

    @property
    def facts(self) -> Mapping[str, Any]:
        form = self._form
        return {
            "cell": list(form.cell),
            "per_page": form.per_page,
            "columns": form.columns,
            "pages": -(-self._rows // form.per_page),
            "levels": levels_of(list(form.cell)),
            "original": list(self._cell),
        }

    def page(self, number: int) -> bytes:
        rows = fair_order(self._rows)[number * self._form.per_page : (number + 1) * self._form.per_page]
        return as_png(page_of(np.stack([self._picture(int(row)) for row in rows]), self._form))

    def original(self, row: int) -> tuple[bytes, str]:
        return as_png(self._picture(row)), self.media_type

    def _picture(self, row: int) -> NDArray[np.uint8]:
        sheet = self._cache.get(("sheet", self.key), self._opened, lambda made: made.nbytes)
        (width, height), (line, column) = self._cell, divmod(row, self._columns)
        return sheet[line * height : (line + 1) * height, column * width : (column + 1) * width]

    def _opened(self) -> NDArray[np.uint8]:
        from PIL import Image

        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MOST_PIXELS // 2
        try:
            with Image.open(self._path, formats=("PNG", "JPEG", "GIF", "WEBP", "BMP")) as picture:
                grey = picture.mode in ("1", "L", "LA", "I;16")
                return np.asarray(picture.convert("L" if grey else "RGB"), np.uint8)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise BrokenFile(f"{self._path.name} is no sheet of thumbnails.", got=str(error)[:200]) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit
