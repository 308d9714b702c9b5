"""The models whose extraction is measured, written with each framework, and each one's own forward pass."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedding_lab.frameworks.keras import import_keras
from embedding_lab.model import build

ONNX_FILES = Path(__file__).parent / "results"


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
        ONNX_FILES.mkdir(exist_ok=True)
        file = str(ONNX_FILES / f"{kind}.onnx")
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


def many(values: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([values] * -(-count // len(values)))[:count]
