"""What a model said of the samples at one step, on disk: a Parquet table, and class probabilities as .npy shards.

Both are written as a stream. A row of probabilities is a vector like any other: memory-mapped, a thousand classes
cost no memory, and lists in a table take several times as long to be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding_lab.embeddings.embedding_set import Outputs
from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.manifest import Draft, data_path
from embedding_lab.embeddings.vectors import ShardWriter, read_shards
from embedding_lab.errors import BrokenFile, ShapeMismatch

ENCODING: Mapping[str, Any] = {
    "compression": {"id": "zstd"},
    "use_dictionary": ["prediction"],
    "write_statistics": False,
    "data_page_size": 8 << 20,
}
"""What is worth its time: the floats of a model hardly shrink, and that costs more than judging them."""


class OutputsWriter:
    """Takes what a model said block by block and publishes it when all samples have come.

    A context manager like `EmbeddingWriter`: an error or an interruption discards.

    Args:
        draft: the generation to write; the writer ends it.
        ids: the samples' ids in row order, an Arrow array of n texts.
        facts: what the manifest says besides its files.
    """

    def __init__(self, draft: Draft, ids: pa.Array, facts: Mapping[str, Any]) -> None:
        self._draft = draft
        self._ids = ids
        self._facts = facts
        self._writer: pq.ParquetWriter | None = None
        self._probabilities = ShardWriter(draft, "probabilities", len(ids))
        self._classes = 0
        self.rows = 0

    def __enter__(self) -> OutputsWriter:
        return self

    def append(self, block: Outputs) -> None:
        """Writes what the model said of the next samples.

        Raises:
            ShapeMismatch: there are more outputs than samples, or a block has other columns.
            StorageError: the disk refuses.
        """
        ids = self._ids[self.rows : self.rows + len(block)]
        if len(ids) != len(block):
            raise ShapeMismatch(
                "There are more outputs than samples.",
                got=f"at least {self.rows + len(block):,}",
                expected=f"{len(self._ids):,}",
            )
        table = _table(ids, block)
        probabilities = np.empty((len(ids), 0)) if block.probabilities is None else block.probabilities
        if self._writer is None:
            file = self._draft.stream("outputs", ".parquet")
            self._writer = pq.ParquetWriter(file, table.schema, **ENCODING)
            self._classes = probabilities.shape[1]
        if table.schema != self._writer.schema or probabilities.shape[1] != self._classes:
            raise ShapeMismatch("A block of outputs has other columns than the first one.")
        self._writer.write_table(table)
        if self._classes:
            self._probabilities.append(np.ascontiguousarray(probabilities, "<f4"))
        self.rows += len(block)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._draft:
            if self._writer is not None:
                self._writer.close()
            if kind is None:
                self._publish()

    def _publish(self) -> None:
        if self.rows != len(self._ids):
            raise ShapeMismatch(
                "Outputs are missing.",
                got=f"{self.rows:,} rows",
                expected=f"one for each of the {len(self._ids):,} samples",
            )
        shards = self._probabilities
        table = {"shape": [shards.rows, shards.width], "shard_rows": shards.shard_rows} if self._classes else None
        self._draft.publish({**self._facts, "rows": self.rows, "probabilities": table})


def read_outputs(files: Files, manifest_name: str, manifest: Mapping[str, Any]) -> Outputs:
    """The outputs of a manifest, the probabilities memory-mapped.

    Raises:
        BrokenFile: a file is missing or cannot be read.
    """
    first, *others = manifest["files"]
    path = data_path(files, manifest_name, first)
    shards = manifest.get("probabilities")
    try:
        with pq.ParquetFile(path) as file:
            table = file.read([name for name in file.schema_arrow.names if name != "id"])
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        return Outputs(
            prediction=columns["prediction"].to_numpy(zero_copy_only=False).astype(np.int64),
            confidence=_floats(columns["confidence"]),
            loss=_floats(columns["loss"]) if "loss" in columns else None,
            probabilities=read_shards(files, manifest_name, shards, others) if shards else _listed(columns),
        )
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise BrokenFile(f"{path} is no table of outputs.", got=str(error)) from error


def _table(ids: pa.Array, block: Outputs) -> pa.Table:
    columns = {
        "id": ids,
        "prediction": pa.array(block.prediction, pa.int64()),
        "confidence": pa.array(block.confidence, pa.float32()),
    }
    if block.loss is not None:
        columns["loss"] = pa.array(block.loss, pa.float32())
    return pa.table(columns)


def _floats(column: Any) -> NDArray[np.float32]:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float32)


def _listed(columns: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """The probabilities of version 1.0, which had them in the table as lists."""
    column = columns.get("probabilities")
    return None if column is None else _floats(column.flatten()).reshape(len(column), -1)
