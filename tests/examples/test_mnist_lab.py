"""The first tutorial does what its text says, cell by cell, on the real MNIST; the script is the same."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import re
import runpy
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPT, NOTEBOOK = EXAMPLES / "mnist_lab.py", EXAMPLES / "mnist_lab.ipynb"
SECONDS = 600
PATIENCE_MS = 180_000
POLL_SECONDS = 0.2


class Notebook(NamedTuple):
    """The notebook, run, with its kernel still alive: its cells of code, and the folder it ran in."""

    cells: list[Any]
    folder: Path

    def printed(self, begins: str) -> str:
        """What the cell printed whose code begins so."""
        return "".join(each.text for each in self.outputs(begins) if each.get("name") == "stdout")

    def outputs(self, begins: str) -> list[Any]:
        (cell,) = [each for each in self.cells if each.source.startswith(begins)]
        return list(cell.outputs)

    @property
    def frame(self) -> str:
        """The HTML by which the notebook shows TensorBoard."""
        return str(self.outputs("board = lab.launch")[-1].data["text/html"])

    def asked(self, path: str) -> Any:
        """TensorBoard's own answer to what its page asks."""
        (address,) = re.findall(r'src="([^"]+)"', self.frame)
        browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with browser.open(urljoin(address, f"data/{path}")) as answer:
            body = answer.read()
        return json.loads(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)


@pytest.fixture(scope="module")
def notebook(mnist_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    import nbformat
    from nbclient import NotebookClient

    folder = tmp_path_factory.mktemp("notebook")
    read = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(folder)}}
    client = NotebookClient(read, timeout=SECONDS, kernel_name="python3", resources=where)
    with client.setup_kernel():
        for number, cell in enumerate(read.cells):
            client.execute_cell(cell, number)
        yield Notebook([each for each in read.cells if each.cell_type == "code"], folder)


def test_the_notebook_is_what_the_script_makes_of_itself() -> None:
    made = runpy.run_path(str(EXAMPLES / "as_notebook.py"))["notebook"](SCRIPT.read_text(encoding="utf-8"))
    assert NOTEBOOK.read_text(encoding="utf-8") == made, "run: python examples/as_notebook.py"


@pytest.mark.mnist
@pytest.mark.long
def test_no_cell_complains(notebook: Notebook) -> None:
    said = [each for cell in notebook.cells for each in cell.outputs if each.get("name") == "stderr"]
    assert [each.text for each in said if "Port 6006 is taken" not in each.text] == []


@pytest.mark.mnist
@pytest.mark.long
def test_the_cells_print_what_the_text_says(notebook: Notebook) -> None:
    assert "on tensorflow" in notebook.printed("import os")
    data = notebook.printed("train = lab.load_dataset")
    assert "(60000, 28, 28) uint8" in data
    assert "(5000, 28, 28)" in data
    accuracy = float(notebook.printed("keras.utils.set_random_seed").split("%")[0])
    assert accuracy > 90
    embeddings = notebook.printed("sets = lab.extract")
    assert "(5000, 16) float32" in embeddings
    assert int(embeddings.splitlines()[-1].split("%")[0]) > 30
    diagnosis = notebook.printed("step = int")
    assert re.search(r"\nProjector +small: input · step 01407 · PCA, euclidean", diagnosis)
    assert "\nerror " not in diagnosis
    report = notebook.printed("report = lab.trace")
    assert re.search(r"first call .*\n +each step ", report)
    assert re.search(r"MatMul.* embed_layer ", report)


@pytest.mark.mnist
@pytest.mark.long
def test_tensorboard_has_every_tab_that_the_text_sends_the_reader_to(notebook: Notebook) -> None:
    deadline = time.monotonic() + SECONDS
    while "step" not in notebook.asked("plugin/graphs/info"):  # TensorBoard looks for new runs now and then
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    tabs = notebook.asked("plugins_listing")
    assert all(tabs[name]["enabled"] for name in ("projector", "graphs", "profile"))
    (session,) = notebook.asked("plugin/profile/runs")
    assert session.startswith("step/")


@pytest.fixture
def address(notebook: Notebook) -> Iterator[str]:
    """A page on this machine that shows what the notebook shows, as Jupyter's does."""
    folder = notebook.folder / "page"
    folder.mkdir()
    (folder / "index.html").write_text(notebook.frame.replace("#embedding_lab", "#projector", 1), encoding="utf-8")
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.mark.mnist
@pytest.mark.browser
@pytest.mark.long
def test_the_frame_in_the_notebook_shows_the_points(address: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    projector = page.frame_locator("iframe").frame_locator("iframe").frame_locator("iframe")
    projector.get_by_text("Points: 5000").first.wait_for()
    projector.get_by_text("embed_layer").first.wait_for(state="attached")
    page.close()


@pytest.mark.mnist
@pytest.mark.long  # the notebook's cells are the script's, which the tests above run
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process on Windows")
def test_the_script_tells_the_same_and_keeps_tensorboard_open_until_ctrl_c(mnist_dir: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, SCRIPT], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("TensorBoard: "):
                    break
            assert "(5000, 16) float32" in "".join(lines)
            with urllib.request.urlopen(urljoin(lines[-1].split()[1], "data/plugin/projector/runs")) as answer:
                assert json.load(answer) == ["small"]
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()
