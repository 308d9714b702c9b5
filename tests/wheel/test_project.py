"""The project's own files: one command to start, and pins that cover what is needed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def bare_name(requirement: str) -> str:
    """The name as pins write it."""
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(each for extra in project["project"]["optional-dependencies"].values() for each in extra),
        *(each for group in project["dependency-groups"].values() for each in group),
    ]
    assert {bare_name(each) for each in needed} <= set(pins())


def test_no_range_ends_before_the_next_major_version_so_that_installing_takes_nothing_back() -> None:
    """In Colab and its like much is installed already, mostly the newest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for each in [*project["dependencies"], *project["optional-dependencies"]["tensorflow"]]:
        bounds = re.findall(r"(<=?|==|~=|!=)([0-9.]+)", each)
        newest = int(pins()[bare_name(each)].split(".")[0])
        assert all((sign, limit) == ("<", str(newest + 1)) for sign, limit in bounds), each


def test_pins_are_names_and_versions_and_nothing_else() -> None:
    assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in pins())
    assert all(re.fullmatch(r"[0-9][0-9a-z.]*", version) for version in pins().values())


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_passes_arguments_on_as_they_are_quoted() -> None:
    command = ["make", "--no-print-directory", "--dry-run", "demo", 'ARGS=--no-serve --logdir "some/where else"']
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == '.venv/bin/embedding-lab demo --no-serve --logdir "some/where else"'


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_without_a_target_says_what_there_is() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [each for each in targets if each not in {"help", "chromium"} and f"make {each}" not in shown] == []
