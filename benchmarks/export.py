"""Writing for TensorBoard's Projector beside PyTorch's `SummaryWriter.add_embedding`: seconds and bytes.

    python benchmarks/export.py [--samples 60000] [--runs 3] [--torch PYTHON] [--json]

60,000 × 784 with thumbnails and labels: MNIST's pixels, and dense float vectors. "lab" is `write_stock_projector`
with all it does: two tensors of 49 dimensions and the measure of how faithful they are. "lab, all 784" writes what
torch writes and nothing else: one tensor of all dimensions, the table and the thumbnails. "log_embeddings" is the
whole of that call, with our own format and its pages of pictures besides. The aims are a tenth of torch's seconds,
and of its bytes at most 1/4.5 for dense floats and no more for pixels; what is in our own format does not count.

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

TORCH = """
import json, sys, tempfile, time
from pathlib import Path
import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter
vectors, pictures, labels = (np.load(path) for path in sys.argv[1:])
with tempfile.TemporaryDirectory() as folder:
    begun, processor = time.perf_counter(), time.process_time()
    images = torch.from_numpy(pictures).float().div(255).unsqueeze(1)
    with SummaryWriter(folder) as writer:
        writer.add_embedding(torch.from_numpy(vectors), metadata=labels.tolist(), label_img=images)
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
    parser.add_argument("--torch", default=sys.executable, help="a Python that has torch, tensorboard and pillow")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    options = parser.parse_args()

    pictures, labels = mnist(options.samples)
    kinds = {
        "dense floats": np.random.default_rng(0).standard_normal((len(pictures), DIMS), np.float32),
        "pixels": pictures.reshape(len(pictures), DIMS),
    }
    written = []
    for kind, vectors in kinds.items():
        data = lab.as_dataset(pictures, name="mnist", labels=labels)
        each = lab.EmbeddingSet(vectors, data, kind)
        written.append(
            best(options.runs, kind, "lab", lambda folder, each=each: write_stock_projector(folder, [each]))
        )
        written.append(
            best(options.runs, kind, "lab, all 784", lambda folder, each=each: write_whole(folder, each))
        )
        described = {"images": pictures, "labels": labels}
        written.append(
            best(
                options.runs,
                kind,
                "log_embeddings",
                lambda folder, vectors=vectors, described=described: lab.log_embeddings(
                    folder, vectors, **described
                ),
            )
        )
        peer = by_torch(options.torch, vectors, pictures, labels)
        if peer is not None:
            written.append(Written(kind, "torch", **peer))
    result = [asdict(each) for each in written]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result) if options.json else table(written, len(pictures)))


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


def by_torch(
    python: str, vectors: NDArray[np.generic], pictures: NDArray[np.uint8], labels: NDArray[np.int64]
) -> dict[str, float] | None:
    """The same by torch, in its own process; None where that Python has no torch."""
    if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode:
        print(f"{python} has no torch: see the top of this file", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, values in {"vectors": vectors, "pictures": pictures, "labels": labels}.items():
            paths.append(f"{folder}/{name}.npy")
            np.save(paths[-1], values)
        done = subprocess.run([python, "-c", TORCH, *paths], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


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
