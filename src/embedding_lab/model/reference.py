"""The reference models: one function builds one, and one line makes it known.

All of them take the raw uint8 samples, since rescaling is their first layer: nobody can feed them the wrong range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedding_lab.errors import one_of
from embedding_lab.frameworks.keras import import_keras_on_tensorflow


@dataclass(frozen=True)
class Recipe:
    """How a reference model is built and, unless told otherwise, trained.

    Attributes:
        layers: gives its layers between input and loss: called with the module keras, the samples' shape, the
            number of classes, the dropout rate, and numbers to seed each layer with.
        logits: whether its last layer gives logits, rather than probabilities.
        batch_size: samples per step.
        epochs: how often every sample is seen.
        learning_rate: of Adam, at the first step.
        decay: whether the learning rate falls to nothing by half a cosine.
        dropout: share of the units that are dropped at each step, 0 to 1.
        test_every: steps between tests.
    """

    layers: Callable[[Any, tuple[int, ...], int, float, Iterator[int]], list[Any]]
    logits: bool
    batch_size: int
    epochs: int
    learning_rate: float = 1e-3
    decay: bool = False
    dropout: float = 0.0
    test_every: int = 100


def dense16(keras: Any, shape: tuple[int, ...], classes: int, dropout: float, seeds: Iterator[int]) -> list[Any]:
    """The first tutorial's model: all pixels to 16 relu units, `embed_layer`, to one probability per class."""
    layers, glorot = keras.layers, keras.initializers.GlorotUniform
    return [
        layers.Rescaling(1 / 255, name="rescaling"),
        layers.Flatten(name="flatten"),
        layers.Dense(16, activation="relu", kernel_initializer=glorot(next(seeds)), name="embed_layer"),
        *_dropout(keras, dropout, seeds),
        layers.Dense(classes, activation="softmax", kernel_initializer=glorot(next(seeds)), name="output"),
    ]


def mlp(keras: Any, shape: tuple[int, ...], classes: int, dropout: float, seeds: Iterator[int]) -> list[Any]:
    """The second tutorial's model: all pixels to 500 relu units, dropout, one logit per class."""
    layers = keras.layers

    def dense(units: int, name: str, activation: str | None = None) -> Any:
        return layers.Dense(
            units,
            activation=activation,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.1, seed=next(seeds)),
            bias_initializer=keras.initializers.Constant(0.1),
            name=name,
        )

    return [
        layers.Rescaling(1 / 255, name="rescaling"),
        layers.Flatten(name="flatten"),
        dense(500, "hidden", "relu"),
        layers.Dropout(dropout, seed=next(seeds), name="dropout"),
        dense(classes, "logits"),
    ]


def cnn(keras: Any, shape: tuple[int, ...], classes: int, dropout: float, seeds: Iterator[int]) -> list[Any]:
    """A small convolutional network: three blocks that halve the picture, 64 units, `embed_layer`, and logits."""
    layers, he = keras.layers, keras.initializers.HeNormal

    def block(filters: int, size: int, number: int) -> list[Any]:
        convolution = layers.Conv2D(
            filters,
            size,
            strides=2,
            padding="same",
            use_bias=False,  # batch norm brings its own
            kernel_initializer=he(next(seeds)),
            name=f"conv_{number}",
        )
        norm = layers.BatchNormalization(momentum=0.9, name=f"norm_{number}")
        return [convolution, norm, layers.Activation("relu", name=f"relu_{number}")]

    return [
        layers.Rescaling(1 / 255, name="rescaling"),
        *([] if len(shape) == 3 else [layers.Reshape((*shape, 1), name="channel")]),
        *block(32, 5, 1),
        *block(64, 3, 2),
        *block(64, 3, 3),
        layers.Flatten(name="flatten"),
        layers.Dense(64, activation="relu", kernel_initializer=he(next(seeds)), name="embed_layer"),
        layers.Dropout(dropout, seed=next(seeds), name="dropout"),
        layers.Dense(classes, kernel_initializer=he(next(seeds)), name="logits"),
    ]


MODELS: Mapping[str, Recipe] = {
    "dense16": Recipe(dense16, logits=False, batch_size=32, epochs=5),
    "mlp": Recipe(mlp, logits=True, batch_size=100, epochs=2, dropout=0.1, test_every=10),
    "cnn": Recipe(cnn, logits=True, batch_size=64, epochs=5, learning_rate=2e-3, decay=True, dropout=0.3),
}


def recipe(name: str) -> Recipe:
    """The recipe of a reference model.

    Raises:
        UnknownName: there is no such model.
    """
    if name not in MODELS:
        raise one_of("Model", name, MODELS)
    return MODELS[name]


def build(
    name: str,
    *,
    shape: tuple[int, ...],
    classes: int,
    seed: int = 0,
    learning_rate: float | None = None,
    dropout: float | None = None,
    steps: int | None = None,
) -> Any:
    """A reference model with fresh weights, compiled with Adam and cross-entropy.

    Args:
        name: one of `MODELS`.
        shape: of one sample, such as (28, 28).
        classes: how many there are.
        seed: the same seed gives the same weights and drops the same units; no global random state is touched.
        learning_rate: of Adam; the recipe's when left out.
        dropout: share of the units that are dropped; the recipe's when left out.
        steps: how many there will be, for a recipe with decay; without it the learning rate stays.

    Raises:
        UnknownName: there is no such model.
        MissingDependency: Keras is not installed.
    """
    chosen = recipe(name)
    keras = import_keras_on_tensorflow()
    dropout = chosen.dropout if dropout is None else dropout
    layers = chosen.layers(keras, shape, classes, dropout, _seeds(seed))
    model = keras.Sequential([keras.Input(shape), *layers], name=name)
    rate: Any = chosen.learning_rate if learning_rate is None else learning_rate
    if chosen.decay and steps:
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=(
            keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            if chosen.logits
            else "sparse_categorical_crossentropy"
        ),
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def _dropout(keras: Any, rate: float, seeds: Iterator[int]) -> list[Any]:
    """A layer of dropout for a model that has none of its own, where some is asked for."""
    return [keras.layers.Dropout(rate, seed=next(seeds), name="dropout")] if rate else []


def _seeds(seed: int) -> Iterator[int]:
    """A seed for each layer, which follows from the model's."""
    numbers = np.random.default_rng(seed)
    while True:
        yield int(numbers.integers(2**31))
