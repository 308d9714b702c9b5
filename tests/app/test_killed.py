"""Whenever the demo or a map is stopped, what was complete opens, and nothing half-written is ever seen."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

import embedding_lab as lab
from embedding_lab.embeddings.manifest import read_manifest, verify

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked and killed as POSIX has it")

FORKS = """
import collections, json, os, sys, threading
import keras, tensorflow, embedding_lab.app.demo  # loaded once; each child begins with all of it
for line in sys.stdin:
    logdir, signal, at_stage, at_call, seconds = line.rstrip().split("\t")
    child = os.fork()
    if child == 0:
        calls = collections.Counter()
        def progress(stage, done, total, note=""):
            calls[stage] += 1
            if stage == at_stage and calls[stage] == int(at_call):
                threading.Timer(float(seconds), os.kill, (os.getpid(), int(signal))).start()
        try:
            embedding_lab.app.demo.demo(dataset="digits", epochs=4, samples=200, logdir=logdir, progress=progress)
            print(json.dumps(calls), flush=True)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


@pytest.mark.long
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_at_fifty_random_moments_the_last_complete_state_opens(tmp_path: Path, stop: signal.Signals) -> None:
    numbers = random.Random(int(stop))
    stages = set()
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as forks:
        assert forks.stdin is not None
        assert forks.stdout is not None

        def demo(logdir: Path, stage: str = "", call: int = 0, seconds: float = 0.0) -> list[str]:
            """Runs it, stopped so long after a stage told of itself so often; what it says before it is gone."""
            print(logdir, int(stop), stage, call, seconds, sep="\t", file=forks.stdin, flush=True)
            return list(iter(forks.stdout.readline, "gone\n"))

        (calls,) = map(json.loads, demo(tmp_path / "undisturbed"))
        assert check_complete(tmp_path / "undisturbed") == "all"
        for number in range(50):
            logdir = tmp_path / str(number)
            stage = numbers.choice(list(calls))  # a map tells of itself a hundred times as often as a writer
            demo(logdir, stage, numbers.randint(1, calls[stage]), numbers.random() ** 3 / 2)
            stages.add(check_complete(logdir))
            if stop == signal.SIGINT:
                assert not list(logdir.rglob("*.partial")), "Ctrl-C leaves time to tidy up"
        forks.stdin.close()
    assert len(stages) >= 3, f"the moments fall into the middle of the work: {stages}"


def check_complete(logdir: Path) -> str:
    """Opens whatever the stopped demo left and says how far it came."""
    runs = list(logdir.glob("*"))
    if not runs:
        return "nothing yet"
    model, config_file = runs[0] / "model.keras", runs[0] / "projector_config.pbtxt"
    if model.exists():
        assert zipfile.ZipFile(model).testzip() is None
    if not (runs[0] / "plugins" / "embedding_lab").exists():
        return "a model" if model.exists() else "a run"
    run = lab.open_run(runs[0])
    for layer in run.layers:
        found = run.embeddings(layer)
        folder = "static" if found.step is None else str(found.step)
        manifest = f"layers/{layer}/{folder}/embeddings.json"
        verify(run.files, manifest, read_manifest(run.files, manifest, "embeddings"))
        assert len(found) == 200
        for name in run.maps(layer, found.step):
            assert len(run.map(layer, name, found.step).points) == 200
    if not config_file.exists():
        return f"{len(run.layers)} layers"
    check_projector(runs[0])
    return "all"


def check_projector(run_path: Path) -> None:
    """The list of TensorBoard's own Projector names only files that are there whole."""
    config = text_format.Parse((run_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    for each in config.embeddings:
        rows, dims = each.tensor_shape
        assert (run_path / each.tensor_path).stat().st_size == 4 * rows * dims
        assert (run_path / each.metadata_path).is_file()
        assert (run_path / each.sprite.image_path).is_file()


FORKS_MAPS = """
import collections, json, os, signal, sys, threading
import numpy as np, embedding_lab as lab
from embedding_lab.app import run_maps
run_maps.COST = float("inf")  # publishes every map that is told of
lab.project(np.random.default_rng(0).normal(size=(150, 12)), max_iter=3, threads=1)  # loads compiled code once
for line in sys.stdin:
    run, at_stage, at_call, seconds = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        calls, said = collections.Counter(), []
        def progress(stage, done, total, note=""):
            calls[stage] += 1
            if stage == at_stage and calls[stage] == int(at_call):
                threading.Timer(float(seconds), os.kill, (os.getpid(), signal.SIGKILL)).start()
        try:
            run_maps.project_run(run, max_iter=200, interval=10, threads=1, say=said.append, progress=progress)
            print(json.dumps([calls, said]), flush=True)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


@pytest.mark.long
def test_killed_at_a_hundred_random_moments_a_map_is_whole_and_the_same_call_ends_it(tmp_path: Path) -> None:
    before = tmp_path / "before" / "mine"
    vectors = np.random.default_rng(0).normal(size=(150, 12)) + 8 * (np.arange(150) % 3)[:, None]
    pictures = np.random.default_rng(0).integers(0, 255, (150, 8, 8), dtype=np.uint8)
    lab.log_embeddings(before, vectors, layer="wide", step=7, labels=np.arange(150) % 3, images=pictures)
    lab.project_run(before, "pca")
    numbers = random.Random(0)
    states: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", FORKS_MAPS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as forks:
        assert forks.stdin is not None
        assert forks.stdout is not None

        def project(run: Path, stage: str = "", call: int = 0, seconds: float = 0.0) -> Any:
            """Makes the map, killed so long after a stage told of itself so often; its calls and what it said."""
            print(run, stage, call, seconds, sep="\t", file=forks.stdin, flush=True)
            said = list(iter(forks.stdout.readline, "gone\n"))
            return json.loads(said[0]) if said else None

        undisturbed = shutil.copytree(before, tmp_path / "undisturbed" / "mine")
        calls, _ = project(undisturbed)
        wanted = lab.open_run(undisturbed).map("wide", "tsne-3d").points
        for number in range(100):
            run = shutil.copytree(before, tmp_path / str(number) / "mine")
            stage = numbers.choice(list(calls))
            project(run, stage, numbers.randint(1, calls[stage]), numbers.random() ** 3 / 2)
            states.append(check_maps(run))
            _, said = project(run)
            assert bool(said) == states[-1].startswith("stopped"), states[-1]
            assert all(f"going on with 'tsne-3d', {states[-1]}." in each for each in said)
            assert check_maps(run) == "complete"
            np.testing.assert_array_equal(lab.open_run(run).map("wide", "tsne-3d").points, wanted)
        forks.stdin.close()
    assert len(set(states)) > 10, f"the moments fall into the middle of the work: {states}"


def check_maps(run_path: Path) -> str:
    """Opens the maps that are there and says how far the one that was asked for came."""
    run = lab.open_run(run_path)
    check_projector(run_path)
    for name in run.maps("wide", 7):
        manifest = f"layers/wide/7/maps/{name}.json"
        verify(run.files, manifest, read_manifest(run.files, manifest, "map"))
        assert run.map("wide", name).points.shape == (150, 3)
    assert run.map("wide", "pca-3d").state == "complete", "the last complete map stays"
    if "tsne-3d" not in run.maps("wide", 7):
        return "none"
    found = run.map("wide", "tsne-3d")
    return f"stopped at {found.done} of {found.total}" if found.state == "forming" else "complete"
