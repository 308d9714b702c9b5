"""Maps that were saved without measures: measured while somebody looks at them, and left as they were saved."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from werkzeug.test import Client

from embedding_lab.app.exports import export_html
from embedding_lab.app.jobs import JobQueue
from embedding_lab.app.measured_maps import measure_map
from embedding_lab.app.plugin import dashboard_of
from embedding_lab.embeddings import EmbeddingSet, Projection, Run, as_dataset, create_run
from embedding_lab.embeddings.measures import MeasuresOf
from embedding_lab.errors import StorageError
from embedding_lab.projection import Index, measure
from embedding_lab.projection.pca import points_of

ROWS = 80
SET = {"run": "run", "layer": "mine", "step": "static"}
LABELS = np.arange(ROWS) % 4
VECTORS = (np.random.default_rng(0).normal(size=(ROWS, 6)) + 3 * LABELS[:, None]).astype(np.float32)
OWN = VECTORS[:, 4:6].copy()


class Page:
    """The dashboard as its page asks it."""

    def __init__(self, logdir: Path) -> None:
        dashboard = dashboard_of(logdir)
        assert isinstance(dashboard.library.jobs, JobQueue)
        self.jobs = dashboard.library.jobs
        self.client = Client(dashboard)

    def maps(self) -> dict[str, Any]:
        (layer,) = self.client.get("/overview").json["runs"][0]["layers"]
        return {each["name"]: each for each in layer["steps"][-1]["maps"]}

    def measure(self, route: str, name: str, given: Any = SET) -> int:
        token = self.client.get("/overview").json["token"]
        answer = self.client.post(
            f"/{route}", json={"set": given, "map": name}, headers={"X-Embedding-Lab-Token": token}
        )
        return answer.status_code

    def wait(self, name: str) -> dict[str, Any]:
        """The map when all that was asked for has ended."""
        worker = self.jobs._worker
        if worker is not None:
            worker.join()
        return dict(self.maps()[name])

    def columns(self, name: str, given: Any = SET) -> dict[str, Any]:
        told = self.client.get("/columns", query_string={**given, "map": name}).json
        return {each["name"]: each for each in told if each["source"] == "map"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A layer with a map of somebody's own, of which he says how it was stretched."""
    run = create_run(tmp_path / "logs" / "run")
    data = as_dataset(np.empty((ROWS, 0)), labels=LABELS)
    run.save_embeddings(EmbeddingSet(VECTORS, data, "mine"))
    run.save_map("mine", None, "own", Projection(OWN, data.ids, "drawn", quality={"stretch": 2.0}))
    return run


def foreign(logdir: Path, vectors: Any) -> None:
    folder = logdir / "run"
    folder.mkdir(parents=True)
    np.savetxt(folder / "v.tsv", vectors, delimiter="\t")
    (folder / "projector_config.pbtxt").write_text(
        'embeddings { tensor_name: "mine" tensor_path: "v.tsv" }', "utf-8"
    )


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def measured(of: MeasuresOf, run: Run, **places: Any) -> None:
    measure_map(run.path.parent, run.path.name, "mine", None, of, places.get("places", [run]))


def of_own(run: Run) -> MeasuresOf:
    (own,) = run.finished_maps("mine")
    return MeasuresOf("own", own.generation, str(run.embeddings("mine").place.generation))  # type: ignore[union-attr]


def test_a_map_of_ones_own_is_measured_in_the_background_and_kept_with_the_run(run: Run, tmp_path: Path) -> None:
    page = Page(tmp_path / "logs")
    before = page.maps()["own"]
    assert before["unmeasured"]["state"] == "wanted"
    assert page.columns("own") == {}
    assert page.client.post("/measures", json={"set": SET, "map": "own"}).status_code == 403  # without the token
    assert page.maps()["own"]["unmeasured"]["state"] == "wanted"
    for _ in range(2):  # twice is once
        assert page.measure("measures", "own") == 200
    after = page.wait("own")
    assert after["unmeasured"] is None
    assert page.jobs._jobs == {}, "nothing is left of it but the measures"
    expected = measure(VECTORS, OWN, labels=LABELS)
    assert after["quality"] == pytest.approx({**expected.totals, "stretch": 2.0})
    assert after["generation"] == before["generation"], "its points are not sent again"
    assert set(page.columns("own")) == set(expected.per_sample)
    assert page.columns("own")["kept_10"]["max"] == expected.per_sample["kept_10"].max()
    assert page.client.get("/jobs").json == []  # nobody asked for a map
    kept = run.map("mine", "own")
    assert kept.quality == pytest.approx(after["quality"])
    np.testing.assert_array_equal(kept.per_sample["false"], expected.per_sample["false"])
    assert Page(tmp_path / "logs").maps()["own"]["unmeasured"] is None, "the next server finds them"


def test_the_first_map_of_what_others_wrote_is_measured_where_nothing_may_be_written(tmp_path: Path) -> None:
    foreign(tmp_path / "logs", VECTORS)
    before = files_of(tmp_path)
    page = Page(tmp_path / "logs")
    assert page.measure("measures/aside", "pca-3d") == 200
    told = page.wait("pca-3d")
    expected = measure(VECTORS, points_of(VECTORS, 3))
    assert told["quality"]["kept_10"] == pytest.approx(expected.totals["kept_10"], abs=0.01)  # a text is no float
    assert "trustworthiness" in page.columns("pca-3d")
    assert files_of(tmp_path) == before


@pytest.mark.long
def test_measuring_gives_way_to_a_map_that_somebody_waits_for(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, begun, listen = Page(tmp_path / "logs"), threading.Event(), JobQueue._listen

    def heard(*given: Any) -> Any:
        begun.set()
        return listen(*given)

    monkeypatch.setattr(JobQueue, "_listen", heard)
    page.measure("measures", "own")
    begun.wait()
    assert page.maps()["own"]["unmeasured"]["state"] == "running"
    token = page.client.get("/overview").json["token"]
    wanted = {"set": SET, "method": "pca", "dims": 2}
    page.client.post("/jobs", json=wanted, headers={"X-Embedding-Lab-Token": token})
    assert page.maps()["own"]["unmeasured"]["state"] == "queued"
    page.wait("own")
    assert page.client.get("/jobs").json[0]["state"] == "done"
    assert page.maps()["pca-2d"]["unmeasured"] is None
    assert page.maps()["own"]["unmeasured"] is None


def test_measures_of_a_map_that_is_gone_are_no_error_and_are_not_begun(run: Run, tmp_path: Path) -> None:
    page = Page(tmp_path / "logs")
    assert page.measure("measures", "first-3d") == 200  # which stood in until the run had a map of its own
    assert page.maps()["own"]["unmeasured"]["state"] == "wanted"


def test_measuring_that_failed_is_begun_again_after_a_while(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", str(Path("nowhere").absolute()))  # no Python begins there
    page = Page(tmp_path / "logs")
    page.measure("measures", "own")
    assert "unexpectedly, twice" in page.wait("own")["unmeasured"]["message"]
    (first,) = page.jobs._jobs
    page.measure("measures", "own")
    assert list(page.jobs._jobs) == [first], "not at once"
    with monkeypatch.context() as later:
        later.setattr("embedding_lab.app.jobs.AGAIN_SECONDS", 0.0)
        assert page.maps()["own"]["unmeasured"]["state"] == "wanted"
    page.measure("measures", "own")
    assert page.wait("own")["unmeasured"]["state"] == "failed"
    assert first not in page.jobs._jobs


@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        (VECTORS[:20], "take 21 samples or more"),
        (VECTORS[:, :3], "each vector is 3 numbers, which it shows as they are"),
        (VECTORS[:, :1], "each vector is one number, which it shows as it is"),
    ],
)
def test_a_map_that_cannot_be_measured_says_why(tmp_path: Path, vectors: Any, reason: str) -> None:
    foreign(tmp_path / "logs", vectors)
    page = Page(tmp_path / "logs")
    assert page.measure("measures", "pca-3d") == 200
    told = page.maps()["pca-3d"]["unmeasured"]
    assert told["state"] == "impossible"
    assert reason in told["message"]


@pytest.mark.long
def test_a_map_whose_vectors_are_gone_says_so(run: Run, tmp_path: Path) -> None:
    (vectors,) = run.files.root.glob("layers/mine/static/vectors-*.npy")
    vectors.unlink()
    page = Page(tmp_path / "logs")
    page.measure("measures", "own")
    told = page.wait("own")["unmeasured"]
    assert told["state"] == "failed"
    assert vectors.name in told["message"]
    assert "missing" in told["message"]


def test_a_map_of_some_samples_is_measured_among_them(run: Run) -> None:
    some = np.arange(ROWS) % 2 == 0
    points = np.where(some[:, None], OWN, np.nan)
    run.save_map("mine", None, "own", Projection(points, run.embeddings("mine").ids, "drawn"))
    measured(of_own(run), run)
    kept, expected = run.map("mine", "own"), measure(VECTORS[some], OWN[some], labels=LABELS[some])
    assert kept.quality == pytest.approx(dict(expected.totals))
    np.testing.assert_array_equal(kept.per_sample["kept_10"][some], expected.per_sample["kept_10"])
    assert np.isnan(kept.per_sample["kept_10"][~some]).all()


def test_a_map_is_measured_by_the_metric_it_was_made_by_and_in_the_dimensions_that_are_shown(run: Run) -> None:
    points = np.random.default_rng(1).normal(size=(ROWS, 5)).astype(np.float32)
    run.save_map("mine", None, "own", Projection(points, run.embeddings("mine").ids, "x", {"metric": "cosine"}))
    measured(of_own(run), run)
    expected = measure(VECTORS, points[:, :3], metric="cosine", labels=LABELS)
    assert run.map("mine", "own").quality == pytest.approx(dict(expected.totals))


def test_measures_are_passed_over_beside_another_map_or_other_vectors(run: Run, tmp_path: Path) -> None:
    measured(of_own(run), run)
    assert "kept_10" in run.map("mine", "own").quality
    run.save_map("mine", None, "own", Projection(OWN[::-1].copy(), run.embeddings("mine").ids, "drawn"))
    assert run.map("mine", "own").quality == {}
    measured(of_own(run), run)
    assert Page(tmp_path / "logs").maps()["own"]["unmeasured"] is None
    run.save_embeddings(EmbeddingSet(VECTORS + 1, run.embeddings("mine").dataset, "mine"))
    assert run.map("mine", "own").quality == {}
    assert Page(tmp_path / "logs").maps()["own"]["unmeasured"]["state"] == "wanted"


def test_a_map_of_vectors_that_were_replaced_is_neither_shown_nor_measured(run: Run, tmp_path: Path) -> None:
    ids = run.embeddings("mine").ids
    run.save_map("mine", None, "old", Projection(OWN, ids, "drawn", vectors="those before"))
    assert set(Page(tmp_path / "logs").maps()) == {"own"} == set(run.maps("mine"))


def test_where_the_run_cannot_be_written_to_the_measures_lie_aside(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    measured(of_own(run), run, places=[Run(tmp_path / "file"), Run(tmp_path / "aside")])
    assert list((tmp_path / "aside").rglob("own-*.parquet"))
    with pytest.raises(StorageError):
        measured(of_own(run), run, places=[Run(tmp_path / "file")])


@pytest.fixture
def exported(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """What the page in an exported file is told of the maps."""
    (tmp_path / "index.js").write_text("", "utf-8")
    monkeypatch.setattr("embedding_lab.app.exports.STATIC", tmp_path)

    def export(run: Run = run) -> dict[str, Any]:
        export_html(run, tmp_path / "run.html")
        found = re.search(r'id="embedding-lab-data">(.*?)</script>', (tmp_path / "run.html").read_text("utf-8"))
        assert found is not None
        overview = json.loads(json.loads(found[1])["overview"]["text"])
        (step,) = overview["runs"][0]["layers"][0]["steps"]
        return {each["name"]: each for each in step["maps"]}

    return export


def test_an_export_measures_also_where_the_measures_cannot_be_kept(
    run: Run, exported: Callable[[], dict[str, Any]]
) -> None:
    blocked = run.files.root / "layers/mine/static/maps/measures"
    blocked.write_bytes(b"")  # where a folder would have to be
    told = exported()["own"]
    assert told["unmeasured"] is None
    assert told["quality"] == pytest.approx({**measure(VECTORS, OWN, labels=LABELS).totals, "stretch": 2.0})
    assert "kept_10" not in run.map("mine", "own").quality


def test_what_others_listed_is_measured_and_exported_from_a_run_that_holds_nothing_else(
    exported: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    foreign(tmp_path / "theirs", VECTORS)
    (first,) = exported(create_run(tmp_path / "theirs" / "run")).values()
    assert first["unmeasured"] is None
    assert "kept_10" in first["quality"]


def test_an_export_searches_neighbours_once_also_where_they_cannot_be_kept(
    run: Run, exported: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run.save_map("mine", None, "second", Projection(OWN[:, ::-1], run.embeddings("mine").ids, "drawn"))
    searched: list[int] = []

    class Counted(Index):
        def __init__(self, vectors: Any, **named: Any) -> None:
            super().__init__(vectors, **named)
            self.dims = vectors.shape[1]

        def neighbours(self, *args: Any, **named: Any) -> Any:
            searched.append(self.dims)
            return super().neighbours(*args, **named)

    def refuse(*_: Any) -> None:
        raise StorageError("The disk is read-only.")

    monkeypatch.setattr(Run, "save_neighbours", refuse)
    for module in ("neighbours", "quality"):
        monkeypatch.setattr(f"embedding_lab.projection.{module}.Index", Counted)
    assert {each["unmeasured"] for each in exported().values()} == {None}
    assert searched.count(VECTORS.shape[1]) == 1


def test_a_map_that_cannot_be_measured_stops_no_export_and_one_that_forms_is_let_be(
    run: Run, exported: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = run.embeddings("mine").ids
    some = np.where(np.arange(ROWS)[:, None] % 2 == 0, OWN, np.nan)
    run.save_map("mine", None, "some", Projection(some, ids, "drawn"))
    run.save_map("mine", None, "half", Projection(OWN, ids, "drawn", state="forming"))
    monkeypatch.setattr("embedding_lab.app.measures.fits_in_memory", lambda *_: False)  # vectors of some do not
    told = exported()
    assert told["own"]["unmeasured"] is None
    assert told["some"]["unmeasured"]["state"] == "impossible"
    assert (told["half"]["state"], "kept_10" in told["half"]["quality"]) == ("forming", False)
