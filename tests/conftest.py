"""What every test may ask for: real MNIST, a real Chromium, a quick TensorBoard, and how long tests are chosen."""

from __future__ import annotations

import gc
import io
import os
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from embedding_lab.errors import MissingDependency

WITHOUT_TENSORFLOW = Path(__file__).with_name("without_tensorflow")
# The lists under the address bar cost each window as much as a page; the rest is what Playwright would leave out.
UNUSED_FEATURES = [
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AimEnabled",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
]
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-rasterization",  # Debian asks for it, and without a graphics card it takes longer
    "--disable-gpu-compositing",  # only WebGL is drawn as by a graphics card: all else takes a third of the time
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=" + ",".join(UNUSED_FEATURES),
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the long tests (make test-all)")


def pytest_configure(config: pytest.Config) -> None:
    """Chooses examples, and lets what tests start hear Ctrl-C."""
    # how long an example takes says something of the machine, not of the code
    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    # the same ones again and again need not be many
    settings.register_profile("always the same", patient, derandomize=True, max_examples=50)
    settings.register_profile("new ones", patient, derandomize=False)
    settings.load_profile("new ones" if config.getoption("--long") else "always the same")
    # a background job begins with it ignored, and hands that on
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _longest_first(items)
    if config.getoption("--long"):
        return
    chosen = [item for item in items if "long" not in item.keywords]
    config.hook.pytest_deselected(items=[item for item in items if "long" in item.keywords])
    items[:] = chosen


def pytest_collection_finish() -> None:
    """Lets the garbage collector pass over what was imported, which took a tenth of the tests' time."""
    gc.collect()
    gc.freeze()


def _longest_first(items: list[pytest.Item]) -> None:
    """Begins with the files that take longest: one of them begun last would be waited for alone."""
    costly = {"browser", "mnist_dir"}
    long = {item.path for item in items if costly & set(getattr(item, "fixturenames", ()))}
    items.sort(key=lambda item: item.path not in long)


def _missing(what: str) -> None:
    """In CI nothing may be missing; elsewhere the reason is printed and the rest runs."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Skips a test where an extra is not installed, with the command that installs it as the reason."""
    yield from _answered_with_the_install_command()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """The same for an extra that only the test itself asks for."""
    yield from _answered_with_the_install_command()


def _answered_with_the_install_command() -> Iterator[None]:
    try:
        yield
    except MissingDependency as missing:
        if "pip install" not in str(missing):
            raise
        _missing(str(missing))


@pytest.fixture(scope="session")
def with_keras() -> None:
    """Keras, or a skip with the command that installs it: for tests that run it in other processes."""
    from embedding_lab.frameworks.keras import import_keras

    import_keras()


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder that holds `mnist/` with the four IDX files."""
    folder = os.environ.get("EMBEDDING_LAB_DATA")
    if not folder or not (Path(folder) / "mnist").is_dir():
        _missing("no MNIST: set EMBEDDING_LAB_DATA to a folder that holds mnist/ with the four IDX files")
    return Path(str(folder))


class Ended(NamedTuple):
    """How a command ended that ran in this process."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def here() -> Callable[..., Ended]:
    """`here(folder, "layers", "m.keras")` runs that command in this process, which loads TensorFlow only once."""

    def run(folder: Path, *words: object) -> Ended:
        from embedding_lab.cli import main

        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("default")  # as in a process of its own, where warnings are no errors
            warnings.simplefilter("ignore", DeprecationWarning)
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["embedding-lab", *map(str, words)])
            patch.setattr(sys, "__stdout__", out)
            patch.setattr(sys, "stderr", err)
            patch.setattr(warnings, "formatwarning", warnings.formatwarning)
            with pytest.raises(SystemExit) as ended:
                main()
        return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="module")
def quick_tensorboard() -> Iterator[None]:
    """TensorBoard without TensorFlow starts in one second instead of five, and reads no checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(WITHOUT_TENSORFLOW), prepend=os.pathsep)
        yield


@pytest.fixture
def whatever_is_installed(quick_tensorboard: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes see TensorFlow again, where it is installed."""
    paths = os.environ["PYTHONPATH"].split(os.pathsep)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(each for each in paths if each != str(WITHOUT_TENSORFLOW)))


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """A real Chromium's executable."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        _missing("no browser: install Chromium (Debian: apt-get install chromium)")
    return str(found)


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Any]:
    """One Chromium for all browser tests: Playwright runs only once in a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=BROWSER_ARGUMENTS)
        yield running
        running.close()
