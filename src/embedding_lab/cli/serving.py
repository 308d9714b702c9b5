"""Keeps TensorBoard open for as long as the person at the command line wants it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Protocol

from embedding_lab.cli.output import show


class Served(Protocol):
    """What is open until it is closed."""

    def wait(self) -> None:
        """Returns when it is closed; an interruption passes through."""
        ...


def keep_open(board: Served, result: Mapping[str, Any], text: str, as_json: bool) -> None:
    """Shows where it is open and returns at Ctrl-C, which is how serving is meant to end."""
    try:
        show(result, text, as_json)  # whoever reads the address may end it at once
        print("Press Ctrl-C to end it.", file=sys.stderr, flush=True)
        board.wait()
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)


def wants_browser(asked: bool | None) -> bool:
    """What was asked for; else whether someone sits at a screen, so that a server's shell gets no text browser."""
    if asked is not None:
        return asked
    has_screen = sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return has_screen and sys.stderr.isatty()
