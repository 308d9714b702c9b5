"""Extraction streams: what it needs does not grow with the samples."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from embedding_lab.extraction import extract

class Made:
    '''Samples made when they are read, so that only what extraction keeps can count.'''
    def __init__(self, count):
        self.shape, self.dtype, self.ndim = (count, 28, 28), np.dtype(np.uint8), 3
    def __len__(self):
        return self.shape[0]
    def __getitem__(self, rows):
        count = len(np.arange(len(self))[rows])
        return np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)

MODEL
sets = extract(model, Made(int(sys.argv[1])), ["input", *layers], out=sys.argv[2], batch_size=1024)
assert len(sets[layers[0]]) == int(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

KERAS = """
from embedding_lab.frameworks.keras import import_keras
keras = import_keras()
layers = ["wide", "classes"]
model = keras.Sequential([
    keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(256, name="wide"),
    keras.layers.Dense(10, activation="softmax", name="classes"),
])
"""

TORCH = """
import torch
layers = ["1", "2"]
class Floats(torch.nn.Flatten):
    def forward(self, pictures):
        return super().forward(pictures).float()
model = torch.nn.Sequential(Floats(), torch.nn.Linear(784, 256), torch.nn.Linear(256, 10))
"""

FUNCTION = """
layers = ["wide", "classes"]
first, last = np.ones((784, 256), np.float32) / 784, np.ones((256, 10), np.float32)
def model(pictures):
    wide = pictures.reshape(len(pictures), -1) @ first
    return {"wide": wide, "classes": wide @ last}
"""

JAX = (
    FUNCTION
    + """
import jax
model = jax.jit(model)
"""
)

ONNX = """
import onnx
make, array = onnx.helper, onnx.numpy_helper.from_array
layers = ["wide", "classes"]
value = make.make_tensor_value_info
onnx.save(make.make_model(make.make_graph(
    [make.make_node("Cast", ["pictures"], ["numbers"], to=onnx.TensorProto.FLOAT),
     make.make_node("Flatten", ["numbers"], ["flat"]), make.make_node("MatMul", ["flat", "first"], ["wide"]),
     make.make_node("MatMul", ["wide", "last"], ["classes"])],
    "graph", [value("pictures", onnx.TensorProto.UINT8, ["n", 28, 28])],
    [value("classes", onnx.TensorProto.FLOAT, ["n", 10])],
    [array(np.ones((784, 256), np.float32), "first"), array(np.ones((256, 10), np.float32), "last")],
), opset_imports=[make.make_opsetid("", 17)], ir_version=8), sys.argv[2] + ".onnx")
model = sys.argv[2] + ".onnx"
"""

SAVED_MODEL = (
    KERAS
    + """
outputs = {each.name: each.output for each in model.layers[-2:]}
keras.Model(model.inputs, outputs).export(sys.argv[2] + "-saved", verbose=False)
model = sys.argv[2] + "-saved"
"""
)

PIPELINE = """
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
layers = ["pca", "logisticregression"]
model = make_pipeline(PCA(256), LogisticRegression())
model.fit(Made(300)[:].reshape(300, -1), np.arange(300) % 10)
"""

MODELS = {
    "keras on tensorflow": KERAS,
    "keras on jax": KERAS,
    "keras on torch": KERAS,
    "torch": TORCH,
    "jax": JAX,
    "onnx": ONNX,
    "a SavedModel of tensorflow": SAVED_MODEL,
    "a pipeline of sklearn": PIPELINE,
    "a function of numpy": FUNCTION,
}
"""By names that end in the package that they need."""


def peak_megabytes(framework: str, samples: int, run: Path) -> float:
    """Of a process of its own, in which nothing else has run."""
    script = SCRIPT.replace("MODEL", MODELS[framework])
    backend = framework.rpartition(" ")[2] if "keras" in framework else "tensorflow"
    done = subprocess.run(
        [sys.executable, "-c", script, str(samples), str(run)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"KERAS_BACKEND": backend},
    )
    return int(done.stdout) / (1024 if sys.platform != "darwin" else 1024**2)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module to ask")
@pytest.mark.parametrize("framework", MODELS)
def test_ten_times_the_samples_need_no_more_memory(framework: str, tmp_path: Path) -> None:
    package = framework.rpartition(" ")[2]
    pytest.importorskip(package, reason=f"no {package}: pip install {package}")
    few = peak_megabytes(framework, 12_000, tmp_path / "few")
    many = peak_megabytes(framework, 120_000, tmp_path / "many")
    grown = f"{few:.0f} MB, then {many:.0f} MB, for 450 MB more of vectors"
    assert many - few < 120, grown  # ids and outputs grow, and PyTorch has not freed all yet
