"""A large batch goes through a Keras model in parts, within the graph, and nobody can tell by the vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embedding_lab.errors import NotFinite, ShapeMismatch
from embedding_lab.extraction import extract
from embedding_lab.extraction.source import rows_in_caches

WIDE = 4096
IN_A_PART = rows_in_caches(4 * WIDE, 1)
SAMPLES = 3 * IN_A_PART + 5


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(SAMPLES, 6)).astype(np.float32)


def wide(keras: Any, *more: Any) -> Any:
    """A model of which so many samples stay in the caches."""
    layers = keras.layers
    return keras.Sequential([keras.Input((6,)), layers.Dense(WIDE, "tanh", name="wide"), *more])


def test_a_batch_of_several_parts_gives_what_the_layers_give_in_the_samples_order(
    keras: Any, rows: NDArray[np.float32]
) -> None:
    model = wide(keras, keras.layers.Dense(3, activation="softmax", name="classes"))
    sets = extract(model, rows, ["wide", "classes"], batch_size=SAMPLES)
    hidden = np.asarray(model.get_layer("wide")(rows))
    said = np.asarray(model.get_layer("classes")(hidden))
    np.testing.assert_allclose(sets["wide"].vectors, hidden, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sets["classes"].vectors, said, rtol=1e-5, atol=1e-6)
    outputs = sets["classes"].outputs
    assert outputs is not None
    np.testing.assert_array_equal(outputs.prediction, said.argmax(1))


@pytest.mark.parametrize("batch_size", [IN_A_PART - 1, IN_A_PART, IN_A_PART + 1, 2 * IN_A_PART, None])
def test_the_vectors_are_the_same_wherever_parts_end(
    keras: Any, rows: NDArray[np.float32], batch_size: int | None
) -> None:
    model = wide(keras)
    vectors = extract(model, rows, "wide", batch_size=batch_size)["wide"].vectors
    np.testing.assert_allclose(vectors, np.asarray(model(rows)), rtol=1e-5, atol=1e-6)


def test_several_inputs_are_parted_alike(keras: Any, rows: NDArray[np.float32]) -> None:
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    both = keras.layers.Concatenate(name="both")([keras.layers.Dense(WIDE, name="wide")(left), right])
    sets = extract(
        keras.Model({"left": left, "right": right}, both),
        {"left": rows, "right": 2 * rows},
        "both",
        batch_size=SAMPLES,
    )
    np.testing.assert_allclose(sets["both"].vectors[:, WIDE:], 2 * rows, rtol=1e-6)


def test_sequences_of_any_length_are_flattened_in_parts_too(keras: Any) -> None:
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.Dense(WIDE, name="wide")])
    sequences = np.random.default_rng(0).normal(size=(2 * IN_A_PART + 1, 3, 2)).astype(np.float32)
    vectors = extract(model, sequences, "wide", pooling="flatten", batch_size=len(sequences))["wide"].vectors
    np.testing.assert_allclose(
        vectors, np.asarray(model(sequences)).reshape(len(sequences), -1), rtol=1e-5, atol=1e-6
    )


def test_a_model_that_ends_in_no_classes_has_no_outputs_from_parts(keras: Any, rows: NDArray[np.float32]) -> None:
    embeddings = extract(wide(keras), rows, ["input", "wide"], batch_size=SAMPLES)
    np.testing.assert_array_equal(embeddings["input"].vectors, rows)
    assert embeddings["wide"].outputs is None


def test_nan_in_a_later_part_names_its_sample(keras: Any, rows: NDArray[np.float32]) -> None:
    spoiled = rows.copy()
    spoiled[2 * IN_A_PART + 7] = np.nan
    with pytest.raises(NotFinite, match=f"{2 * IN_A_PART + 7}"):
        extract(wide(keras), spoiled, "wide", batch_size=SAMPLES)


def test_what_a_later_part_refuses_is_explained(keras: Any) -> None:
    class Picky(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            import tensorflow as tf

            with tf.control_dependencies([tf.debugging.assert_less(inputs, 10.0, "too much")]):
                return tf.identity(inputs)

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(WIDE, name="wide"), Picky()])
    model.get_layer("wide").set_weights([np.ones((6, WIDE)), np.zeros(WIDE)])
    samples = np.zeros((SAMPLES, 6), np.float32)
    samples[-1] = 100
    with pytest.raises(ShapeMismatch, match="too much"):
        extract(model, samples, "wide", batch_size=SAMPLES)
