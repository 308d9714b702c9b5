"""Writing for TensorBoard's Projector beside PyTorch's `SummaryWriter.add_embedding`: seconds and bytes.

    python benchmarks/export.py [--samples 60000] [--runs 3] [--kind floats pixels small] [--torch PYTHON] [--json]

60,000 × 784 with thumbnails and labels: MNIST's pixels, and dense float vectors. "lab" is `write_stock_projector`
with all it does: two tensors of 49 dimensions and the measure of how faithful they are. "lab, all 784" writes what
torch writes and nothing else: one tensor of all dimensions, the table and the thumbnails. "log_embeddings" is the
whole of that call, with our own format and its pages of pictures besides. The aims are a tenth of torch's seconds,
and of its bytes at most 1/4.5 for dense floats and no more for pixels; what is in our own format does not count.

"small" is the whole call with 10,000 × 64 dense floats, again and again in a fresh process by either: the first
call, which still loads and starts what it needs, beside torch's first, the best of the later ones beside torch's.

torch is needed for nothing else, so it may live in an environment of its own:

    python -m venv build/torch && build/torch/bin/pip install torch==2.13.0 tensorboard pillow
    python benchmarks/export.py --torch build/torch/bin/python
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import embedding_lab as lab
from embedding_lab.board.metadata import sample_table
from embedding_lab.board.projector_config import raw_tensor
from embedding_lab.board.projector_tensors import LayerVectors, euclidean_full_width
from embedding_lab.board.stock_projector import write_stock_projector
from embedding_lab.board.thumbnails import thumbnail_sheet
from embedding_lab.embeddings.files import publish_file
from embedding_lab.errors import DataMissing

RESULT = Path(__file__).parent / "results" / "export.json"
TIMES_FASTER = 10
TIMES_SMALLER = {"dense floats": 4.5, "pixels": 1.0}
DIMS = 784
SMALL = (10_000, 64)

TORCH = """
import torch
from torch.utils.tensorboard import SummaryWriter
def write(folder, vectors, pictures, labels):
    images = torch.from_numpy(pictures).float().div(255).unsqueeze(1)
    with SummaryWriter(folder) as writer:
        writer.add_embedding(torch.from_numpy(vectors), metadata=labels.tolist(), label_img=images)
"""

LAB = """
from embedding_lab import log_embeddings
def write(folder, vectors, pictures, labels):
    log_embeddings(folder, vectors, images=pictures, labels=labels)
"""

CALLS = """
import json, sys, tempfile, time
from pathlib import Path
import numpy as np
arrays = [np.load(path) for path in sys.argv[2:]]
for _ in range(int(sys.argv[1])):
    with tempfile.TemporaryDirectory() as folder:
        begun, processor = time.perf_counter(), time.process_time()
        write(folder, *arrays)
        seconds, processor = time.perf_counter() - begun, time.process_time() - processor
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    print(json.dumps({"seconds": seconds, "processor_seconds": processor, "bytes": size}))
"""


@dataclass
class Written:
    """One way of writing one kind of vectors; seconds are the best of all runs."""

    vectors: str
    way: str
    seconds: float
    processor_seconds: float
    bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=60_000)
    parser.add_argument(
        "--runs", type=int, default=3, help="runs of the lab; torch, which takes minutes, runs once"
    )
    parser.add_argument("--kind", nargs="*", default=["floats", "pixels", "small"])
    parser.add_argument("--torch", default=sys.executable, help="a Python that has torch, tensorboard and pillow")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    options = parser.parse_args()

    pictures, labels = mnist(options.samples)
    numbers = np.random.default_rng(0)
    written = []
    if "floats" in options.kind:
        vectors = numbers.standard_normal((len(pictures), DIMS), np.float32)
        written += large(options, "dense floats", vectors, pictures, labels)
    if "pixels" in options.kind:
        written += large(options, "pixels", pictures.reshape(len(pictures), DIMS), pictures, labels)
    if "small" in options.kind:
        few, dims = pictures[: SMALL[0]], SMALL[1]
        vectors = numbers.standard_normal((len(few), dims), np.float32)
        written += small(options, vectors, few, labels[: len(few)])
    result = [asdict(each) for each in written]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result) if options.json else table(written, len(pictures)))


def large(
    options: argparse.Namespace,
    kind: str,
    vectors: NDArray[np.generic],
    pictures: NDArray[np.uint8],
    labels: NDArray[np.int64],
) -> list[Written]:
    """Every way of writing many vectors."""
    data = lab.as_dataset(pictures, name="mnist", labels=labels)
    each = lab.EmbeddingSet(vectors, data, kind)
    described = {"images": pictures, "labels": labels}
    written = [
        best(options.runs, kind, "lab", lambda folder: write_stock_projector(folder, [each])),
        best(options.runs, kind, "lab, all 784", lambda folder: write_whole(folder, each)),
        best(options.runs, kind, "log_embeddings", lambda folder: lab.log_embeddings(folder, vectors, **described)),
    ]
    return written + [
        Written(kind, "torch", **call) for call in calls(options.torch, TORCH, 1, vectors, pictures, labels)
    ]


def small(
    options: argparse.Namespace,
    vectors: NDArray[np.generic],
    pictures: NDArray[np.uint8],
    labels: NDArray[np.int64],
) -> list[Written]:
    """The whole call with few vectors: the first and the best of later ones."""
    written = []
    for way, python, script in (("log_embeddings", sys.executable, LAB), ("torch", options.torch, TORCH)):
        first, *later = calls(python, script, 1 + 3 * options.runs, vectors, pictures, labels) or [None]
        if first is not None:
            least = {name: min(call[name] for call in later) for name in first}
            written += [Written("small, first", way, **first), Written("small, later", way, **least)]
    return sorted(written, key=lambda each: each.vectors)


def mnist(samples: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Real MNIST where it is at hand; otherwise noise, which says nothing about the size of pixels."""
    try:
        data = lab.load_dataset("mnist", split="train", download=False)
        return data.samples[:samples], data.labels[:samples]
    except DataMissing:
        print("no MNIST here: noise in place of pixels", file=sys.stderr)
        numbers = np.random.default_rng(0)
        return numbers.integers(0, 256, (samples, 28, 28), dtype=np.uint8), numbers.integers(0, 10, samples)


def write_whole(folder: Path, each: lab.EmbeddingSet) -> None:
    """What torch writes and nothing else: all dimensions once, the table, the thumbnails."""
    publish_file(folder / "tensor.f32", raw_tensor(euclidean_full_width(LayerVectors(each.vectors)).values))
    publish_file(folder / "metadata.tsv", sample_table(each.dataset).tsv())
    publish_file(folder / "thumbnails.png", thumbnail_sheet(each.dataset).png())


def best(runs: int, kind: str, way: str, write: Callable[[Path], object]) -> Written:
    clocked = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            begun, processor = time.perf_counter(), time.process_time()
            write(Path(folder))
            clocked.append((time.perf_counter() - begun, time.process_time() - processor))
            size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return Written(kind, way, *map(min, zip(*clocked, strict=True)), size)


def calls(python: str, script: str, count: int, *arrays: NDArray[np.generic]) -> list[dict[str, Any]]:
    """What each of so many calls took, all in one fresh process; nothing where that Python lacks what they need."""
    if subprocess.run([python, "-c", script], capture_output=True).returncode:
        print(f"{python} has no torch: see the top of this file", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{number}.npy" for number in range(len(arrays))]
        for path, values in zip(paths, arrays, strict=True):
            np.save(path, values)
        command = [python, "-c", script + CALLS, str(count), *paths]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def table(written: list[Written], samples: int) -> str:
    lines = [
        f"{f'{samples:,} × {DIMS}':<16}{'by':<16}{'seconds':>9}{'cpu s':>9}{'MB':>9}{'faster':>9}{'smaller':>9}"
    ]
    torch = {each.vectors: each for each in written if each.way == "torch"}
    for each in written:
        peer = torch.get(each.vectors)
        ratios = (
            f"{peer.seconds / each.seconds:>8.1f}×{peer.bytes / each.bytes:>8.1f}×" if peer and peer != each else ""
        )
        lines.append(
            f"{each.vectors:<16}{each.way:<16}{each.seconds:>9.2f}{each.processor_seconds:>9.2f}"
            f"{each.bytes / 1e6:>9.1f}{ratios}"
        )
    aims = ", ".join(f"{kind} {times:g}× smaller" for kind, times in TIMES_SMALLER.items())
    return "\n".join([*lines, f"aims: {TIMES_FASTER}× faster; {aims}"])


if __name__ == "__main__":
    main()
