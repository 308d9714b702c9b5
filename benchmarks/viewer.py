"""The dashboard beside TensorBoard's Projector and a bare WebGL2 page: the same data, the same browser, one run.

    python benchmarks/viewer.py [--sets 10k,70k,100k,1m,5m] [--seconds 6] [--runs 1] [--gpu] [--json]

For each set a TensorBoard serves one run that both tabs show, and our own server shows it on a page alone. What the
lab writes for the Projector has no more than 49 columns, so vectors of 784 are shown there whole too, as others
write them. The run has no map yet: both tabs begin with PCA, the Projector in the page, the dashboard on the
server, which is started anew for each viewer and begins with it at once, as it always does. Its measures were made
before, which our server would make once, in the background. Every viewer gets a browser of its own that has been
open for a second (the process it draws with comes up meanwhile, which the first page with WebGL would wait for),
and is asked the same:

- first points: from opening the address until a frame holds points;
- of it TensorBoard: until TensorBoard's page began to open the viewer's frame, which no viewer can shorten;
- and the viewer: the rest, from the beginning of its frame on;
- blocked: the longest task of the viewer's frame, from opening to the end of turning;
- in all: the longest task of the whole page, TensorBoard's own start included, which the first row shows by itself;
- frames a second while a mouse drags the map round, and the points drawn in each of them (the Projector draws all
  of its points twice, once unseen to know what is under the mouse);
- busy: how long one of these frames kept the page's main thread, TensorBoard's own work included;
- memory of all the browser's processes after that, over that of an empty TensorBoard page.

A frame counts when points were drawn in it; one script in every page notes that, whoever draws. The bare page draws
as many points as our page alone did while turning, as large, on a canvas of the same size at the same place, and
does nothing else: the floor. It is drawn once more with a shade around the canvas: what it loses by that is what a
browser takes without a graphics card to put together a page that is not of one colour. A second table says how long
each thing that one does on our page alone keeps it busy: the longest task of each. The machine must be otherwise
idle. Five million points are more than the Projector opens: there the page alone is shown. With `--runs` all are
looked at so often, in turns, and the medians are printed.

WebGL is software ("swiftshader") for all of them alike; with `--gpu` it is the graphics card, by EGL, which needs
no display. A browser without one draws 60 frames a second at most. What drew stands above the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from playwright.sync_api import sync_playwright
from viewer_pages import BARE, NOTES_FRAMES, RENDERER, SHADED

import embedding_lab as lab
from embedding_lab.app.exported_columns import with_pictures
from embedding_lab.app.measured_maps import measure_map
from embedding_lab.app.plugin import Computer
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.measured import measures_wanted
from embedding_lab.board.metadata import sample_table
from embedding_lab.board.projector_config import Entry, add_to_config, raw_tensor
from embedding_lab.board.thumbnails import thumbnail_sheet
from embedding_lab.errors import DataMissing

RESULT = Path(__file__).parent / "results" / "viewer.json"
ARGUMENTS = ["--no-sandbox", "--no-first-run"]
SOFTWARE = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
GPU = ["--use-angle=gl-egl", "--ignore-gpu-blocklist"]
SIZE = {"width": 1280, "height": 800}
DEADLINE_MS = 240_000
BROWSER_STARTS_MS = 1000


@dataclass
class Seen:
    """One viewer on one set; a block is 0 where nothing took longer than 50 ms, None what nobody waits for."""

    samples: str
    viewer: str
    first_points_seconds: float | None
    tensorboard_seconds: float
    blocked_ms: float
    page_blocked_ms: float
    frames_per_second: float
    busy_ms_each: float
    points_in_a_frame: int
    point_pixels: float
    canvas: dict[str, float]
    memory_mb: float
    longest_of: dict[str, float]

    @property
    def own_seconds(self) -> float | None:
        """From the beginning of the viewer's frame until it held points."""
        return None if self.first_points_seconds is None else self.first_points_seconds - self.tensorboard_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default="10k,70k,100k,1m", help=f"any of {','.join(SETS)}")
    parser.add_argument("--seconds", type=float, default=6, help="how long each map is turned")
    parser.add_argument("--runs", type=int, default=1, help="how often each viewer is looked at")
    parser.add_argument("--gpu", action="store_true", help="let the graphics card draw instead of the processor")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    options = parser.parse_args()

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("no browser here: install Chromium (Debian: apt-get install chromium)", file=sys.stderr)
        return
    seen: list[Seen] = []
    with sync_playwright() as playwright:
        viewers = Viewers(playwright, chromium, GPU if options.gpu else SOFTWARE, options.seconds)
        seen.append(viewers.empty)
        for name in options.sets.split(","):
            with logged(SETS[name]) as folder:
                found = medians([viewers.compare(name, folder) for _ in range(options.runs)])
            print(table(found), file=sys.stderr)
            seen += found
    result = {"browser": viewers.browser, "renderer": viewers.renderer, "seen": [asdict(each) for each in seen]}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    if options.json:
        print(json.dumps(result))
    else:
        print(f"{viewers.browser}, {viewers.renderer}", table(seen), busy_table(seen), sep="\n\n")


def mnist(samples: int) -> dict[str, Any]:
    """Real MNIST, as vectors with thumbnails; where it is not at hand, noise of its shape."""
    try:
        data = lab.load_dataset("mnist", split="train", download=False)
        pictures, labels = np.asarray(data.samples), np.asarray(data.labels)
    except DataMissing:
        print("no MNIST here: noise in place of pixels", file=sys.stderr)
        numbers = np.random.default_rng(0)
        pictures = numbers.integers(0, 256, (60_000, 28, 28), dtype=np.uint8)
        labels = numbers.integers(0, 10, 60_000)
    rows = np.resize(np.arange(len(pictures)), samples)
    vectors = pictures[rows].reshape(samples, -1).astype(np.float32) / 255
    return {"embeddings": vectors, "images": pictures[rows], "labels": labels[rows]}


def clouds(samples: int) -> dict[str, Any]:
    """Ten clouds in sixteen dimensions."""
    numbers = np.random.default_rng(0)
    labels = numbers.integers(0, 10, samples)
    centres = 4 * numbers.standard_normal((10, 16))
    vectors: NDArray[np.float32] = (centres[labels] + numbers.standard_normal((samples, 16))).astype(np.float32)
    return {"embeddings": vectors, "labels": labels}


SETS: dict[str, Callable[[], dict[str, Any]]] = {
    "10k": lambda: mnist(10_000),
    "70k": lambda: mnist(70_000),
    "100k": lambda: clouds(100_000),
    "1m": lambda: clouds(1_000_000),
    "5m": lambda: clouds(5_000_000),
}
PICTURED = ("10k", "70k")
ALONE = ("5m",)


@contextmanager
def logged(made: Callable[[], dict[str, Any]] | None) -> Iterator[Path]:
    """A log directory with one run, or with none."""
    with tempfile.TemporaryDirectory() as folder:
        if made is not None:
            described = made()
            lab.log_embeddings(Path(folder) / "run", described.pop("embeddings"), **described)
            measure(lab.open_run(Path(folder) / "run"))
            if hasattr(os, "sync"):  # not on Windows
                os.sync()  # else what was written goes to the disk while the first viewer is looked at
        yield Path(folder)


def measure(run: lab.Run) -> None:
    """Measures the first maps, so that no server does while others are looked at."""
    library = Library(run.path.parent, Computer())
    for layer in run.layers:
        found = library.set(run.name, layer, None)
        for shown in found.maps.values():
            measure_map(run.path.parent, run.name, layer, None, measures_wanted(found, shown), [run])


@contextmanager
def in_projector_whole(folder: Path) -> Iterator[str]:
    """The Projector on all columns of the same vectors, as others write them: what the lab writes for it has 49."""
    with tempfile.TemporaryDirectory() as others:
        run = Path(others)  # the log directory itself: of its folders only those with events are runs
        shown = lab.open_run(folder / "run")
        each = with_pictures(shown, shown.embeddings(shown.layers[0]))
        sheet = thumbnail_sheet(each.dataset)
        (run / "vectors.f32").write_bytes(raw_tensor(each.vectors))
        (run / "samples.tsv").write_bytes(sample_table(each.dataset).tsv())
        (run / "sheet.png").write_bytes(sheet.png())
        entry = Entry("whole", each.vectors.shape, "vectors.f32", "samples.tsv", "sheet.png", sheet.cell)
        add_to_config(run, [], [entry])
        with in_tensorboard(run, "projector") as url:
            yield url


@contextmanager
def in_tensorboard(folder: Path, tab: str) -> Iterator[str]:
    """A TensorBoard on a log directory; the address of a tab."""
    with lab.launch(folder, port=0) as board:
        yield f"{board.url}#{tab}"


@contextmanager
def alone(folder: Path) -> Iterator[str]:
    """Our own server on a log directory; its address."""
    command = [sys.executable, "-m", "embedding_lab", "serve", str(folder)]
    command += ["--standalone", "--port", "0", "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()


@contextmanager
def bare(like: Seen, around: str = "") -> Iterator[str]:
    """The bare page that draws as many points as were seen, as large, on as large a canvas."""
    edge = 1.0  # that a point's soft edge takes
    told = {"POINTS": like.points_in_a_frame, "PIXELS": round(like.point_pixels + edge, 2)}
    places = {"LEFT": "x", "TOP": "y", "WIDTH": "width", "HEIGHT": "height"}
    page = BARE.replace("AROUND", around)
    for name, value in {**told, **{name: like.canvas[place] for name, place in places.items()}}.items():
        page = page.replace(name, str(value))
    yield page


class Viewers:
    """Opens each viewer in a browser of its own, and looks at it in the same way."""

    def __init__(self, playwright: Any, chromium: str, drawn_by: list[str], seconds: float) -> None:
        self.playwright = playwright
        self.chromium = chromium
        self.arguments = [*ARGUMENTS, *drawn_by]
        self.seconds = seconds
        with logged(None) as folder, in_tensorboard(folder, "timeseries") as url, self.page(url) as page:
            page.wait_for_timeout(5000)
            self.empty_mb = browser_megabytes()
            self.empty = Seen("none", "TensorBoard, empty", None, 0, 0, longest(page), 0, 0, 0, 0, {}, 0, {})
            self.browser = f"Chromium {page.context.browser.version}"
            self.renderer = page.evaluate(RENDERER)

    def compare(self, name: str, folder: Path) -> list[Seen]:
        ours = self.look(name, "our page alone", alone(folder), used=True)
        floor = [
            self.look(name, "bare page", bare(ours)),
            self.look(name, "bare page, shaded", bare(ours, SHADED)),
        ]
        if name in ALONE:
            return [ours, *floor]
        inside = self.look(name, "dashboard", in_tensorboard(folder, "embedding_lab"))
        stock = self.look(name, "projector", in_tensorboard(folder, "projector"))
        if name not in PICTURED:
            return [ours, inside, *floor, stock]
        pictures = self.look(name, "dashboard, pictures", in_tensorboard(folder, "embedding_lab"), key="p")
        whole = self.look(name, "projector, whole", in_projector_whole(folder))
        return [ours, inside, pictures, *floor, stock, whole]

    def look(
        self,
        name: str,
        viewer: str,
        shown: AbstractContextManager[str],
        key: str | None = None,
        used: bool = False,
    ) -> Seen:
        with shown as what, self.page(what) as page:
            opened = page.evaluate("performance.timeOrigin")
            frame, first = self.first_points(page)
            self.until_quiet(page)
            if key is not None:
                self.surface(page)
                page.keyboard.press(key)
                self.until_quiet(page)
            frames, busy = self.turned(page)
            drawn = next(each for each in page.frames if noted(each)).locator("canvas").first
            memory = browser_megabytes() - self.empty_mb
            return Seen(
                name,
                viewer,
                (first - opened) / 1000,
                (frame.evaluate("performance.timeOrigin") - opened) / 1000,
                max((length for kind, length in frame.evaluate("noted.blocks") if kind == "self"), default=0),
                longest(page),
                len(frames) / self.seconds,
                1000 * busy / max(1, len(frames)),
                int(np.median([each["points"] for each in frames])) if frames else 0,
                float(np.median([each["pixels"] for each in frames])) if frames else 0,
                drawn.bounding_box(),
                memory,
                self.used(page) if used else {},
            )

    def used(self, page: Any) -> dict[str, float]:
        """The longest task of each thing that one does on our page, in milliseconds; 0 where none took 50."""
        box = page.locator("canvas").first.bounding_box()
        longest_of = {"opening, turning": longest(page)}

        def at(x: float, y: float) -> tuple[float, float]:
            return box["x"] + x * box["width"], box["y"] + y * box["height"]

        def point() -> None:
            for step in range(30):
                page.mouse.move(*at(0.3 + step / 100, 0.5))
                page.wait_for_timeout(50)

        def lasso() -> None:
            page.keyboard.press("l")
            page.mouse.move(*at(0.01, 0.01))
            page.mouse.down()
            for x, y in ((0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.02)):
                page.mouse.move(*at(x, y), steps=5)
            page.mouse.up()
            page.locator(".embedding-lab:not([data-selected='0'])").wait_for()
            page.keyboard.press("v")

        def search() -> None:
            page.get_by_label("How to search").select_option("filter")
            field = page.get_by_label("Search samples")
            field.fill("label == 3")
            field.press("Enter")
            page.locator("#search-said:not(:empty)").wait_for(state="attached")
            page.locator("h1").click()

        def colour(column: str) -> Callable[[], None]:
            return lambda: page.evaluate("(column) => embeddingLab.colourBy(column)", column)

        def key(name: str) -> Callable[[], None]:
            return lambda: page.keyboard.press(name)

        for name, does in {
            "pointing": point,
            "click": lambda: page.mouse.click(*at(0.5, 0.5)),
            "lasso": lasso,
            "undo": key("u"),
            "filter": search,
            "isolate": key("i"),
            "show all": key("a"),
            "hide": key("h"),
            "one colour": colour(""),
            "colours": colour("label"),
        }.items():
            page.evaluate("noted.blocks.length = 0")
            does()
            page.wait_for_timeout(1000)
            self.until_quiet(page)
            longest_of[name] = longest(page)
        return longest_of

    @contextmanager
    def page(self, what: str) -> Iterator[Any]:
        browser = self.playwright.chromium.launch(executable_path=self.chromium, args=self.arguments)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(DEADLINE_MS)
        page.add_init_script(NOTES_FRAMES)
        page.wait_for_timeout(BROWSER_STARTS_MS)
        if what.startswith("http"):
            page.goto(what)
        else:
            page.route("http://bare.test/", lambda route: route.fulfill(content_type="text/html", body=what))
            page.goto("http://bare.test/")
        yield page
        browser.close()

    def first_points(self, page: Any) -> tuple[Any, float]:
        """The frame in which points were first drawn, and when, in milliseconds of the clock."""
        deadline = time.monotonic() + DEADLINE_MS / 1000
        while time.monotonic() < deadline:
            for frame in page.frames:
                drawn = noted(frame)
                if drawn:
                    return frame, float(drawn[0]["at"])
            page.wait_for_timeout(50)
        raise TimeoutError(f"no points after {DEADLINE_MS / 1000:.0f} s")

    def until_quiet(self, page: Any) -> None:
        """Two seconds without a frame, or, for who turns by itself, fifteen in all."""
        begun = time.time()
        while time.time() < begun + 15:
            last = max((drawn[-1]["at"] for frame in page.frames if (drawn := noted(frame))), default=0) / 1000
            if time.time() - last > 2:
                return
            page.wait_for_timeout(200)

    def surface(self, page: Any) -> tuple[float, float]:
        """The middle of the canvas, which is clicked aside of any point."""
        canvas = next(frame for frame in page.frames if noted(frame)).locator("canvas").first
        box = canvas.bounding_box()
        page.mouse.click(box["x"] + box["width"] - 20, box["y"] + 20)
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def turned(self, page: Any) -> tuple[list[dict[str, float]], float]:
        """The frames drawn while the map is dragged round, and for how many seconds the main thread worked then."""
        x, y = self.surface(page)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        busy = -task_seconds(devtools)
        page.mouse.move(x, y)
        page.mouse.down()
        begun = time.time()
        step = 0
        while time.time() < begun + self.seconds:
            step += 1
            page.mouse.move(x + 150 * np.sin(step / 20), y + 30 * np.sin(step / 31))
        ended = time.time()
        busy += task_seconds(devtools)
        page.mouse.up()
        frames = [each for frame in page.frames for each in noted(frame)]
        return [each for each in frames if 1000 * begun <= each["at"] <= 1000 * ended], busy


def medians(runs: list[list[Seen]]) -> list[Seen]:
    """Each viewer's figures, every one the median of all runs."""
    return [Seen(**median([vars(each) for each in looks])) for looks in zip(*runs, strict=True)]


def median(values: list[Any]) -> Any:
    """The median of numbers, of each number of tables, and the one text, or None, that all of them are."""
    first = values[0]
    if isinstance(first, dict):
        return {name: median([each[name] for each in values]) for name in first}
    return first if isinstance(first, str | None) else type(first)(np.median(values))


def noted(frame: Any) -> list[dict[str, float]]:
    return list(frame.evaluate("window.noted?.frames ?? []"))


def task_seconds(devtools: Any) -> float:
    """How long the page's main thread has worked."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def longest(page: Any) -> float:
    """The longest task of all frames."""
    return max((length for frame in page.frames for _, length in frame.evaluate("noted.blocks")), default=0)


def browser_megabytes() -> float:
    """Of all processes of the browser that runs now; shared pages are counted once."""
    processes = [each for each in psutil.Process().children(recursive=True) if "chrom" in each.name()]
    return float(sum(each.memory_full_info().pss for each in processes)) / 1e6


def table(seen: list[Seen]) -> str:
    lines = [
        f"{'set':<6}{'viewer':<22}{'first points':>13}{'TensorBoard':>13}{'viewer':>10}"
        f"{'blocked':>10}{'in all':>10}{'frames/s':>10}{'busy':>9}{'points each':>13}{'memory':>10}"
    ]
    lines += [
        f"{each.samples:<6}{each.viewer:<22}{seconds(each.first_points_seconds, 13)}"
        f"{each.tensorboard_seconds:>11.2f} s{seconds(each.own_seconds, 10)}"
        f"{each.blocked_ms:>7.0f} ms{each.page_blocked_ms:>7.0f} ms"
        f"{each.frames_per_second:>10.1f}{each.busy_ms_each:>6.1f} ms"
        f"{each.points_in_a_frame:>13,}{each.memory_mb:>7.0f} MB"
        for each in seen
    ]
    return "\n".join(lines)


def busy_table(seen: list[Seen]) -> str:
    """What one does on our page, and the longest task of each."""
    used = [each for each in seen if each.longest_of]
    lines = [f"{'longest task, ms':<22}" + "".join(f"{each.samples:>10}" for each in used)]
    names = used[0].longest_of if used else {}
    lines += [f"{name:<22}" + "".join(f"{each.longest_of[name]:>10.0f}" for each in used) for name in names]
    return "\n".join(lines)


def seconds(given: float | None, width: int) -> str:
    return f"{'–':>{width}}" if given is None else f"{given:>{width - 2}.2f} s"


if __name__ == "__main__":
    main()
