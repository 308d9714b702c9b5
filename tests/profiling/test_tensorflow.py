"""TensorFlow functions and Keras models: graph and profile from one call, at the first try."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.errors import LabError
from embedding_lab.profiling import TraceReport, trace, traced_steps

from .conftest import chrome_events, small_model

tf = pytest.importorskip("tensorflow", reason="no TensorFlow: pip install 'embedding-lab[tensorflow]'")
keras = pytest.importorskip("keras", reason="no Keras")

ours = pytest.importorskip("embedding_lab.profiling.tensorflow")


def fresh_function() -> Any:
    """A tf.function that nobody has called yet."""
    weights = tf.ones((64, 32))

    @tf.function
    def layer(inputs: Any) -> Any:
        with tf.name_scope("mine"):
            return tf.reduce_sum(tf.nn.relu(inputs @ weights))

    return layer


def graph_nodes(report: TraceReport) -> list[Any]:
    """The nodes that TensorBoard finds in the run's event files."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    files = sorted(str(each) for each in report.run.glob("events.out.tfevents.*"))
    events = [Event.FromString(raw) for file in files for raw in RawEventFileLoader(file).Load()]
    graphs = [GraphDef.FromString(event.graph_def) for event in events if event.graph_def]
    return [node for graph in graphs for node in graph.node]


@pytest.fixture(autouse=True)
def no_profiler_is_left_running() -> Iterator[None]:
    yield
    ours._check_no_profiler_runs()


def test_a_step_of_training_shows_its_layers_with_their_gradients(trained: TraceReport) -> None:
    rows = {(row.operation.lower(), row.layer) for row in trained.rows}
    assert any("matmul" in operation and "gradient" not in operation for operation, at in rows if at == "hidden")
    assert any("matmul" in operation and "(gradient)" in operation for operation, at in rows if at == "hidden")
    layers = [row.layer for row in trained.layers]
    assert set(layers) <= {"hidden", "drop", "logits", "(loss)", "(optimiser)"}
    assert {"hidden", "logits", "(optimiser)"} <= set(layers)


def test_the_first_call_is_measured_apart_and_holds_the_compilation(trained: TraceReport) -> None:
    assert len(trained.step_seconds) == 3
    assert trained.first_seconds > trained.seconds_per_step
    assert ours.ALREADY_COMPILED not in trained.notes


def test_every_operation_is_called_equally_often_in_each_step(trained: TraceReport) -> None:
    assert all(row.calls % 3 == 0 for row in trained.rows)
    assert sum(row.share for row in trained.rows) == pytest.approx(1)
    assert 0 < trained.python_share < 1


def test_the_graph_has_a_scope_for_every_layer(trained: TraceReport) -> None:
    nodes = graph_nodes(trained)
    tops = {node.name.split("/")[0] for node in nodes}
    assert tops == {"data", "data_1", "net", "gradient_tape", "compile_loss", "adam", "metrics"}
    layers = {node.name.split("/")[1] for node in nodes if node.name.startswith("net/")}
    assert {"hidden", "logits"} <= layers
    names = {node.name for node in nodes}
    mentioned = {each.removeprefix("^").partition(":")[0] for node in nodes for each in node.input}
    assert mentioned <= names


def test_the_chrome_trace_has_the_steps_and_the_operations(trained: TraceReport) -> None:
    events = chrome_events(trained)
    assert [each["name"] for each in events if each.get("cat") == "step"] == ["step 0", "step 1", "step 2"]
    assert any(each.get("args", {}).get("layer") == "hidden" for each in events)


def test_the_profile_plugin_sees_the_steps(trained: TraceReport) -> None:
    assert steps_in_profile_tab(trained) == ["TraceContext 0", "TraceContext 1", "TraceContext 2"]


def steps_in_profile_tab(report: TraceReport) -> list[str]:
    converter = pytest.importorskip("xprof.convert.raw_to_tool_data", reason="no xprof")
    import json

    found, _ = converter.xspace_to_tool_data([str(report.profile)], "overview_page", {"use_saved_result": False})
    tables = [table for table in json.loads(found) if table.get("rows")]
    texts = [str(row["c"][0].get("v")) for table in tables for row in table["rows"] if row["c"]]
    return [text for text in texts if text.startswith("TraceContext")]


def test_a_recurrent_layer_does_not_hide_the_steps_from_the_profile_tab(tmp_path: Path) -> None:
    model = keras.Sequential([keras.layers.Input((5, 3)), keras.layers.SimpleRNN(4, name="memory")], name="net")
    model.compile("sgd", "mse")
    report = trace(model, np.ones((8, 5, 3), "float32"), np.ones((8, 4), "float32"), logdir=tmp_path, steps=2)
    assert steps_in_profile_tab(report) == ["TraceContext 0", "TraceContext 1"]
    assert "memory" in [row.layer for row in report.layers]


def test_a_model_that_was_trained_before_is_compiled_anew_so_that_its_graph_shows(
    tmp_path: Path, batch: tuple[Any, Any]
) -> None:
    model = small_model()
    model.train_on_batch(*batch)
    report = trace(model.train_on_batch, *batch, logdir=tmp_path, steps=1)
    assert report.has_graph
    assert report.once_seconds > 0


def test_a_prediction_has_no_gradients_in_it(tmp_path: Path, batch: tuple[Any, Any]) -> None:
    report = trace(small_model(), batch[0], logdir=tmp_path, steps=1)
    assert report.name == "net-predict_on_batch"
    assert {row.layer for row in report.layers} <= {"hidden", "logits", "drop"}
    assert not any("gradient" in node.name for node in graph_nodes(report))


def test_a_whole_fit_can_be_traced(tmp_path: Path, batch: tuple[Any, Any]) -> None:
    report = trace(small_model().fit, *batch, verbose=0, batch_size=25, logdir=tmp_path, steps=1)
    assert {"net", "compile_loss", "adam"} <= {node.name.split("/")[0] for node in graph_nodes(report)}
    assert "hidden" in [row.layer for row in report.layers]


def test_large_tensors_are_counted(tmp_path: Path) -> None:
    square = tf.ones((1000, 1000))
    report = trace(lambda: square @ square, logdir=tmp_path, steps=1)
    if report.tensor_bytes is None:
        pytest.skip("this build's allocator does not tell")
    assert report.tensor_bytes >= 4_000_000


def test_a_tf_function_shows_its_scopes(tmp_path: Path) -> None:
    report = trace(fresh_function(), tf.ones((50, 64)), logdir=tmp_path)
    assert report.name == "layer"
    assert report.has_graph
    assert {"mine/Relu", "inputs"} <= {node.name for node in graph_nodes(report)}
    assert "mine" in [row.layer for row in report.layers]
    assert not report.notes


def test_a_tf_function_that_was_called_before_still_shows_its_graph_and_says_so(tmp_path: Path) -> None:
    function, inputs = fresh_function(), tf.ones((50, 64))
    function(inputs)
    report = trace(function, inputs, logdir=tmp_path, steps=1)
    assert report.has_graph
    assert ours.ALREADY_COMPILED in report.notes


def test_a_python_function_around_a_tf_function_shows_that_one_s_graph(tmp_path: Path) -> None:
    function, inputs = fresh_function(), tf.ones((50, 64))
    report = trace(lambda: function(inputs), logdir=tmp_path, steps=1)
    assert any(node.name.startswith("mine/") for node in graph_nodes(report))


def test_what_is_compiled_between_two_traces_is_not_taken_for_the_second(tmp_path: Path) -> None:
    inputs = tf.ones((50, 64))
    trace(fresh_function(), inputs, logdir=tmp_path, steps=1)
    fresh_function()(inputs)
    assert not trace(lambda: tf.nn.relu(inputs), logdir=tmp_path, steps=1).has_graph


def test_an_eager_function_says_that_it_has_no_graph(tmp_path: Path) -> None:
    inputs = tf.ones((50, 64))
    report = trace(lambda: tf.nn.relu(inputs @ tf.ones((64, 8))), logdir=tmp_path, steps=1)
    assert not report.has_graph
    assert ours.NO_GRAPH in report.notes
    assert {"MatMul", "Relu"} <= {row.operation for row in report.rows}


def test_xla_is_told_and_its_operations_are_counted(tmp_path: Path) -> None:
    @tf.function(jit_compile=True)
    def compiled(inputs: Any) -> Any:
        return tf.nn.softmax(inputs @ tf.ones((64, 8)))

    report = trace(compiled, tf.ones((50, 64)), logdir=tmp_path, steps=1)
    assert ours.XLA in report.notes
    assert report.rows


def test_being_compiled_again_in_every_step_is_told(tmp_path: Path) -> None:
    function, numbers = tf.function(lambda number: tf.zeros(3) + number), itertools.count()

    def step() -> None:
        function(float(next(numbers)))

    report = trace(step, logdir=tmp_path, steps=3)
    assert any("compiled 3 more times during the steps" in note for note in report.notes)


def test_what_the_function_raises_passes_on_whenever_it_does(tmp_path: Path) -> None:
    for healthy_calls in range(3):
        calls = itertools.count()
        inputs = tf.ones(3)

        def step(calls: Any = calls, healthy: int = healthy_calls, inputs: Any = inputs) -> None:
            tf.nn.relu(inputs)
            if next(calls) == healthy:
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            trace(step, logdir=tmp_path / "logs")
        ours._check_no_profiler_runs()
    assert not (tmp_path / "logs").exists()
    assert trace(fresh_function(), tf.ones((50, 64)), logdir=tmp_path / "logs").has_graph


def test_another_profiler_that_runs_is_told_and_left_alone(tmp_path: Path) -> None:
    tf.profiler.experimental.start(str(tmp_path / "theirs"))
    try:
        with pytest.raises(LabError, match=r"Another TensorFlow profiler is running.*profile_batch=0"):
            trace(fresh_function(), tf.ones((50, 64)), logdir=tmp_path / "logs")
    finally:
        tf.profiler.experimental.stop()
    assert list((tmp_path / "theirs").rglob("*.xplane.pb"))
    assert not (tmp_path / "logs").exists()


def test_two_traces_in_one_process_are_two_runs(tmp_path: Path) -> None:
    function, inputs = fresh_function(), tf.ones((50, 64))
    first, second = (trace(function, inputs, logdir=tmp_path, steps=1) for _ in range(2))
    assert first.run != second.run
    assert first.has_graph
    assert second.has_graph
    assert len(list(tmp_path.rglob("*.xplane.pb"))) == 2


def test_of_very_many_events_the_longest_are_kept(tmp_path: Path, batch: tuple[Any, Any]) -> None:
    report = trace(small_model().train_on_batch, *batch, logdir=tmp_path, steps=2, most_events=100)
    slices = [each for each in chrome_events(report) if each["ph"] == "X"]
    assert 50 < len(slices) <= 102
    assert any("keeps the 100 longest of" in note for note in report.notes)
    assert sum(row.calls for row in report.rows) > 100
    assert steps_in_profile_tab(report) == ["TraceContext 0", "TraceContext 1"]


def test_a_training_traces_its_first_steps_from_a_callback(tmp_path: Path, batch: tuple[Any, Any]) -> None:
    model = small_model()
    traced = traced_steps(tmp_path / "run", steps=2, model=model, graph=True)

    class Tracing(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            traced.step()

    with traced:
        model.fit(*batch, batch_size=5, verbose=0, callbacks=[Tracing()])
    assert traced.done
    report = traced.report
    assert len(report.step_seconds) == 2
    assert report.first_seconds > report.seconds_per_step
    assert {"hidden", "(optimiser)"} <= {row.layer for row in report.layers}
    assert {"net", "adam"} <= {node.name.split("/")[0] for node in graph_nodes(report)}
    assert steps_in_profile_tab(report) == ["TraceContext 0", "TraceContext 1"]
