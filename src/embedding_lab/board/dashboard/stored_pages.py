"""The pictures that a run of ours holds, as the dashboard takes them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.embeddings.pictures import StoredPictures


class StoredPages:
    """The pictures that a run holds."""

    def __init__(self, stored: StoredPictures) -> None:
        self._stored = stored

    @property
    def key(self) -> Hashable:
        return str(self._stored.manifest["generation"])

    @property
    def facts(self) -> Mapping[str, Any]:
        said = self._stored.manifest
        return {
            "cell": said["cell"],
            "per_page": said["per_page"],
            "columns": said["columns"],
            "pages": len(self._stored.pages),
            "levels": levels_of(said["cell"]),
            "original": said["original"],
        }

    @property
    def media_type(self) -> str:
        return str(self._stored.manifest["media_type"])

    def page(self, number: int) -> bytes:
        path = self._stored.pages[number]
        with storage_errors(path):
            return path.read_bytes()

    def original(self, row: int) -> tuple[bytes, str] | None:
        if self._stored.originals is None:
            return None
        return self._stored.original(row), self._stored.manifest["original_media_type"]


def levels_of(cell: list[int]) -> int:
    """In how many sizes a page is sent: each half of the one before, down to one pixel, so that millions fit."""
    return 1 + (max(cell) - 1).bit_length()
