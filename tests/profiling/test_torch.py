"""PyTorch functions: profile only, and it says so; operations find their modules, forward and backward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from embedding_lab.errors import LabError
from embedding_lab.profiling import trace

from .conftest import chrome_events

torch = pytest.importorskip("torch", reason="no PyTorch: pip install torch")
ours = pytest.importorskip("embedding_lab.profiling.torch")


@pytest.fixture
def model() -> Any:
    inner = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.ReLU())
    return torch.nn.Sequential(torch.nn.Linear(64, 32), inner, torch.nn.Linear(32, 10))


def training_step(model: Any) -> Any:
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, labels = torch.rand(50, 64), torch.randint(0, 10, (50,))

    def step() -> None:
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), labels).backward()
        optimiser.step()

    return step


def test_a_step_of_training_shows_its_modules_forward_and_backward(tmp_path: Path, model: Any) -> None:
    report = trace(training_step(model), logdir=tmp_path, steps=2)
    found = {(row.operation, row.layer): row.calls for row in report.rows}
    assert found["aten::addmm", "0"] == found["aten::addmm", "2"] == found["aten::addmm", "1.0"] == 2
    assert found["aten::mm (gradient)", "0"] == 2  # its inputs need no gradient
    assert found["aten::mm (gradient)", "2"] == found["aten::mm (gradient)", "1.0"] == 4
    assert ("aten::threshold_backward (gradient)", "1.1") in found
    assert report.framework == "torch"
    assert 0 < report.python_share < 1
    assert report.tensor_bytes > 0


def test_it_says_that_there_is_no_graph(tmp_path: Path, model: Any) -> None:
    report = trace(model, torch.rand(5, 64), logdir=tmp_path, steps=1)
    assert not report.has_graph
    assert ours.NO_GRAPH in report.notes
    assert report.name == "Sequential"


def test_the_steps_are_in_the_chrome_trace_and_all_lies_within_them(tmp_path: Path, model: Any) -> None:
    report = trace(training_step(model), logdir=tmp_path, steps=2)
    slices = [each for each in chrome_events(report) if each["ph"] == "X"]
    steps = [each for each in slices if each["cat"] == "step"]
    assert [each["name"] for each in steps] == ["step 0", "step 1"]
    assert sum(each["cat"] == "operation" for each in slices) == sum(row.calls for row in report.rows)


def test_the_hooks_come_off_whatever_happens(tmp_path: Path, model: Any) -> None:
    calls: list[int] = []

    def fails(inputs: Any) -> None:
        model(inputs)
        calls.append(1)
        if len(calls) == 3:
            raise OSError("mine")

    with pytest.raises(OSError, match="mine"):
        trace(fails, torch.rand(5, 64), logdir=tmp_path / "logs")
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert not (tmp_path / "logs").exists()
    trace(model, torch.rand(5, 64), logdir=tmp_path / "logs")
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_another_profiler_that_runs_is_told(tmp_path: Path, model: Any) -> None:
    with torch.profiler.profile(), pytest.raises(LabError, match="Another PyTorch profiler is running"):
        trace(model, torch.rand(5, 64), logdir=tmp_path)
