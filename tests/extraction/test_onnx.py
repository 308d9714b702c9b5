"""ONNX files keep the extractor's promises: what the graph gives, and the nodes inside it by name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.same_weights import NETWORK, SameWeightsContract
from embedding_lab.embeddings import open_run
from embedding_lab.errors import BrokenFile, InputError, ShapeMismatch, UnknownName
from embedding_lab.extraction import extract, layer_table
from embedding_lab.extraction.onnx import OnnxSource

pytest.importorskip("onnxruntime", reason='no onnxruntime: pip install "embedding-lab[onnx]"')
onnx = pytest.importorskip("onnx", reason='no onnx: pip install "embedding-lab[onnx]"')
make = onnx.helper

ROWS = np.random.default_rng(1).normal(size=(7, 5)).astype(np.float32)
MATRIX = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)


def saved(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], **weights: Any) -> Path:
    """A file with these nodes."""
    held = [onnx.numpy_helper.from_array(np.asarray(each), name) for name, each in weights.items()]
    graph = make.make_graph(nodes, "graph", inputs, outputs, held)
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8), path)
    return path


def floats(name: str, *shape: Any) -> Any:
    return make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def refusing(at_most: int) -> tuple[list[Any], dict[str, Any]]:
    """Nodes that ask for more memory than there is where more samples come, and else give the pictures on."""
    nodes = [
        make.make_node("Shape", ["pictures"], ["sizes"]),
        make.make_node("Gather", ["sizes", "first"], ["count"]),
        make.make_node("Sub", ["count", "fitting"], ["beyond"]),
        make.make_node("Max", ["beyond", "none"], ["too many"]),
        make.make_node("Mul", ["too many", "huge"], ["length"]),
        make.make_node("ConstantOfShape", ["length"], ["room"]),
        make.make_node("ReduceSum", ["room"], ["nothing"], keepdims=0),
        make.make_node("Add", ["pictures", "nothing"], ["accepted"]),
    ]
    numbers = {"first": [0], "fitting": [at_most], "none": [0], "huge": [10**15]}
    return nodes, {name: np.array(each, np.int64) for name, each in numbers.items()}


class TestTheSameWeights(SameWeightsContract):
    CHANNELS_FIRST = True
    SHAPE_WORDS = ("(2, 6, 6)",)

    @staticmethod
    def build(folder: Path, at_most: int | None = None) -> Path:
        nodes, numbers = ([], {}) if at_most is None else refusing(at_most)
        nodes += [
            make.make_node("Conv", ["accepted" if nodes else "pictures", "kernel", "shifts"], ["conv"]),
            make.make_node("Relu", ["conv"], ["relu"]),
            make.make_node("Transpose", ["relu"], ["moved"], perm=[0, 2, 3, 1]),
            make.make_node("Flatten", ["moved"], ["flat"]),
            make.make_node("Gemm", ["flat", "matrix", "biases"], ["logits"]),
            make.make_node("Softmax", ["logits"], ["classes"], axis=1),
        ]
        return saved(
            folder / "network.onnx",
            nodes,
            [floats("pictures", "n", 2, 6, 6)],
            [floats("classes", "n", 3)],
            kernel=NETWORK.kernel.transpose(3, 2, 0, 1),
            shifts=NETWORK.shifts,
            matrix=NETWORK.matrix,
            biases=NETWORK.biases,
            **numbers,
        )

    @staticmethod
    def state(model: Any) -> Any:
        return Path(model).read_bytes()


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A file that multiplies rows, and then takes what is above zero."""
    nodes = [
        make.make_node("MatMul", ["rows", "matrix"], ["hidden"]),
        make.make_node("Relu", ["hidden"], ["above"]),
    ]
    return saved(
        tmp_path / "product.onnx", nodes, [floats("rows", "n", 5)], [floats("above", "n", 3)], matrix=MATRIX
    )


def test_the_table_lists_the_nodes_and_unasked_the_graphs_outputs_are_taken(product: Path) -> None:
    rows = [
        (each.name, each.kind, each.shape, each.parameters, each.worth_showing) for each in layer_table(product)
    ]
    assert rows == [("hidden", "MatMul", (3,), 15, False), ("above", "Relu", (3,), 0, True)]
    assert list(extract(str(product), ROWS)) == ["input", "above"]


def test_samples_go_in_in_the_type_that_the_graph_declares(product: Path) -> None:
    whole = np.arange(35, dtype=np.uint8).reshape(7, 5)
    vectors = extract(product, whole, "hidden")["hidden"].vectors
    np.testing.assert_allclose(vectors, whole.astype(np.float32) @ MATRIX, rtol=1e-5)
    with pytest.raises(InputError, match="onnxruntime cannot take these samples"):
        extract(product, np.array(["a", "b"]), "hidden")


def test_weights_in_a_file_beside_the_graph_are_found_and_tell_models_apart(tmp_path: Path) -> None:
    fingerprints = []
    for factor in (1, 2):
        file = tmp_path / str(factor) / "graph.onnx"
        file.parent.mkdir()
        nodes = [
            make.make_node("MatMul", ["rows", "matrix"], ["inside"]),
            make.make_node("Relu", ["inside"], ["out"]),
        ]
        saved(file, nodes, [floats("rows", "n", 5)], [floats("out", "n", 3)], matrix=factor * MATRIX)
        onnx.save(onnx.load(file), file, save_as_external_data=True, location="weights", size_threshold=0)
        found = extract(str(file), ROWS, ["inside"])["inside"]
        np.testing.assert_allclose(found.vectors, factor * ROWS @ MATRIX, atol=1e-5)
        fingerprints.append(found.model)
    assert len(set(fingerprints)) == 2


def test_a_graph_made_for_one_number_of_samples_is_run_as_often_as_it_takes(tmp_path: Path) -> None:
    nodes = [make.make_node("MatMul", ["rows", "matrix"], ["hidden"])]
    for rows in (1, 4):
        file = saved(
            tmp_path / "fixed.onnx", nodes, [floats("rows", rows, 5)], [floats("hidden", rows, 3)], matrix=MATRIX
        )
        for batch_size in (None, 3):
            vectors = extract(file, ROWS, "hidden", batch_size=batch_size)["hidden"].vectors
            np.testing.assert_allclose(vectors, ROWS @ MATRIX, rtol=1e-5)


def test_several_inputs_are_fed_by_name_or_in_order(tmp_path: Path) -> None:
    nodes = [make.make_node("Sub", ["left", "right"], ["difference"])]
    inputs = [floats("left", "n", 5), floats("right", "n", 5)]
    file = saved(tmp_path / "two.onnx", nodes, inputs, [floats("difference", "n", 5)])
    for data in ({"right": 2 * ROWS, "left": ROWS}, (ROWS, 2 * ROWS), [ROWS, 2 * ROWS]):
        np.testing.assert_allclose(extract(file, data, "difference")["difference"].vectors, -ROWS)
    with pytest.raises(ShapeMismatch, match="inputs 'left'"):
        extract(file, ROWS, "difference")


def test_without_onnx_only_the_graphs_outputs_are_known(product: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert [each.name for each in layer_table(product)] == ["above"]
    with pytest.raises(UnknownName, match="one of input, above"):
        extract(product, ROWS, "hidden")


def test_an_output_without_a_row_per_sample_is_refused(tmp_path: Path) -> None:
    nodes = [
        make.make_node("ReduceSum", ["rows"], ["total"], keepdims=0),
        make.make_node("Relu", ["rows"], ["same"]),
    ]
    file = saved(tmp_path / "sum.onnx", nodes, [floats("rows", "n", 5)], [floats("total"), floats("same", "n", 5)])
    assert list(extract(file, ROWS)) == ["input", "same"]
    with pytest.raises(InputError, match="'total' gives no vectors"):
        extract(file, ROWS, "total")


def test_a_file_that_is_no_graph_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no graph")
    with pytest.raises(BrokenFile, match="could not be read as an ONNX graph"):
        OnnxSource(tmp_path / "text.onnx")


def test_the_commands_take_a_file(tmp_path: Path, here: Any) -> None:
    nodes = [make.make_node("Flatten", ["pixels"], ["flat"]), make.make_node("MatMul", ["flat", "ones"], ["sums"])]
    ends = [floats("pixels", "n", 8, 8)], [floats("sums", "n", 2)]
    file = saved(tmp_path / "sums.onnx", nodes, *ends, ones=np.ones((64, 2), np.float32))
    listed = here(tmp_path, "layers", file)
    assert listed.returncode == 0, listed.stderr
    assert "sums" in listed.stdout
    taken = here(
        tmp_path, "extract", file, "--dataset", "digits", "--samples", "20", "--layers", "flat,sums", "--json"
    )
    assert taken.returncode == 0, taken.stderr
    assert open_run(tmp_path / json.loads(taken.stdout)["run"]).layers == ["flat", "sums"]
