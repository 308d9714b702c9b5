"""What is handed in is recognised by what it uses, without importing any framework."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import pytest

from embedding_lab.errors import InputError
from embedding_lab.profiling.subject import recognise

from .conftest import small_model


def plain(x: Any = None) -> Any:
    return x


def test_a_plain_function_is_python_though_tensorflow_is_loaded() -> None:
    pytest.importorskip("tensorflow", reason="no TensorFlow")
    assert recognise(plain, (), {}).framework == "python"
    assert recognise(len, ([],), {}).framework == "python"


def test_the_framework_is_found_in_globals_closures_arguments_and_what_is_called() -> None:
    tf = pytest.importorskip("tensorflow", reason="no TensorFlow")

    def closed() -> Any:
        return tf.zeros(1)

    def calls() -> Any:
        return closed()

    for function, args in [(closed, ()), (calls, ()), (plain, (tf.zeros(1),)), (partial(plain, x=tf.zeros(1)), ())]:
        assert recognise(function, args, {}).framework == "tensorflow"
    assert recognise(plain, ([tf.zeros(1)],), {}).framework == "tensorflow"
    assert recognise(tf.function(plain), (), {}).framework == "tensorflow"
    assert recognise(closed, (), {}, "python").framework == "python"


def test_a_keras_model_means_its_training_or_its_prediction(batch: tuple[Any, Any]) -> None:
    model = small_model()
    assert recognise(model, batch, {}).name == "net-train_on_batch"
    assert recognise(model, batch[:1], {}).name == "net-predict_on_batch"
    assert recognise(model.test_on_batch, batch, {}).model is model
    assert recognise(partial(model.train_on_batch, batch[0]), batch[1:], {}).method == "train_on_batch"


def test_a_model_that_a_function_uses_lends_it_its_layers() -> None:
    model = small_model()

    def step() -> Any:
        return model.weights

    subject = recognise(step, (), {})
    assert subject.model is model
    assert subject.owner is None
    assert subject.name == "step"


def test_a_model_that_is_not_compiled_is_told(batch: tuple[Any, Any]) -> None:
    keras = pytest.importorskip("keras", reason="no Keras")
    with pytest.raises(InputError, match="not compiled"):
        recognise(keras.Sequential([keras.layers.Dense(2)]), batch, {})


def test_tracing_plain_python_loads_no_framework() -> None:
    script = (
        "import sys, tempfile; from embedding_lab.profiling import trace\n"
        "trace(sorted, [2, 1], logdir=tempfile.mkdtemp()); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert not {"tensorflow", "keras", "torch"} & set(loaded.split())
