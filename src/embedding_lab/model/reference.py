"""The reference models: one function builds one, and one line makes it known.

All of them take the raw uint8 samples, since rescaling is their first layer: nobody can feed them the wrong range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from embedding_lab.errors import one_of
from embedding_lab.frameworks.keras import import_keras


def dense16(keras: Any, shape: tuple[int, ...], classes: int, seed: int) -> Any:
    """The tutorial's model: all pixels to 16 relu units, `embed_layer`, to one probability per class."""
    layers, start = keras.layers, _initializers(keras, seed)
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255, name="rescaling"),
            layers.Flatten(name="flatten"),
            layers.Dense(16, activation="relu", kernel_initializer=next(start), name="embed_layer"),
            layers.Dense(classes, activation="softmax", kernel_initializer=next(start), name="output"),
        ],
        name="dense16",
    )


MODELS: Mapping[str, Callable[[Any, tuple[int, ...], int, int], Any]] = {
    "dense16": dense16,
}
"""Name to builder: called with the module keras, the samples' shape, the number of classes and the seed."""


def build(name: str, *, shape: tuple[int, ...], classes: int, seed: int = 0, learning_rate: float = 1e-3) -> Any:
    """A reference model with fresh weights, compiled with Adam and cross-entropy.

    Args:
        name: one of `MODELS`.
        shape: of one sample, such as (28, 28).
        classes: how many there are.
        seed: the same seed gives the same weights; no global random state is touched.
        learning_rate: of Adam.

    Raises:
        UnknownName: there is no such model.
        MissingDependency: Keras is not installed.
    """
    if name not in MODELS:
        raise one_of("Model", name, MODELS)
    keras = import_keras()
    model = MODELS[name](keras, shape, classes, seed)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def _initializers(keras: Any, seed: int) -> Iterator[Any]:
    """Keras' usual first weights, for each layer from a seed of its own that follows from the model's."""
    numbers = np.random.default_rng(seed)
    while True:
        yield keras.initializers.GlorotUniform(seed=int(numbers.integers(2**31)))
