"""Whenever the demo is stopped, what was complete opens, and nothing half-written is ever seen."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

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
    config = text_format.Parse(config_file.read_text(), ProjectorConfig())
    for each in config.embeddings:
        rows, dims = each.tensor_shape
        assert (runs[0] / each.tensor_path).stat().st_size == 4 * rows * dims
        assert (runs[0] / each.metadata_path).is_file()
        assert (runs[0] / each.sprite.image_path).is_file()
    return "all"
