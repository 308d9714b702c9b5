"""What a SavedModel gives: the outputs of its signature. Keras 3 cannot load the layers inside."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import INPUT_LAYER
from embedding_lab.embeddings.files import storage_errors
from embedding_lab.embeddings.inputs import parts_of, shape_of
from embedding_lab.errors import BrokenFile, InputError, one_of
from embedding_lab.extraction.callable import as_vectors
from embedding_lab.extraction.classifier import saying_classes
from embedding_lab.extraction.fitting import is_out_of_memory
from embedding_lab.extraction.source import (
    Activations,
    ForwardPass,
    LayerInfo,
    Pooling,
    Scale,
    no_vectors,
    other_input,
    rows_within,
)
from embedding_lab.frameworks.keras import import_tensorflow

SIGNATURE = "serving_default"
"""The signature that is asked, as TensorFlow itself names it; else the only one."""

NO_LAYERS = (
    "Keras 3 cannot load the layers of a SavedModel: load it where it was made, and save it there with "
    "model.save('model.keras')."
)


class SavedModelSource:
    """A SavedModel that can be asked for what its signature gives.

    Args:
        path: the folder with `saved_model.pb` in it.

    Raises:
        BrokenFile: it cannot be loaded.
        InputError: none of its signatures is the obvious one.
        MissingDependency: TensorFlow is not installed.
    """

    own_form = None

    def __init__(self, path: Path) -> None:
        tf = import_tensorflow()
        self._path = path
        try:
            self._loaded = tf.saved_model.load(str(path))  # kept: the signature holds its variables weakly
        except Exception as error:
            raise BrokenFile(
                f"{path} could not be loaded as a SavedModel.", got=f"{type(error).__name__}: {error!s:.200}"
            ) from error
        signatures = self._loaded.signatures
        if SIGNATURE not in signatures and len(signatures) != 1:
            raise InputError(
                f"{path} has no signature that could be called.",
                got=", ".join(signatures) or "none at all",
                expected=f"one called {SIGNATURE}",
            )
        self._signature = signatures[SIGNATURE if SIGNATURE in signatures else next(iter(signatures))]
        # a signature keeps its inputs by name, in no order of its own
        self._inputs: Mapping[str, Any] = dict(sorted(self._signature.structured_input_signature[1].items()))
        self._outputs: Mapping[str, Any] = dict(sorted(self._signature.structured_outputs.items()))

    @property
    def several_inputs(self) -> bool:
        """Whether the signature has more than one input."""
        return len(self._inputs) > 1

    def layers(self) -> list[LayerInfo]:
        """The outputs of the signature, and a warning that there are more layers than that."""
        warnings.warn(f"These are the outputs of the signature. {NO_LAYERS}", stacklevel=2)
        return self._rows()

    def _rows(self) -> list[LayerInfo]:
        return [
            LayerInfo(
                name=name,
                kind="SavedModel output",
                shape=None if output.shape.rank is None else tuple(output.shape[1:]),
                parameters=0,
                worth_showing=output.dtype.is_floating,
            )
            for name, output in self._outputs.items()
        ]

    @contextlib.contextmanager
    def forward_pass(
        self, example: NDArray[Any], names: Sequence[str] | None, pooling: Pooling
    ) -> Iterator[ForwardPass]:
        """Calls the signature with the example to see what it gives. See `Source.forward_pass`."""
        found = self._given(example)
        chosen = [each.name for each in self._rows() if each.worth_showing] if names is None else list(names)
        for name in chosen:
            if name not in found:
                raise one_of(
                    "Layer", name, [INPUT_LAYER, *found], remedy=f"`embedding-lab layers` lists them. {NO_LAYERS}"
                )
            if found[name].ndim == 0 or len(found[name]) != len(example) or found[name].dtype.kind not in "biuf":
                raise no_vectors(name, f"shape {found[name].shape}, {found[name].dtype}")
        last = saying_classes(found)
        scale: Scale = "none" if last is None else "unknown"

        def run(samples: NDArray[Any]) -> Activations:
            given = self._given(samples)
            numbers = None if last is None else given[last].astype(np.float32)
            return {name: as_vectors(given[name], pooling) for name in chosen}, numbers

        bytes_of_sample = sum(each.nbytes for each in found.values()) // len(example) + example[:1].nbytes
        yield ForwardPass(
            layers={name: pooling if found[name].ndim > 2 else None for name in chosen},
            run=run,
            scale=scale,
            batch_size=rows_within(16 * bytes_of_sample),  # nobody knows what the layers inside hold
            fingerprint=_fingerprint(self._path),
        )

    def _given(self, samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What the signature gives for a batch, by name."""
        import tensorflow as tf

        parts = parts_of(samples)
        if not isinstance(parts, Mapping):
            listed = parts if isinstance(parts, tuple) else (parts,)
            parts = dict(zip(self._inputs, listed, strict=False))
        if not parts.keys() >= self._inputs.keys():
            raise other_input(self._takes, shape_of(samples))
        try:
            tensors = {
                name: tf.cast(parts[name], spec.dtype) if spec.dtype != tf.string else tf.constant(parts[name])
                for name, spec in self._inputs.items()
            }
            given = self._signature(**tensors)
            return {name: np.asarray(given[name]) for name in self._outputs}
        except (ValueError, TypeError, tf.errors.OpError) as error:
            if is_out_of_memory(error):
                raise MemoryError from error
            raise other_input(self._takes, shape_of(samples), error) from error

    @property
    def _takes(self) -> Any:
        if len(self._inputs) == 1:
            return tuple(next(iter(self._inputs.values())).shape[1:])
        return "inputs " + ", ".join(f"{name!r} {tuple(each.shape[1:])}" for name, each in self._inputs.items())


def _fingerprint(folder: Path) -> str:
    """The first 16 hexadecimal digits of a SHA-256 over the graph and the weights."""
    digest = hashlib.sha256()
    for each in sorted([folder / "saved_model.pb", *(folder / "variables").glob("*")]):
        with storage_errors(each), each.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
