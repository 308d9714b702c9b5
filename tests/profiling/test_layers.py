"""Operations find their layers by the scopes in their names."""

from __future__ import annotations

import pytest

from embedding_lab.profiling.layers import LayerFinder

DENSE = {"dense", "dense_1"}
OTHERS = {"adam": "(optimiser)"}


@pytest.mark.parametrize(
    ("scope", "layer"),
    [
        ("net_1/dense_1/MatMul", "dense"),
        ("net_1/dense_1_1/MatMul", "dense_1"),
        ("gradient_tape/net_1/dense_1_1/MatMul/MatMul_1", "dense_1"),
        ("StatefulPartitionedCall/net_1/dense_1/Relu", "dense"),
        ("adam/mul_3", "(optimiser)"),
        ("Add_1/ReadVariableOp", ""),
        ("Cast", ""),
    ],
)
def test_the_number_of_a_compilation_is_not_part_of_a_layer_s_name(scope: str, layer: str) -> None:
    find = LayerFinder(DENSE, ["net_1/dense_1/MatMul", "net_1/dense_1_1/MatMul", "adam/mul"], OTHERS)
    assert find(scope) == layer


def test_without_such_a_number_layers_keep_the_ones_in_their_names() -> None:
    find = LayerFinder(DENSE, ["net/dense/MatMul", "net/dense_1/MatMul"])
    assert [find("net/dense/MatMul"), find("net/dense_1/MatMul")] == ["dense", "dense_1"]


def test_a_layer_of_a_model_in_a_model_is_a_path() -> None:
    find = LayerFinder({"encoder", "dense"}, ["outer/encoder/dense/MatMul"])
    assert find("outer/encoder/dense/MatMul") == "encoder/dense"


def test_where_no_model_is_known_the_outermost_scope_stands_for_the_layer() -> None:
    find = LayerFinder(set(), [])
    assert [find("mine/inner/MatMul"), find("while/body/_1/while/mul"), find("MatMul")] == ["mine", "", ""]
