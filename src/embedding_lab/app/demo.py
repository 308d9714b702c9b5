"""The demo: from pictures to TensorBoard's Projector, told as the story it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from embedding_lab.app.run_maps import MapReport, project_run
from embedding_lab.app.shown import write_for_viewers
from embedding_lab.app.traced_training import train_traced
from embedding_lab.board.doctor import Diagnosis, doctor
from embedding_lab.dataset import load_dataset
from embedding_lab.embeddings import Dataset, EmbeddingSet, run_folder
from embedding_lab.errors import DataMissing, StorageError
from embedding_lab.extraction import extract
from embedding_lab.profiling import TraceReport
from embedding_lab.progress import Progress, silent

DEFAULT_DATASET = "mnist"
FALLBACK_DATASET = "digits"
MODEL = "dense16"
METHODS = {"pca": "PCA", "tsne": "t-SNE"}


@dataclass(frozen=True)
class LayerReport:
    """One layer that the demo shows: its name, its width, and its vectors' size on disk."""

    layer: str
    dims: int
    size_bytes: int


@dataclass(frozen=True)
class DemoReport:
    """What the demo did.

    Attributes:
        run: the run's folder; its parent is the log directory.
        dataset: the name of the dataset.
        samples: how many samples are shown.
        accuracy: share of the test samples whose class the model says rightly, 0 to 1.
        layers: what is shown of each layer.
        elapsed_seconds: per step of the story, in order.
        trace: what the first steps of training cost; None where there were too few.
        maps: what was made of each layer, and what it keeps; none where none were asked for.
        diagnosis: what TensorBoard will show of the log directory.
        notes: what the Projector could not be given as it is, in sentences.
    """

    run: Path
    dataset: str
    samples: int
    accuracy: float
    layers: tuple[LayerReport, ...]
    elapsed_seconds: Mapping[str, float]
    trace: TraceReport | None
    diagnosis: Diagnosis
    maps: tuple[MapReport, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        as_they_are = {name: getattr(self, name) for name in ("dataset", "samples", "accuracy", "notes")}
        return {
            "run": str(self.run),
            **as_they_are,
            "layers": [asdict(each) for each in self.layers],
            "maps": [asdict(each) for each in self.maps],
            "elapsed_seconds": dict(self.elapsed_seconds),
            "trace": self.trace.as_dict() if self.trace else None,
            "doctor": self.diagnosis.to_dict(),
        }


def demo(
    *,
    dataset: str | None = None,
    data_dir: str | Path | None = None,
    epochs: int = 5,
    samples: int | None = 10_000,
    seed: int = 0,
    logdir: str | Path = "logs",
    maps: bool = True,
    say: Callable[[str], None] = lambda sentence: None,
    progress: Progress = silent,
) -> DemoReport:
    """Trains a small model, traces its first steps, takes the embeddings of its layers, makes maps, and shows all.

    Args:
        dataset: what `load_dataset` knows; MNIST when left out and, where that cannot be had, digits.
        data_dir: where published datasets lie.
        epochs: how often training sees every sample.
        samples: how many test samples to show at most, a fair sample; None for all.
        seed: of the first weights, the order of the samples and the fair sample.
        logdir: the log directory, in which a new run is begun.
        maps: whether to make maps of all layers, by principal components and by t-SNE, in three dimensions.
        say: told what a person should know, one sentence at a time.
        progress: told how far each step is.

    Raises:
        DataMissing: the dataset that was asked for cannot be had.
        LabError: anything else that ends it, with what to do now.
    """
    clock = Clock()
    with clock.times("data"):
        train_data, test_data = _load(dataset, data_dir, say, progress)
    with run_folder(logdir, None, MODEL) as run, clock.times("train"):
        trained, trace = train_traced(
            MODEL, train_data, test_data, epochs=epochs, seed=seed, run_dir=run, progress=progress
        )
    with clock.times("extract"):
        shown = test_data if samples is None else test_data.fair_sample(min(samples, len(test_data)), seed)
        sets = extract(trained.model, shown, out=run, step=trained.steps, split="test", progress=progress)
    with clock.times("write for the Projector"):
        export = write_for_viewers(run, sets.values(), progress=progress)
    reports: list[MapReport] = []
    notes = list(export.notes)
    for method, title in METHODS.items() if maps else ():
        with clock.times(f"{title} maps"):
            made = project_run(run, method, seed=seed, say=say, progress=progress)
        reports += made.maps
        notes += made.notes
    with clock.times("examine"):
        diagnosis = doctor(logdir)
    return DemoReport(
        run=run,
        dataset=test_data.name,
        samples=len(shown),
        accuracy=float(trained.test_accuracy or 0.0),
        layers=tuple(_layer_report(each) for each in sets.values()),
        elapsed_seconds=clock.seconds,
        trace=trace,
        diagnosis=diagnosis,
        maps=tuple(reports),
        notes=tuple(notes),
    )


class Clock:
    """Keeps how long each step of a story took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def times(self, step: str) -> Iterator[None]:
        """Takes the time of what happens inside."""
        began = time.perf_counter()
        yield
        self.seconds[step] = time.perf_counter() - began


def _load(
    name: str | None, data_dir: str | Path | None, say: Callable[[str], None], progress: Progress
) -> tuple[Dataset, Dataset]:
    """Training and test data; digits in place of an MNIST that nobody asked for and that cannot be had."""
    try:
        return _both_parts(name or DEFAULT_DATASET, data_dir, progress)
    except (DataMissing, StorageError) as error:  # a cache that cannot be written to is as good as none
        if name is not None:
            raise
        say(f"{error.happened} Going on with {FALLBACK_DATASET}, the real digits inside scikit-learn.")
        return _both_parts(FALLBACK_DATASET, data_dir, progress)


def _both_parts(name: str, data_dir: str | Path | None, progress: Progress) -> tuple[Dataset, Dataset]:
    train_data = load_dataset(name, split="train", data_dir=data_dir, progress=progress)
    test_data = load_dataset(name, split="test", data_dir=data_dir, progress=progress)
    return train_data, test_data


def _layer_report(embeddings: EmbeddingSet) -> LayerReport:
    return LayerReport(embeddings.layer, embeddings.dims, embeddings.size_bytes)
