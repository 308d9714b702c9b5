"""Extraction beside the framework's own forward pass: samples per second and processor time, in turns.

    python benchmarks/extraction.py [--runs 7] [--only keras,torch,jax,onnx,resnet] [--gpu] [--json]

The same two models are written with Keras, PyTorch, JAX (a function) and ONNX; "resnet" is a ResNet-50 of PyTorch
on coloured pictures of 224 x 224. A framework that is not installed is left out. With `--gpu` PyTorch's models lie
there, where JAX's are whenever it sees one. "bare" is the model called batch by batch at its best batch size, its
result left where it is: of Keras compiled, of PyTorch in inference mode, of JAX jitted, of ONNX in a session. "lab"
is `extract` of the model's layers into a new run, from the first batch until vectors and outputs are on disk and
published. What comes before is a column of its own: tracing the graph and the table of the samples.
The difference between two numbers of samples gives the rate at which it streams, free of what is done once. The aim
is 80 % of bare.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import sys
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
BATCH_SIZES = (64, 256, 512, 1024, 2048, 4096, 8192)
WORK = {"dense16": (60_000, 300_000), "small cnn": (5_000, 20_000), "ResNet-50": (32, 96)}
ON_A_GPU = {"dense16": (60_000, 300_000), "small cnn": (60_000, 300_000), "ResNet-50": (2_048, 8_192)}


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


@dataclass
class Subject:
    """One model of one framework.

    Attributes:
        name: for the table.
        kind: what it is, as in `WORK`.
        model: as `extract` takes it.
        bare: takes a batch of pictures, uint8, shape (b, 28, 28), through the framework's own forward pass.
        layers: to extract.
    """

    name: str
    kind: str
    model: Any
    bare: Callable[[np.ndarray], object]
    layers: list[str]
    is_function: bool = False
    """It does not say which batches suit it: `extract` is told the best size."""

    coloured: bool = False
    """It takes pictures of shape (3, 224, 224)."""

    wait: Callable[[], object] = lambda: None
    """Ends when all that was begun is done: a GPU goes on by itself."""

    def samples(self, pictures: np.ndarray, count: int) -> np.ndarray:
        """So many pictures, uint8."""
        if self.coloured:
            return np.random.default_rng(0).integers(0, 256, (count, 3, 224, 224), dtype=np.uint8)
        return many(pictures, count)


def subjects(framework: str, gpu: bool) -> list[Subject]:
    try:
        return FRAMEWORKS[framework](*([gpu] if framework in ("torch", "resnet") else []))
    except ImportError as error:
        print(f"{framework} is left out: {error.name} is not installed", file=sys.stderr)
        return []


def measure(subject: Subject, pictures: np.ndarray, labels: np.ndarray, runs: int) -> Measured:
    sizes = [size for size in BATCH_SIZES if size <= len(pictures)] or [len(pictures)]
    batch_size = min(sizes, key=lambda size: best(3, lambda: bare(subject, pictures, size)))
    data = lab.as_dataset(pictures, name="mnist", labels=labels, class_names=[str(digit) for digit in range(10)])
    turns = []
    for _ in range(runs + 1):  # in turns, so that a busy moment of the machine meets both
        with tempfile.TemporaryDirectory() as folder:
            turns.append(
                (
                    *clocked(lambda: bare(subject, pictures, batch_size)),
                    *extracted(subject, data, folder, batch_size if subject.is_function else None),
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


def of_keras() -> list[Subject]:
    layers = import_keras().layers  # which starts TensorFlow without noise
    import tensorflow as tf

    cnn = import_keras().Sequential(
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
    found = []
    for kind, model in {"dense16": build("dense16", shape=(28, 28), classes=10), "small cnn": cnn}.items():
        signature = tf.TensorSpec((None, 28, 28), tf.uint8)
        compiled = tf.function(functools.partial(model, training=False)).get_concrete_function(signature)
        names = [layer.name for layer in model.layers if layer.count_params()]
        found.append(
            Subject(f"keras {kind}", kind, model, lambda batch, run=compiled: run(tf.constant(batch)), names)
        )
    return found


def of_torch(gpu: bool) -> list[Subject]:
    from torch import nn

    class Rescaled(nn.Module):
        def forward(self, pictures: Any) -> Any:
            return pictures[:, None].float() / 255

    class Average(nn.Module):
        def forward(self, maps: Any) -> Any:
            return maps.mean((2, 3))

    dense = nn.Sequential(Rescaled(), nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10), nn.Softmax(1))
    smaller = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU())
    cnn = nn.Sequential(Rescaled(), *smaller, Average(), nn.Linear(32, 10), nn.Softmax(1))

    return [
        in_torch("torch dense16", "dense16", dense, ["3", "5"], gpu),
        in_torch("torch small cnn", "small cnn", cnn, ["2", "5", "8"], gpu),
    ]


def of_resnet(gpu: bool) -> list[Subject]:
    import transformers
    from torch import nn

    class Classified(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.resnet = transformers.ResNetModel(transformers.ResNetConfig())
            self.classes = nn.Linear(2048, 10)

        def forward(self, pictures: Any) -> Any:
            return self.classes(self.resnet(pictures.float() / 255).pooler_output.flatten(1)).softmax(1)

    layers = ["resnet.encoder.stages.3", "resnet.pooler", "classes"]
    return [in_torch("torch ResNet-50", "ResNet-50", Classified(), layers, gpu, coloured=True)]


def in_torch(name: str, kind: str, model: Any, layers: list[str], gpu: bool, **more: Any) -> Subject:
    import torch

    model = model.cuda().eval() if gpu else model.eval()

    def run(batch: np.ndarray) -> object:
        with torch.inference_mode():
            return model(torch.from_numpy(batch).cuda() if gpu else torch.from_numpy(batch))

    if gpu:
        more["wait"] = torch.cuda.synchronize
    return Subject(name, kind, model, run, layers, **more)


def of_jax() -> list[Subject]:
    import jax

    weights = random_weights()

    @jax.jit
    def dense(pictures: Any) -> Any:
        hidden = jax.nn.relu(pictures.reshape(len(pictures), -1) / 255 @ weights["first"])
        return {"hidden": hidden, "probabilities": jax.nn.softmax(hidden @ weights["last"])}

    @jax.jit
    def cnn(pictures: Any) -> Any:
        def conv(given: Any, kernel: Any) -> Any:
            order = ("NHWC", "HWIO", "NHWC")
            return jax.nn.relu(
                jax.lax.conv_general_dilated(given, kernel, (1, 1), "VALID", dimension_numbers=order)
            )

        one = conv(pictures[..., None] / 255, weights["kernel_1"])
        small = jax.lax.reduce_window(one, -np.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        two = conv(small, weights["kernel_2"]).mean((1, 2))
        return {"one": one.mean((1, 2)), "two": two, "probabilities": jax.nn.softmax(two @ weights["classes"])}

    def run(batch: np.ndarray, model: Any) -> object:
        return jax.block_until_ready(model(batch))

    return [
        Subject("jax dense16", "dense16", dense, functools.partial(run, model=dense), ["hidden"], True),
        Subject("jax small cnn", "small cnn", cnn, functools.partial(run, model=cnn), ["one", "two"], True),
    ]


def of_onnx() -> list[Subject]:
    import onnx
    import onnxruntime

    helper = onnx.helper
    weights = random_weights()
    kernels = {name: weights[name].transpose(3, 2, 0, 1) for name in ("kernel_1", "kernel_2")}
    graphs = {
        "dense16": [
            ("Flatten", ["rescaled"], "flat", {}),
            ("MatMul", ["flat", "first"], "product", {}),
            ("Relu", ["product"], "hidden", {}),
            ("MatMul", ["hidden", "last"], "logits", {}),
            ("Softmax", ["logits"], "said", {}),
        ],
        "small cnn": [
            ("Reshape", ["rescaled", "as maps"], "maps", {}),
            ("Conv", ["maps", "kernel_1"], "conv_1", {}),
            ("Relu", ["conv_1"], "relu_1", {}),
            ("MaxPool", ["relu_1"], "smaller", {"kernel_shape": [2, 2], "strides": [2, 2]}),
            ("Conv", ["smaller", "kernel_2"], "conv_2", {}),
            ("Relu", ["conv_2"], "relu_2", {}),
            ("ReduceMean", ["relu_2"], "average", {"axes": [2, 3], "keepdims": 0}),
            ("MatMul", ["average", "classes"], "logits", {}),
            ("Softmax", ["logits"], "said", {}),
        ],
    }
    layers = {"dense16": ["hidden", "said"], "small cnn": ["relu_1", "relu_2", "said"]}
    beginning = [
        ("Cast", ["pictures"], "floats", {"to": onnx.TensorProto.FLOAT}),
        ("Div", ["floats", "most"], "rescaled", {}),
    ]
    numbers = {**weights, **kernels, "most": np.float32(255), "as maps": np.array([0, 1, 28, 28])}
    found = []
    for kind, steps in graphs.items():
        nodes = [helper.make_node(name, given, [gives], **more) for name, given, gives, more in beginning + steps]
        used = {name: each for name, each in numbers.items() if any(name in node.input for node in nodes)}
        held = [onnx.numpy_helper.from_array(np.asarray(each), name) for name, each in used.items()]
        pictures = helper.make_tensor_value_info("pictures", onnx.TensorProto.UINT8, ["n", 28, 28])
        said = helper.make_tensor_value_info("said", onnx.TensorProto.FLOAT, ["n", 10])
        RESULT.parent.mkdir(exist_ok=True)
        file = str(RESULT.parent / f"{kind}.onnx")
        graph = helper.make_graph(nodes, kind, [pictures], [said], held)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
        session = onnxruntime.InferenceSession(file)
        found.append(
            Subject(
                f"onnx {kind}",
                kind,
                file,
                lambda batch, session=session: session.run(None, {"pictures": batch}),
                layers[kind],
            )
        )
    return found


FRAMEWORKS = {"keras": of_keras, "torch": of_torch, "jax": of_jax, "onnx": of_onnx, "resnet": of_resnet}


def random_weights() -> dict[str, np.ndarray]:
    numbers = np.random.default_rng(0)
    shapes = {
        "first": (784, 16),
        "last": (16, 10),
        "kernel_1": (3, 3, 1, 16),
        "kernel_2": (3, 3, 16, 32),
        "classes": (32, 10),
    }
    return {name: numbers.normal(size=shape).astype(np.float32) / 8 for name, shape in shapes.items()}


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
