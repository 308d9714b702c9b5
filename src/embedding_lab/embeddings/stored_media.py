"""The sounds and pictures of a column in a run: beside the table of samples, a table of files for each column."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedding_lab.embeddings.dataset import Dataset
from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.manifest import Draft, Facts, data_path, read_manifest
from embedding_lab.embeddings.media import Media, media_type
from embedding_lab.embeddings.names import folder_name
from embedding_lab.errors import BrokenFile, LabError

MOST_BYTES = 2 << 30
"""Of a column no more is kept; rows beyond are without."""

GROUP_BYTES, GROUP_ROWS = 4 << 20, 64
"""Rows are read in groups no larger, or as large as one file."""

SCHEMA = pa.schema([("data", pa.binary()), ("media_type", pa.string())])
FACTS: Facts = {"samples": str, "rows": int, "column": str, "media": str}


def media_folder(samples: str) -> tuple[str, str]:
    """Where the media of a table of samples lie, and what the names of their manifests begin with."""
    folder, _, file = samples.rpartition("/")
    return f"{folder}/media", f"{file.removeprefix('samples-').removesuffix('.json')}-"


def save_media(files: Files, samples: str, data: Dataset) -> list[str]:
    """Keeps the media columns of a dataset, unless the run holds them already.

    Args:
        files: the run's files.
        samples: the key of their table.
        data: the dataset.

    Returns:
        Whole sentences on what was not kept.

    Raises:
        StorageError: the disk refuses.
    """
    folder, begin = media_folder(samples)
    said = []
    for column, media in data.media.items():
        name = f"{begin}{folder_name(column)}"
        if f"{name}.json" in files.list(folder):
            continue
        with Draft(files, folder, name, "media") as draft:
            kept = _write(draft.new_file(name, ".parquet"), media)
            draft.publish({"samples": samples, "rows": len(data), "column": column, "media": media.kind})
        if kept < len(data):
            said.append(
                f"Of the column {column!r} the files of the first {kept:,} samples are kept: no more than "
                f"{MOST_BYTES >> 30} GiB."
            )
    return said


class StoredMedia:
    """The media of a column, as their manifest tells.

    Attributes:
        column: the column's name.
        kind: "audio" or "image".
        generation: which writing of them it is.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self._path = path
        self.column, self.kind = str(manifest["column"]), str(manifest["media"])
        self.rows, self.generation = int(manifest["rows"]), str(manifest["generation"])

    def file(self, row: int) -> tuple[bytes, str] | None:
        """The file of a row and what it is; None where there is none, or none that may be sent to a page.

        Raises:
            BrokenFile: the table cannot be read.
        """
        try:
            with pq.ParquetFile(self._path) as table:
                ends = np.cumsum([table.metadata.row_group(at).num_rows for at in range(table.num_row_groups)])
                group = int(np.searchsorted(ends, row, side="right"))
                begin = int(ends[group - 1]) if group else 0
                data = table.read_row_group(group, columns=["data"])["data"][row - begin].as_py()
        except (pa.ArrowException, OSError, IndexError, KeyError) as error:
            raise BrokenFile(f"{self._path.name} is no table of media.", got=str(error)) from error
        kind = None if data is None else media_type(data)
        return None if data is None or kind is None else (data, kind)


def read_media(files: Files, samples: str) -> dict[str, StoredMedia]:
    """The media columns that belong to a table of samples and can be read, by their names."""
    folder, begin = media_folder(samples)
    found = {}
    for file in files.list(folder):
        if file.startswith(begin) and file.endswith(".json"):
            name = f"{folder}/{file}"
            with contextlib.suppress(LabError, IndexError):  # a broken one hides no other; the doctor tells of it
                manifest = read_manifest(files, name, "media", FACTS)
                each = StoredMedia(data_path(files, name, manifest["files"][0]), manifest)
                found[each.column] = each
    return found


def _write(path: Path, media: Media) -> int:
    """Writes the files of all rows, up to the limit; how many rows were within it."""
    written = kept = 0
    with pq.ParquetWriter(path, SCHEMA, compression="none", use_dictionary=False) as writer:
        for group in _groups(media):
            written += sum(len(each) for each in group if each is not None)
            if written > MOST_BYTES:
                break
            kinds = [None if each is None else media_type(each) for each in group]
            writer.write_table(pa.table({"data": group, "media_type": kinds}, SCHEMA))
            kept += len(group)
        for start in range(kept, len(media), GROUP_ROWS):
            nothing = [None] * min(GROUP_ROWS, len(media) - start)
            writer.write_table(pa.table({"data": nothing, "media_type": nothing}, SCHEMA))
    return kept


def _groups(media: Media) -> Iterator[list[bytes | None]]:
    group: list[bytes | None] = []
    size = 0
    for each in media:
        group.append(each)
        size += len(each or b"")
        if len(group) == GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
