"""Extraction beside the framework's own forward pass: samples per second and processor time, in turns.

    python benchmarks/extraction.py [--runs 7] [--only keras,torch,jax,onnx,resnet] [--gpu] [--json]

The same two models are written with Keras, PyTorch, JAX (a function) and ONNX; "resnet" is a ResNet-50 of PyTorch
on coloured pictures of 224 x 224. A framework that is not installed is left out. With `--gpu` PyTorch's models lie
there, where JAX's are whenever it sees one. "bare" is the model called batch by batch at its best batch size, its
result left where it is: of Keras compiled, of PyTorch in inference mode, of JAX jitted, of ONNX in a session. "lab"
is `extract` of the model's layers into a new run, from the first batch until vectors and outputs are on disk and
published. What comes before is a column of its own: tracing the graph and the table of the samples.
The difference between two numbers of samples gives the rate at which it streams, free of what is done once, as much
for the one as for the other. The aim is 80 % of bare.
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

import numpy as np
from extracted_models import Subject, many, subjects

import embedding_lab as lab
from embedding_lab.errors import DataMissing
from embedding_lab.extraction import extract

RESULT = Path(__file__).parent / "results" / "extraction.json"
AIM = 0.8
BATCH_SIZES = (64, 256, 512, 1024, 2048, 4096, 8192)
RESTS_S = 0.02
WORK = {"dense16": (300_000, 900_000), "small cnn": (30_000, 60_000), "ResNet-50": (32, 96)}
ON_A_GPU = {"dense16": (300_000, 900_000), "small cnn": (60_000, 300_000), "ResNet-50": (2_048, 8_192)}
PROBED = 10
"""A batch size is chosen by a tenth of the samples."""


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
    parser.add_argument("--only", default="keras,torch,jax,onnx", help="frameworks, with commas between")
    parser.add_argument("--gpu", action="store_true", help="PyTorch's models on the GPU, and more samples")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    options = parser.parse_args()

    pictures, labels = mnist()
    measured = [
        measure(subject, subject.samples(pictures, count), many(labels, count), options.runs)
        for framework in options.only.split(",")
        for subject in subjects(framework, options.gpu)
        for count in (ON_A_GPU if options.gpu else WORK)[subject.kind]
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


def measure(subject: Subject, pictures: np.ndarray, labels: np.ndarray, runs: int) -> Measured:
    some = pictures[: max(len(pictures) // PROBED, min(len(pictures), BATCH_SIZES[0]))]
    sizes = [size for size in BATCH_SIZES if size <= len(some)] or [len(some)]
    batch_size = min(sizes, key=lambda size: best(3, lambda: bare(subject, some, size)))
    data = lab.as_dataset(pictures, name="mnist", labels=labels, class_names=[str(digit) for digit in range(10)])
    turns = []
    for _ in range(runs + 1):  # in turns, so that a busy moment of the machine meets both
        with tempfile.TemporaryDirectory() as folder:
            turns.append(
                (
                    *rested(lambda: clocked(lambda: bare(subject, pictures, batch_size))),
                    *rested(lambda: extracted(subject, data, folder, batch_size if subject.is_function else None)),
                )
            )
    turns = turns[1:]  # the first one warms up
    shares = [(turn[0] / turn[2], turn[1] / turn[3]) for turn in turns]
    return Measured(subject.name, len(pictures), batch_size, *medians(turns), *medians(shares))


def bare(subject: Subject, pictures: np.ndarray, batch_size: int) -> None:
    for start in range(0, len(pictures), batch_size):
        subject.bare(pictures[start : start + batch_size])
    subject.wait()


def extracted(subject: Subject, data: lab.Dataset, folder: str, batch_size: int | None) -> tuple[float, ...]:
    """Seconds and processor seconds from the first batch on, and seconds before it."""
    first_batch: list[tuple[float, float]] = []

    def note(stage: str, done: int, total: int | None) -> None:
        if done == 0:
            first_batch.append((time.perf_counter(), time.process_time()))

    begun = time.perf_counter()
    extract(subject.model, data, subject.layers, out=folder, step=0, batch_size=batch_size, progress=note)
    ended, processor = time.perf_counter(), time.process_time()
    (at_first, processor_at_first) = first_batch[0]
    return ended - at_first, processor - processor_at_first, at_first - begun


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """Real MNIST where it is at hand; otherwise noise, which costs the same time."""
    try:
        data = lab.load_dataset("mnist", split="train", download=False)
        return data.samples, data.labels
    except DataMissing:
        numbers = np.random.default_rng(0)
        return numbers.integers(0, 256, (60_000, 28, 28), dtype=np.uint8), numbers.integers(0, 10, 60_000)


def clocked(work: Callable[[], object]) -> tuple[float, float]:
    begun, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - processor


def rested(measure: Callable[[], tuple[float, ...]]) -> tuple[float, ...]:
    """Measures when nothing of the run before goes on: onnxruntime's threads and OpenMP's spin for up to 40 ms."""
    while True:
        processor = time.process_time()
        time.sleep(RESTS_S)
        if time.process_time() - processor < RESTS_S / 10:
            return measure()


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
        f"{each.model:<18}{each.samples:>10,}{each.best_batch_size:>10,}{each.bare_seconds:>10.3f}"
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
    return "\n".join([f"{'extraction':<18}" + "".join(f"{each:>10}" for each in head), *rows, *rates])


if __name__ == "__main__":
    main()
