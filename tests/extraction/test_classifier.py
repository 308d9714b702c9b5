"""What a model's last numbers say of a sample follows from them by the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from embedding_lab.extraction.classifier import judge, settled_scale

LOGITS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(2, 5)),
    elements=st.floats(-80, 80, width=32),
)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@given(LOGITS)
def test_logits_and_their_probabilities_say_the_same(logits: np.ndarray) -> None:
    labels = np.zeros(len(logits), np.int64)
    said = judge(logits, "logits", labels)
    probabilities = softmax(logits)
    np.testing.assert_allclose(said.probabilities, probabilities, atol=1e-6)
    np.testing.assert_allclose(said.confidence, probabilities.max(axis=1), atol=1e-6)
    assert np.array_equal(said.confidence, said.probabilities[np.arange(len(logits)), said.prediction])
    np.testing.assert_allclose(said.loss, -np.log(np.maximum(probabilities[:, 0], 1e-300)), rtol=1e-4, atol=1e-4)
    same = judge(probabilities.astype(np.float32), "probabilities", labels)
    np.testing.assert_allclose(same.loss, np.minimum(said.loss, -np.log(1e-7)), rtol=1e-2, atol=1e-4)


@given(LOGITS)
def test_everything_said_has_its_type(logits: np.ndarray) -> None:
    said = judge(logits, "logits", np.zeros(len(logits), np.int64))
    assert said.prediction.dtype == np.int64
    assert {said.confidence.dtype, said.loss.dtype, said.probabilities.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("scale", "number"), [("logits", np.log(4.0)), ("probabilities", 0.8)])
def test_one_number_is_the_second_of_two_classes(scale: str, number: float) -> None:
    said = judge(np.array([[number]], np.float32), scale, np.array([0]))  # type: ignore[arg-type]
    np.testing.assert_allclose(said.probabilities, [[0.2, 0.8]], rtol=1e-6)
    assert said.prediction == [1]
    np.testing.assert_allclose(said.loss, -np.log(0.2), rtol=1e-5)


def test_a_sample_without_a_label_has_no_loss() -> None:
    said = judge(np.zeros((2, 2), np.float32), "logits", np.array([-1, 1]))
    assert np.isnan(said.loss).tolist() == [True, False]


@pytest.mark.parametrize(
    ("numbers", "classes", "scale"),
    [
        ([[0.25, 0.75], [1, 0]], None, "probabilities"),
        ([[0.25, 0.75], [1, 0.1]], None, "none"),
        ([[0.25, 0.75], [1, 0.1]], 2, "logits"),
        ([[-0.5, 1.5]], 3, "none"),
        ([[1.0], [1.0]], None, "none"),
        ([[1.0], [1.0]], 1, "logits"),
    ],
)
def test_an_unknown_scale_is_settled_by_the_numbers(numbers: list[list[float]], classes: int, scale: str) -> None:
    assert settled_scale("unknown", np.array(numbers, np.float32), classes) == scale


def test_a_known_scale_stays() -> None:
    assert settled_scale("logits", np.array([[0.5, 0.5]], np.float32), None) == "logits"
