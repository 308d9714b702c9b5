"""Makes maps on demand, one after the other, each in a process of its own, and keeps what became of them.

Maps without measures are measured in between, by processes of the same kind. What a person asked for comes first:
a measuring that is under way gives way to it, and begins again afterwards. Of these jobs nothing lies on disk.

A job lies in its run, in `jobs/<id>.json`, so that the page finds it again after a reload and so does the next
server. Its process (`app/job_worker.py`) says on standard output how far it is. It ends when its standard input
does: because the job was cancelled, or because the server is no more. A process that ends otherwise has crashed;
its job is begun once more, and goes on from the map so far where the method can.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from embedding_lab.app.job import (
    CANCELLED,
    DONE,
    FAILED,
    MOST_KEPT,
    RUNNING,
    WAITING,
    Job,
    kept_in,
    new_id,
    write_down,
)
from embedding_lab.board.dashboard.computing import WantedMap, WantedMeasures
from embedding_lab.board.dashboard.logdir import LogDir
from embedding_lab.embeddings import Run
from embedding_lab.embeddings.projection import map_name
from embedding_lab.errors import InputError, LabError, one_of

MOST_WAITING = 20
MOST_TRIES = 2
MOST_NEIGHBOURS = 1000
"""Of each sample, by perplexity or n_neighbors. In Python more may be asked for."""

KEPT_EVERY_SECONDS = 3.0
"""How far a job is, is put on disk so often, for the pages of other servers."""

CANCEL_SECONDS = 15.0
"""So long a process may take to put the map so far in place before it is ended for good."""

_TAIL_LINES = 20

AGAIN_SECONDS = 300.0
"""Measuring that failed is begun again, where somebody still looks at that map, after so long."""


class JobQueue:
    """The jobs of a log directory.

    Args:
        logdir: the log directory.
    """

    def __init__(self, logdir: Path) -> None:
        self._logdir = logdir
        self._folders = LogDir(logdir)
        self._jobs: dict[str, Job] = {}
        self._order: deque[str] = deque()
        self._lock = threading.Lock()
        self._starting = threading.Lock()  # counts and writes one after the other; nobody else waits for that disk
        self._worker: threading.Thread | None = None
        self._aside: Path | None = None
        self._me = (os.getpid(), psutil.Process().create_time())

    def all(self) -> list[Mapping[str, Any]]:
        with self._lock:
            told: list[Mapping[str, Any]] = [job.told() for job in self._maps()]
        mine = {each["id"] for each in told}
        others = [each for each in self._on_disk() if each["id"] not in mine]
        return sorted([*others, *told], key=lambda each: float(each["begun"]))[-MOST_KEPT:]

    def start(self, wanted: WantedMap) -> str:
        _check(wanted)
        with self._starting:
            with self._lock:
                if sum(not job.ended for job in self._maps()) >= MOST_WAITING:
                    raise InputError(
                        "There are too many jobs.",
                        got=f"{MOST_WAITING} that are not done yet",
                        remedy="Wait for one to end, or cancel one.",
                    )
            job = Job(new_id(), wanted, _name(wanted), time.time(), self._me)
            write_down(self._run(job), job)
            with self._lock:
                self._add(job)
                for measuring in self._measuring():
                    measuring.give_way()
        return job.id

    def measure(self, wanted: WantedMeasures, *, keep: bool) -> None:
        with self._lock:
            known = self._measuring()
            if any(job.wanted == wanted for job in known):
                return
            for job in known:
                if job.state == WAITING:  # whoever still looks at that map asks again
                    self._forget(job)
            if self._aside is None:  # a folder that is there from the moment on when something lies in it
                self._aside = Path(tempfile.gettempdir()) / f"embedding-lab-{secrets.token_hex(8)}"
                weakref.finalize(self, shutil.rmtree, self._aside, ignore_errors=True)
            self._add(Job(new_id(), wanted, wanted.of.name, time.time(), self._me, keep=keep))

    def measuring(self, wanted: WantedMeasures) -> Mapping[str, Any] | None:
        with self._lock:
            for job in self._measuring():
                if job.wanted == wanted:
                    return {name: getattr(job, name) for name in ("state", "stage", "done", "total", "message")}
        return None

    def aside(self, run: str) -> Run | None:
        return None if self._aside is None else Run(self._aside / run)

    def cancel(self, job: str) -> None:
        with self._lock:
            if job not in self._jobs:
                raise one_of("Job", job, self._jobs)
            found = self._jobs[job]
            if found.ended:
                return
            found.state, found.message = CANCELLED, "Cancelled."
            process = found.process
        if process is not None:
            _end(process)
        write_down(self._run(found), found)

    def _maps(self) -> Iterator[Job]:
        return (job for job in self._jobs.values() if isinstance(job.wanted, WantedMap))

    def _measuring(self) -> list[Job]:
        """What is being measured, will be, or could not be a short while ago."""
        jobs = [job for job in self._jobs.values() if isinstance(job.wanted, WantedMeasures)]
        for job in jobs:
            if job.state == FAILED and time.monotonic() - job.since >= AGAIN_SECONDS:
                self._forget(job)
        return [job for job in jobs if job.id in self._jobs]

    def _forget(self, job: Job) -> None:
        del self._jobs[job.id]
        if job.id in self._order:
            self._order.remove(job.id)

    def _add(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._order.append(job.id)
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._work, name="jobs", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        """Does one job after the other until none is wanted; maps, for which a person waits, before measures."""
        while True:
            with self._lock:
                waiting = [self._jobs[each] for each in self._order if self._jobs[each].state == WAITING]
                if not waiting:
                    self._order.clear()
                    self._worker = None
                    return
                job = next((each for each in waiting if isinstance(each.wanted, WantedMap)), waiting[0])
                job.state, job.tries = RUNNING, job.tries + 1
            try:
                self._make(job)
            except (OSError, LabError, ValueError) as error:  # the run was deleted, or no process can be started
                self._end(job, FAILED, str(error))

    def _make(self, job: Job) -> None:
        command = [sys.executable, "-P", "-m", "embedding_lab.app.job_worker"]
        spec = self._spec(job)
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        ) as process:
            tail = _Tail(process)
            with self._lock:
                job.process = process
                gone = job.state != RUNNING
            write_down(self._run(job), job)
            if gone:  # it was cancelled before its process began
                _end(process)
            else:
                _tell(process, spec)
            said = self._listen(job, process)
            process.wait()
            last_lines = tail.text()  # to the end, before the pipes are closed
        with self._lock:
            job.process = None
        self._judge(job, process.returncode, said, last_lines)

    def _spec(self, job: Job) -> dict[str, Any]:
        """What the process is told."""
        wanted = job.wanted
        if isinstance(wanted, WantedMap):
            what = {**vars(wanted), "parameters": dict(wanted.parameters)}
        else:
            what = {**vars(wanted), "of": vars(wanted.of), "keep": job.keep, "aside": str(self._aside)}
        return {"logdir": str(self._logdir), "map": job.map, **what}

    def _listen(self, job: Job, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Hears how far the work is; returns the last word, empty where there was none."""
        assert process.stdout is not None
        kept = time.monotonic()
        for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:  # a library printed something
                continue
            if not isinstance(said, dict):
                continue
            if "stage" not in said:
                return said
            with self._lock:
                if said["stage"] != job.stage:
                    job.stage, job.since = str(said["stage"]), time.monotonic()
                job.done, job.total, job.message = said["done"], said["total"], str(said["note"])
            if time.monotonic() - kept >= KEPT_EVERY_SECONDS:
                kept = time.monotonic()
                with contextlib.suppress(LabError):  # that pages of other servers fall behind ends no job
                    write_down(self._run(job), job)
        return {}

    def _judge(self, job: Job, code: int, said: Mapping[str, Any], tail: str) -> None:
        if job.state != RUNNING:  # cancelled, or it gave way
            return
        if "made" in said:
            self._end(job, DONE, "")
        elif "failed" in said:
            self._end(job, FAILED, str(said["failed"]))
        elif job.tries < MOST_TRIES:
            with self._lock:
                job.state, job.message = WAITING, "Its process ended unexpectedly; it is begun once more."
                job.stage, job.done, job.total = "", 0, None
        else:
            self._end(job, FAILED, f"Its process ended unexpectedly, twice (code {code}). {tail}".strip())

    def _end(self, job: Job, state: str, message: str) -> None:
        """Says how a job ended: on disk first, so that pages of other servers hear of it no later than ours."""
        ended = replace(job, state=state, message=message[:2000])
        with contextlib.suppress(LabError):  # it has ended, whether or not a full disk lets others hear of it
            write_down(self._run(job), ended)
        with self._lock:
            cancelled = job.state == CANCELLED
            if not cancelled:
                job.state, job.message, job.since = ended.state, ended.message, time.monotonic()
                if job.state == DONE and isinstance(job.wanted, WantedMeasures):
                    self._forget(job)  # the measures are there to be found
        if cancelled:  # meanwhile, which then is the last word on disk too
            with contextlib.suppress(LabError):
                write_down(self._run(job), job)

    def _run(self, job: Job) -> Run:
        return Run(self._logdir / job.wanted.run)

    def _on_disk(self) -> list[dict[str, Any]]:
        """The jobs of other servers and of earlier ones."""
        return [job for run in self._folders.runs.values() for job in kept_in(run)]


class _Tail:
    """The last lines that a process writes to standard error, read so that it never waits for us."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def text(self) -> str:
        self._thread.join(CANCEL_SECONDS)
        return " ".join(self._lines)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            if line.strip():
                self._lines.append(line.strip())


def _tell(process: subprocess.Popen[str], spec: Mapping[str, Any]) -> None:
    """Hands a process its work, unless it was cancelled meanwhile or has crashed."""
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(spec) + "\n")
        process.stdin.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError):  # what is left would be written once more when the pipes are closed
            process.stdin.close()


def _end(process: subprocess.Popen[str]) -> None:
    """Asks a process to end by closing its standard input, and ends it if it does not."""
    with contextlib.suppress(OSError):
        assert process.stdin is not None
        process.stdin.close()
    try:
        process.wait(CANCEL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _check(wanted: WantedMap) -> None:
    """Refuses what no method knows, before a process is started for it."""
    from embedding_lab.projection import check_parameters

    own = {key: value for key, value in wanted.parameters.items() if key not in ("metric", "seed")}
    if forbidden := sorted(set(own) & {"resume", "init", "interval"}):
        raise InputError(f"Parameter {forbidden[0]!r} cannot be chosen here.", remedy="Use lab.project in Python.")
    check_parameters(wanted.method, own, wanted.dims)
    for key in {"perplexity", "n_neighbors"} & own.keys():
        if own[key] > MOST_NEIGHBOURS:
            expected = f"at most {MOST_NEIGHBOURS:,}; more with lab.project in Python"
            raise InputError(f"{key} cannot be so large here.", got=str(own[key]), expected=expected)
    metric, seed = wanted.parameters.get("metric", "euclidean"), wanted.parameters.get("seed", 0)
    if metric not in ("euclidean", "cosine"):
        raise one_of("Metric", metric, ("euclidean", "cosine"))
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 32:
        raise InputError("The seed is no seed.", got=repr(seed), expected="a whole number from 0 on")


def _name(wanted: WantedMap) -> str:
    """A map's name, by everything that makes it another one."""
    chosen = dict(wanted.parameters)
    name = map_name(wanted.method, wanted.dims, str(chosen.pop("metric", "euclidean")))
    name += "".join(f" {key} {value}" for key, value in sorted(chosen.items()))
    return name if wanted.rows is None else f"{name} of {len(wanted.rows):,} ({secrets.token_hex(2)})"
