"""One map that is being made on demand, or was: what a page is told of it, and what of it lies on disk."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psutil

from embedding_lab.board.dashboard.computing import WantedMap, WantedMeasures
from embedding_lab.embeddings import Run
from embedding_lab.errors import LabError

FOLDER = "jobs"
MOST_KEPT = 100
"""So many jobs of a log directory are shown; the files of older ones stay."""

WAITING, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
_TOLD = (
    *("id", "run", "layer", "step", "map", "method", "dims", "parameters", "samples"),
    *("state", "stage", "done", "total", "message", "rate", "seconds_left", "begun"),
)


@dataclass
class Job:
    """A map that is being made, or was; or measures of one.

    Attributes:
        id: see `new_id`.
        wanted: what is made.
        map: the name of the map.
        begun: when it was asked for, seconds since 1970.
        owner: the server's process, by number and start, so that nobody else takes it for abandoned.
        state: "queued", "running", "done", "failed" or "cancelled".
        stage: what it does now; `done` of `total` of that, total None where nobody knows.
        message: what a person should know.
        since: when this stage began, or when it ended, by the clock that only runs forward.
        keep: whether measures are kept with their run.
    """

    id: str
    wanted: WantedMap | WantedMeasures
    map: str
    begun: float
    owner: tuple[int, float]
    state: str = WAITING
    stage: str = ""
    done: int = 0
    total: int | None = None
    message: str = ""
    since: float = 0.0
    tries: int = 0
    keep: bool = True
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        return self.state in (DONE, FAILED, CANCELLED)

    def told(self) -> dict[str, Any]:
        """What the page is told of a map."""
        assert isinstance(self.wanted, WantedMap)
        elapsed = time.monotonic() - self.since
        rate = self.done / elapsed if self.state == RUNNING and self.done and elapsed > 0 else None
        left = (self.total - self.done) / rate if rate and self.total is not None else None
        wanted = self.wanted
        return {
            "id": self.id,
            "run": wanted.run,
            "layer": wanted.layer,
            "step": wanted.step,
            "map": self.map,
            "method": wanted.method,
            "dims": wanted.dims,
            "parameters": dict(wanted.parameters),
            "samples": None if wanted.rows is None else len(wanted.rows),
            "state": self.state,
            "stage": self.stage,
            "done": self.done,
            "total": self.total,
            "message": self.message,
            "rate": rate,
            "seconds_left": left,
            "begun": self.begun,
        }

    def give_way(self) -> None:
        """Ends the process of a job that is under way, and puts it back among those that wait."""
        if self.state == RUNNING:
            self.state, self.stage, self.done, self.total, self.message = WAITING, "", 0, None, ""
            self.tries -= 1
            if self.process is not None:
                self.process.kill()

    def kept(self) -> dict[str, Any]:
        """What lies on disk."""
        return {**self.told(), "owner": list(self.owner)}


def new_id() -> str:
    """Of a job: ids sort by when they were given, so that the last files are those of the newest jobs."""
    return f"{time.time_ns():016x}"


def kept_in(run: Run) -> Iterator[dict[str, Any]]:
    """The jobs that lie in a run; what cannot be read is passed over."""
    for name in run.files.list(FOLDER)[-MOST_KEPT:]:
        try:
            job = json.loads(run.files.read(f"{FOLDER}/{name}"))
            owner, job = job["owner"], {key: job[key] for key in _TOLD}
            float(job["begun"])
        except (LabError, ValueError, TypeError, KeyError):
            continue
        if job["state"] in (WAITING, RUNNING) and not lives(owner):
            job |= {"state": FAILED, "message": "The server ended meanwhile. Make this map again to go on with it."}
        yield job


def write_down(run: Run, job: Job) -> None:
    """Puts what becomes of a map on disk; measures that were not made will be asked for again."""
    if isinstance(job.wanted, WantedMeasures):
        return
    text = json.dumps(job.kept(), ensure_ascii=False)
    run.files.publish(f"{FOLDER}/{job.id}.json", text.encode())


def lives(owner: Any) -> bool:
    """Whether the server that a job belongs to still runs."""
    try:
        number, started = int(owner[0]), float(owner[1])
        return bool(abs(psutil.Process(number).create_time() - started) < 1)
    except (psutil.Error, ValueError, TypeError, IndexError, OverflowError):
        return False
