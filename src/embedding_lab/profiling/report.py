"""What a trace found, as a table to read and as an object to work with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from embedding_lab.profiling.costs import Cost, layer_costs

ROWS_SHOWN = 15
NAME_WIDTH = 52


@dataclass(frozen=True)
class TraceReport:
    """What a trace found; `str(report)` is the table.

    Attributes:
        name: what was traced.
        framework: "tensorflow", "torch" or "python".
        first_seconds: the first call, with all that happens only once: compilation, memory, caches.
        step_seconds: each profiled step after it.
        python_share: which part of a step, from 0 to 1, was Python and not compiled code; None if unknown.
        rows: the operations, the most expensive first.
        peak_bytes: the most memory the process held at any time.
        grown_bytes: by how much that exceeds what it held before.
        tensor_bytes: the most memory that tensors held during the steps; None where the framework does not say.
        run: the folder of the run, to be opened in TensorBoard.
        profile: the file behind the Profile tab.
        chrome: the same timeline for ui.perfetto.dev and chrome://tracing.
        has_graph: whether the Graphs tab shows the function.
        notes: what to know about these numbers.
    """

    name: str
    framework: str
    first_seconds: float
    step_seconds: tuple[float, ...]
    python_share: float | None
    rows: tuple[Cost, ...]
    peak_bytes: int
    grown_bytes: int
    tensor_bytes: int | None
    run: Path
    profile: Path
    chrome: Path
    has_graph: bool
    notes: tuple[str, ...]

    @property
    def seconds_per_step(self) -> float:
        """The median of the profiled steps."""
        return median(self.step_seconds)

    @property
    def once_seconds(self) -> float:
        """What the first call took beyond a step: compilation and all else that happens once."""
        return max(0.0, self.first_seconds - self.seconds_per_step)

    @property
    def layers(self) -> list[Cost]:
        """The cost of each layer, the most expensive first; empty where no layer is known."""
        return layer_costs(self.rows)

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON knows it; seconds, bytes, paths as text."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            **fields,
            "step_seconds": list(self.step_seconds),
            "seconds_per_step": self.seconds_per_step,
            "once_seconds": self.once_seconds,
            "rows": [dataclasses.asdict(row) for row in self.rows],
            "layers": [{"layer": row.layer, "seconds": row.seconds, "share": row.share} for row in self.layers],
            "notes": list(self.notes),
            **{name: str(fields[name]) for name in ("run", "profile", "chrome")},
        }

    def __str__(self) -> str:
        parts = [self.summary(), self._operations()]
        if self.layers:
            parts.append(self._layers())
        parts.append(self._places())
        parts.extend(f"Note: {note}" for note in self.notes)
        return "\n\n".join(parts)

    def summary(self) -> str:
        """The first call, a step, the share of Python and the memory, in a few lines."""
        steps = ", ".join(duration(each) for each in self.step_seconds[:5])
        more = ", …" if len(self.step_seconds) > 5 else ""
        once = f", of which {duration(self.once_seconds)} only once" if self.once_seconds else ""
        lines = [
            f"{self.name}: first call and {_counted(len(self.step_seconds), 'step')}, {self.framework}",
            f"  first call  {duration(self.first_seconds)}{once}",
            f"  each step   {duration(self.seconds_per_step)} ({steps}{more})",
        ]
        if self.python_share is not None:
            lines.append(f"  in Python   {self.python_share:.0%} of a step")
        tensors = f"; tensors {size(self.tensor_bytes)} at most" if self.tensor_bytes is not None else ""
        grown = f"{size(self.grown_bytes)} more than before"
        lines.append(f"  memory      {size(self.peak_bytes)} at most, {grown}{tensors}")
        return "\n".join(lines)

    def _operations(self) -> str:
        shown, rest = self.rows[:ROWS_SHOWN], self.rows[ROWS_SHOWN:]
        several = len({row.device for row in self.rows}) > 1
        table = [("operation", *(("device",) if several else ()), "layer", "ms/step", "share", "calls/step")]
        for row in shown:
            device = (row.device,) if several else ()
            table.append((_cut(row.operation), *device, _cut(row.layer), *self._numbers(row)))
        lines = _columns(table, numbers=3)
        if rest:
            lines.append(f"and {len(rest):,} more, {sum(row.share for row in rest):.1%} of the time")
        return "\n".join(lines)

    def _layers(self) -> str:
        shown, rest = self.layers[:ROWS_SHOWN], self.layers[ROWS_SHOWN:]
        table = [("layer", "ms/step", "share"), *((_cut(row.layer), *self._numbers(row)[:2]) for row in shown)]
        more = [f"and {len(rest):,} more, {sum(row.share for row in rest):.1%} of the time"] if rest else []
        return "\n".join([*_columns(table, numbers=2), *more])

    def _numbers(self, row: Cost) -> tuple[str, str, str]:
        steps = len(self.step_seconds)
        return f"{row.seconds * 1000 / steps:,.3f}", f"{row.share:.1%}", f"{row.calls / steps:,.4g}"

    def _places(self) -> str:
        tabs = "Graphs and Profile tab" if self.has_graph else "Profile tab"
        return (
            f"{tabs}: embedding-lab serve {self.run.parent}   (run {self.run.name})\n"
            f"Timeline: open {self.chrome} at https://ui.perfetto.dev"
        )


def duration(seconds: float) -> str:
    """A duration in the unit that suits it."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} µs"


def size(count: int) -> str:
    """A number of bytes in the unit that suits it."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _cut(name: str) -> str:
    """A name that fits its column; of a long one the end says more than the beginning."""
    return name if len(name) <= NAME_WIDTH else f"…{name[-NAME_WIDTH + 1 :]}"


def _columns(table: Sequence[Sequence[str]], numbers: int) -> list[str]:
    """Lines with words to the left and the last columns, which hold numbers, to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    words = len(widths) - numbers
    return [
        "  ".join(
            cell.ljust(width) if at < words else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
