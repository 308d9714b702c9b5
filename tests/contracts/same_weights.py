"""One small network in numpy alone: with the same weights every framework gives the same vectors within 1e-5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.extractor_contract import Case, ExtractorContract
from embedding_lab.extraction import extract


class Network:
    """A convolution, a relu and a layer of three classes, on pictures of shape (6, 6, 2); everything float32.

    Attributes:
        pictures: shape (12, 6, 6, 2).
        kernel: of the convolution, shape (3, 3, 2, 4); `shifts` its bias, shape (4,).
        matrix: of the classes, shape (64, 3), for rows of (height, width, channel); `biases` theirs, shape (3,).
    """

    def __init__(self) -> None:
        numbers = np.random.default_rng(0)
        self.pictures = numbers.normal(size=(12, 6, 6, 2)).astype(np.float32)
        self.kernel = numbers.normal(size=(3, 3, 2, 4)).astype(np.float32)
        self.shifts = numbers.normal(size=4).astype(np.float32)
        self.matrix = (numbers.normal(size=(64, 3)) / 8).astype(np.float32)
        self.biases = numbers.normal(size=3).astype(np.float32)

    def __call__(self, pictures: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """What the layers give for pictures of shape (b, 6, 6, 2)."""
        windows = np.lib.stride_tricks.sliding_window_view(pictures, (3, 3), axis=(1, 2))
        conv = np.einsum("bhwcij,ijco->bhwo", windows, self.kernel) + self.shifts
        relu = np.maximum(conv, 0)
        logits = relu.reshape(len(relu), -1) @ self.matrix + self.biases
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        classes = powers / powers.sum(axis=1, keepdims=True)
        return {"conv": conv, "relu": relu, "classes": classes}


NETWORK = Network()


class SameWeightsContract(ExtractorContract):
    """Inherit it and supply `build`: the network above, written with the framework and with the same weights."""

    CHANNELS_FIRST = False
    """Whether the model takes pictures of shape (b, channels, height, width)."""

    NAMES: dict[str, str] = {}  # noqa: RUF012
    """What the framework calls the layers conv, relu and classes, where it has other names."""

    HAS_WEIGHTS = True
    """Whether the lab sees the model's weights."""

    SHAPE_WORDS: tuple[str, ...] = ()
    """Words of the message about pictures of another shape."""

    @staticmethod
    def build(folder: Path, at_most: int | None = None) -> Any:
        """The network; where `at_most` is given, larger batches are refused as the framework does without memory.

        Args:
            folder: for a model that is a file.
            at_most: samples.
        """
        raise NotImplementedError

    @staticmethod
    def state(model: Any) -> Any:
        """All that extraction must leave as it is."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def case(cls, tmp_path_factory: pytest.TempPathFactory) -> Case:
        model = cls.build(tmp_path_factory.mktemp("network"))
        first = NETWORK(NETWORK.pictures)
        outputs = {cls.NAMES.get(name, name): cls.as_here(output) for name, output in first.items()}
        maps = [cls.NAMES.get(name, name) for name in ("conv", "relu") if cls.CHANNELS_FIRST]
        return Case(
            model=model,
            samples=cls.as_here(NETWORK.pictures),
            outputs=outputs,
            probabilities=first["classes"],
            state=lambda: cls.state(model),
            shape_words=cls.SHAPE_WORDS,
            channels_first=frozenset(maps),
            has_weights=cls.HAS_WEIGHTS,
        )

    @classmethod
    def as_here(cls, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """With the channels where the framework has them."""
        moved = cls.CHANNELS_FIRST and pictures.ndim == 4
        return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)) if moved else pictures

    @pytest.mark.parametrize("on_error", ["stop", "skip"])
    def test_a_batch_too_large_for_the_memory_is_halved_and_that_is_said(
        self, case: Case, tmp_path: Path, on_error: Any
    ) -> None:
        model = self.build(tmp_path, at_most=6)
        with pytest.warns(UserWarning, match="did not suffice for a batch of 12 samples: going on with 6"):
            sets = extract(model, case.samples, case.layers, batch_size=12, on_error=on_error)
        for layer in case.layers:
            np.testing.assert_allclose(sets[layer].vectors, case.vectors(layer, "mean"), rtol=1e-5, atol=1e-5)
