"""Records what runs on PyTorch: its profiler's timeline of the steps, and the module of each operation."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from embedding_lab.errors import LabError
from embedding_lab.profiling.costs import operation_costs, python_share
from embedding_lab.profiling.recorder import Recording
from embedding_lab.profiling.subject import Subject
from embedding_lab.profiling.torch_timeline import LAYER, STEP, read_tracks, with_backward

NO_GRAPH = "Profile only: PyTorch runs eagerly, so there is no graph."


class TorchRecorder:
    """Runs torch.profiler over the steps.

    Args:
        subject: what is traced. The modules of its model are marked while the profiler runs, by hooks that are
            taken off afterwards.
    """

    def __init__(self, subject: Subject) -> None:
        self._model = subject.model
        self._profiler: Any = None
        self._step: Any = None
        self._marks = ModuleMarks()

    def begin_first(self) -> None:
        if torch.autograd._profiler_enabled():  # starting a second one ends the process
            raise LabError(
                "Another PyTorch profiler is running in this process.",
                remedy="Leave its `with` block first, or call its stop().",
            )

    def end_first(self) -> None:
        self.begin_first()
        self._marks.put_on(self._model)
        activities = [torch.profiler.ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(torch.profiler.ProfilerActivity.CUDA)
            torch.cuda.reset_peak_memory_stats()
        self._profiler = torch.profiler.profile(activities=activities, profile_memory=True)
        self._profiler.start()

    def begin_step(self, number: int) -> None:
        self._step = torch.profiler.record_function(f"{STEP}{number}")
        self._step.__enter__()

    def end_step(self) -> float:
        if torch.cuda.is_available():
            torch.cuda.synchronize()  # else the step ends before its kernels do
        self._step.__exit__(None, None, None)
        self._step = None
        return 0.0

    def finish(self) -> Recording:
        self._stop()
        with tempfile.TemporaryDirectory(prefix="embedding-lab-trace-") as folder:
            file = Path(folder) / "trace.json"
            self._profiler.export_chrome_trace(str(file))
            trace = json.loads(file.read_text(encoding="utf-8", errors="replace"))
        self._profiler = None
        tracks = read_tracks(trace)
        return Recording(
            tracks=tracks,
            rows=operation_costs(tracks),
            python_share=python_share(with_backward(tracks)),
            tensor_bytes=_tensor_bytes(trace),
            notes=[NO_GRAPH],
        )

    def abandon(self) -> None:
        if self._profiler is not None:
            self._stop()
            self._profiler = None

    def _stop(self) -> None:
        if self._step is not None:
            self.end_step()
        self._profiler.stop()
        self._marks.take_off()


class ModuleMarks:
    """Hooks that mark in the timeline when a module's forward pass begins and ends."""

    def __init__(self) -> None:
        self._handles: list[Any] = []
        self._open: list[Any] = []

    def put_on(self, model: Any) -> None:
        """Marks every module of a model; a compiled one is left alone, since hooks would compile it anew."""
        if not isinstance(model, torch.nn.Module) or hasattr(model, "_orig_mod"):
            return
        for name, module in model.named_modules():
            if name:
                self._handles.append(module.register_forward_pre_hook(self._begin(name)))
                self._handles.append(module.register_forward_hook(self._end, always_call=True))

    def take_off(self) -> None:
        """Removes the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._open.clear()

    def _begin(self, name: str) -> Any:
        def begin(module: Any, inputs: Any) -> None:
            mark = torch.profiler.record_function(f"{LAYER}{name}")
            mark.__enter__()
            self._open.append(mark)

        return begin

    def _end(self, module: Any, inputs: Any, output: Any) -> None:
        if self._open:
            self._open.pop().__exit__(None, None, None)


def _tensor_bytes(trace: Mapping[str, Any]) -> int | None:
    """The most memory that tensors held, on the GPU where there is one."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    held = [each["args"]["Total Allocated"] for each in trace["traceEvents"] if each.get("name") == "[memory]"]
    return max(held, default=None)
