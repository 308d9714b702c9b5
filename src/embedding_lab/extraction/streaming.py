"""Streams what a forward pass gives into a run, block by block: vectors per layer, and what the model said."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import INPUT_LAYER, Dataset, EmbeddingSet, Outputs, Run, check_finite
from embedding_lab.embeddings.outputs import OutputsWriter
from embedding_lab.embeddings.vectors import EmbeddingWriter
from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.extraction.classifier import in_order_of, judge, settled_scale
from embedding_lab.extraction.source import ForwardPass, Scale

NUMBERS = "biuf"
"""The kinds of samples that can be shown as vectors."""

OUTPUT_BYTES = 1 << 20
"""Outputs written at once: a table of many small groups of rows is slow to write and to read."""


class Sink:
    """Takes blocks in the order of the samples; a context manager that publishes all of them or discards all.

    Args:
        run: where they go.
        data: the samples.
        names: the layers, perhaps with "input".
        forward: what the blocks come from.
        step: the training step the model is at.
        epoch: the epoch that step lies in.
        split: the part of the dataset.
    """

    def __init__(
        self,
        run: Run,
        data: Dataset,
        names: Sequence[str],
        forward: ForwardPass,
        *,
        step: int | None,
        epoch: int | None,
        split: str | None,
    ) -> None:
        self._run = run
        self._data = data
        self._step = step
        self._fingerprint = forward.fingerprint
        self._scale: Scale = forward.scale
        self._classes = forward.classes
        self._facts = {name: _facts(name, data, forward, step, epoch, split) for name in names}
        self._writers: dict[str, EmbeddingWriter] = {}
        self.rows = 0
        self._outputs_writer: OutputsWriter | None = None
        self._waiting: list[NDArray[np.float32]] = []
        self._outputs: list[Outputs] = []
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Sink:
        for name, facts in self._facts.items():
            writer = self._run.embedding_writer(name, self._data, **facts)
            self._writers[name] = self._open.enter_context(writer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._open.__exit__(kind, error, trace)
            return
        with self._open:  # what still waits may fail to be written, and then nothing is published
            self._write_outputs()

    def append(
        self, samples: NDArray[Any], vectors: Mapping[str, NDArray[Any]], numbers: NDArray[np.float32] | None
    ) -> None:
        """Writes one block.

        Args:
            samples: shape (b, ...).
            vectors: of each layer, shape (b, dims).
            numbers: the model's last numbers, shape (b, k), or None.

        Raises:
            ShapeMismatch: a layer gives another number of rows than there are samples.
            NotFinite: a layer gives NaN or infinity.
            InputError: "input" was asked for and the samples are no numbers.
            StorageError: the disk refuses.
        """
        for name, writer in self._writers.items():
            block = _as_vectors(samples) if name == INPUT_LAYER else vectors[name]
            if len(block) != len(samples):
                raise ShapeMismatch(
                    f"Layer {name!r} does not give one row per sample.",
                    got=f"{len(block):,} rows for {len(samples):,} samples",
                )
            writer.append(block)
        self.rows += len(samples)
        if numbers is not None and self._classes is not None:
            numbers = in_order_of(self._data.class_names, self._classes, numbers)
        if numbers is not None and self._says_classes(numbers):
            self._waiting.append(numbers)
            if sum(each.nbytes for each in self._waiting) >= OUTPUT_BYTES:
                self._write_outputs()

    def sets(self) -> dict[str, EmbeddingSet]:
        """What was published: vectors memory-mapped, and the outputs with all sets of their step."""
        outputs = _joined(self._outputs)
        return {
            name: EmbeddingSet(
                vectors=self._run.vectors(name, facts["step"]),
                dataset=self._data,
                layer=name,
                outputs=outputs if facts["step"] == self._step else None,
                **facts,
            )
            for name, facts in self._facts.items()
        }

    def _says_classes(self, numbers: NDArray[np.float32]) -> bool:
        """Whether the model is a classifier, settled by the first block where the model itself does not say."""
        names = self._data.class_names
        self._scale = settled_scale(self._scale, numbers, None if names is None else len(names))
        return self._scale != "none"

    def _write_outputs(self) -> None:
        if not self._waiting:
            return
        if self._outputs_writer is None:
            writer = self._run.outputs_writer(self._data, step=self._step, model=self._fingerprint)
            self._outputs_writer = self._open.enter_context(writer)
        numbers = np.concatenate(self._waiting)
        self._waiting.clear()
        rows = slice(self._outputs_writer.rows, self._outputs_writer.rows + len(numbers))
        check_finite(numbers, self._data.ids[rows], "the last one")
        labels = _labels_within(self._data, max(2, numbers.shape[1]))
        self._outputs.append(judge(numbers, self._scale, None if labels is None else labels[rows]))
        self._outputs_writer.append(self._outputs[-1])


def _facts(
    name: str, data: Dataset, forward: ForwardPass, step: int | None, epoch: int | None, split: str | None
) -> dict[str, Any]:
    """What is known of a layer's vectors besides themselves; nothing of the input changes with the model."""
    facts: dict[str, Any] = {"split": split, "wall_time": time.time()}
    if name == INPUT_LAYER:
        return {**facts, "step": None, "pooling": "flatten" if data.samples.ndim > 2 else None}
    return {
        **facts,
        "step": step,
        "epoch": epoch,
        "pooling": forward.layers[name],
        "model": forward.fingerprint,
    }


def _joined(blocks: Sequence[Outputs]) -> Outputs | None:
    if not blocks:
        return None

    def column(name: str) -> Any:
        return (
            None if getattr(blocks[0], name) is None else np.concatenate([getattr(each, name) for each in blocks])
        )

    return Outputs(*map(column, ("prediction", "confidence", "loss", "probabilities")))


def _labels_within(data: Dataset, classes: int) -> NDArray[np.int64] | None:
    """The labels, where the model has a class for each of them."""
    return data.labels if data.labels is not None and data.labels.max() < classes else None


def _as_vectors(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Samples of shape (b, ...) as they are, in a row: float32, shape (b, dims)."""
    if samples.dtype.kind not in NUMBERS:
        raise InputError(
            "These samples cannot be shown as vectors.", got=f"dtype {samples.dtype}", expected="numbers"
        )
    return samples.reshape(len(samples), -1).astype(np.float32)
