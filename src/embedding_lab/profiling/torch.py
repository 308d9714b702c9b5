"""Records what runs on PyTorch: its profiler's timeline of the steps, and the module of each operation."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from embedding_lab.errors import LabError
from embedding_lab.profiling.costs import operation_costs, python_share
from embedding_lab.profiling.recorder import Recording
from embedding_lab.profiling.subject import Subject
from embedding_lab.profiling.timeline import HOST, STEP_MARK, STEP_NUMBER, Event, Kind, Track

NO_GRAPH = "Profile only: PyTorch runs eagerly, so there is no graph."
LAYER = "layer: "
_STEP = "step "
_ENGINE = "autograd::engine::evaluate_function: "
_BACKWARD_THREAD = "Fwd thread id"
_SEQUENCE = "Sequence number"
_ON_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")


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
        self._step = torch.profiler.record_function(f"{_STEP}{number}")
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
            python_share=python_share(_with_backward(tracks)),
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


def read_tracks(trace: Mapping[str, Any]) -> list[Track]:
    """The timeline in a trace that torch.profiler exported.

    Args:
        trace: the content of its JSON file.
    """
    slices = [each for each in trace["traceEvents"] if each.get("ph") == "X" and isinstance(each.get("pid"), int)]
    names = {
        (each["pid"], each["tid"]): each["args"]["name"]
        for each in trace["traceEvents"]
        if each.get("ph") == "M" and each.get("name") == "thread_name"
    }
    origin = min((each["ts"] for each in slices), default=0.0)
    threads: dict[tuple[Any, Any], list[dict[str, Any]]] = {}
    for each in sorted(slices, key=lambda each: (each["ts"], -each.get("dur", 0.0))):
        threads.setdefault((each["pid"], each["tid"]), []).append(each)
    layers = _layers_by_number(threads)
    return [
        Track(
            names.get(thread, str(thread[1])),
            _device(found),
            [_event(each, where, origin) for each, where in _placed(found, layers)],
        )
        for thread, found in threads.items()
    ]


class Place(NamedTuple):
    """Where an operation belongs: a module, "" for none, and which direction of it."""

    layer: str = ""
    backward: bool = False


def _event(each: Mapping[str, Any], where: Place, origin: float) -> Event:
    name, category, details = each["name"], each.get("cat", ""), each.get("args", {})
    start, length = (each["ts"] - origin) * 1000, each.get("dur", 0.0) * 1000
    if category == "cpu_op" or category in _ON_DEVICE:
        operation = name.removeprefix(_ENGINE) + (" (gradient)" if where.backward else "")
        return Event(name, start, length, "operation", operation, where.layer, details)
    if re.fullmatch(rf"{_STEP}\d+", name):
        number = int(name.removeprefix(_STEP))
        return Event(name, start, length, "step", details={STEP_NUMBER: number, STEP_MARK: 1})
    kind: Kind = "python" if category in ("user_annotation", "python_function") else "native"
    return Event(name, start, length, kind, details=details)


def _placed(
    events: list[dict[str, Any]], layers: Mapping[int, str] | None = None
) -> Iterator[tuple[dict[str, Any], Place]]:
    """Each event with the innermost module whose forward or backward pass it lies in.

    Args:
        events: of one thread, in the order of their begins.
        layers: the module behind each sequence number, so that backward passes are placed too.
    """
    open_ones: list[tuple[float, Place]] = []
    for each in events:
        while open_ones and open_ones[-1][0] <= each["ts"]:
            open_ones.pop()
        number = _backward_of(each)
        if number is not None and layers is not None:
            open_ones.append((_end(each), Place(layers.get(number, ""), backward=True)))
        elif each["name"].startswith(LAYER):
            open_ones.append((_end(each), Place(each["name"].removeprefix(LAYER))))
        yield each, open_ones[-1][1] if open_ones else Place()


def _layers_by_number(threads: Mapping[Any, list[dict[str, Any]]]) -> dict[int, str]:
    """The module behind each sequence number: an operation and its step backward bear the same."""
    layers: dict[int, str] = {}
    for events in threads.values():
        for each, where in _placed(events):
            number = each.get("args", {}).get(_SEQUENCE)
            if where.layer and number is not None and _backward_of(each) is None:
                layers[number] = where.layer
    return layers


def _end(each: Mapping[str, Any]) -> float:
    return float(each["ts"] + each.get("dur", 0.0))


def _backward_of(each: Mapping[str, Any]) -> int | None:
    """The sequence number of an operation of the backward pass; None for all else."""
    details = each.get("args", {})
    return details.get(_SEQUENCE) if details.get(_BACKWARD_THREAD) else None


def _with_backward(tracks: list[Track]) -> list[Track]:
    """The thread of the steps with the backward passes that ran on others, for which it waited."""
    own = next((track for track in tracks if any(each.kind == "step" for each in track.events)), None)
    if own is None:
        return []
    others = [each for track in tracks if track is not own for each in track.events]
    return [replace(own, events=[*own.events, *(each for each in others if each.name.startswith(_ENGINE))])]


def _device(events: list[dict[str, Any]]) -> str:
    on_device = next((each for each in events if each.get("cat") in _ON_DEVICE), None)
    return HOST if on_device is None else f"GPU:{on_device.get('args', {}).get('device', 0)}"


def _tensor_bytes(trace: Mapping[str, Any]) -> int | None:
    """The most memory that tensors held, on the GPU where there is one."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    held = [each["args"]["Total Allocated"] for each in trace["traceEvents"] if each.get("name") == "[memory]"]
    return max(held, default=None)
