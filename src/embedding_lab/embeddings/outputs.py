"""What a model said of the samples at one step, on disk: one Parquet table per step, written as a stream."""

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
        if self._writer is None:
            file = self._draft.stream("outputs", ".parquet")
            self._writer = pq.ParquetWriter(file, table.schema, **ENCODING)
        if table.schema != self._writer.schema:
            raise ShapeMismatch("A block of outputs has other columns than the first one.")
        self._writer.write_table(table)
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
        self._draft.publish({**self._facts, "rows": self.rows})


def read_outputs(files: Files, manifest_name: str, manifest: Mapping[str, Any]) -> Outputs:
    """The outputs of a manifest.

    Raises:
        BrokenFile: the table is missing or cannot be read.
    """
    path = data_path(files, manifest_name, manifest["files"][0])
    try:
        table = pq.read_table(path)
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        return Outputs(
            prediction=columns["prediction"].to_numpy(zero_copy_only=False).astype(np.int64),
            confidence=_floats(columns["confidence"]),
            loss=_floats(columns["loss"]) if "loss" in columns else None,
            probabilities=_rows(columns["probabilities"]) if "probabilities" in columns else None,
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
    if block.probabilities is not None:
        flat = pa.array(np.ascontiguousarray(block.probabilities, np.float32).reshape(-1))
        columns["probabilities"] = pa.FixedSizeListArray.from_arrays(flat, block.probabilities.shape[1])
    return pa.table(columns)


def _floats(column: Any) -> NDArray[np.float32]:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float32)


def _rows(column: Any) -> NDArray[np.float32]:
    return _floats(column.flatten()).reshape(len(column), -1)
