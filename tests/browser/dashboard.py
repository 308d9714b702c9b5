"""The dashboard's page, driven as a person drives it."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SECONDS = 600  # a busy machine draws slowly, and makes maps after everything else
READY = ".embedding-lab[data-state=ready]"
SAID = "document.querySelector('#search-said').textContent != ''"
THREE_FRAMES = """new Promise((done) => {
    let left = 3;
    const next = () => (left-- ? requestAnimationFrame(next) : done());
    next();
})"""
AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


class Dashboard:
    """The page in TensorBoard's tab, or alone."""

    def __init__(self, browser: Any, address: str, *, width: int = 1280, height: int = 800) -> None:
        # where each step of a movement is drawn without a graphics card, one second of it fills a core
        self.page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
        self.page.set_default_timeout(1000 * SECONDS)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.goto(address)
        alone = "index.html" in address
        self.dom = self.page if alone else self.page.locator("iframe").content_frame
        self.dom.locator(READY).wait_for()
        self.frame = self.page.main_frame if alone else self.page.locator("iframe").element_handle().content_frame()

    def wait(self, condition: str, argument: Any = None) -> None:
        """Waits until a condition on the page holds."""
        self.frame.wait_for_function(f"(argument) => {condition}", arg=argument)

    def wait_until_ready(self) -> None:
        self.dom.locator(READY).wait_for()

    def call(self, expression: str, argument: Any = None) -> Any:
        """A value of `lab`, which is what the page offers to scripts."""
        return self.frame.evaluate(
            f"(argument) => {{ const lab = window.embeddingLab; return {expression}; }}", argument
        )

    def told(self, name: str) -> str:
        """What the page's root element says: state, points, map, theme."""
        return str(self.dom.locator(".embedding-lab").get_attribute(f"data-{name}"))

    def wait_for_selected(self, count: int) -> None:
        """Waits until so many samples are selected."""
        self.dom.locator(f".embedding-lab[data-selected='{count}']").wait_for()

    def wait_for_drawn(self, count: int) -> None:
        """Waits until so many points are shown and all of them drawn."""
        self.dom.locator(f".embedding-lab[data-points='{count}/{count}']").wait_for()

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    @contextlib.contextmanager
    def answers_held(self, address: str, but: str = "\0") -> Iterator[list[Any]]:
        """The requests to an address, which wait until they are let go of with `answer`."""
        held: list[Any] = []

        def chosen(url: str) -> bool:
            return address in url and but not in url

        self.page.route(chosen, lambda route: held.append(route))
        self._wait_until_requests_can_be_held()
        yield held
        self.page.unroute(chosen)

    def _wait_until_requests_can_be_held(self) -> None:
        """A page hears a moment later than we that its requests are held: what it asks until then gets away."""
        deadline = time.monotonic() + SECONDS
        held_yet = re.compile(r"held-yet")
        self.page.route(held_yet, lambda route: route.fulfill(body="yes"))
        while self.frame.evaluate("fetch('icon.svg?held-yet').then((answer) => answer.text())") != "yes":
            assert time.monotonic() < deadline, "requests of the page are not held"
        self.page.unroute(held_yet)

    def wait_for_held(self, held: list[Any], count: int) -> None:
        """Waits until so many requests are held."""
        deadline = time.monotonic() + SECONDS
        while len(held) < count:
            assert time.monotonic() < deadline, f"held of {count}: {[each.request.url for each in held]}"
            self.frame.evaluate(THREE_FRAMES)

    def answer(self, held: Any) -> None:
        """Lets a held request go, and waits until the page has seen the answer."""
        with self.page.expect_event("requestfinished", lambda request: request == held.request):
            held.continue_()
        self.frame.evaluate(THREE_FRAMES)

    def leave(self) -> None:
        """Back to nothing selected, hidden or inspected, with the whole map in sight."""
        self.frame.evaluate("document.querySelectorAll('dialog[open]').forEach((each) => each.close())")
        self.dom.locator("h1").click()
        self.press("a")
        for _ in range(2):
            self.press("Escape")
        for key in "vf":
            self.press(key)
        self.wait_for_selected(0)

    def filter(self, condition: str) -> list[str]:
        """Selects what a condition finds; the samples' ids."""
        said = self.search(condition)
        self.wait_for_selected(int(said.split()[0].replace(",", "")))  # which is told a moment before
        return self.selection

    def search(self, text: str, mode: str = "filter") -> str:
        """Types into the search field and presses Enter; what is said of it."""
        self.dom.get_by_label("How to search").select_option(mode)
        field = self.dom.get_by_label("Search samples")
        field.fill(text)
        said = self.dom.locator("#search-said")
        if mode == "text":  # which is searched for while one types, and would be taken for what Enter finds
            self.wait(SAID)
            said.evaluate("(each) => { each.textContent = ''; }")
        field.press("Enter")
        self.wait(SAID)
        return str(said.inner_text())

    def ask_for_a_map(self, method: str, dims: str, samples: str, **fields: str) -> None:
        """Asks for a new map, by what stands beside the choices; it is made by and by."""
        self.press("m")
        dialog = self.dom.get_by_role("dialog", name="A new map")
        dialog.wait_for()
        for choice in (method, dims, samples):
            dialog.get_by_text(choice, exact=False).locator("input").check()
        for name, value in fields.items():
            dialog.get_by_label(name).fill(value)
        dialog.get_by_role("button", name="Make the map").click()
        dialog.wait_for(state="hidden")

    def wait_for_texts(self, items: Any, texts: list[str]) -> None:
        """Waits until a list on the page has these items: what was there before stays until they come."""
        from playwright.sync_api import expect

        expect(items).to_have_text(texts, timeout=1000 * SECONDS)

    @property
    def selection(self) -> list[str]:
        return list(self.call("lab.selection()"))

    @property
    def canvas(self) -> dict[str, float]:
        """Where the map lies on the page."""
        return dict(self.dom.locator(".canvas").bounding_box())

    def picture(self) -> NDArray[np.int16]:
        """What the map's place on the page looks like, shape (height, width, 3)."""
        shot = self.page.screenshot(
            clip=self.canvas, style=".tools, .tooltip, .notices, .jobs { visibility: hidden }"
        )
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), np.int16)

    def still_picture(self) -> NDArray[np.int16]:
        """The same, when nothing moves any more."""
        before = self.picture()
        for _ in range(50):
            self.frame.evaluate(THREE_FRAMES)
            after = self.picture()
            if (before == after).all():
                return after
            before = after
        raise AssertionError("the map does not come to rest")

    def colours(self) -> dict[str, tuple[int, ...]]:
        """The legend: names and colours."""
        found = self.frame.evaluate(
            """() => [...document.querySelectorAll('.legend .entry')].map((entry) => [
                entry.querySelector('.text').textContent,
                getComputedStyle(entry.querySelector('.swatch')).backgroundColor.match(/[0-9]+/g).map(Number),
            ])"""
        )
        return {name: tuple(colour) for name, colour in found}

    def drag(self, *way: tuple[float, float]) -> None:
        """Drags over the map, by shares of its width and height."""
        box = self.canvas
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in way]
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*point, steps=5)
        self.page.mouse.up()

    def violations(self) -> list[str]:
        """What axe finds, when what was asked for last is shown."""
        self.wait("!document.querySelector('.old')")
        self.frame.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.frame.evaluate("axe.run().then((results) => results.violations)")
        return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]
