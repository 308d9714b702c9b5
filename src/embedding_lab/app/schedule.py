"""Says when to log while a training goes on: at steps or epochs, and unasked only as often as it costs little."""

from __future__ import annotations

import time
from typing import Literal

from embedding_lab.errors import InputError

Every = int | Literal["epoch"] | None

SHARE = 0.04
"""What logging may take of the time since the first log, where nobody says how often to log.

What is promised is 5 % of the time that the training takes without it. The time counted here has the logs in it, a
log may take longer than the one before, and the training is slower for a moment after it.
"""

STEPS = 500
"""The fewest steps between logs in a loop, where nobody says."""


class Schedule:
    """The steps of one training at which to log.

    Args:
        every: so many steps, "epoch" for each, or None: at ends of epochs, in a loop every 500 steps, but only as
            often as all logs but the first, with one more at the end, take no more than `SHARE` of the time.

    Raises:
        InputError: it is something else.
    """

    def __init__(self, every: Every) -> None:
        if every not in (None, "epoch") and not (isinstance(every, int) and every >= 1):
            raise InputError("every is out of range.", got=repr(every), expected='1 step or more, or "epoch"')
        self.every = every
        self._begun: float | None = None
        self._spent = self._latest = 0.0
        self._step = 0

    def begin(self, step: int) -> None:
        """A training begins, or goes on, at a step."""
        self._begun, self._spent, self._step = None, 0.0, step

    def at_step(self, step: int, *, in_loop: bool = False) -> bool:
        """Whether to log at this step, which is heard of after every one or after several.

        Args:
            step: how many steps the model was trained for.
            in_loop: whether nobody tells where epochs end.
        """
        interval = self.every if isinstance(self.every, int) else STEPS if in_loop and self.every is None else None
        before, self._step = self._step, step
        if interval is None:
            return False
        if in_loop and self._begun is None:
            return True
        return before // interval < step // interval and self._affordable()

    def at_epoch_end(self) -> bool:
        """Whether to log at the end of an epoch."""
        return not isinstance(self.every, int) and self._affordable()

    def logged(self, seconds: float) -> None:
        """Logging took so long; the first time says from when on the time of the training counts."""
        self._latest = seconds
        if self._begun is None:
            self._begun = time.monotonic()
        else:
            self._spent += seconds

    def _affordable(self) -> bool:
        if self.every is not None or self._begun is None:
            return True
        now_and_at_the_end = 2 * self._latest
        return self._spent + now_and_at_the_end <= SHARE * (time.monotonic() - self._begun)
