"""Streams what a forward pass gives into a run, block by block: vectors per layer, and what the model said."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import INPUT_LAYER, Dataset, EmbeddingSet, Outputs, Run
from embedding_lab.embeddings.together import Together
from embedding_lab.embeddings.vectors import EmbeddingWriter
from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.extraction.source import ForwardPass
from embedding_lab.extraction.verdicts import Verdicts

NUMBERS = "biuf"
"""The kinds of samples that can be shown as vectors."""


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
        self._facts = facts_of(names, data.samples.ndim, forward, step, epoch, split)
        self._writers: dict[str, EmbeddingWriter] = {}
        self.rows = 0
        self._together = Together()
        self._verdicts = Verdicts(run, data, forward, step, self._together)

    def __enter__(self) -> Sink:
        writers = {
            name: self._run.embedding_writer(name, self._data, **facts) for name, facts in self._facts.items()
        }
        self._together.enter_context(self._run.samples_ahead(self._data))
        for name, writer in writers.items():
            self._writers[name] = self._together.enter_writer(writer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._together.__exit__(kind, error, trace)

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
            writer.append(layer_block(name, samples, vectors))
        self.rows += len(samples)
        self._verdicts.append(numbers)

    def sets(self) -> dict[str, EmbeddingSet]:
        """What was published: vectors memory-mapped, and the outputs with all sets of their step."""
        return published_sets(self._run, self._data, self._facts, self._verdicts.published(), self._step)


def facts_of(
    names: Sequence[str], axes: int, forward: ForwardPass, step: int | None, epoch: int | None, split: str | None
) -> dict[str, dict[str, Any]]:
    """What is known of each layer's vectors besides themselves; nothing of the input changes with the model.

    Args:
        names: the layers, perhaps with "input".
        axes: how many the samples have, that of the samples among them.
        forward: what gives the vectors.
        step: the training step the model is at.
        epoch: the epoch that step lies in.
        split: the part of the dataset.
    """
    facts: dict[str, Any] = {"split": split, "wall_time": time.time()}
    of_input = {**facts, "step": None, "pooling": "flatten" if axes > 2 else None}
    of_model = {**facts, "step": step, "epoch": epoch, "model": forward.fingerprint}
    return {
        name: of_input if name == INPUT_LAYER else {**of_model, "pooling": forward.layers[name]} for name in names
    }


def published_sets(
    run: Run, data: Dataset, facts: Mapping[str, Mapping[str, Any]], outputs: Outputs | None, step: int | None
) -> dict[str, EmbeddingSet]:
    """The sets that were published in a run, memory-mapped, the outputs with those of their step.

    Args:
        run: the run.
        data: the samples.
        facts: of each layer, as `facts_of` has them.
        outputs: what the model said of the samples.
        step: the training step it was at.
    """
    return {
        name: EmbeddingSet(
            vectors=run.vectors(name, known["step"]),
            dataset=data,
            layer=name,
            outputs=outputs if known["step"] == step else None,
            **known,
        )
        for name, known in facts.items()
    }


def layer_block(name: str, samples: NDArray[Any], vectors: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The vectors of one layer for one block: shape (b, dims).

    Args:
        name: the layer; "input" is the samples themselves, flattened.
        samples: shape (b, ...).
        vectors: what the model gave, by layer.

    Raises:
        ShapeMismatch: it gave another number of rows than there are samples.
        InputError: "input" was asked for and the samples are no numbers.
    """
    block = _as_vectors(samples) if name == INPUT_LAYER else vectors[name]
    if len(block) != len(samples):
        raise ShapeMismatch(
            f"Layer {name!r} does not give one row per sample.",
            got=f"{len(block):,} rows for {len(samples):,} samples",
        )
    return block


def _as_vectors(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Samples of shape (b, ...) as they are, in a row: float32, shape (b, dims)."""
    if samples.dtype.kind not in NUMBERS:
        raise InputError(
            "These samples cannot be shown as vectors.", got=f"dtype {samples.dtype}", expected="numbers"
        )
    return np.asarray(samples).reshape(len(samples), -1).astype(np.float32)
