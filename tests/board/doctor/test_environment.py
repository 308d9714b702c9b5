"""This machine: packages and notes of servers, as real folders that the doctor looks into."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embedding_lab.board.checks import machine
from embedding_lab.board.checks.machine import Machine
from embedding_lab.board.doctor import examine


class Site:
    """A folder with installed packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, version: str, *requires: str, plugin: str = "", folder: str = "site") -> None:
        info = self.folder / folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires)]) + "\n")
        if plugin:
            (info / "entry_points.txt").write_text(f"[tensorboard_plugins]\n{plugin} = x:Plugin\n")

    def names(self, desk: Any, *, tensorflow: bool = False) -> set[str]:
        """What the doctor finds on this machine."""
        return {each.name for each in self.examine(desk, tensorflow=tensorflow).findings}

    def examine(self, desk: Any, *, tensorflow: bool = False, listener: str = "") -> Any:
        paths = [str(each) for each in sorted(self.folder.iterdir()) if each.is_dir()]
        here = Machine.here(paths, self.folder)
        return examine(desk.root, replace(here, tensorflow=tensorflow, listener=listener))


@pytest.fixture
def site(tmp_path: Path, desk: Any) -> Site:
    desk.run()
    (tmp_path / "machine" / "site").mkdir(parents=True)
    return Site(tmp_path / "machine")


def test_a_machine_that_fits_gives_no_cause_for_complaint(site: Site, desk: Any) -> None:
    site.install("tensorboard", "2.21.0", "protobuf!=4.24.0,>=6.31.1", 'nothing>=9; extra == "more"')
    site.install("protobuf", "6.33.0")
    site.install("xprof", "2.22.0", plugin="profile")
    assert site.names(desk) == set()


def test_versions_that_do_not_fit_are_named_with_the_command_that_mends_them(site: Site, desk: Any) -> None:
    site.install("tensorboard", "2.21.0", "protobuf>=6.31.1", "grpcio>=1.74", "absl-py")
    site.install("protobuf", "4.25.0")
    site.install("grpcio", "1.60.0")
    (finding,) = site.examine(desk).findings
    assert finding.name == "versions-do-not-fit"
    assert finding.got == "protobuf 4.25.0, grpcio 1.60.0, absl-py missing"
    assert finding.remedy == "pip install 'protobuf>=6.31.1' 'grpcio>=1.74' 'absl-py'"


def test_two_tensorboards_are_named(site: Site, desk: Any) -> None:
    site.install("tensorboard", "2.21.0")
    site.install("tb-nightly", "2.22.0a1")
    (finding,) = site.examine(desk).findings
    assert finding.name == "tensorboard-twice"
    assert "pip uninstall" in finding.remedy


def test_one_package_found_in_two_folders_is_not_two_packages(site: Site, desk: Any) -> None:
    site.install("xprof", "2.22.0", plugin="profile")
    site.install("xprof", "2.22.0", plugin="profile", folder="user-site")
    assert site.names(desk) == set()


def test_one_plugin_from_two_packages_is_named(site: Site, desk: Any) -> None:
    site.install("xprof", "2.22.0", plugin="profile")
    site.install("tensorboard-plugin-profile", "2.22.0", plugin="profile")
    (finding,) = site.examine(desk).findings
    assert (finding.name, finding.remedy) == ("plugin-twice", "pip uninstall tensorboard-plugin-profile")


@pytest.mark.parametrize(
    ("board", "setuptools", "broken"),
    [("2.20.0", "82.0.0", True), ("2.20.0", "", True), ("2.20.0", "81.0.0", False), ("2.21.0", "82.0.0", False)],
)
def test_setuptools_without_pkg_resources(site: Site, desk: Any, board: str, setuptools: str, broken: bool) -> None:
    site.install("tensorboard", board)
    if setuptools:
        site.install("setuptools", setuptools)
    assert ("pkg-resources-missing" in site.names(desk)) == broken


@pytest.mark.parametrize(("version", "faulty"), [("2.4.1", True), ("2.21.0", False)])
def test_the_profiler_of_tensorflow_2_4(site: Site, desk: Any, version: str, faulty: bool) -> None:
    site.install("tensorflow", version)
    assert ("profiler-not-running" in site.names(desk)) == faulty


@pytest.mark.parametrize(("source", "faulty"), [("fs = tf.io.gfile.get_filesystem(path)", True), ("", False)])
def test_torch_beside_tensorflow(site: Site, desk: Any, source: str, faulty: bool) -> None:
    site.install("torch", "1.5.0")
    writer = site.folder / "site" / "torch" / "utils" / "tensorboard" / "writer.py"
    writer.parent.mkdir(parents=True)
    writer.write_text(source)
    assert ("torch-beside-tensorflow" in site.names(desk, tensorflow=True)) == faulty
    assert "torch-beside-tensorflow" not in site.names(desk)


def test_a_profile_plugin_older_than_tensorflow(site: Site, desk: Any) -> None:
    site.install("tensorflow", "2.21.0")
    site.install("tensorboard-plugin-profile", "2.13.0", plugin="profile")
    assert "profile-plugin-old" in site.names(desk)


# Servers


def note(site: Site, pid: int, logdir: Path, started: float) -> Path:
    """What a TensorBoard leaves in the temporary folder, in TensorBoard's own form."""
    path = site.folder / ".tensorboard-info" / f"pid-{pid}.info"
    path.parent.mkdir(exist_ok=True)
    said = {"pid": pid, "port": 6006, "logdir": str(logdir), "start_time": int(started)}
    path.write_text(json.dumps({**said, "version": "2.21.0", "path_prefix": "", "db": "", "cache_key": "x"}))
    return path


def test_a_note_of_a_server_that_is_gone_is_named(site: Site, desk: Any) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    path = note(site, gone.pid, desk.root, time.time() - 60)
    (finding,) = site.examine(desk).findings
    assert (finding.name, finding.file) == ("board-note-stale", path)
    assert path.exists()


def test_what_concerns_the_machine_alone_is_only_counted_at_the_end_of_a_command(site: Site, desk: Any) -> None:
    note(site, 2**30, desk.root, 0)
    shown, counted = site.examine(desk).brief().splitlines()
    assert shown == "TensorBoard will show: Time Series, Scalars."
    assert counted == f'1 further finding: embedding-lab doctor "{desk.root}"'
    site.install("tensorboard", "2.21.0", "protobuf>=6.31.1")
    assert "versions-do-not-fit" in site.examine(desk).brief(), "an error is told, wherever it lies"


def test_a_process_that_took_over_the_number_is_not_the_server(site: Site, desk: Any) -> None:
    note(site, os.getpid(), desk.root, started=1000)
    assert "board-note-stale" in site.names(desk)


def test_a_server_that_runs_is_no_cause_for_complaint(site: Site, desk: Any) -> None:
    note(site, os.getpid(), desk.root, time.time() + 3600)
    assert site.names(desk) == set()


def test_a_list_that_is_newer_than_the_server_needs_a_restart(site: Site, desk: Any) -> None:
    run = desk.run()
    path = desk.list(run, {"tensor_path": desk.raw(run)})
    note(site, os.getpid(), desk.root, time.time() + 3600)
    assert site.names(desk) == set()
    later = time.time() + 7200
    os.utime(path, (later, later))
    (finding,) = site.examine(desk).findings
    assert (finding.name, finding.remedy) == ("board-shows-old-list", "Restart it.")


def test_many_notes_are_one_finding(site: Site, desk: Any) -> None:
    for pid in (2**30, 2**30 + 1):
        note(site, pid, desk.root, 0)
    (finding,) = site.examine(desk).findings
    assert finding.got == "2 notes of servers that have ended, on ports 6006"


def test_a_usual_port_in_other_hands_is_noted(site: Site, desk: Any) -> None:
    (finding,) = site.examine(desk, listener="nginx (process 7)").findings
    assert (finding.name, finding.got) == ("port-taken", "nginx (process 7)")
    note(site, os.getpid(), desk.root.parent, time.time() + 3600)
    assert f"shows {desk.root.parent}" in site.examine(desk, listener="python").findings[0].got
    note(site, os.getpid(), desk.root, time.time() + 3600)
    assert site.examine(desk, listener="python").findings == ()


def test_whoever_listens_is_named() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        assert machine._listener(server.getsockname()[1]) == ""
        server.listen()
        assert f"process {os.getpid()}" in machine._listener(server.getsockname()[1])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"pid": "x"}', '{"pid": 1e99, "port": 1}'])
def test_notes_that_are_none_are_passed_over(site: Site, desk: Any, text: str) -> None:
    note(site, 1, desk.root, 0).write_text(text)
    assert site.names(desk) == set()
