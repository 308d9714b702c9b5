"""Work in shards that is not done yet: which are in place, so that whoever begins it again goes on.

It lies in the run, in `unfinished/<key>/`: `begun.json` with the generation that all shards are of, and what is to
be known of each in `<shard>.json`, published after its files. Nobody else reads it, and it goes when all is done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.manifest import DataFile, new_generation, put_file
from embedding_lab.errors import BrokenFile, DataMissing

FOLDER = "unfinished"
BEGUN = "begun"


class Unfinished:
    """Work on a run that is not done yet. Several may be at its shards, each at its own.

    Args:
        files: the run's files.
        key: names the work: the same for the same work, letters and digits.
        generation: that of its shards; None begins it, or goes on with what was begun.
    """

    def __init__(self, files: Files, key: str, generation: str | None = None) -> None:
        self._files = files
        self._folder = f"{FOLDER}/{key}"
        self.key = key
        self.generation = generation or self._begun()

    def put(self, folder: str, stem: str, array: NDArray[np.float32]) -> dict[str, Any]:
        """Puts numbers in place, to be listed by a manifest.

        Args:
            folder: that of the manifest.
            stem: what the file's name begins with.
            array: float32, shape (rows, k).

        Returns:
            Name, bytes and sha256 of the file.

        Raises:
            StorageError: the disk refuses.
        """
        array = np.ascontiguousarray(array, "<f4")

        def write(file: DataFile) -> None:
            npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": array.shape})
            file.write(array.data)

        return put_file(self._files, folder, stem, self.generation, ".npy", write)

    def keep(self, shard: str, array: NDArray[np.float32]) -> str:
        """Keeps numbers of a shard until the work is done, and returns the name of their file."""
        return str(self.put(self._folder, shard, array)["name"])

    def kept(self, name: str) -> NDArray[np.float32]:
        """The numbers that were kept under a name, memory-mapped."""
        return np.asarray(np.load(self._files.local(f"{self._folder}/{name}"), mmap_mode="r", allow_pickle=False))

    def say(self, shard: str, said: Mapping[str, Any]) -> None:
        """Writes down that a shard is in place, and what is to be known of it, as JSON can hold it."""
        self._files.publish(f"{self._folder}/{shard}.json", json.dumps(said).encode())

    def said(self, shard: str) -> dict[str, Any] | None:
        """What was written down of a shard; None where it is not in place."""
        return self._read(f"{self._folder}/{shard}.json")

    def end(self) -> None:
        """Takes away what was kept of it."""
        self._files.remove_folder(self._folder)

    def _begun(self) -> str:
        name = f"{self._folder}/{BEGUN}.json"
        begun = self._read(name)
        if begun is not None:
            return str(begun["generation"])
        generation = new_generation()
        self._files.publish(name, json.dumps({"generation": generation}).encode())
        return generation

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            content = json.loads(self._files.read(name))
        except DataMissing:
            return None
        except ValueError as error:
            raise BrokenFile(
                f"{self._files.address(name)} is no JSON.", remedy="Remove it and begin again."
            ) from error
        return dict(content)
