"""Graphs, profiles, hyper-parameters and the lab's own files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.board.doctor import examine
from embedding_lab.board.launch import launch
from embedding_lab.embeddings import EmbeddingSet, as_dataset, create_run
from embedding_lab.embeddings.files import STALE_SECONDS
from embedding_lab.profiling import trace

NAME = "events.out.tfevents.1.host"


def event(desk: Any, plugin: str, tag: str, text: bytes = b"", content: bytes = b"1") -> Any:
    """An event that a plugin shows."""
    made = desk.scalar(0, 0.0, tag)
    value = made.summary.value[0]
    value.metadata.plugin_data.plugin_name = plugin
    value.metadata.plugin_data.content = content
    value.tensor.dtype = 7
    value.tensor.string_val.append(text)
    return made


# Graphs


def graph_without_a_node(desk: Any, run: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    empty = GraphDef()
    empty.versions.producer = 1
    desk.events(run / NAME, Event(wall_time=1, graph_def=empty.SerializeToString()))


def graph_that_is_none(desk: Any, run: Path) -> None:
    nonsense = json.dumps({"class_name": "Sequential", "config": None}).encode()
    desk.events(run / NAME, event(desk, "graph_keras_model", "keras", nonsense))


def test_a_graph_without_a_node_is_an_error(desk: Any) -> None:
    graph_without_a_node(desk, desk.root / "run")
    assert desk.found("graph-empty").tab == "Graphs"


def test_a_graph_that_tensorboard_cannot_draw_is_an_error(desk: Any) -> None:
    graph_that_is_none(desk, desk.root / "run")
    assert "AttributeError" in desk.found("graph-unreadable").got


def test_tensorboard_itself_shows_nothing_of_what_the_doctor_calls_empty(desk: Any, asked: Any) -> None:
    pytest.importorskip("xprof", reason="the Profile tab comes with xprof")
    graph_without_a_node(desk, desk.root / "no node")
    graph_that_is_none(desk, desk.root / "no graph")
    session = desk.run("old profile") / "plugins" / "profile" / "monday"
    session.mkdir(parents=True)
    (session / "host.trace.json.gz").write_bytes(b"x")
    assert {each.name for each in desk.examine().errors} == {"graph-empty", "graph-unreadable", "profile-legacy"}
    with launch(desk.root, port=0) as board:
        ask = asked(board.url)
        assert b"node" not in ask("plugin/graphs/graph", run="no node")
        assert ask.status("plugin/graphs/graph", run="no graph", tag="keras", conceptual="true") == 500
        assert ask.json("plugin/profile/runs") == ["old profile/monday"]
        assert ask.json("plugin/profile/run_tools", run="old profile/monday") == []


def test_a_keras_run_without_a_graph_is_noted(desk: Any) -> None:
    desk.events(desk.root / "train" / NAME, desk.scalar(0, 1.0, "epoch_loss"))
    assert "keras.Input" in desk.found("graph-missing").remedy


# Profiles


@pytest.fixture
def profiled(desk: Any) -> Path:
    """A run with a profile at its place."""
    session = desk.run() / "plugins" / "profile" / "2026_01_01"
    session.mkdir(parents=True)
    (session / "host.xplane.pb").write_bytes(b"\x0a\x00")
    return Path(session)


def test_a_profile_at_its_place_is_shown(desk: Any, profiled: Path) -> None:
    assert desk.examine().tabs["Profile"] == {"run": "1 session"}
    assert desk.names() == set()


def test_a_missing_plugin_is_an_error_only_where_there_is_a_profile(desk: Any, profiled: Path) -> None:
    from embedding_lab.board.checks.machine import Machine

    bare = Machine((), (), False)
    (finding,) = examine(desk.root, bare).findings
    assert (finding.name, finding.remedy) == (
        "profile-plugin-missing",
        "Install it beside TensorBoard: pip install xprof",
    )
    (profiled / "host.xplane.pb").unlink()
    assert "profile-plugin-missing" not in {each.name for each in examine(desk.root, bare).findings}


@pytest.mark.parametrize("name", ["host.trace.json.gz", "host.overview_page.pb", "x.pt.trace.json"])
def test_files_of_older_profilers_are_not_shown(desk: Any, profiled: Path, name: str) -> None:
    (profiled / "host.xplane.pb").rename(profiled / name)
    assert "older profilers" in desk.found("profile-legacy").got


def test_a_session_that_was_never_ended_is_named(desk: Any, profiled: Path) -> None:
    (profiled / "host.xplane.pb").write_bytes(b"")
    assert desk.found("profile-empty").severity == "error"


def test_profiles_in_wrong_places_are_copied_to_where_the_tab_looks(desk: Any, asked: Any) -> None:
    pytest.importorskip("xprof", reason="the Profile tab comes with xprof")
    profile = trace(sorted, [3, 1, 2], logdir=desk.root.parent / "elsewhere").profile.read_bytes()
    places = ("one", "two/profile/monday", "plugins/profile", "three/plugins/profile")
    for place in places:
        (desk.root / place).mkdir(parents=True, exist_ok=True)
        (desk.root / place / "host.xplane.pb").write_bytes(profile)
    assert [each.mend is not None for each in desk.examine().findings] == [True] * 4
    after = desk.examine(fix=True)
    assert all((desk.root / place / "host.xplane.pb").exists() for place in places)
    assert {"1 session", "2 sessions", "3 sessions", "4 sessions"} & set(after.tabs["Profile"].values())
    with launch(desk.root, port=0) as board:
        ask = asked(board.url)
        assert ask.json("plugins_listing")["profile"]["enabled"]
        sessions = ask.json("plugin/profile/runs")
        assert len(sessions) == 4
        for session in sessions:
            overview = ask("plugin/profile/data", run=session, tag="overview_page", host="host")
            assert b"TraceContext" in overview, session


def test_a_trace_without_its_profile_is_noted(desk: Any) -> None:
    desk.events(desk.root / "run" / NAME, event(desk, "graph_run_metadata_graph", "my_function", b"\x1a\x00"))
    assert "trace_on" in desk.found("trace-without-profile").remedy


# Hyper-parameters


def test_a_metric_that_no_trial_writes_is_named(desk: Any) -> None:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    said = HParamsPluginData()
    said.experiment.metric_infos.add().name.tag = "accuracy"
    said.experiment.metric_infos.add().name.tag = "loss"
    said.experiment.hparam_infos.add().name = "lr"
    experiment = event(desk, "hparams", "_hparams_/experiment", content=said.SerializeToString())
    desk.events(desk.root / NAME, experiment)
    assert desk.found("hparams-no-trial").severity == "warning"
    desk.events(
        desk.root / "trial" / NAME, event(desk, "hparams", "_hparams_/session_start_info"), desk.scalar(0, 1.0)
    )
    assert desk.found("hparams-metric-empty").got == "'accuracy'"
    assert desk.examine().tabs["HParams"] == {"trial": "a trial"}


# The lab's own files


@pytest.fixture
def logged(desk: Any) -> Path:
    """A run with an embedding set of ours."""
    run = create_run(desk.root / "run")
    run.save_embeddings(
        EmbeddingSet(np.eye(5, dtype=np.float32), as_dataset(np.zeros((5, 2))), layer="dense", step=3)
    )
    return Path(run.files.root)


def test_a_run_of_ours_is_shown_and_whole(desk: Any, logged: Path) -> None:
    diagnosis = desk.examine()
    assert diagnosis.tabs["Embedding Lab"] == {"run": "1 layer"}
    assert diagnosis.findings == ()


def test_a_changed_shard_is_found_by_its_checksum(desk: Any, logged: Path) -> None:
    (shard,) = logged.rglob("vectors-*.npy")
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    finding = desk.found("own-file-broken")
    assert finding.file is not None
    assert finding.file.name == "embeddings.json"
    assert "changed since it was written" in finding.happened


@pytest.mark.parametrize("what", ["vectors-*.npy", "samples-*.parquet", "samples-*.json"])
def test_a_missing_file_is_found(desk: Any, logged: Path, what: str) -> None:
    next(logged.rglob(what)).unlink()
    assert "own-file-broken" in desk.names()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": "embedding-lab", "version": "9.0"}'])
def test_a_manifest_that_is_none_is_found(desk: Any, logged: Path, content: str) -> None:
    next(logged.rglob("embeddings.json")).write_text(content)
    assert ("own-file-broken" in desk.names()) == (content != "[]")


def test_leftovers_of_killed_writers_are_noted(desk: Any, logged: Path) -> None:
    leftover = logged / "layers" / "vectors.npy.abcd.partial"
    leftover.write_bytes(b"half")
    assert desk.names() == set()
    long_ago = leftover.stat().st_mtime - 2 * STALE_SECONDS
    os.utime(leftover, (long_ago, long_ago))
    assert desk.found("own-leftovers").severity == "note"


def test_what_our_own_logging_writes_is_well(desk: Any) -> None:
    import embedding_lab as lab

    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (70, 9, 9), np.uint8)
    for layer, dims in (("narrow", 8), ("wide", 300)):
        vectors = np.maximum(rng.normal(1, 1, (70, dims)), 0)
        labels = [f"class {row % 60}" for row in range(70)]
        lab.log_embeddings(
            desk.root / "run",
            vectors,
            layer=layer,
            step=1,
            labels=labels,
            images=images,
            columns={"note": [""] * 70},
        )
    lab.log_embeddings(desk.root / "run", np.zeros((5, 3)), layer="zeros")
    diagnosis = desk.examine()
    assert [each for each in diagnosis.findings if each.severity != "note"] == []
    assert len(desk.names() - {"sampled-views", "too-many-classes"}) == 0
