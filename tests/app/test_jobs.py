"""Maps made on demand: each by a process of its own that can be ended, and that may crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from werkzeug.test import Client

from embedding_lab.app.job import MOST_KEPT, Job, new_id, write_down
from embedding_lab.app.jobs import JobQueue
from embedding_lab.app.plugin import dashboard_of
from embedding_lab.board.dashboard.application import Dashboard
from embedding_lab.board.dashboard.computing import WantedMap
from embedding_lab.board.dashboard.row_code import encode_rows
from embedding_lab.board.projector_config import CONFIG_NAME
from embedding_lab.embeddings import EmbeddingSet, Projection, Run, as_dataset, create_run
from embedding_lab.projection.method import METHODS, own_parameters

SECONDS = 600.0  # maps are made after everything else on the machine


class Page:
    """The dashboard, asked as its page asks it."""

    def __init__(self, logdir: Path) -> None:
        self.dashboard: Dashboard = dashboard_of(logdir)
        self.client = Client(self.dashboard)

    def post(self, route: str, given: Any) -> Any:
        headers = {"X-Embedding-Lab-Token": self.client.get("/overview").json["token"]}
        return self.client.post(f"/{route}", json=given, headers=headers)

    def jobs(self) -> dict[str, Any]:
        return {each["id"]: each for each in self.client.get("/jobs").json}

    def wait(self, job: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            told: dict[str, Any] = self.jobs()[job]
            if until(told):
                return told
            assert not ended(told), told
            self.hear_of_the_end(0.05)
        raise AssertionError(f"still {self.jobs()[job]}")

    def hear_of_the_end(self, seconds: float) -> None:
        """Waits for the end of the thread that does the jobs; how far they are can only be asked now and then."""
        if (thread := self.queue._worker) is not None:
            thread.join(seconds)

    @property
    def queue(self) -> JobQueue:
        queue = self.dashboard.library.jobs
        assert isinstance(queue, JobQueue)
        return queue

    def worker(self, job: str) -> subprocess.Popen[str]:
        """The process that makes the map of a job that is running."""
        process = self.queue._jobs[job].process
        assert process is not None
        return process


@pytest.fixture
def run(tmp_path: Path) -> Run:
    random = np.random.default_rng(0)
    data = as_dataset(np.empty((300, 0)), labels=np.arange(300) % 3)
    run = create_run(tmp_path / "logs" / "sub" / "first")
    vectors = random.normal(size=(300, 8)) + 6 * (np.arange(300) % 3)[:, None]
    run.save_embeddings(EmbeddingSet(vectors.astype(np.float32), data, "mine", step=7))
    return run


@pytest.fixture
def page(run: Run, tmp_path: Path) -> Page:
    return Page(tmp_path / "logs")


WANTED = {"set": {"run": "sub/first", "layer": "mine", "step": 7}, "method": "pca", "dims": 2}
ENDLESS = {**WANTED, "method": "tsne", "dims": 3, "parameters": {"max_iter": 6_000_000}}


def ended(told: dict[str, Any]) -> bool:
    return told["state"] in ("done", "failed", "cancelled")


def forming(told: dict[str, Any]) -> bool:
    return told["state"] == "running" and told["stage"].startswith("t-SNE") and told["done"] > 0


def test_maps_are_made_one_after_the_other_and_kept_with_the_run(page: Page, run: Run, tmp_path: Path) -> None:
    whole = page.post("jobs", WANTED).json["id"]
    some = page.post("jobs", {**WANTED, "rows": encode_rows(range(0, 300, 2)), "parameters": {"metric": "cosine"}})
    assert page.jobs()[some.json["id"]]["state"] == "queued"
    assert page.wait(whole, ended)["state"] == "done"
    assert page.wait(some.json["id"], ended)["state"] == "done", page.jobs()
    maps = run.maps("mine", 7)
    assert maps[0] == "pca-2d"
    assert maps[1].startswith("pca-2d-cosine of 150 (")
    points = run.map("mine", maps[1]).points
    assert np.isnan(points[1::2]).all()
    assert np.isfinite(points[::2]).all()
    listed = text_format.Parse((run.path / CONFIG_NAME).read_text(), ProjectorConfig()).embeddings
    assert [(list(each.tensor_shape), each.tensor_name.partition(" (")[0]) for each in listed] == [
        ([300, 3], "mine · step 00007 · principal components 2-D"),
        ([150, 3], "mine · step 00007 · principal components 2-D, cosine of 150"),
    ]
    again = Page(tmp_path / "logs")  # another server finds the jobs that were
    assert {each["state"] for each in again.jobs().values()} == {"done"}
    overview = again.client.get("/overview").json
    (step,) = overview["runs"][0]["layers"][0]["steps"]
    assert [each["state"] for each in step["maps"]] == ["complete", "complete"]


@pytest.fixture
def in_the_background() -> Iterator[None]:
    """As a server that a script starts with "&": Ctrl-C is ignored, also by what it starts."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_the_background")
def test_a_map_forms_while_the_page_reads_it_and_a_cancelled_one_stays_as_it_is(
    page: Page, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("embedding_lab.app.jobs.CANCEL_SECONDS", SECONDS)
    monkeypatch.setattr("embedding_lab.app.jobs.KEPT_EVERY_SECONDS", 0.0)
    job = page.post("jobs", ENDLESS).json["id"]
    told = page.wait(job, forming)
    assert told["total"] == 6_000_000
    seen = Page(tmp_path / "logs").wait(job, forming)  # another server's page sees how far it is
    assert seen["rate"] > 0
    worker = page.worker(job)
    assert page.post("jobs/cancel", {"id": job}).status_code == 200
    assert page.jobs()[job]["state"] == "cancelled"
    assert worker.returncode == 1, "it ends by itself, with the map in place"
    kept = run.map("mine", told["map"])
    assert kept.state == "forming"
    assert kept.done
    (layer,) = page.client.get("/overview").json["runs"][0]["layers"]
    assert layer["steps"][0]["maps"][0]["state"] == "stopped"  # nobody works at it any more
    asked = {**WANTED["set"], "map": told["map"]}  # type: ignore[dict-item]
    assert page.client.get("/points", query_string=asked).status_code == 200


@pytest.mark.long  # it compiles for half a minute
def test_a_umap_is_made_with_as_many_neighbours_as_were_asked_for(page: Page, run: Run) -> None:
    parameters = {"n_neighbors": 7, "epochs": 50}
    job = page.post("jobs", {**WANTED, "method": "umap", "parameters": parameters}).json["id"]
    done = page.wait(job, ended)
    assert done["state"] == "done", done
    made = run.map("mine", done["map"])
    assert made.state == "complete"
    assert made.parameters["n_neighbors"] == 7


@pytest.mark.long
def test_a_process_that_crashes_is_started_once_more_and_then_given_up(page: Page) -> None:
    job = page.post("jobs", ENDLESS).json["id"]
    page.wait(job, forming)
    first = page.worker(job)
    first.kill()
    page.wait(job, lambda told: not forming(told))
    page.wait(job, forming)
    second = page.worker(job)
    assert second.pid != first.pid
    second.kill()
    told = page.wait(job, ended)
    assert told["state"] == "failed"
    assert "unexpectedly, twice" in told["message"]


def test_a_process_that_crashes_before_it_hears_what_to_make_is_given_up_after_two_tries(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", str(Path("nowhere").absolute()))  # no Python begins there
    rows = list(range(300)) * 100  # more than a pipe takes, so that the crash is met while they are written
    job = page.queue.start(WantedMap("sub/first", "mine", 7, "pca", 2, {}, rows))
    told = page.wait(job, ended)
    assert told["state"] == "failed"
    assert "unexpectedly, twice" in told["message"]
    assert "Python" in told["message"], "its last lines"
    assert page.queue._jobs[job].process is None


def test_a_half_made_map_counts_as_forming_only_while_its_maker_may_still_be_at_work(page: Page, run: Run) -> None:
    ids = run.embeddings("mine").ids
    run.save_map("mine", 7, "half", Projection(np.zeros((300, 2), np.float32), ids, "tsne", state="forming"))

    def state() -> str:
        return str(page.client.get("/overview").json["runs"][0]["layers"][0]["steps"][0]["maps"][0]["state"])

    assert state() == "forming"
    (manifest,) = run.files.root.glob("layers/mine/7/maps/half.json")
    os.utime(manifest, (1e9, 1e9))
    os.utime(manifest.parent)
    assert state() == "stopped"


SERVER = """
import json
import sys
from pathlib import Path
from embedding_lab.app.jobs import JobQueue
from embedding_lab.board.dashboard.computing import WantedMap
wanted = WantedMap("sub/first", "mine", 7, "tsne", 3, json.loads(sys.argv[2]))
print(JobQueue(Path(sys.argv[1])).start(wanted), flush=True)
sys.stdin.read()
"""


@pytest.mark.long
def test_with_a_server_that_is_killed_its_work_ends_and_the_next_server_says_so(page: Page, run: Run) -> None:
    command = [sys.executable, "-c", SERVER, str(run.path.parents[1]), json.dumps(ENDLESS["parameters"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        job = server.stdout.readline().strip()
        page.wait(job, lambda _: bool(run.maps("mine", 7)))
        (worker,) = psutil.Process(server.pid).children()
        server.kill()
    psutil.wait_procs([worker], SECONDS)
    assert not worker.is_running()
    told = page.jobs()[job]
    assert told["state"] == "failed"
    assert "server ended" in told["message"]
    before = run.map("mine", told["map"]).done
    assert before
    again = page.post("jobs", ENDLESS).json["id"]
    assert page.wait(again, forming)["done"] >= before  # it goes on from the map so far
    page.post("jobs/cancel", {"id": again})


def test_a_job_whose_server_ended_is_told_as_failed(run: Run) -> None:
    job = Job("abc", WantedMap("sub/first", "mine", 7, "pca", 2, {}), "pca-2d", 1.0, (1, 1.0), state="running")
    run.files.publish("jobs/abc.json", json.dumps(job.kept()).encode())
    run.files.publish("jobs/broken.json", b"{")
    (told,) = Page(run.path.parents[1]).jobs().values()
    assert told["state"] == "failed"
    assert "server ended" in told["message"]


def test_of_many_jobs_the_newest_are_told(run: Run) -> None:
    wanted = WantedMap("sub/first", "mine", 7, "pca", 2, {})
    jobs = [Job(new_id(), wanted, "pca-2d", float(when), (1, 1.0), state="done") for when in range(MOST_KEPT + 3)]
    for job in jobs:
        run.files.publish(f"jobs/{job.id}.json", json.dumps(job.kept()).encode())
    assert list(Page(run.path.parents[1]).jobs()) == [job.id for job in jobs[3:]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "magic"},
        {"dims": 4},
        {"dims": "three"},
        {"parameters": {"perplexityy": 3}, "method": "tsne"},
        {"parameters": {"init": "random"}, "method": "tsne"},
        {"parameters": {"perplexity": "abc"}, "method": "tsne"},
        {"parameters": {"perplexity": True}, "method": "tsne"},
        {"parameters": {"perplexity": -5}, "method": "tsne"},
        {"parameters": {"perplexity": 1e9}, "method": "tsne"},
        {"parameters": {"max_iter": 2.5}, "method": "tsne"},
        {"parameters": {"max_iter": 0}, "method": "tsne"},
        {"parameters": {"sample": 1}, "method": "tsne"},
        {"parameters": {"weighting": "none"}, "method": "tsne"},
        {"parameters": {"n_neighbors": 1}, "method": "umap"},
        {"parameters": {"n_neighbors": 10**6}, "method": "umap"},
        {"parameters": {"min_dist": [0.1]}, "method": "umap"},
        {"parameters": {"min_dist": 2}, "method": "umap"},
        {"parameters": {"metric": "manhattan"}},
        {"parameters": {"seed": -1}},
        {"parameters": {"seed": [1]}},
        {"parameters": [1]},
        {"rows": encode_rows([0, 1])},
        {"rows": encode_rows([0, 1, 300])},
        {"set": {"run": "nowhere", "layer": "mine"}},
    ],
)
def test_a_map_that_cannot_be_made_is_refused_before_a_process_starts(page: Page, wrong: dict[str, Any]) -> None:
    answer = page.post("jobs", {**WANTED, **wrong})
    assert 400 <= answer.status_code < 500
    assert answer.json["error"]["happened"].endswith(".")
    assert page.jobs() == {}


@pytest.fixture
def page_where_nothing_begins(page: Page, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr(JobQueue, "_add", lambda queue, job: None)
    return page


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.integers())
parameters = ["metric", "seed", "resume", "nonsense", *(name for each in METHODS for name in own_parameters(each))]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    changed=st.fixed_dictionaries(
        {},
        optional={
            "method": st.sampled_from(sorted(METHODS)) | anything,
            "dims": st.sampled_from([2, 3]) | anything,
            "parameters": st.dictionaries(st.sampled_from(parameters), anything) | anything,
            "rows": anything,
            "set": anything,
        },
    )
)
def test_whatever_map_is_asked_for_is_put_in_the_queue_or_refused_in_words(
    page_where_nothing_begins: Page, changed: dict[str, Any]
) -> None:
    answer = page_where_nothing_begins.post("jobs", {**WANTED, **changed})
    assert answer.status_code == 200 or 400 <= answer.status_code < 500, answer.text
    assert "id" in answer.json or answer.json["error"]["happened"].endswith(".")


def test_there_are_only_so_many_jobs(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedding_lab.app.jobs.MOST_WAITING", 1)
    job = page.post("jobs", ENDLESS).json["id"]
    answer = page.post("jobs", WANTED)
    assert answer.status_code == 400
    assert "too many jobs" in answer.json["error"]["happened"]
    page.post("jobs/cancel", {"id": job})
    assert page.wait(job, ended)["state"] == "cancelled"


def test_the_page_is_answered_while_a_job_is_written_to_a_slow_disk(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []

    def slowly(run: Run, job: Job) -> None:
        if not answers:
            answers.append(somebody_else.submit(page.queue.all).result(SECONDS))
        write_down(run, job)

    monkeypatch.setattr("embedding_lab.app.jobs.write_down", slowly)
    with ThreadPoolExecutor(1) as somebody_else:
        job = page.queue.start(WantedMap("sub/first", "mine", 7, "pca", 2, {}))
    assert answers == [[]]
    assert page.wait(job, ended)["state"] == "done"


@pytest.mark.long
def test_vectors_of_others_are_taken_into_our_format_for_a_map(tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "theirs"
    folder.mkdir(parents=True)
    vectors = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    np.savetxt(folder / "v.tsv", vectors, delimiter="\t")
    (folder / "l.tsv").write_text("".join(f"class {row % 2}\n" for row in range(20)), "utf-8")
    (folder / "projector_config.pbtxt").write_text(
        'embeddings { tensor_name: "x" tensor_path: "v.tsv" metadata_path: "l.tsv" }', "utf-8"
    )
    page = Page(tmp_path / "logs")
    job = page.post("jobs", {**WANTED, "set": {"run": "theirs", "layer": "x"}}).json["id"]
    assert page.wait(job, ended)["state"] == "done", page.jobs()
    run = create_run(folder)
    assert run.maps("x") == ["pca-2d"]
    assert run.embeddings("x").dataset.class_names == ("class 0", "class 1")
    (step,) = page.client.get("/overview").json["runs"][0]["layers"][0]["steps"]
    assert [each["name"] for each in step["maps"]] == ["pca-2d"]
