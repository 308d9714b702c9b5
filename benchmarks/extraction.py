"""Extraction beside the model's own compiled forward pass: samples per second and processor time, in turns.

    python benchmarks/extraction.py [--runs 7] [--json]

"bare" is the compiled model called batch by batch at its best batch size, its result left where it is. "lab" is
`extract` of the model's layers into a new run, from the first batch until vectors and outputs are on disk, synced
and published. What comes before is a column of its own: tracing the graph and the table of the samples.
The difference between two numbers of samples gives the rate at which it streams, free of what is done once. The aim
is 80 % of bare.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import embedding_lab as lab
from embedding_lab.errors import DataMissing
from embedding_lab.extraction import extract
from embedding_lab.frameworks.keras import import_keras
from embedding_lab.model import build

RESULT = Path(__file__).parent / "results" / "extraction.json"
AIM = 0.8
BATCH_SIZES = (256, 512, 1024, 2048, 4096, 8192)
WORK = {"dense16": (60_000, 300_000), "small cnn": (5_000, 20_000)}


@dataclass
class Measured:
    """One model and number of samples; seconds are medians of all runs, shares medians of the pairs."""

    model: str
    samples: int
    best_batch_size: int
    bare_seconds: float
    bare_processor_seconds: float
    lab_seconds: float
    lab_processor_seconds: float
    lab_preparing_seconds: float
    share: float
    processor_share: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    options = parser.parse_args()

    pictures, labels = mnist()
    measured = [
        measure(name, model, many(pictures, count), many(labels, count), options.runs)
        for name, model in {
            "dense16": build("dense16", shape=(28, 28), classes=10),
            "small cnn": small_cnn(),
        }.items()
        for count in WORK[name]
    ]
    result = {
        "rows": [asdict(each) for each in measured],
        "streaming": {
            few.model: streaming(few, more) for few, more in zip(measured[::2], measured[1::2], strict=True)
        },
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result) if options.json else table(measured, result["streaming"]))


def measure(name: str, model: Any, pictures: np.ndarray, labels: np.ndarray, runs: int) -> Measured:
    compiled = compiled_model(model, pictures)
    batch_size = min(BATCH_SIZES, key=lambda size: best(3, lambda: bare(compiled, pictures, size)))
    data = lab.as_dataset(pictures, name="mnist", labels=labels, class_names=[str(digit) for digit in range(10)])
    layers = [layer.name for layer in model.layers if layer.count_params()]
    turns = []
    for _ in range(runs + 1):  # in turns, so that a busy moment of the machine meets both
        with tempfile.TemporaryDirectory() as folder:
            turns.append(
                (*clocked(lambda: bare(compiled, pictures, batch_size)), *extracted(model, data, layers, folder))
            )
    turns = turns[1:]  # the first one warms up
    shares = [(turn[0] / turn[2], turn[1] / turn[3]) for turn in turns]
    return Measured(name, len(pictures), batch_size, *medians(turns), *medians(shares))


def extracted(model: Any, data: lab.Dataset, layers: list[str], folder: str) -> tuple[float, ...]:
    """Seconds and processor seconds from the first batch on, and seconds before it."""
    first_batch: list[tuple[float, float]] = []

    def note(stage: str, done: int, total: int | None) -> None:
        if done == 0:
            first_batch.append((time.perf_counter(), time.process_time()))

    begun = time.perf_counter()
    extract(model, data, layers, out=folder, step=0, progress=note)
    ended, processor = time.perf_counter(), time.process_time()
    (at_first, processor_at_first) = first_batch[0]
    return ended - at_first, processor - processor_at_first, at_first - begun


def compiled_model(model: Any, pictures: np.ndarray) -> Callable[[Any], Any]:
    import tensorflow as tf

    signature = tf.TensorSpec((None, *pictures.shape[1:]), pictures.dtype)
    return tf.function(lambda batch: model(batch, training=False)).get_concrete_function(signature)


def bare(compiled: Callable[[Any], Any], pictures: np.ndarray, batch_size: int) -> None:
    import tensorflow as tf

    for start in range(0, len(pictures), batch_size):
        compiled(tf.constant(pictures[start : start + batch_size]))


def small_cnn() -> Any:
    layers = import_keras().layers
    return import_keras().Sequential(
        [
            import_keras().Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, activation="relu", name="conv_1"),
            layers.MaxPooling2D(name="smaller"),
            layers.Conv2D(32, 3, activation="relu", name="conv_2"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(10, activation="softmax", name="output"),
        ]
    )


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """Real MNIST where it is at hand; otherwise noise, which costs the same time."""
    try:
        data = lab.load_dataset("mnist", split="train", download=False)
        return data.samples, data.labels
    except DataMissing:
        numbers = np.random.default_rng(0)
        return numbers.integers(0, 256, (60_000, 28, 28), dtype=np.uint8), numbers.integers(0, 10, 60_000)


def many(values: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([values] * -(-count // len(values)))[:count]


def clocked(work: Callable[[], object]) -> tuple[float, float]:
    begun, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - processor


def best(runs: int, work: Callable[[], object]) -> float:
    return min(clocked(work)[0] for _ in range(runs))


def medians(measured: list[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(statistics.median(column) for column in zip(*measured, strict=True))


def streaming(few: Measured, more: Measured) -> dict[str, float]:
    """Samples per second between two numbers of samples, and lab's share of bare."""
    samples = more.samples - few.samples
    bare_rate = samples / (more.bare_seconds - few.bare_seconds)
    lab_rate = samples / (more.lab_seconds - few.lab_seconds)
    bare_processor = more.bare_processor_seconds - few.bare_processor_seconds
    lab_processor = more.lab_processor_seconds - few.lab_processor_seconds
    return {
        "bare_samples_per_second": bare_rate,
        "lab_samples_per_second": lab_rate,
        "share": lab_rate / bare_rate,
        "processor_share": bare_processor / lab_processor,
    }


def table(measured: list[Measured], streams: dict[str, dict[str, float]]) -> str:
    head = ("samples", "batch", "bare s", "lab s", "share", "bare cpu", "lab cpu", "share", "before s")
    rows = [
        f"{each.model:<12}{each.samples:>10,}{each.best_batch_size:>10,}{each.bare_seconds:>10.3f}"
        f"{each.lab_seconds:>10.3f}{each.share:>10.0%}{each.bare_processor_seconds:>10.3f}"
        f"{each.lab_processor_seconds:>10.3f}{each.processor_share:>10.0%}{each.lab_preparing_seconds:>10.3f}"
        for each in measured
    ]
    rates = [
        f"{name} streams {rate['lab_samples_per_second']:,.0f} samples/s where the bare pass does "
        f"{rate['bare_samples_per_second']:,.0f}: {rate['share']:.0%} (aim {AIM:.0%}); "
        f"in processor time {rate['processor_share']:.0%}"
        for name, rate in streams.items()
    ]
    return "\n".join([f"{'extraction':<12}" + "".join(f"{each:>10}" for each in head), *rows, *rates])


if __name__ == "__main__":
    main()
