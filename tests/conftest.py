"""What every test may ask for: the real MNIST, a real Chromium, and how long tests are chosen."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# how long an example takes says something of the machine, not of the code
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the long tests (make test-all)")


def pytest_configure() -> None:
    """Lets what tests start hear Ctrl-C: a background job begins with it ignored, and hands that on."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    chosen = [item for item in items if "long" not in item.keywords]
    config.hook.pytest_deselected(items=[item for item in items if "long" in item.keywords])
    items[:] = chosen


def _missing(what: str) -> None:
    """In CI nothing may be missing; elsewhere the reason is printed and the rest runs."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder that holds `mnist/` with the four IDX files."""
    folder = os.environ.get("EMBEDDING_LAB_DATA")
    if not folder or not (Path(folder) / "mnist").is_dir():
        _missing("no MNIST: set EMBEDDING_LAB_DATA to a folder that holds mnist/ with the four IDX files")
    return Path(str(folder))


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
