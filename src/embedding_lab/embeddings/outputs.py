"""What a model said of the samples at one step, on disk: a Parquet table, and class probabilities as .npy shards.

Both are written as a stream. A row of probabilities is a vector like any other: memory-mapped, a thousand classes
cost no memory, and lists in a table take several times as long to be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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

TABLE_ROWS = 1 << 16
"""Rows of the table written at once: many small groups of rows are slow to write and to read."""

WITHOUT_LOSS = pa.schema({"prediction": pa.int64(), "confidence": pa.float32()})
WITH_LOSS = WITHOUT_LOSS.append(pa.field("loss", pa.float32()))


class OutputsWriter:
    """Takes what a model said block by block and publishes it when all samples have come.

    A context manager like `EmbeddingWriter`: an error or an interruption discards.

    Args:
        draft: the generation to write; the writer ends it.
        rows: how many samples there are.
        facts: what the manifest says besides its files.
    """

    def __init__(self, draft: Draft, rows: int, facts: Mapping[str, Any]) -> None:
        self._draft = draft
        self._all_rows = rows
        self._facts = facts
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[Outputs] = []
        self._waiting_rows = 0
        self._probabilities = ShardWriter(draft, "probabilities", rows)
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
        if self.rows + len(block) > self._all_rows:
            raise ShapeMismatch(
                "There are more outputs than samples.",
                got=f"at least {self.rows + len(block):,}",
                expected=f"{self._all_rows:,}",
            )
        probabilities = np.empty((len(block), 0)) if block.probabilities is None else block.probabilities
        schema = WITHOUT_LOSS if block.loss is None else WITH_LOSS
        if self._writer is None:
            file = self._draft.stream("outputs", ".parquet")
            # The floats of a model hardly shrink; and they are compared with nothing, which statistics are for.
            self._writer = pq.ParquetWriter(
                file, schema, compression="none", use_dictionary=["prediction"], write_statistics=False
            )
            self._classes = probabilities.shape[1]
        if schema != self._writer.schema or probabilities.shape[1] != self._classes:
            raise ShapeMismatch("A block of outputs has other columns than the first one.")
        self._waiting.append(replace(block, probabilities=None))  # which would be large
        self._waiting_rows += len(block)
        if self._waiting_rows >= TABLE_ROWS:
            self._write_waiting()
        if self._classes:
            self._probabilities.append(np.ascontiguousarray(probabilities, "<f4"))
        self.rows += len(block)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._draft:
            try:
                if kind is None:
                    self.place()
                    self._publish()
            finally:
                if self._writer is not None:
                    self._writer.close()  # or it writes to the closed stream when it is collected

    def place(self) -> None:
        """Puts the files in place when all outputs have come; no reader sees them before they are published.

        Raises:
            ShapeMismatch: outputs are missing.
            StorageError: the disk refuses.
        """
        if self.rows != self._all_rows:
            raise ShapeMismatch(
                "Outputs are missing.",
                got=f"{self.rows:,} rows",
                expected=f"one for each of the {self._all_rows:,} samples",
            )
        if self._writer is not None:
            self._write_waiting()
            self._writer.close()
        self._draft.place()

    def _write_waiting(self) -> None:
        if self._writer is not None and self._waiting:
            schema = self._writer.schema
            columns = [np.concatenate([getattr(block, name) for block in self._waiting]) for name in schema.names]
            self._writer.write_table(pa.table(list(map(pa.array, columns, schema.types)), schema))
        self._waiting.clear()
        self._waiting_rows = 0

    def _publish(self) -> None:
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
            table = file.read([name for name in file.schema_arrow.names if name != "id"])  # which version 1.0 had
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        return Outputs(
            prediction=columns["prediction"].to_numpy(zero_copy_only=False).astype(np.int64),
            confidence=_floats(columns["confidence"]),
            loss=_floats(columns["loss"]) if "loss" in columns else None,
            probabilities=read_shards(files, manifest_name, shards, others) if shards else _listed(columns),
        )
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise BrokenFile(f"{path} is no table of outputs.", got=str(error)) from error


def _floats(column: Any) -> NDArray[np.float32]:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float32)


def _listed(columns: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """The probabilities of version 1.0, which had them in the table as lists."""
    column = columns.get("probabilities")
    return None if column is None else _floats(column.flatten()).reshape(len(column), -1)
