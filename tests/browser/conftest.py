"""A real TensorBoard, a real Chromium, and the Projector's page driven as a user drives it."""

from __future__ import annotations

import base64
import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from werkzeug.serving import make_server

from browser.dashboard import Dashboard
from browser.digits import dashboard_on, digits_of, log_digits
from embedding_lab.app.plugin import dashboard_of
from embedding_lab.board.launch import launch
from embedding_lab.embeddings import EmbeddingSet, Run

VIEWPORT = {"width": 1000, "height": 700}
SECONDS = 180  # a busy machine draws ten thousand thumbnails slowly
FINDS_THE_PAGE = """() => {
    const find = (root) => {
        for (const each of root.querySelectorAll('*')) {
            if (each.localName === 'vz-projector') return each;
            const inside = each.shadowRoot && find(each.shadowRoot);
            if (inside) return inside;
        }
    };
    window.projector = find(document);
    return Boolean(window.projector);
}"""


class ProjectorPage:
    """The Projector's tab. What can be clicked is clicked; the rest is read from the page's element."""

    def __init__(self, browser: Any, url: str) -> None:
        self.page = browser.new_page(viewport=VIEWPORT)
        self.page.set_default_timeout(1000 * SECONDS)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{url}#projector")
        inner = self.page.locator("iframe").content_frame.locator("iframe")
        self.dom = inner.content_frame
        self.dom.locator("vz-projector").wait_for(state="attached")
        self.frame = inner.element_handle().content_frame()
        self.frame.wait_for_function(FINDS_THE_PAGE)
        self._wait_for_points("true")

    def read(self, expression: str, argument: Any = None) -> Any:
        """A value of the page; `projector` is its main element."""
        return self.frame.evaluate(f"(argument) => {expression}", argument)

    def wait(self, condition: str, argument: Any = None) -> None:
        """Waits until a condition on the page holds."""
        self.frame.wait_for_function(f"(argument) => {condition}", arg=argument)

    @property
    def tensors(self) -> list[str]:
        """The names in the list of tensors, in its order."""
        return list(self.read("projector.dataPanel.tensorNames.map((each) => each.name)"))

    def choose(self, name: str, *, run: str | None = None) -> None:
        """Picks a tensor in the list, and waits until all of it is shown."""
        if self.read("projector.dataSetBeforeFilter != null"):
            self.dom.locator("button.reset-filter").click()
        menus = self.dom.locator("vz-projector-data-panel paper-dropdown-menu")
        several_runs = self.read("projector.dataPanel.runNames.length") > 1
        if run is not None and several_runs and self.read("projector.dataPanel.selectedRun") != run:
            self._pick(menus.nth(0), run)
            self.wait(
                "projector.dataPanel.projectorConfig.embeddings.some((each) => each.tensorName == argument)", name
            )
            self._wait_for_points("true")
        if self.read("projector.dataPanel.selectedTensor") != name:
            self._pick(menus.nth(int(several_runs)), name)
            self._wait_for_points("projector.dataPanel.selectedTensor == argument", name)

    def _pick(self, menu: Any, item: str) -> None:
        menu.click()
        details = r"\s+(\d+x\d+|\d+.*colors|gradient)"  # a tensor's shape, a column's kind of colours
        menu.locator("paper-item", has_text=re.compile(rf"^\s*{re.escape(item)}({details})?\s*$")).click()

    def _wait_for_points(self, condition: str, argument: Any = None) -> None:
        self.wait(f"projector.dataSet && projector.dataSet.fracVariancesExplained && {condition}", argument)
        # turning for ever, the scene would take the processor that the test needs
        self.read("projector.projectorScatterPlotAdapter.scatterPlot.stopOrbitAnimation()")

    @property
    def counts(self) -> tuple[int, int]:
        """Points and dimensions, as the page states them."""
        return tuple(int(self.dom.locator(each).inner_text()) for each in ("span.numDataPoints", "span.dim"))  # type: ignore[return-value]

    @property
    def variance_described(self) -> float:
        """Percent for three components, as the page states it."""
        self.show_dimensions(3)
        said = self.dom.locator("#total-variance")
        said.filter(has_text="%").wait_for()
        return float(said.inner_text().split(":")[1].strip(" %."))

    def search(self, text: str, column: str, *, pattern: bool = False) -> str:
        """Types into the search box, and returns what it says of the matches."""
        if self.read("projector.inspectorPanel.selectedMetadataField") != column:
            self._pick(self.dom.locator("vz-projector-inspector-panel .search-by paper-dropdown-menu"), column)
        box = self.dom.locator("#search-box")
        if bool(self.read("projector.inspectorPanel.searchBox.inRegexMode")) != pattern:
            box.locator("paper-button#regex").click()
        box.locator("input").fill(text)
        return str(box.locator(".info").inner_text())

    def nearest(self, sample: str, metric: str) -> list[tuple[str, float]]:
        """The ids and distances in the list of nearest points of a sample, which is searched by its id."""
        assert self.search(f"{sample}$", "id", pattern=True) == "1 matches."
        if not self.dom.locator(f".distance a.{metric}.selected").count():
            self.dom.locator(f".distance a.{metric}").click()  # draws all points anew
        neighbours = self.dom.locator(".nn-list .neighbor")
        names = neighbours.locator(".label").all_inner_texts()
        distances = neighbours.locator(".value").all_inner_texts()
        return [(name, float(distance)) for name, distance in zip(names, distances, strict=True)]

    @property
    def colours(self) -> list[str]:
        """The columns that can be coloured by."""
        return [
            each["name"] for each in self.read("projector.dataPanel.colorOptions") if not each.get("isSeparator")
        ]

    def colour_by(self, column: str) -> dict[str, int]:
        """Picks a column to colour by; the legend's labels and counts."""
        self._pick(self.dom.locator("#colorby"), column)
        legend = self.dom.locator("vz-projector-legend .item")
        labels, counts = legend.locator(".label").all_inner_texts(), legend.locator(".info").all_inner_texts()
        return {label: int(count) for label, count in zip(labels, counts, strict=True)}

    def untick_spherize(self) -> None:
        """Shows vectors of 50 or more dimensions as they are."""
        assert self.read("projector.normalizeData")
        self.dom.locator("#normalize-data-checkbox").click()
        self._wait_for_points("!projector.normalizeData")

    def graph(self, rows: list[int], count: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Starts t-SNE, and returns the neighbours it works with for some rows: rows and distances."""
        self.dom.locator(".ink-tab[data-tab=tsne]").click()
        self.wait("projector.dataSet.nearest")
        # at once and not by its button: an iteration on ten thousand points keeps the page from hearing clicks
        self.read("projector.dataSet.stopTSNE()")
        found = self.read(
            """(() => {
                const {nearest, shuffledDataIndices: order} = projector.dataSet;
                const position = new Map(order.map((row, at) => [row, at]));
                return argument.rows.map((row) => nearest[position.get(row)].slice(0, argument.count)
                    .map((each) => [order[each.index], each.dist]));
            })()""",
            {"rows": rows, "count": count},
        )
        self.wait("!projector.dataSet.hasTSNERun")
        pairs = np.array(found)
        return pairs[..., 0].astype(np.intp), pairs[..., 1]

    def isolate(self, samples: list[str]) -> None:
        """Shows only these samples, with nothing selected."""
        pattern = f"({'|'.join(samples)})$"
        assert self.search(pattern, "id", pattern=True) == f"{len(samples)} matches."
        self.dom.locator("button.set-filter").click()
        self._wait_for_points("projector.dataSet.points.length == argument", len(samples))
        self.dom.locator("#search-box input").fill("")

    def show_dimensions(self, count: int) -> None:
        """Shows PCA in two or three dimensions."""
        self.dom.locator(".ink-tab[data-tab=pca]").click()
        if bool(self.read("projector.projectionsPanel.pcaIs3d")) != (count == 3):
            self.dom.locator("#z-checkbox").click()
        kind = "PerspectiveCamera" if count == 3 else "OrthographicCamera"
        self.wait("projector.projectorScatterPlotAdapter.scatterPlot.camera.type == argument", kind)

    def drawn(self, side: int) -> dict[int, NDArray[np.uint8]]:
        """What is drawn in two dimensions around points that stand free: by row, `side` pixels square, grey."""
        rows, positions, size, projection, view = self.read(
            """(() => {
                const plot = projector.projectorScatterPlotAdapter.scatterPlot;
                const rows = projector.dataSet.points.map((each) => each.index);
                const {projectionMatrix, matrixWorldInverse} = plot.camera;
                return [rows, Array.from(plot.worldSpacePointPositions), [plot.width, plot.height],
                    projectionMatrix.elements, matrixWorldInverse.elements];
            })()"""
        )
        transform = np.reshape(projection, (4, 4)).T @ np.reshape(view, (4, 4)).T
        clip = np.column_stack([np.reshape(positions, (-1, 3)), np.ones(len(rows))]) @ transform.T
        centres = (clip[:, :2] / clip[:, 3:] * [1, -1] + 1) / 2 * size
        picture = self.dom.locator("#scatter canvas").first.screenshot()
        canvas = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
        apart = np.abs(centres[:, None] - centres).max(axis=-1) + np.diag(np.full(len(rows), np.inf))
        corners = np.round(centres - side / 2).astype(int)
        return {
            row: canvas[y : y + side, x : x + side]
            for row, (x, y), nearest in zip(rows, corners, apart.min(axis=1), strict=True)
            if nearest > side
        }

    def sheet(self) -> NDArray[np.uint8]:
        """The sheet of thumbnails as the page holds it, red channel."""
        encoded = self.read(
            """(() => {
                const image = projector.dataSet.spriteAndMetadataInfo.spriteImage;
                const canvas = document.createElement('canvas');
                [canvas.width, canvas.height] = [image.width, image.height];
                canvas.getContext('2d').drawImage(image, 0, 0);
                return canvas.toDataURL('image/png').split(',')[1];
            })()"""
        )
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))[..., 0]


@pytest.fixture(scope="module")
def open_projector(browser: Any) -> Iterator[Any]:
    """Opens the Projector on a log directory: `open_projector(logdir)` is a ProjectorPage."""
    with ExitStack() as ends:

        def opened(logdir: Path) -> ProjectorPage:
            board = ends.enter_context(launch(logdir, port=0))
            shown = ProjectorPage(browser, board.url)
            ends.callback(shown.page.close)
            return shown

        yield opened


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves the dashboard's page alone: `serve(logdir)` is its address."""
    with ExitStack() as ends:

        def served(logdir: Path) -> str:
            server = make_server("127.0.0.1", 0, dashboard_of(logdir), threaded=True)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            for end in (server.server_close, thread.join, server.shutdown):
                ends.callback(end)
            return f"http://127.0.0.1:{server.port}/index.html"

        yield served


@pytest.fixture(scope="module")
def embeddings(mnist_dir: Path) -> EmbeddingSet:
    """Real digits, for modules that have no samples of their own."""
    return digits_of(mnist_dir)


@pytest.fixture(scope="module")
def run(embeddings: EmbeddingSet, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return log_digits(tmp_path_factory.mktemp("dashboard logs") / "a run", embeddings)


@pytest.fixture(scope="module")
def opened(browser: Any, run: Run) -> Iterator[Dashboard]:
    with dashboard_on(run, browser) as opened:
        yield opened


@pytest.fixture
def page(opened: Dashboard) -> Iterator[Dashboard]:
    """The page, as it is when it was just opened, with nothing gone wrong before or after."""
    opened.leave()
    yield opened
    assert not opened.errors
