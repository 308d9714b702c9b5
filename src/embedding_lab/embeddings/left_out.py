"""Samples that cannot be used: whether the rest goes on without them, and how that is said."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from embedding_lab.errors import EmptyData, one_of

OnError = Literal["stop", "skip"]
ON_ERROR: tuple[OnError, ...] = ("stop", "skip")
"""What becomes of the rest when a sample cannot be read, or gives no finite numbers."""

MOST_TOLD = 10
"""So many samples that were left out are named with their reasons."""


class SamplesLeftOut(UserWarning):
    """Samples that could not be used are not there.

    Attributes:
        reasons: what is wrong with them, by id: of all of them, where the text names a few.
    """

    def __init__(self, told: str, reasons: Mapping[str, str]) -> None:
        super().__init__(told)
        self.reasons = dict(reasons)


@contextlib.contextmanager
def heard_of_left_out() -> Iterator[dict[str, str]]:
    """What is told meanwhile of samples that were left out, by id; it is shown as a warning all the same."""
    reasons: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("always", SamplesLeftOut)
        show = warnings.showwarning

        def shown(message: Warning | str, *where: Any, **more: Any) -> None:
            if isinstance(message, SamplesLeftOut):
                reasons.update(message.reasons)
            show(message, *where, **more)

        warnings.showwarning = shown
        yield reasons


def check_on_error(on_error: str) -> None:
    """Refuses what is not known.

    Raises:
        UnknownName: it is neither "stop" nor "skip".
    """
    if on_error not in ON_ERROR:
        raise one_of("Way to go on after an error", on_error, ON_ERROR)


def tell_left_out(reasons: Mapping[str, str], samples: int) -> None:
    """Warns of samples that were left out.

    Args:
        reasons: what is wrong with them, by id.
        samples: how many there were in all.

    Raises:
        EmptyData: all of them were left out.
    """
    if not reasons:
        return
    named = [f"{name!r} ({reason})" for name, reason in list(reasons.items())[:MOST_TOLD]]
    more = f" and {len(reasons) - MOST_TOLD:,} more" if len(reasons) > MOST_TOLD else ""
    told = f"{'; '.join(named)}{more}"
    if len(reasons) == samples:
        raise EmptyData("None of the samples can be used.", got=told, expected="at least one")
    said = f"{len(reasons):,} of {samples:,} samples left out: {told}."
    warnings.warn(SamplesLeftOut(said, reasons), stacklevel=3)
