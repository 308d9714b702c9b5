"""The dashboard's page is built with the package, and not again while nothing has changed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The build of a copy of the page's sources; what it would run stands in `ran`."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    source = tmp_path / "frontend"
    shutil.copytree(ROOT / "frontend", source, ignore=shutil.ignore_patterns("node_modules"))
    monkeypatch.setattr(module, "SOURCE", source)
    monkeypatch.setattr(module, "BUILT", tmp_path / "static")
    monkeypatch.setattr(module, "STAMPS", tmp_path / "stamps")
    module.ran = []

    def run(*words: str) -> None:
        module.ran.append(words[0])
        made = source / "node_modules" if words[0] == "ci" else tmp_path / "static"
        made.mkdir(exist_ok=True)
        (tmp_path / "static" / "index.js").write_text("") if words[0] != "ci" else None

    monkeypatch.setattr(module, "npm", run)
    return module


def test_an_unchanged_page_is_not_built_again(building: Any) -> None:
    building.build()
    assert building.ran == ["ci", "run"]
    building.build()
    assert building.ran == ["ci", "run"]


@pytest.mark.parametrize(
    ("changed", "runs"),
    [("src/app.ts", ["run"]), ("package-lock.json", ["ci", "run"]), ("tests/state.test.ts", [])],
)
def test_a_change_builds_what_depends_on_it(building: Any, changed: str, runs: list[str]) -> None:
    building.build()
    building.ran.clear()
    with (building.SOURCE / changed).open("a") as file:
        file.write("\n")
    building.build()
    assert building.ran == runs


def test_a_page_that_was_deleted_is_built_again(building: Any) -> None:
    building.build()
    building.ran.clear()
    (building.BUILT / "index.js").unlink()
    building.build()
    assert building.ran == ["run"]


def test_the_page_of_this_checkout_is_the_one_its_sources_make() -> None:
    """An editable install has it, and whoever changes the sources builds it before testing."""
    page = ROOT / "src" / "embedding_lab" / "board" / "static" / "index.js"
    before = page.stat().st_mtime_ns
    subprocess.run([sys.executable, ROOT / "hatch_build.py"], check=True, timeout=600)
    assert page.stat().st_mtime_ns == before


def test_the_lock_file_names_no_registry() -> None:
    lock = (ROOT / "frontend" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
