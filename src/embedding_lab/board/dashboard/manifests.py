"""Reads manifests again only when they have changed: the page asks for the overview every few seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embedding_lab.board.dashboard.cache import Cache
from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.manifest import Facts, data_path, read_manifest

MANIFEST_BYTES = 64 << 20
"""So much of what manifests say is kept."""


class Manifests:
    """The manifests of all runs."""

    def __init__(self) -> None:
        self._cache = Cache(MANIFEST_BYTES)

    def read(self, files: Files, name: str, kind: str, facts: Facts) -> dict[str, Any]:
        """A manifest, as `read_manifest` gives it and with its errors."""
        stamp = files.stamp(name)
        key = files.address(name), *stamp
        return self._cache.get(key, lambda: read_manifest(files, name, kind, facts), lambda _: 4 * stamp.size)


def files_by_ending(files: Files, name: str, manifest: dict[str, Any]) -> dict[str, Path]:
    """The data files of a manifest by their endings, such as "npy"; of several with one ending, the last."""
    return {each["name"].rpartition(".")[2]: data_path(files, name, each) for each in manifest["files"]}
