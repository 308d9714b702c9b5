"""The wheel, installed where nothing else of this project is, works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from browser.dashboard import Dashboard

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "embedding_lab"
SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"
SECONDS = 600.0
UNREACHABLE = re.compile(r"No matching distribution|Max retries|name resolution|NewConnectionError")
# A path that a developer has set must not stand before the wheel.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def output_of(*command: object, **options: Any) -> str:
    """What a command prints; where it fails, the test does, with all it said."""
    done = run(*command, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    words = [*map(str, command)]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=SECONDS, check=False, env=ENVIRONMENT, **options
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    output_of(sys.executable, "-m", "pip", "--quiet", *build)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel in it, which finds what the wheel needs in this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / SCRIPTS / "python"
    into = [sys.executable, "-m", "pip", "--quiet", "--python", python]
    output_of(*into, "install", "--no-deps", "--no-index", wheel)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(output_of(python, "-c", ask).strip())
    # A folder named in a .pth file is searched, but the .pth files in it (our editable install) are not read.
    (packages / "outer.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return folder / SCRIPTS


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    ours = {
        path.relative_to(ROOT / "src").as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".nbi", ".nbc"}
    }
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA"))).decode()
    assert names == ours
    assert "embedding_lab/py.typed" in names
    assert "License-Expression: Apache-2.0" in metadata


def test_the_dashboard_s_page_is_in_the_wheel(wheel: Path) -> None:
    assert {"index.js", "index.html", "standalone.js"} <= {Path(name).name for name in page_files(wheel)}


def page_files(wheel: Path) -> dict[str, bytes]:
    """Name and content of every file of the dashboard's page."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if "/board/static/" in name}


def test_the_installed_package_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    ask = "import embedding_lab, embedding_lab.app; print(embedding_lab.__file__)"
    found = Path(output_of(installed / "python", "-c", ask, cwd=tmp_path).strip())
    assert installed.parent in found.parents


def test_every_public_name_can_be_had_from_it(installed: Path, tmp_path: Path) -> None:
    ask = "import embedding_lab as lab; print(len([getattr(lab, name) for name in lab.__all__]))"
    assert int(output_of(installed / "python", "-c", ask, cwd=tmp_path)) > 0


def test_the_installed_command_runs(installed: Path, tmp_path: Path) -> None:
    assert "Commands:" in output_of(installed / "embedding-lab", "--help", cwd=tmp_path)
    assert output_of(installed / "embedding-lab", "--version") == output_of(
        installed / "python", "-m", "embedding_lab", "--version", cwd=tmp_path
    )


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds what `pip install embedding-lab[tensorflow]` puts there."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    into = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--python", folder / SCRIPTS / "python"]
    done = run(*into, "install", "--constraint", ROOT / "constraints.txt", f"{wheel}[tensorflow]")
    if done.returncode and UNREACHABLE.search(done.stderr) and not os.environ.get("CI"):
        pytest.skip(f"the package registry cannot be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return folder / SCRIPTS


@contextmanager
def served(command: list[Any], cwd: Path) -> Iterator[str]:
    with subprocess.Popen(
        [*map(str, command)], stdout=subprocess.PIPE, text=True, cwd=cwd, env=ENVIRONMENT
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def demo(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A folder whose `logs` the demo has written, and what it told."""
    folder = tmp_path_factory.mktemp("demo")
    words = ["demo", "--dataset", "digits", "--epochs", "1", "--logdir", "logs", "--no-serve", "--json"]
    return folder, json.loads(output_of(environment / "embedding-lab", *words, cwd=folder))


@pytest.mark.long
def test_in_an_empty_environment_the_demo_writes_what_tensorboard_opens(
    environment: Path, demo: tuple[Path, Any]
) -> None:
    folder, told = demo
    with served([environment / "embedding-lab", "serve", "logs", "--port", "0", "--json"], folder) as url:
        browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def get(path: str) -> Any:
            with browser.open(f"{url}data/plugin/projector/{path}", timeout=SECONDS) as answer:
                return json.load(answer)

        runs = get("runs")
        assert runs == [Path(told["run"]).name]
        embeddings = get(f"info?run={runs[0]}")["embeddings"]
    assert (told["samples"], 16) in {tuple(each["tensorShape"]) for each in embeddings}


@pytest.mark.long
@pytest.mark.browser
def test_in_an_empty_environment_tensorboard_has_the_whole_dashboard_and_it_opens(
    environment: Path, wheel: Path, demo: tuple[Path, Any], browser: Any
) -> None:
    folder, told = demo
    with served([environment / "embedding-lab", "serve", "logs", "--port", "0", "--json"], folder) as url:
        asks = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for name, content in page_files(wheel).items():
            asset = name.partition("/board/static/")[2]
            with asks.open(f"{url}data/plugin/embedding_lab/{asset}", timeout=SECONDS) as answer:
                assert answer.read() == content
        page = Dashboard(browser, f"{url}#embedding_lab")
        assert page.told("points") == "{0}/{0}".format(told["samples"])
        assert page.errors == []
        page.page.close()
