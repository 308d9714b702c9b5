"""Keeps off the terminal what C++ says before any log level counts."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def without_lines(noise: re.Pattern[str]) -> Iterator[None]:
    """Turns standard error aside, for only its file descriptor reaches C++; all other lines come out afterwards.

    Args:
        noise: what the lines begin with that nobody needs.
    """
    try:
        terminal = os.dup(2)
    except OSError:  # no standard error at all, as under pythonw
        yield
        return
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            aside.seek(0)
            for line in aside.read().decode(errors="replace").splitlines(keepends=True):
                if not noise.match(line):
                    os.write(2, line.encode())
