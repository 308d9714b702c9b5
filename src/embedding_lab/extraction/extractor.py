"""Takes the activations of a model's layers as embeddings: one forward pass, streamed into a run.

Nothing here knows a framework: `source.py` says what each must give.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, SupportsIndex

from embedding_lab.embeddings import INPUT_LAYER, Dataset, EmbeddingSet, Run
from embedding_lab.embeddings.left_out import OnError, check_on_error
from embedding_lab.embeddings.own_form import OwnForm, batch_of
from embedding_lab.errors import EmptyData, InputError, one_of
from embedding_lab.extraction import ray
from embedding_lab.extraction.blocks import computed
from embedding_lab.extraction.fitting import too_large
from embedding_lab.extraction.sharded import Order, extract_in_shards, in_this_process, readable_example
from embedding_lab.extraction.source import (
    POOLINGS,
    ForwardPass,
    LayerInfo,
    Pooling,
    Source,
    dataset_of,
    source_of,
)
from embedding_lab.extraction.streaming import NUMBERS, Sink
from embedding_lab.extraction.temporary import TemporaryRun
from embedding_lab.frameworks.random_states import random_states_kept
from embedding_lab.progress import Progress, silent

ENGINES = ("local", "ray")
"""What computes."""

EXAMPLES = 2
"""Samples shown to a model to get to know it: a single one could be mistaken for an axis of length one."""


def layer_table(model: Any) -> list[LayerInfo]:
    """The layers of a model, in the order in which a sample passes them.

    Args:
        model: what `extract` takes; of a function nothing is known.

    Raises:
        InputError: this kind of model is not known.
        DataMissing, BrokenFile: the file cannot be had or read.
        MissingDependency: the framework is not installed.
    """
    return source_of(model).layers()


def extract(
    model: Any,
    data: Any,
    layers: Sequence[str] | str | None = None,
    *,
    out: Run | str | Path | None = None,
    step: int | None = None,
    epoch: int | None = None,
    split: str | None = None,
    pooling: Pooling = "mean",
    batch_size: int | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    on_error: OnError = "stop",
    progress: Progress = silent,
) -> dict[str, EmbeddingSet]:
    """The vectors that layers of a model give for samples, all from one forward pass in inference mode.

    They stream into a run, so that memory does not grow with the samples; a layer's vectors appear there when they
    are complete, and after an error or an interruption the run holds what it held before. Where the model is a
    classifier, its prediction, confidence, loss and class probabilities of every sample go along. The model is left
    as it was found, except that one that was never called is built; so are the random states of Python, numpy and
    PyTorch.

    Args:
        model: a Keras model (Functional, Sequential or subclassed, on any backend), the path of a `.keras`, `.h5`
            or `.onnx` file or of a SavedModel, any PyTorch module, a fitted estimator of scikit-learn, or a
            function that takes a batch of samples, shape (b, ...), and gives their vectors or a mapping of layers.
        data: a Dataset, any array-like of samples, shape (n, ...), or a PyTorch DataLoader or Dataset. For a model
            with several inputs a dictionary or tuple of such arrays, or a list where the model declares its inputs.
            An estimator that was fitted to a data frame takes a frame, and a function n pictures of Pillow
            in a list, a tuple, an array of objects or a column of pandas or polars.
        layers: names as in `layer_table`; "input" means the samples themselves, flattened. When left out: the
            input, where it is numbers, and every layer worth showing.
        out: the run to write to, or its folder; when left out a temporary one that goes with the process.
        step: the training step the model is at.
        epoch: the epoch that step lies in.
        split: the part of the dataset; when left out, the one all samples belong to.
        pooling: how further axes of an output, as of (height, width, channels), become one: their "mean" or "max"
            per channel, or "flatten".
        batch_size: samples per call; chosen by the size of the model's outputs when left out. The vectors are the
            same for any, within the rounding of float32.
        engine: "local" is this process; "ray" computes shards on Ray Data, on this machine or on a cluster whose
            machines all see `out`, and takes a Ray Dataset too. Begun again after a kill, it goes on.
        address: of a running cluster; when left out the one that is connected, $RAY_ADDRESS, or this machine.
        on_error: what becomes of the rest when a sample cannot be read or gives NaN or infinity: "stop" raises,
            "skip" leaves such samples out of all layers and warns with their ids.
        progress: told "extract samples".

    Returns:
        One set for each layer, in the order asked for. Vectors are float32, shape (n, dims), memory-mapped.

    Raises:
        UnknownName: the model has no such layer, or there is no such engine.
        MissingDependency: the engine is not installed.
        ShapeMismatch: the model takes samples of another shape.
        NotFinite: a layer gives NaN or infinity; the first such sample is named.
        EmptyData: there are no samples.
        InputError: samples or outputs that cannot be used.
        StorageError: the disk is full, read-only, or refuses.
    """
    source = source_of(model)
    if engine not in ENGINES:
        raise one_of("Engine", engine, ENGINES)
    check_on_error(on_error)
    if pooling not in POOLINGS:
        raise one_of("Pooling", pooling, POOLINGS)
    if batch_size is not None and (not isinstance(batch_size, SupportsIndex) or batch_size < 1):
        raise InputError("The batch size is out of range.", got=repr(batch_size), expected="a whole number from 1")
    names = _asked(layers)
    of_model = None if names is None else [name for name in names if name != INPUT_LAYER]
    with contextlib.ExitStack() as open_until_done:
        open_until_done.enter_context(random_states_kept())  # samples may be changed at random as they are read
        if engine == "ray":
            open_until_done.enter_context(ray.connected(address))
            ray.check_place(out)
        foreign = ray.is_foreign(data)
        if foreign and engine != "ray":
            raise InputError("A Ray Dataset is read by Ray.", expected='engine="ray"')
        data = data if foreign else _in_form_for(source, _with_samples(dataset_of(data, source.several_inputs)))
        example = ray.foreign_example(data, EXAMPLES) if foreign else _example(data, on_error)
        try:
            forward = open_until_done.enter_context(source.forward_pass(example, of_model, pooling))
        except MemoryError as error:
            raise too_large() from error
        if names is None:
            names = [*([INPUT_LAYER] if example.dtype.kind in NUMBERS else []), *forward.layers]
        if batch_size is not None:
            forward = replace(forward, batch_size=operator.index(batch_size))
        run, keep_for = open_until_done.enter_context(_run_to_write(out))
        if engine == "local" and on_error == "stop":
            sink = Sink(run, data, names, forward, step=step, epoch=epoch, split=split or _only_split(data))
            sets = _streamed(sink, data, forward, progress)
        else:
            identity = forward.fingerprint
            if identity is None and engine == "ray":
                identity = ray.model_identity(model)
            split = split if foreign else split or _only_split(data)
            order = Order(run, names, forward, example, identity, step, epoch, split, pooling, on_error)
            if foreign:
                sets = ray.extract_foreign(order, model, data, progress)
            else:
                work = ray.on_ray(model, data) if engine == "ray" else in_this_process(forward, data.samples)
                sets = extract_in_shards(order, data, work, progress)
        keep_for(sets.values())
    return sets


def _streamed(sink: Sink, data: Dataset, forward: ForwardPass, progress: Progress) -> dict[str, EmbeddingSet]:
    """The whole pass in this process."""
    with sink, computed(forward, data.samples) as blocks:
        progress("extract samples", 0, len(data))
        for samples, (vectors, numbers) in blocks:
            sink.append(samples, vectors, numbers)
            progress("extract samples", sink.rows, len(data))
    return sink.sets()


def _in_form_for(source: Source, data: Dataset) -> Dataset:
    """The dataset with its samples as an array, unless the model takes them in their own form."""
    samples = data.samples
    own = not isinstance(samples, OwnForm) or isinstance(samples, source.own_form or ())
    return data if own else replace(data, samples=samples.numbers())


def _example(data: Dataset, on_error: OnError) -> Any:
    """A few samples that show the model what comes, shape (few, ...)."""
    if on_error == "skip":
        return readable_example(data.samples, EXAMPLES)
    return batch_of(data.samples, slice(EXAMPLES))


def _asked(layers: Sequence[str] | str | None) -> list[str] | None:
    """The names asked for, each once."""
    if layers is None:
        return None
    names = list(dict.fromkeys([layers] if isinstance(layers, str) else layers))
    if not names:
        raise EmptyData("No layer was asked for.", expected="at least one name, or None for those worth showing")
    return names


def _with_samples(data: Dataset) -> Dataset:
    if data.samples is None:
        raise InputError(
            f"Dataset {data.name!r} holds its table only, not the samples.",
            remedy="Load it from where its samples are.",
        )
    return data


def _only_split(data: Dataset) -> str | None:
    """The split that all samples belong to, if they do."""
    if data.splits is None or (data.splits != data.splits[0]).any():
        return None
    return str(data.splits[0])


@contextlib.contextmanager
def _run_to_write(out: Run | str | Path | None) -> Iterator[tuple[Run, Callable[[Iterable[EmbeddingSet]], None]]]:
    """The run to write to, and what ties its life to the sets read from it."""
    if out is not None:
        yield out if isinstance(out, Run) else Run(Path(out)), lambda sets: None
        return
    temporary = TemporaryRun()
    try:
        yield temporary.run, temporary.keep_for
    except BaseException:
        temporary.remove()
        raise
