"""Keras on JAX and on PyTorch: all that is promised of Keras models, in processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROMISES = (HERE / "test_keras.py", HERE / "test_real_keras.py", HERE.parent / "app" / "test_embedding_logger.py")
"""Tests of layers, of models that others made, and of a training that is logged."""

PAGE = HERE.parent.parent / "docs" / "keras.md"


def python(backend: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Python with Keras on this backend, which is chosen once and for all when Keras is imported."""
    pytest.importorskip(backend, reason=f"no {backend}: pip install {backend}")
    environment = os.environ | {"KERAS_BACKEND": backend}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.long
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_everything_that_is_promised_of_keras_models_holds(backend: str) -> None:
    options = ("-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist")
    done = python(backend, "-m", "pytest", *options, *map(str, PROMISES))
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_what_the_page_says_works_without_tensorflow_and_so_do_the_commands(backend: str, tmp_path: Path) -> None:
    example = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    script = f"""
import os, sys
os.chdir(r"{tmp_path}")
{example}
assert keras.backend.backend() == "{backend}"
assert lab.layer_table(model)[-1].shape == (10,)
assert "tensorflow" not in sys.modules
model = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(4, name="few")])
model.save(r"{tmp_path / "model.keras"}")
from embedding_lab.cli import main
for words in (["layers"], ["extract", "--dataset", "digits", "--samples", "20", "--logdir", r"{tmp_path}"]):
    sys.argv = ["embedding-lab", words[0], r"{tmp_path / "model.keras"}", *words[1:]]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
"""
    done = python(backend, "-c", script)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "few" in done.stdout


def test_in_pytorch_a_layer_that_keeps_a_tensor_can_be_trained_on() -> None:
    script = """
import keras, numpy as np, embedding_lab as lab

class Masked(keras.layers.Layer):
    mask = None

    def call(self, given):
        if self.mask is None or len(self.mask) != len(given):
            self.mask = keras.ops.ones((len(given), 1))
        return given * self.mask

model = keras.Sequential([keras.layers.Dense(4), Masked()])
rows = np.ones((8, 5), np.float32)
lab.extract(model, rows, batch_size=len(rows))
model(rows).sum().backward()
"""
    done = python("torch", "-c", script)
    assert done.returncode == 0, done.stderr[-4000:]
