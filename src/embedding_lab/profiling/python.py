"""Records plain Python: every call of the thread, timed by Python's own profiling hook.

The hook's own time is taken off: the clock stands still while it runs. What is left is the interpreter's part,
a few tenths of a microsecond for each call.
"""

from __future__ import annotations

import heapq
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from embedding_lab.errors import LabError
from embedding_lab.profiling.costs import Totals
from embedding_lab.profiling.recorder import Recording
from embedding_lab.profiling.timeline import HOST, STEP_MARK, STEP_NUMBER, Event, Kind, Track

NO_GRAPH = "Profile only: there is no graph for a plain Python function."
OPERATORS = "Compiled code that an operator starts, such as `a @ b`, counts as the Python function around it."

_OURS = str(Path(__file__).parent)


class PythonRecorder:
    """Times every Python and builtin function that the thread calls during the steps.

    Args:
        most_events: how many of the longest calls the timeline keeps; the table counts all.
    """

    def __init__(self, most_events: int) -> None:
        self._most = most_events
        self._running = False
        self._stolen_ns = 0  # the hook's own time so far, and what passed before the first step
        self._steps: list[Event] = []
        self._events: list[Event] = []
        self._seen = 0
        self._totals = Totals()
        self._own_ns: dict[str, float] = {"python": 0.0, "native": 0.0}
        self._open: list[list[Any]] = []  # name, kind, begin, nanoseconds inside
        self._names: dict[Any, str] = {}

    def begin_first(self) -> None:
        if sys.getprofile() is not None:
            raise LabError(
                "Another profiler is running in this thread.",
                got=repr(sys.getprofile()),
                remedy="Stop it first: sys.setprofile(None), or leave the other profiler's `with` block.",
            )

    def end_first(self) -> None:
        self._stolen_ns = time.perf_counter_ns()

    def begin_step(self, number: int) -> None:
        self._open.clear()
        self._running = True
        self._stolen_before_step = self._stolen_ns
        began = time.perf_counter_ns() - self._stolen_ns
        self._steps.append(Event(f"step {number}", began, 0, "step", details={STEP_NUMBER: number, STEP_MARK: 1}))
        sys.setprofile(self._hear)

    def end_step(self) -> float:
        sys.setprofile(None)
        ended = time.perf_counter_ns() - self._stolen_ns
        while self._open:  # our own calls that led here, and what a caller has not left yet
            self._close(ended)
        step = self._steps[-1]
        self._steps[-1] = step._replace(duration_ns=ended - step.start_ns)
        self._running = False
        return (self._stolen_ns - self._stolen_before_step) / 1e9

    def finish(self) -> Recording:
        if self._running:
            self.end_step()
        self._keep_longest()
        whole = sum(step.duration_ns for step in self._steps)
        track = Track(threading.current_thread().name, HOST, [*self._steps, *self._events])
        return Recording(
            tracks=[track],
            rows=self._totals.costs(),
            python_share=max(0.0, 1 - self._own_ns["native"] / whole) if whole else None,
            left_out=self._seen - len(self._events),
            notes=[NO_GRAPH, OPERATORS],
        )

    def abandon(self) -> None:
        if self._running:
            sys.setprofile(None)
            self._running = False

    def _hear(self, frame: FrameType, what: str, argument: Any) -> None:
        """What Python calls at every begin and end."""
        called = time.perf_counter_ns()
        if what in ("call", "c_call"):
            name = self._builtin_name(argument) if what == "c_call" else self._function_name(frame)
            kind: Kind = "native" if what == "c_call" else "python"
            self._open.append([name, kind, called - self._stolen_ns, 0])
        elif self._open:  # else the return into a function that was running before the step
            self._close(called - self._stolen_ns)
        self._stolen_ns += time.perf_counter_ns() - called

    def _close(self, now: int) -> None:
        name, kind, began, inside = self._open.pop()
        duration = now - began
        if self._open:
            self._open[-1][3] += duration
        if name is None:
            return
        own = duration - inside
        self._own_ns[kind] += own
        self._totals.add((name, "", HOST), own)
        self._events.append(Event(name, began, duration, kind, name))
        self._seen += 1
        if len(self._events) >= 2 * self._most:
            self._keep_longest()

    def _keep_longest(self) -> None:
        if len(self._events) > self._most:
            self._events = heapq.nlargest(self._most, self._events, key=lambda event: event.duration_ns)

    def _function_name(self, frame: FrameType) -> str | None:
        code = frame.f_code
        if code.co_filename.startswith(_OURS):
            return None
        if code not in self._names:
            place = f"{code.co_filename.replace(chr(92), '/').rpartition('/')[2]}:{code.co_firstlineno}"
            self._names[code] = f"{code.co_qualname} ({place})"
        return self._names[code]

    def _builtin_name(self, function: Any) -> str | None:
        if function is sys.setprofile:
            return None
        owner = getattr(function, "__module__", None)
        name = getattr(function, "__qualname__", None) or repr(function)
        return f"{owner}.{name}" if owner and owner != "builtins" else str(name)
