"""The report reads as a table and says what a number means."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from embedding_lab.profiling.costs import Cost
from embedding_lab.profiling.report import TraceReport, duration, size

ROWS = (
    Cost("MatMul", "hidden", 0.006, 0.6, 6),
    Cost("Relu", "hidden", 0.003, 0.3, 3),
    Cost("Cast", "", 0.001, 0.1, 3),
)
REPORT = TraceReport(
    name="net-train_on_batch",
    framework="tensorflow",
    first_seconds=2.0,
    step_seconds=(0.020, 0.010, 0.012),
    python_share=0.25,
    rows=ROWS,
    peak_bytes=800_000_000,
    grown_bytes=50_000_000,
    tensor_bytes=None,
    run=Path("logs/net-1"),
    profile=Path("logs/net-1/plugins/profile/now/here.xplane.pb"),
    chrome=Path("logs/net-1/trace.json.gz"),
    has_graph=True,
    notes=("Mind this.",),
)


def test_the_table_stands_as_it_should() -> None:
    assert str(REPORT).splitlines()[:14] == [
        "net-train_on_batch: first call and 3 steps, tensorflow",
        "  first call  2.00 s, of which 1.99 s only once",
        "  each step   12.0 ms (20.0 ms, 10.0 ms, 12.0 ms)",
        "  in Python   25% of a step",
        "  memory      800.0 MB at most, 50.0 MB more than before",
        "",
        "operation  layer   ms/step  share  calls/step",
        "MatMul     hidden    2.000  60.0%           2",
        "Relu       hidden    1.000  30.0%           1",
        "Cast                 0.333  10.0%           1",
        "",
        "layer   ms/step  share",
        "hidden    3.000  90.0%",
        "",
    ]
    assert "Graphs and Profile tab: embedding-lab serve logs " in str(REPORT)
    assert str(REPORT).endswith("Note: Mind this.")


def test_a_device_has_a_column_only_where_there_are_several() -> None:
    rows = (*ROWS, Cost("kernel", "hidden", 0.001, 0.1, 3, "GPU:0"))
    assert "device" not in str(REPORT)
    assert "kernel     GPU:0   hidden" in str(dataclasses.replace(REPORT, rows=rows))


def test_many_rows_are_summed_up_in_one_line() -> None:
    rows = tuple(Cost(f"op{n}", f"layer{n}", 0.001, 0.02, 3) for n in range(50))
    assert str(dataclasses.replace(REPORT, rows=rows)).count("and 35 more, 70.0% of the time") == 2


def test_it_becomes_json() -> None:
    told = json.loads(json.dumps(REPORT.as_dict()))
    assert told["seconds_per_step"] == 0.012
    assert told["once_seconds"] == pytest.approx(1.988)
    assert told["layers"] == [{"layer": "hidden", "seconds": pytest.approx(0.009), "share": pytest.approx(0.9)}]
    assert told["run"] == str(REPORT.run)


@pytest.mark.parametrize(("seconds", "text"), [(2, "2.00 s"), (0.0021, "2.1 ms"), (3e-6, "3.0 µs")])
def test_durations_stand_in_their_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_sizes_stand_in_their_unit() -> None:
    assert (size(1_500_000), size(2_340_000_000)) == ("1.5 MB", "2.34 GB")
