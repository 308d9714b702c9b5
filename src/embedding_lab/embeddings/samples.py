"""The table of a dataset's samples inside a run: ids, given labels, splits and the user's columns.

Tables are named by their content. The same samples logged again are the same table, so ten layers and a
hundred steps share one; other samples are another table, and older embeddings keep theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding_lab.embeddings.arrays import TEXT_ROWS, arrow_texts, is_text, texts_in, texts_of
from embedding_lab.embeddings.dataset import Dataset, array_parts
from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.labels import UNLABELLED
from embedding_lab.embeddings.manifest import Draft, Facts, data_path, read_manifest
from embedding_lab.embeddings.names import folder_name
from embedding_lab.errors import BrokenFile, InputError

ROW_GROUP = 1 << 20
"""Rows that are written at once."""

RESERVED_COLUMNS = ("id", "label", "split")

FACTS: Facts = {"dataset": str, "rows": int, "fingerprint": str, "class_names": (list, NoneType)}
"""What the manifest of a table says besides its files."""


class SampleTable:
    """The table of a dataset's samples, ready to be kept.

    Attributes:
        key: the name of its manifest in a run that keeps it.

    Raises:
        InputError: a column bears a reserved name or cannot be stored.
    """

    def __init__(self, data: Dataset) -> None:
        self._described: dict[str, Any] | None = _described(data)
        self._begun: tuple[Draft, Future[None]] | None = None
        self._facts = {
            "dataset": data.name,
            "rows": len(data),
            "class_names": None if data.class_names is None else list(data.class_names),
            "fingerprint": data.fingerprint,
        }
        self._folder, self._name = f"samples/{folder_name(data.name)}", f"samples-{_digest(data)}"
        self.key = f"{self._folder}/{self._name}.json"

    def begin(self, files: Files, data: Dataset) -> None:
        """Begins to write the table in a thread of its own, unless the run holds the same one.

        It is not held in memory after that; no reader sees it before `save`.
        """
        described, self._described = self._described, None
        if self._begun or f"{self._name}.json" in files.list(self._folder):
            return
        draft = Draft(files, self._folder, self._name, "samples")
        path = draft.new_file(self._name, ".parquet")

        def write() -> None:
            _write(data, described or _described(data), path)
            draft.place()

        thread = ThreadPoolExecutor(1, "embedding-lab-samples")
        self._begun = draft, thread.submit(write)
        thread.shutdown(wait=False)

    def save(self, files: Files, data: Dataset) -> None:
        """Writes the table of the dataset, or waits for what was begun, and publishes it.

        Raises:
            StorageError: the disk refuses.
        """
        self.begin(files, data)
        begun, self._begun = self._begun, None
        if begun is not None:
            draft, written = begun
            with draft:
                try:
                    written.result()
                finally:
                    wait([written])  # also when interrupted: nobody may write where the draft is taken away
                draft.publish(self._facts)

    def discard(self) -> None:
        """Takes away what was begun and not saved."""
        begun, self._begun = self._begun, None
        if begun is not None:
            draft, written = begun
            with draft:
                wait([written])


def read_dataset(files: Files, key: str) -> Dataset:
    """The dataset of a table, without its samples.

    Args:
        files: the run's files.
        key: as `SampleTable` has it.

    Raises:
        DataMissing: there is no such table.
        BrokenFile: it cannot be read.
    """
    manifest = read_manifest(files, key, "samples", FACTS)
    path = data_path(files, key, manifest["files"][0])
    try:
        with pq.ParquetFile(path) as file:
            described = [name for name in file.schema_arrow.names if name != "id"]
            table = file.read(described)
            ids = texts_in(lambda: _parts_of(file, "id"), file.metadata.num_rows)
        columns = {name: _values(table[name]) for name in described}
        names = manifest["class_names"]
        return Dataset(
            name=manifest["dataset"],
            samples=None,
            ids=ids,
            labels=_labels(columns.pop("label", None)),
            class_names=None if names is None else tuple(names),
            splits=_texts(columns.pop("split", None)),
            columns=columns,
            kept_fingerprint=manifest["fingerprint"],
        )
    except (pa.ArrowException, KeyError, TypeError, InputError) as error:
        raise BrokenFile(f"{path} is no table of samples.", got=str(error)) from error


def _described(data: Dataset) -> dict[str, Any]:
    """All columns but the ids, which take more than the others together, and can always be stored."""
    columns: dict[str, Any] = {}
    if data.labels is not None:
        columns["label"] = pa.array(data.labels, pa.int64(), mask=data.labels == UNLABELLED)
    if data.splits is not None:
        columns["split"] = arrow_texts(data.splits).dictionary_encode()
    columns.update({name: _column(data, name, values) for name, values in data.columns.items()})
    return columns


def _write(data: Dataset, described: dict[str, Any], path: Path) -> None:
    """Writes the table; of millions of samples it is not whole at any time."""
    schema = pa.schema({"id": pa.string(), **{name: values.type for name, values in described.items()}})
    others = list(described)  # ids do not repeat, and are not searched by their bounds
    with pq.ParquetWriter(
        path, schema, compression="zstd", use_dictionary=others, write_statistics=others
    ) as writer:
        for start in range(0, len(data), ROW_GROUP):
            rows = slice(start, start + ROW_GROUP)
            ids = arrow_texts(data.ids[rows])
            writer.write_table(pa.table([ids, *(values[rows] for values in described.values())], schema))


def _parts_of(file: pq.ParquetFile, name: str) -> Iterator[pa.Array]:
    for batch in file.iter_batches(TEXT_ROWS, columns=[name]):
        yield batch.column(0)


def _column(data: Dataset, name: str, values: NDArray[Any]) -> pa.Array:
    if name in RESERVED_COLUMNS:
        raise InputError(
            f"Column {name!r} bears a reserved name.",
            expected=f"a name other than {', '.join(RESERVED_COLUMNS)}",
            remedy=f"Hand it in as {'ids' if name == 'id' else name + 's'}=…, or rename it.",
        )
    try:
        return pa.array(values.tolist() if values.ndim > 1 else values)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"Column {name!r} of dataset {data.name!r} cannot be stored.",
            got=f"dtype {values.dtype}: {error}",
            expected="numbers, text, dates or lists of these",
        ) from error


def _digest(data: Dataset) -> str:
    digest = hashlib.sha256(repr((data.name, data.class_names, data.fingerprint)).encode())
    for part in array_parts(data.splits):
        digest.update(part)
    for name, values in data.columns.items():
        digest.update(name.encode())
        for part in array_parts(values):
            digest.update(part)
    return digest.hexdigest()[:12]


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    return texts_of(column) if is_text(column) else np.asarray(column.to_numpy())


def _labels(values: NDArray[Any] | None) -> NDArray[np.int64] | None:
    """Parquet's nulls come back as NaN; they are the samples without a label."""
    if values is None:
        return None
    if values.dtype.kind == "f":
        return np.where(np.isnan(values), UNLABELLED, values).astype(np.int64)
    return values.astype(np.int64)


def _texts(values: NDArray[Any] | None) -> NDArray[np.str_] | None:
    return None if values is None else values.astype(np.str_)
