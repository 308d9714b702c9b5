"""What every framework's extractor promises: to list the layers of a model, and to run it once for all of them.

A new framework is one file that bears its name and fulfils `Source`, one line in `source_of`, and the contract test
it inherits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from embedding_lab.embeddings import Dataset, as_dataset
from embedding_lab.embeddings.files import storage_errors
from embedding_lab.embeddings.inputs import are_several_inputs, named_by_place
from embedding_lab.embeddings.own_form import OwnForm
from embedding_lab.errors import InputError, ShapeMismatch, UnknownName, one_of

Pooling = Literal["mean", "max", "flatten"]
POOLINGS: tuple[Pooling, ...] = ("mean", "max", "flatten")

Scale = Literal["probabilities", "logits", "unknown", "none"]
"""What a model's last numbers are: probabilities of classes, logits of them, perhaps one of these, or neither."""

Activations = tuple[dict[str, NDArray[Any]], NDArray[Any] | None]
"""Of one batch: the vectors of each layer, float32, shape (b, dims), and the model's last numbers, float32, shape
(b, k), or None where it ends in anything else."""


BATCH_BYTES = 64 << 20
"""What the outputs that are held at once may take for one batch, in the memory of the processor."""

CACHED_BYTES = 3 << 20
"""What the largest output of a batch may take for each core that works on it: it is still in the core's caches when
the next layer reads it."""

FEW_SAMPLES = 32
FEW_SAMPLES_BYTES = 16 << 20
"""Fewer samples than these let a processor wait for the weights, unless their largest output takes more."""

LARGEST_BATCH = 8192

NOT_SAID = re.compile(
    r"\AGraph execution error:\s*(?:(?:Detected at node|<stack traces| {2,}).*\n|\n)*"
    r"|\[*\{\{(?:function_)?node [^}]*\}\}\]*|\[Op:[^\]]+\]"
    r"|\x1b\[[\d;?]*[A-Za-z]"
)
"""Where TensorFlow says that something went wrong: the stack in which the graph was made, and names within it; and
what is set in bold for a terminal, as by Keras."""

GIVING = ("transform", "predict_proba", "decision_function")
"""What gives the vectors of an estimator of scikit-learn: the first of these that it has."""


@dataclass(frozen=True)
class LayerInfo:
    """One row of a model's table of layers.

    Attributes:
        name: what `extract` calls it: the path through nested models, "block/dense_1". A second output under the
            same path, as of a layer that is used twice, ends in "#2".
        kind: its class, such as "Dense".
        shape: of its output for one sample, None where it varies; None as a whole where it is not known yet.
        parameters: how many numbers it has learned or holds.
        worth_showing: whether `extract` takes it unasked: a float output of its own, at the top of the model.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...] | None
    parameters: int
    worth_showing: bool


@dataclass(frozen=True)
class ForwardPass:
    """A model made ready to give the vectors of chosen layers.

    Attributes:
        layers: each chosen layer, in order, and how its further axes become one; None where it has none.
        run: takes a batch of samples, shape (b, ...); raises MemoryError where they are too many.
        scale: what these last numbers are.
        batch_size: samples per call that keep this model fast and its memory small.
        fingerprint: of the model's weights; None where they cannot be seen.
        at_once: how many threads may be in `run` at the same time, while the batches before are written: one unless
            the source knows of more; 0 where all cores work on one batch and wait for the slowest of them, so that
            writing at the same time would hold up all.
        classes: of these last numbers, as names or numbers of the dataset's; None where they are all, in order.
        run_many: does what `run` does, faster once it has begun, which takes as long as a few batches; None where
            nothing does. Shards, which are few batches each, go without.
    """

    layers: Mapping[str, Pooling | None]
    run: Callable[[NDArray[Any]], Activations]
    scale: Scale
    batch_size: int
    fingerprint: str | None
    at_once: int = 1
    classes: tuple[str | int, ...] | None = None
    run_many: Callable[[NDArray[Any]], Activations] | None = None


class Source(Protocol):
    """A model that can be asked for its layers' activations. It is left as it was found."""

    @property
    def several_inputs(self) -> bool:
        """Whether the model declares more than one input."""
        ...

    @property
    def own_form(self) -> type[OwnForm] | None:
        """The form in which the model takes samples that were handed over in it; None where arrays alone."""
        ...

    def layers(self) -> list[LayerInfo]:
        """The layers in the order of their calls, as far as they are known without samples."""
        ...

    def forward_pass(
        self, example: NDArray[Any], names: Sequence[str] | None, pooling: Pooling
    ) -> AbstractContextManager[ForwardPass]:
        """Makes the model ready, until the block ends.

        Args:
            example: a few samples, shape (few, ...); of several inputs side by side, as `inputs.py` has them, and
                in the model's `own_form` where they were handed over in it, as all batches then are.
            names: the layers; those worth showing where None.
            pooling: how the further axes of an output become one.

        Raises:
            UnknownName: the model has no such layer.
            ShapeMismatch: the model does not take such samples.
            InputError: a layer's output is no table of numbers with one row per sample.
        """
        ...


def source_of(model: Any) -> Source:
    """The source for a model, chosen by the names of its classes so that no framework is imported to find out.

    Args:
        model: a Keras model, the path of a Keras model file, of an ONNX file or of a SavedModel, a PyTorch module,
            a fitted estimator of scikit-learn, or a function that takes a batch of samples.

    Raises:
        DataMissing: there is no such file, which is said before a framework to read it is missed.
        InputError: nothing here knows this kind of model.
    """
    homes = _homes(model)
    if isinstance(model, str | Path):
        with storage_errors(model):
            Path(model).stat()
    if isinstance(model, type):
        raise InputError(
            "A class is no model.",
            got=model.__name__,
            expected="an object of it",
            remedy="Make one first, with the weights that were learned.",
        )
    if isinstance(model, str | Path) and Path(model).suffix == ".onnx":
        from embedding_lab.extraction.onnx import OnnxSource

        return OnnxSource(Path(model))
    if isinstance(model, str | Path) and (Path(model) / "saved_model.pb").exists():
        from embedding_lab.extraction.tensorflow import SavedModelSource

        return SavedModelSource(Path(model))
    if isinstance(model, str | Path) or "keras" in homes:
        from embedding_lab.extraction.keras import KerasSource

        return KerasSource(model)
    if "torch.nn.modules.module" in homes:
        from embedding_lab.extraction.torch import TorchSource

        return TorchSource(model)
    if hasattr(model, "fit") and any(hasattr(model, name) for name in GIVING):
        from embedding_lab.extraction.estimator import EstimatorSource

        return EstimatorSource(model)
    if callable(model):
        from embedding_lab.extraction.callable import CallableSource

        return CallableSource(model)
    raise InputError(
        "This kind of model is not known.",
        got=f"{type(model).__module__}.{type(model).__qualname__}",
        expected="a Keras 3 model, the path of a .keras, .h5 or .onnx file or of a SavedModel, a PyTorch module, "
        "an estimator of scikit-learn or a function",
    )


def dataset_of(data: Any, several_inputs: bool = False) -> Dataset:
    """The samples to extract from, whatever holds them.

    Args:
        data: a Dataset, a PyTorch DataLoader or Dataset, any array-like of samples, shape (n, ...), or such arrays
            for several inputs, in a dictionary or tuple.
        several_inputs: whether a list of arrays means several inputs too.

    Raises:
        InputError and its kinds: they cannot be read as samples.
    """
    if any(home.startswith("torch.utils.data") for home in _homes(data)):
        from embedding_lab.frameworks.torch import loaded_dataset

        return loaded_dataset(data)
    return as_dataset(named_by_place(data) if are_several_inputs(data, several_inputs) else data)


def rows_within(sample_bytes: int, memory: int = BATCH_BYTES) -> int:
    """As many samples as keep what is held of a batch within bounds.

    Args:
        sample_bytes: what is held of one sample.
        memory: in bytes.
    """
    return max(1, min(LARGEST_BATCH, memory // max(1, sample_bytes)))


def rows_in_caches(largest: int, cores: int) -> int:
    """As many samples as keep a processor busy that computes one layer after the other.

    Args:
        largest: bytes that the largest output of a layer takes for one sample.
        cores: how many work on a batch.
    """
    few = min(FEW_SAMPLES, rows_within(largest, FEW_SAMPLES_BYTES))
    return max(few, rows_within(largest, min(cores * CACHED_BYTES, BATCH_BYTES)))


def _homes(thing: Any) -> set[str]:
    """The modules in which its classes were written; of those of Keras, which move, the package alone."""
    modules = {each.__module__ for each in type(thing).__mro__}
    return modules | {module.partition(".")[0] for module in modules}


def unknown_layer(name: str, known: Sequence[str]) -> UnknownName:
    """The error for a layer that a model does not have."""
    return one_of("Layer", name, known, remedy="Run `embedding-lab layers MODEL` to see all of them.")


def other_input(takes: object, got: object, error: BaseException | None = None, more: str = "") -> ShapeMismatch:
    """The error for samples that a model does not take.

    Args:
        takes: the shape of a sample that the model takes, or text where it does not declare one.
        got: the shape of a sample, or of the parts of one.
        error: what the framework raised.
        more: what helps besides, after what the framework said.
    """
    return ShapeMismatch(
        "The model does not take these samples.",
        got=f"samples of shape {got}" + (f"; the model said: {in_one_line(error)}{more}" if error else ""),
        expected=f"samples of shape {takes}" if isinstance(takes, tuple) else str(takes),
        remedy="Reshape or resize the samples, or choose the dataset the model was trained on.",
    )


def no_vectors(name: str, got: str) -> InputError:
    """The error for a layer whose output is no table of vectors.

    Args:
        name: the layer's name.
        got: its output, in words.
    """
    return InputError(f"Layer {name!r} gives no vectors.", got=got, expected="numbers with one row per sample")


def in_one_line(error: BaseException) -> str:
    """What a framework raised, without its line breaks, and no more of it than a person reads."""
    return " ".join(NOT_SAID.sub("", str(error)).split()).rstrip(".")[:300]
