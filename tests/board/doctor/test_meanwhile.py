"""What is being written while the doctor looks is not broken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import embedding_lab as lab
from embedding_lab.board.checks import own_format
from embedding_lab.board.checks.events import check_run_without_events, check_unreadable
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.machine import Machine
from embedding_lab.board.checks.own_format import check_leftovers, check_own_files
from embedding_lab.embeddings.files import PARTIAL, Files
from embedding_lab.embeddings.manifest import verify

LOG_IN_TWO_BLOCKS = """
import sys
from pathlib import Path
import numpy as np
from embedding_lab.app.shown import write_for_viewers
from embedding_lab.embeddings import Run, as_dataset
vectors = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
run = Run(Path(sys.argv[1]))
data = as_dataset(vectors)
with run.samples_ahead(data), run.embedding_writer("hidden", data) as writer:
    writer.append(vectors[:10])
    print("the first block is written", flush=True)
    sys.stdin.readline()
    writer.append(vectors[10:])
    writer.place()
    print("all is in place, and nothing published", flush=True)
    sys.stdin.readline()
write_for_viewers(run.path, [run.embeddings("hidden")])
"""


def test_a_run_that_another_process_is_just_writing_is_no_error(desk: Any) -> None:
    run = desk.root / "new"
    lab.log_embeddings(desk.root / "finished", desk.points())
    command = [sys.executable, "-c", LOG_IN_TWO_BLOCKS, str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for held_at in ("the first block is written", "all is in place, and nothing published"):
            assert writer.stdout.readline().strip() == held_at
            assert list((run / "plugins").rglob("vectors-*"))
            assert desk.names() == set(), held_at
            writer.stdin.write("\n")
            writer.stdin.flush()
    assert writer.returncode == 0
    assert desk.names() == set()
    next(run.glob("*tfevents*")).unlink()
    assert desk.names() == {"run-without-events"}


@pytest.fixture
def logged(desk: Any) -> Path:
    lab.log_embeddings(desk.root / "run", desk.points(), layer="hidden")
    return Path(desk.root / "run")


def walked(root: Path) -> LogDir:
    """The folder by what lies in it at this moment, for checks that come later."""
    view = LogDir(root, Machine((), (), False))
    assert view.folders
    return view


def test_an_event_file_that_came_while_the_doctor_walked_is_seen(desk: Any, logged: Path) -> None:
    (events,) = logged.glob("*tfevents*")
    events.rename(desk.root.parent / events.name)
    view = walked(desk.root)
    assert [each.name for each in check_run_without_events(view)] == ["run-without-events"]
    (desk.root.parent / events.name).rename(events)
    assert list(check_run_without_events(view)) == []


def test_what_a_killed_writer_left_of_an_event_file_makes_no_run(desk: Any, logged: Path) -> None:
    (events,) = logged.glob("*tfevents*")
    events.rename(events.with_name(events.name + PARTIAL))
    assert [each.name for each in check_run_without_events(walked(desk.root))] == ["run-without-events"]


def test_what_is_put_in_place_or_taken_away_while_the_doctor_looks_is_passed_over(desk: Any, logged: Path) -> None:
    for folder in (logged, logged / "plugins" / "embedding_lab" / "layers"):
        (folder / f"events.out.tfevents.2.host{PARTIAL}").touch()
    job = logged / "plugins" / "embedding_lab" / "jobs" / "abc.json"
    job.parent.mkdir()
    job.write_text("{}")
    view = walked(desk.root)
    for path in (*logged.rglob(f"*{PARTIAL}"), job):
        path.unlink()
    for check in (check_unreadable, check_leftovers, check_own_files):
        assert list(check(view)) == []


def test_a_layer_that_is_replaced_while_the_doctor_reads_it_is_no_broken_one(
    desk: Any, logged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replacing = list(range(2))  # the generation before the last goes

    def verify_in_between(files: Files, name: str, manifest: Mapping[str, Any]) -> None:
        while replacing and name.endswith("embeddings.json"):
            lab.log_embeddings(logged, desk.points() / (2 + replacing.pop()), layer="hidden")
        verify(files, name, manifest)

    monkeypatch.setattr(own_format, "verify", verify_in_between)
    assert list(check_own_files(walked(desk.root))) == []
    assert not replacing
