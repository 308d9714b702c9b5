"""Models as people have them, with random weights: a ResNet, a transformer encoder, an LSTM and a U-Net of Keras.

What a layer must give is what Keras computes itself for a model cut off at that layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embedding_lab.extraction import extract, layer_table

NUMBERS = np.random.default_rng(0)
TOKENS = NUMBERS.integers(1, 50, (9, 12))
PICTURES = NUMBERS.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


def check(keras: Any, model: Any, samples: NDArray[Any], names: list[str]) -> None:
    """All these layers, in batches of four, against the models that end there."""
    sets = extract(model, samples, names, batch_size=4)
    cut = keras.Model(model.inputs[0], [model.get_layer(name).output for name in names])
    expected = cut(samples, training=False)
    for name, output in zip(names, expected if isinstance(expected, list | tuple) else [expected], strict=True):
        values = keras.ops.convert_to_numpy(output)
        pooled = values.mean(axis=tuple(range(1, values.ndim - 1))) if values.ndim > 2 else values
        np.testing.assert_allclose(sets[name].vectors, pooled, rtol=1e-4, atol=5e-5)  # of values up to twenty
    assert sets[names[-1]].outputs is not None
    assert {each.name for each in layer_table(model)} >= set(names)


@pytest.mark.long
def test_a_resnet(keras: Any) -> None:
    model = keras.applications.ResNet50V2(weights=None, input_shape=(32, 32, 3), classes=10)
    check(keras, model, PICTURES, ["conv1_conv", "conv2_block1_out", "conv4_block6_out", "avg_pool", "predictions"])


def test_a_transformer_encoder(keras: Any) -> None:
    layers = keras.layers
    tokens = keras.Input((12,), dtype="int32")
    hidden = layers.Embedding(50, 16, name="words")(tokens)
    for number in range(2):
        attended = layers.MultiHeadAttention(2, 8, dropout=0.1, name=f"attention_{number}")(hidden, hidden)
        hidden = layers.LayerNormalization(name=f"attended_{number}")(hidden + attended)
        inner = layers.Dense(32, activation="gelu", name=f"inner_{number}")(hidden)
        hidden = layers.LayerNormalization(name=f"encoded_{number}")(hidden + layers.Dense(16)(inner))
    said = layers.Dense(3, activation="softmax", name="said")(layers.GlobalAveragePooling1D(name="text")(hidden))
    check(
        keras, keras.Model(tokens, said), TOKENS, ["words", "attention_0", "inner_1", "encoded_1", "text", "said"]
    )


def test_an_lstm(keras: Any) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(50, 8, name="words"),
            layers.Bidirectional(layers.LSTM(6, return_sequences=True), name="both"),
            layers.LSTM(5, name="last"),
            layers.Dense(3, activation="softmax", name="said"),
        ]
    )
    check(keras, model, TOKENS, ["words", "both", "last", "said"])


def test_a_u_net(keras: Any) -> None:
    layers = keras.layers

    def block(given: Any, channels: int, name: str) -> Any:
        given = layers.Conv2D(channels, 3, padding="same", name=f"{name}_conv")(given)
        return layers.Activation("relu", name=name)(layers.BatchNormalization()(given))

    pictures = keras.Input((32, 32, 3))
    wide = block(layers.Rescaling(1 / 255)(pictures), 4, "wide")
    middle = block(layers.MaxPooling2D()(wide), 8, "middle")
    bottom = block(layers.MaxPooling2D()(middle), 16, "bottom")
    up = layers.Conv2DTranspose(8, 2, strides=2, name="up")(bottom)
    back = block(layers.Concatenate(name="joined")([up, middle]), 8, "back")
    out = block(layers.Concatenate()([layers.UpSampling2D()(back), wide]), 4, "out")
    said = layers.Dense(2, activation="softmax", name="said")(layers.GlobalMaxPooling2D()(out))
    check(keras, keras.Model(pictures, said), PICTURES, ["wide", "bottom", "up", "joined", "out", "said"])
