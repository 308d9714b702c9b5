"""`embedding-lab doctor`: its exit code, its JSON, and what a person reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Ran = Callable[..., Any]


@pytest.fixture
def command(desk: Any, here: Callable[..., Any]) -> Ran:
    """`command("--json")` examines the desk's log directory."""

    def run(*words: str, logdir: str = "") -> Any:
        return here(desk.root, "doctor", logdir or desk.root, *words)

    return run


def test_errors_end_with_3_and_mended_ones_with_0(desk: Any, command: Ran) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run)}, {"tensor_name": "gone", "tensor_path": "gone.f32"})
    ill = command()
    assert ill.returncode == 3
    assert "tensor-missing" in ill.stdout
    assert "--fix does it" in ill.stdout
    assert ill.stderr == ""
    mended = command("--fix")
    assert mended.returncode == 0
    assert "'gone': took it out of the list." in mended.stdout
    assert "Kept as it was:" in mended.stdout


def test_json_holds_all_of_it_in_one_object(desk: Any, command: Ran) -> None:
    desk.list(desk.run(), {"tensor_path": "gone.f32"})
    said = json.loads(command("--json").stdout)
    assert said["ok"] is False
    assert said["tabs"]["Scalars"] == {"run": "1 curve, step 0"}
    (finding,) = [each for each in said["findings"] if each["name"] == "tensor-missing"]
    assert finding["mendable"] is True
    assert set(finding) == {
        "name",
        "severity",
        "tab",
        "happened",
        "run",
        "file",
        "got",
        "rule",
        "remedy",
        "mendable",
    }
    assert json.loads(command("--json", "--fix").stdout)["mended"]


def test_a_folder_that_does_not_exist_fails_with_1(command: Ran, desk: Any) -> None:
    failed = command(logdir=str(desk.root / "nowhere"))
    assert failed.returncode == 1
    assert "There is no log folder" in failed.stderr
