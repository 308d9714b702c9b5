"""Names in a graph become readable, and what is connected stays connected."""

from __future__ import annotations

from typing import Any

import pytest

from embedding_lab.profiling.graph import BIGGEST_ATTRIBUTE_BYTES, readable_graph

RESOURCE = 20


class Net:
    """As much of a Keras model as names need."""

    name = "net"
    layers = (type("Layer", (), {"name": "hidden", "layers": ()})(),)
    optimizer = type("Adam", (), {"name": "adam"})()


def graph(*nodes: tuple[str, str, list[str]]) -> Any:
    proto = pytest.importorskip("tensorboard.compat.proto.graph_pb2")
    made = proto.GraphDef()
    for name, op, inputs in nodes:
        node = made.node.add(name=name, op=op, input=inputs)
        if name.endswith("resource"):
            node.attr["T"].type = RESOURCE
    return made


def train_step() -> Any:
    return graph(
        ("data", "_Arg", []),
        ("net_1_hidden_1_matmul_readvariableop_resource", "_Arg", []),
        ("add_readvariableop_resource", "_Arg", []),
        ("net_1/hidden_1/MatMul/Read", "ReadVariableOp", ["net_1_hidden_1_matmul_readvariableop_resource:0"]),
        ("net_1/hidden_1/MatMul", "MatMul", ["data", "net_1/hidden_1/MatMul/Read:0"]),
        ("gradient_tape/net_1/hidden_1/MatMul", "MatMul", ["net_1/hidden_1/MatMul:0", "^data"]),
        ("adam/Update", "Assign", ["net_1_hidden_1_matmul_readvariableop_resource", "^net_1/hidden_1/MatMul/Read"]),
        ("Add/Read", "ReadVariableOp", ["add_readvariableop_resource"]),
        ("Add", "AddV2", ["Add/Read", "net_1/hidden_1/MatMul"]),
    )


def read(data: bytes) -> Any:
    return type(graph()).FromString(data)


def test_layers_are_called_as_in_the_model_and_the_rest_gathers_under_metrics() -> None:
    nodes = read(readable_graph(train_step(), Net())).node
    assert {node.name.split("/")[0] for node in nodes} == {"data", "net", "gradient_tape", "adam", "metrics"}
    assert {node.name for node in nodes if node.name.startswith("net")} == {
        "net/hidden/MatMul",
        "net/hidden/MatMul/Read",
        "net/hidden/MatMul/readvariableop_resource",
    }


@pytest.mark.parametrize("model", [None, Net()], ids=["function", "model"])
def test_renaming_changes_no_connection(model: Any) -> None:
    before, after = train_step(), read(readable_graph(train_step(), model))
    assert len({node.name for node in after.node}) == len(before.node)
    new = {old.name: node.name for old, node in zip(before.node, after.node, strict=True)}
    for old, node in zip(before.node, after.node, strict=True):
        assert old.op == node.op
        expected = []
        for mention in old.input:
            name = mention.removeprefix("^").partition(":")[0]
            expected.append(mention.replace(name, new[name], 1))
        assert list(node.input) == expected


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    twice = graph(("net_1/hidden_1/x", "A", []), ("net/hidden/x", "B", []), ("net_1/hidden_1/y", "C", []))
    assert len({node.name for node in read(readable_graph(twice, Net())).node}) == 3


def test_large_constants_are_left_out() -> None:
    large = graph(("weights", "Const", []))
    large.node[0].attr["value"].s = b"x" * (BIGGEST_ATTRIBUTE_BYTES + 1)
    large.node[0].attr["dtype"].type = 1
    assert set(read(readable_graph(large)).node[0].attr) == {"dtype"}
