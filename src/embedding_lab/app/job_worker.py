"""The process that makes or measures one map: `app/jobs.py` starts it as `python -m embedding_lab.app.job_worker`.

What to do is the first line of standard input. When that ends the work is interrupted, as by Ctrl-C, and the map
so far is put in place. On standard output stands one JSON object a line: how far it is, and at last "made" or
"failed".
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

TELL_SECONDS = 0.25

LESS, LEAST = 5, 10
"""How nice a process is to the page, which shows the map meanwhile: one that makes a map, and one that measures."""

MOST_MEMORY = 0.9
"""Of all there is."""

CONTAINER_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux says how much a container may take."""


def main() -> None:
    """Does what is asked for on standard input."""
    asked = json.loads(sys.stdin.readline())
    # a server in the background of a script has Ctrl-C ignored, hands that on, and could not interrupt us
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    measuring = "aside" in asked
    _come_after_the_page(LEAST if measuring else LESS)
    _leave_memory()
    from embedding_lab.errors import LabError

    try:
        (_measure if measuring else _make)(asked)
        _say({"made": asked["map"]})
    except KeyboardInterrupt:
        os._exit(1)
    except LabError as error:
        _say({"failed": str(error)})
    except MemoryError:
        _say({"failed": "There is not enough memory for so many samples. Choose fewer, or end other programs."})


def _come_after_the_page(niceness: int) -> None:
    """Leaves the cores to others who want them. Linux may share them out by sessions first, and this is one."""
    if hasattr(os, "nice"):
        os.nice(niceness)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness), "ascii")


def _leave_memory() -> None:
    """Lets work that is too large end with a word, before the system ends whichever process it likes."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limit, macOS keeps its own
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = int(MOST_MEMORY * _memory())
        if soft == resource.RLIM_INFINITY or soft > most:
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _memory() -> int:
    """How many bytes there are for all that runs here, of the machine's or the container's."""
    found: list[int] = [psutil.virtual_memory().total]
    for limit in CONTAINER_MEMORY:
        with contextlib.suppress(OSError, ValueError):  # there is no such file, or no limit
            found.append(int(Path(limit).read_text("ascii")))
    return min(found)


def _measure(asked: dict[str, Any]) -> None:
    from embedding_lab.app.measured_maps import measure_map
    from embedding_lab.embeddings import Run
    from embedding_lab.embeddings.measures import MeasuresOf

    def places() -> Iterator[Run]:
        if asked["keep"]:
            yield Run(Path(asked["logdir"]) / asked["run"])
        Path(asked["aside"]).mkdir(mode=0o700, exist_ok=True)
        yield Run(Path(asked["aside"]) / asked["run"])

    which = asked["run"], asked["layer"], asked["step"], MeasuresOf(**asked["of"])
    measure_map(Path(asked["logdir"]), *which, places(), _Told())


def _make(asked: dict[str, Any]) -> None:
    from embedding_lab.app.adopted import adopt
    from embedding_lab.app.partial_maps import project_some
    from embedding_lab.app.run_maps import project_run
    from embedding_lab.embeddings import create_run

    parameters = dict(asked["parameters"])
    how = {
        "dims": asked["dims"],
        "metric": parameters.pop("metric", "euclidean"),
        "seed": parameters.pop("seed", 0),
        "name": asked["map"],
        "progress": _Told(),
        **parameters,
    }
    run = create_run(Path(asked["logdir"]) / asked["run"])
    if asked["layer"] not in run.layers:
        adopt(run, Path(asked["logdir"]), asked["run"], asked["layer"])
    if asked["rows"] is None:
        project_run(run.path, asked["method"], layers=[asked["layer"]], step=asked["step"], **how)
    else:
        project_some(run, asked["layer"], asked["step"], asked["rows"], asked["method"], **how)


class _Told:
    """Says how far it is, not more often than a person can see."""

    def __init__(self) -> None:
        self._stage = ""
        self._next = 0.0

    def __call__(self, stage: str, done: int, total: int | None, note: str = "", /) -> None:
        now = time.monotonic()
        if stage != self._stage or done == total or now >= self._next:
            self._stage, self._next = stage, now + TELL_SECONDS
            _say({"stage": stage.partition(": ")[2] or stage, "done": done, "total": total, "note": note})


def _say(said: dict[str, Any]) -> None:
    print(json.dumps(said), flush=True)


def _end_with_the_starter() -> None:
    sys.stdin.read()
    _thread.interrupt_main()


if __name__ == "__main__":
    main()
