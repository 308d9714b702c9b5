"""Many batches go through a Keras model in parts, within the graph, and nobody can tell by the vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embedding_lab.errors import NotFinite, ShapeMismatch
from embedding_lab.extraction import extract
from embedding_lab.extraction.blocks import MANY
from embedding_lab.extraction.source import rows_in_caches

WIDE = 4096
IN_A_PART = rows_in_caches(4 * WIDE, 1)
BATCH = 2 * IN_A_PART + 7
SAMPLES = MANY * BATCH + IN_A_PART + 3
LATE = SAMPLES - 5


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(SAMPLES, 6)).astype(np.float32)


def wide(keras: Any, *more: Any) -> Any:
    """A model of which so many samples stay in the caches."""
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(WIDE, "tanh", name="wide"), *more])


def test_parts_give_what_the_layers_give_in_the_order_of_the_samples(keras: Any, rows: NDArray[np.float32]) -> None:
    layers = keras.layers
    model = wide(keras, layers.Dense(8, "tanh", name="hidden"), layers.Dense(3, "softmax", name="classes"))
    sets = extract(model, rows, ["hidden", "classes"], batch_size=BATCH)
    hidden = np.asarray(model.get_layer("hidden")(model.get_layer("wide")(rows)))
    said = np.asarray(model.get_layer("classes")(hidden))
    np.testing.assert_allclose(sets["hidden"].vectors, hidden, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sets["classes"].vectors, said, rtol=1e-4, atol=1e-5)
    outputs = sets["classes"].outputs
    assert outputs is not None
    np.testing.assert_allclose(outputs.confidence, said.max(1), rtol=1e-4)


@pytest.mark.parametrize("batch_size", [IN_A_PART - 1, IN_A_PART, IN_A_PART + 1, 2 * IN_A_PART, SAMPLES // MANY])
def test_the_vectors_are_the_same_wherever_parts_end(
    keras: Any, rows: NDArray[np.float32], batch_size: int
) -> None:
    model = wide(keras, keras.layers.Dense(4, name="narrow"))
    vectors = extract(model, rows, "narrow", batch_size=batch_size)["narrow"].vectors
    np.testing.assert_allclose(vectors, np.asarray(model(rows)), rtol=1e-4, atol=1e-5)


def test_several_inputs_are_parted_alike(keras: Any, rows: NDArray[np.float32]) -> None:
    layers = keras.layers
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    seen = layers.Dense(2, name="narrow")(layers.Dense(WIDE, name="wide")(left))
    model = keras.Model({"left": left, "right": right}, layers.Concatenate(name="both")([seen, right]))
    sets = extract(model, {"left": rows, "right": 2 * rows}, "both", batch_size=BATCH)
    np.testing.assert_allclose(sets["both"].vectors[:, 2:], 2 * rows, rtol=1e-6)


def test_texts_padded_to_the_longest_of_a_batch_are_not_parted(keras: Any) -> None:
    layers = keras.layers
    tokens = layers.TextVectorization(vocabulary=["owl"])
    model = keras.Sequential([keras.Input((1,), dtype="string"), tokens, layers.Embedding(3, 8192, name="words")])
    model.add(layers.Dense(2, name="narrow"))
    texts = np.array(["owl"] * 64 * MANY, dtype=object)[:, np.newaxis]
    texts[::64] = "owl owl owl"  # one in each batch, and in one of the parts that it would have
    vectors = extract(model, texts, "narrow", pooling="flatten", batch_size=64)["narrow"].vectors
    assert vectors.shape == (len(texts), 3 * 2)


def test_a_model_that_ends_in_no_classes_has_no_outputs_from_parts(keras: Any, rows: NDArray[np.float32]) -> None:
    model = wide(keras, keras.layers.Dense(4, "relu", name="narrow"))
    sets = extract(model, rows, ["input", "narrow"], batch_size=BATCH)
    np.testing.assert_array_equal(sets["input"].vectors, rows)
    assert sets["narrow"].outputs is None


def test_nan_in_a_later_part_names_its_sample(keras: Any, rows: NDArray[np.float32]) -> None:
    spoiled = rows.copy()
    spoiled[LATE] = np.nan
    with pytest.raises(NotFinite, match=str(LATE)):
        extract(wide(keras, keras.layers.Dense(4, name="narrow")), spoiled, "narrow", batch_size=BATCH)


def test_what_a_later_part_refuses_is_explained(keras: Any) -> None:
    layers = keras.layers
    model = keras.Sequential([keras.Input((1,)), layers.Embedding(3, WIDE), layers.Dense(2, name="narrow")])
    tokens = np.zeros((SAMPLES, 1), np.int32)
    tokens[LATE] = 7
    with pytest.raises(ShapeMismatch, match=r"= 7 is not in \[0, 3\)"):
        extract(model, tokens, "narrow", batch_size=BATCH)
