"""A function of JAX keeps the extractor's promises, and so does the same network in numpy alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from contracts.same_weights import NETWORK, SameWeightsContract


class TestTheSameWeightsInNumpy(SameWeightsContract):
    HAS_WEIGHTS = False

    @staticmethod
    def build(folder: Path, at_most: int | None = None) -> Any:
        def network(pictures: NDArray[Any]) -> dict[str, NDArray[Any]]:
            if at_most is not None and len(pictures) > at_most:
                raise MemoryError
            given = NETWORK(pictures)
            return given | {"probabilities": given["classes"]}

        return network

    @staticmethod
    def state(model: Any) -> Any:
        return NETWORK.kernel.tobytes()


class TestTheSameWeightsInJax(SameWeightsContract):
    HAS_WEIGHTS = False

    @staticmethod
    def build(folder: Path, at_most: int | None = None) -> Any:
        jax = pytest.importorskip("jax", reason="no JAX: pip install jax")

        @jax.jit
        def network(pictures: Any) -> dict[str, Any]:
            if at_most is not None and len(pictures) > at_most:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 byte")
            axes = ("NHWC", "HWIO", "NHWC")
            conv = jax.lax.conv_general_dilated(
                pictures, NETWORK.kernel, (1, 1), "VALID", dimension_numbers=axes, precision="highest"
            )
            relu = jax.nn.relu(conv + NETWORK.shifts)
            logits = jax.numpy.matmul(relu.reshape(len(relu), -1), NETWORK.matrix, precision="highest")
            classes = jax.nn.softmax(logits + NETWORK.biases)
            return {"conv": conv + NETWORK.shifts, "relu": relu, "classes": classes, "probabilities": classes}

        return network

    @staticmethod
    def state(model: Any) -> Any:
        return NETWORK.kernel.tobytes()
