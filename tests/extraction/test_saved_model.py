"""Of a SavedModel its signature's outputs can be had, and it is said that its layers cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.same_weights import NETWORK, SameWeightsContract
from embedding_lab.errors import BrokenFile, ShapeMismatch, UnknownName
from embedding_lab.extraction import extract, layer_table
from embedding_lab.frameworks.keras import import_keras

ROWS = np.random.default_rng(1).normal(size=(7, 5)).astype(np.float32)


def on_tensorflow() -> Any:
    keras = import_keras()
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a SavedModel is made and read by TensorFlow")
    return keras


@pytest.fixture(scope="module")
def keras() -> Any:
    return on_tensorflow()


@pytest.mark.long
class TestTheSameWeights(SameWeightsContract):
    SHAPE_WORDS = ("(6, 6, 2)",)

    @staticmethod
    def build(folder: Path, at_most: int | None = None) -> Path:
        keras = on_tensorflow()
        layers = keras.layers
        pictures = keras.Input((6, 6, 2))
        given = pictures if at_most is None else refusing(keras, at_most)(pictures)
        conv = layers.Conv2D(4, 3, name="conv")(given)
        relu = layers.ReLU()(conv)
        classes = layers.Dense(3, activation="softmax", name="classes")(layers.Flatten()(relu))
        model = keras.Model(pictures, {"conv": conv, "relu": relu, "classes": classes})
        model.get_layer("conv").set_weights([NETWORK.kernel, NETWORK.shifts])
        model.get_layer("classes").set_weights([NETWORK.matrix, NETWORK.biases])
        model.export(folder / "network", verbose=False)
        return folder / "network"

    @staticmethod
    def state(model: Any) -> Any:
        return [path.read_bytes() for path in sorted(Path(model).rglob("*")) if path.is_file()]


def refusing(keras: Any, at_most: int) -> Any:
    """A layer that asks for more memory than there is where more samples come, and else gives them on."""
    tensorflow = pytest.importorskip("tensorflow")

    class Refusing(keras.layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, samples: Any) -> Any:
            rows = tensorflow.where(tensorflow.shape(samples)[0] > at_most, 1 << 30, 0)
            return samples + tensorflow.reduce_sum(tensorflow.zeros([rows, 1 << 20]))

    return Refusing()


@pytest.fixture(scope="module")
def two_outputs(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    inputs = keras.Input((5,), name="rows")
    hidden = keras.layers.Dense(4, name="hidden")(inputs)
    model = keras.Model(inputs, {"code": hidden, "said": keras.layers.Dense(3, activation="softmax")(hidden)})
    path = tmp_path_factory.mktemp("saved") / "model"
    model.export(path, verbose=False)
    return model, path


def test_the_outputs_of_the_signature_are_layers_and_what_the_model_says(two_outputs: tuple[Any, Path]) -> None:
    model, path = two_outputs
    expected = model(ROWS)
    sets = extract(path, ROWS, batch_size=3)
    assert list(sets) == ["input", "code", "said"]
    for name in ("code", "said"):
        np.testing.assert_allclose(sets[name].vectors, expected[name], atol=1e-6)
    said = sets["code"].outputs
    assert said is not None
    np.testing.assert_allclose(said.probabilities, expected["said"], atol=1e-6)
    assert sets["code"].model == extract(str(path), ROWS, "code")["code"].model


def test_asked_for_its_layers_it_says_that_keras_cannot_load_them(two_outputs: tuple[Any, Path]) -> None:
    with pytest.warns(UserWarning, match="Keras 3 cannot load the layers of a SavedModel"):
        rows = layer_table(two_outputs[1])
    assert [(each.name, each.shape) for each in rows] == [("code", (4,)), ("said", (3,))]
    with pytest.raises(UnknownName, match=r"one of input, code, said.*Keras 3 cannot load the layers"):
        extract(two_outputs[1], ROWS, "hidden")


def test_samples_go_in_in_the_type_of_the_signature_and_others_are_refused(two_outputs: tuple[Any, Path]) -> None:
    whole = np.arange(35).reshape(7, 5)
    expected = two_outputs[0](whole.astype(np.float32))["code"]
    np.testing.assert_allclose(extract(two_outputs[1], whole, "code")["code"].vectors, expected, rtol=1e-5)
    with pytest.raises(ShapeMismatch, match=r"\(6,\).*\(5,\)"):
        extract(two_outputs[1], np.zeros((3, 6)), "code")


def test_several_inputs_are_given_by_name(keras: Any, tmp_path: Path) -> None:
    inputs = {name: keras.Input((5,), name=name) for name in ("left", "right")}
    model = keras.Model(inputs, keras.layers.Subtract()([inputs["left"], inputs["right"]]))
    model.export(tmp_path / "model", verbose=False)
    sets = extract(tmp_path / "model", {"right": 2 * ROWS, "left": ROWS})
    np.testing.assert_allclose(next(iter(sets.values())).vectors, -ROWS)
    with pytest.raises(ShapeMismatch, match="inputs 'left'"):
        extract(tmp_path / "model", ROWS)


def test_a_folder_that_cannot_be_loaded_is_broken(keras: Any, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"none")
    with pytest.raises(BrokenFile, match="could not be loaded as a SavedModel"):
        extract(tmp_path, ROWS)


def test_the_commands_take_the_folder(keras: Any, tmp_path: Path, here: Any) -> None:
    layers = keras.layers
    keras.Sequential([keras.Input((8, 8)), layers.Flatten(), layers.Dense(3)]).export(tmp_path / "m", verbose=False)
    with pytest.warns(UserWarning, match="Keras 3 cannot load the layers"):
        listed = here(tmp_path, "layers", "m")
    assert listed.returncode == 0, listed.stderr
    assert "output_0" in listed.stdout
    taken = here(tmp_path, "extract", "m", "--dataset", "digits", "--samples", "20")
    assert taken.returncode == 0, taken.stderr
    assert "output_0" in taken.stdout
