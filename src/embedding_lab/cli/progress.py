"""Shows how far work is, on stderr: bars with rate and time left at a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from embedding_lab.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Task

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Gives the listener to hand to a room; the display ends with the `with` block."""
    if sys.stderr.isatty():
        with _bars() as progress:
            yield progress
    else:
        yield Lines()


class Lines:
    """One line where a stage ends, and one every few seconds on the way; for logs and pipes."""

    def __init__(self) -> None:
        self._stage = ""
        self._begun = self._last_line = 0.0

    def __call__(self, stage: str, done: int, total: int | None, note: str = "", /) -> None:
        """Hears how far a stage is."""
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._begun, self._last_line = stage, now, now
        if done == total or now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            with contextlib.suppress(BrokenPipeError):  # nobody listens any more; the work goes on
                line = _line(stage, done, total, now - self._begun)
                print(f"{line}, {note}" if note else line, file=sys.stderr, flush=True)


def _line(stage: str, done: int, total: int | None, seconds: float) -> str:
    rate = done / seconds if seconds > 0 else 0.0
    speed = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
    if total is None:
        return f"{stage}: {done:,} ({speed})"
    if done == total:
        return f"{stage}: {done:,} in {seconds:.1f} s" + (f" ({speed})" if rate else "")
    left = f", {(total - done) / rate:.0f} s left" if rate else ""
    return f"{stage}: {done:,} of {total:,} ({speed}{left})"


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich import progress as rich_progress
    from rich.console import Console
    from rich.text import Text

    class Rate(rich_progress.ProgressColumn):
        """How many a second, in the stage's own unit."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f}/s" if speed else "")

    bars = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        Rate(),
        rich_progress.TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
    )
    stages: dict[str, Any] = {}

    def progress(stage: str, done: int, total: int | None, note: str = "", /) -> None:
        if stage not in stages:
            stages[stage] = bars.add_task(stage, total=total)
        described = f"{stage}, {note}" if note else stage
        bars.update(stages[stage], completed=done, total=total, description=described)

    with bars:
        yield progress
