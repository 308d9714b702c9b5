"""Times our t-SNE and its peers in turn on the same vectors, threads and iterations, and judges all maps alike.

    taskset -c 0 python benchmarks/tsne.py [SECTION ...] [--peers PYTHON]

Sections, in this order, all but the last if none is named:

    plane    2-D, 70,000 rows, three seeds: openTSNE and ours, both from known neighbours
    space    3-D, 10,000 rows, three seeds: scikit-learn and ours, both from the vectors
    growth   ours in 2-D and 3-D for 10, 35, 70 and 140 thousand rows
    threads  ours with one thread and with two, in seconds of the clock: not under taskset
    first    from 784 columns to the first useful map
    whole    3-D, 20,000 rows: scikit-learn and ours
    limits   what the machine can do: a matrix product, memory bandwidth
    parts    where the time of a map goes
    million  2-D and 3-D of 1,000,000 × 64 in a file, neighbours and all: twenty minutes, 5 GB

    --peers PYTHON   an interpreter that has openTSNE and scikit-learn, if this one has not
    --data NAME      "mnist" or "made" (here): for plane and space, if not both
    --seeds N        how many of the three seeds
    --quick          few rows, for a look; does not touch the results
    --table          only prints what is in benchmarks/results/tsne.json

Each run is a process of its own: seconds of processor time for the work itself with compiled code loaded, and the
process's peak memory. Quality is measured by one function for everyone: the share of the 10 nearest neighbours
kept, trustworthiness, and the divergence with the exact normaliser, at d - 1 degrees of freedom. Rows are kept in
benchmarks/results/tsne.json as they come; a new run of the same row replaces it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from tsne_runs import PERPLEXITY

RESULT = Path(__file__).parent / "results" / "tsne.json"
RUNS = Path(__file__).with_name("tsne_runs.py")


class Bench:
    """Vectors with their neighbours, affinities and first maps in a folder that every run reads."""

    def __init__(self, section: str, name: str, vectors: np.ndarray, asked: argparse.Namespace) -> None:
        from scipy.sparse import csr_matrix, save_npz

        from embedding_lab.projection.divergence import affinities_of
        from embedding_lab.projection.first_map import first_map, narrowed
        from embedding_lab.projection.neighbours import find

        self.section, self.name, self.vectors, self.asked = section, name, vectors, asked
        self.folder = tempfile.TemporaryDirectory()
        self.work = Path(self.folder.name)
        self.near = find(vectors, 3 * PERPLEXITY)
        self.p = affinities_of(self.near, PERPLEXITY)
        table = self.p.values, self.p.columns.astype(np.int32), self.p.starts.astype(np.int64)
        save_npz(self.work / "affinities.npz", csr_matrix(table, shape=(len(vectors),) * 2))
        np.save(self.work / "vectors.npy", vectors)
        np.savez(self.work / "neighbours.npz", indices=self.near.indices, distances=self.near.distances)
        first = first_map(vectors, 3, "pca", 0)
        for seed in range(asked.seeds):  # seeds differ by a tenth of the components' spread
            noise = np.random.default_rng(seed).standard_normal(first.shape) * 0.1 * first.std(axis=0)
            np.save(self.work / f"first-{seed}.npy", narrowed(first + (noise if seed else 0)))

    def run(
        self,
        way: str,
        dims: int,
        iterations: int,
        seed: int = 0,
        *,
        threads: int = 1,
        search: bool = False,
        **own: Any,
    ) -> None:
        """One row of the results; nothing where the peer is not to be had."""
        from embedding_lab.projection.quality import measure

        python = sys.executable if way == "ours" else self.asked.peers
        if way in IMPORTS and subprocess.run([python, "-c", IMPORTS[way]], capture_output=True).returncode:
            print(f"{way} is left out: {python} has none; name one that has with --peers", flush=True)
            return
        spec = {"work": str(self.work), "way": way, "dims": dims, "iterations": iterations, "seed": seed}
        spec |= {"threads": threads, "search": search, **own}
        row = {"section": self.section, "data": self.name, "rows": len(self.vectors), **in_a_process(python, spec)}
        points = np.load(self.work / "points.npy")
        totals = measure(self.vectors, points, neighbours=self.near, affinities=self.p).totals
        keep(
            row | {"knn10": totals["kept_10"], "trust": totals["trustworthiness"], "kl": totals["kl"]},
            self.asked,
        )


def in_a_process(python: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Does a run, and returns what it was and what it told."""
    environment = {**os.environ} | {
        f"{each}_NUM_THREADS": str(spec["threads"]) for each in ("OMP", "OPENBLAS", "MKL")
    }
    command = [python, str(RUNS), json.dumps(spec)]
    heard = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    row = {name: value for name, value in spec.items() if name not in ("work", "search")}
    for line in heard.stdout.decode().splitlines():
        row |= json.loads(line) if line.startswith("{") else {}
    return row


IMPORTS = {"openTSNE": "import openTSNE", "scikit-learn": "import sklearn.manifold"}
MEASURED = ("seconds", "clock", "peak_mb", "knn10", "trust", "kl")


def results() -> list[dict[str, Any]]:
    return json.loads(RESULT.read_text()) if RESULT.exists() else []


def keep(row: dict[str, Any], asked: argparse.Namespace) -> None:
    """Prints a row, and puts it into the results in place of an earlier one of the same run."""

    def run_of(each: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in each.items() if name not in MEASURED}

    print(line(row), flush=True)
    if not asked.quick:
        RESULT.parent.mkdir(exist_ok=True)
        others = [each for each in results() if run_of(each) != run_of(row)]
        RESULT.write_text(json.dumps([*others, row], indent=1) + "\n")


HEAD = (
    "| section | data | rows | map | by | iterations | seed | threads | seconds | MB | knn10 | trust | KL |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def line(row: dict[str, Any]) -> str:
    """A row of the table, in Markdown."""

    def number(name: str, form: str) -> str:
        return format(row[name], form) if name in row else ""

    known = {"section", "data", "rows", "way", "dims", "iterations", "seed", "threads", *MEASURED}
    own = "".join(f", {name} {value}" for name, value in row.items() if name not in known)
    seconds = row["clock"] if row["section"] == "threads" else row["seconds"]
    cells = [
        row["section"],
        row.get("data", ""),
        number("rows", ","),
        f"{row['dims']}-D" if "dims" in row else "",
        row["way"] + own,
        number("iterations", ""),
        number("seed", ""),
        number("threads", ""),
        f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.3f}",
        number("peak_mb", ""),
        number("knn10", ".4f"),
        number("trust", ".4f"),
        number("kl", ".4f"),
    ]
    return f"| {' | '.join(cells)} |"


# -- the data


def mnist() -> np.ndarray:
    folder = Path(os.environ["EMBEDDING_LAB_DATA"]) / "mnist"
    parts = [gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes()) for part in ("train", "t10k")]
    pictures = [np.frombuffer(part, np.uint8, offset=16).reshape(-1, 784) for part in parts]
    return np.concatenate(pictures).astype(np.float32)


def made(rows: int) -> np.ndarray:
    """Two hundred curved clusters of very different sizes in 50 columns."""
    rng = np.random.default_rng(7)
    cluster = rng.choice(200, rows, p=rng.dirichlet(np.full(200, 0.7)))
    along = rng.standard_normal((rows, 3))
    bent = np.concatenate([along, along**2 - 1, np.sin(2 * along)], axis=1)
    turns = rng.standard_normal((200, 9, 50)) / 3
    centres = 2 * rng.standard_normal((200, 50))
    vectors = centres[cluster] + np.einsum("rc,rcd->rd", bent, turns[cluster])
    return np.asarray(vectors + 0.3 * rng.standard_normal((rows, 50)), np.float32)


def write_made(path: Path, rows: int, columns: int) -> None:
    """The same kind of clusters in any number of rows and columns, block by block into a .npy file."""
    rng = np.random.default_rng(7)
    shares, turns = rng.dirichlet(np.full(200, 0.7)), rng.standard_normal((200, 9, columns)) / 3
    centres = 2 * rng.standard_normal((200, columns))
    vectors = np.lib.format.open_memmap(path, "w+", np.float32, (rows, columns))
    for start in range(0, rows, 10_000):
        cluster = rng.choice(200, min(10_000, rows - start), p=shares)
        along = rng.standard_normal((len(cluster), 3))
        bent = np.concatenate([along, along**2 - 1, np.sin(2 * along)], axis=1)
        block = centres[cluster] + np.einsum("rc,rcd->rd", bent, turns[cluster])
        vectors[start : start + len(block)] = block + 0.3 * rng.standard_normal(block.shape)


def components(vectors: np.ndarray, rows: int) -> np.ndarray:
    from embedding_lab.projection.pca import fit_pca

    points = fit_pca(vectors, 50).points
    if rows > len(points):  # more than there are: each once more, a little aside
        noise = np.random.default_rng(1).standard_normal(points.shape).astype(np.float32)
        points = np.concatenate([points, points + 0.05 * points.std() * noise])
    return points[np.sort(np.random.default_rng(0).permutation(len(points))[:rows])]


# -- the sections


def plane(asked: argparse.Namespace) -> None:
    for name in asked.data:
        bench = Bench("plane", name, vectors_of(name, 5_000 if asked.quick else 70_000), asked)
        for seed in range(asked.seeds):
            bench.run("openTSNE", 2, 750, seed)
            bench.run("ours", 2, 750, seed)
            bench.run("ours", 2, 500, seed)
        bench.run("ours", 2, 500, affinity="uniform")


def space(asked: argparse.Namespace) -> None:
    for name in asked.data:
        bench = Bench("space", name, vectors_of(name, 2_000 if asked.quick else 10_000), asked)
        for seed in range(asked.seeds):
            bench.run("scikit-learn", 3, 1_000, seed, search=True)
            bench.run("ours", 3, 1_000, seed, search=True)
            bench.run("ours", 3, 600, seed, search=True)
        bench.run("ours", 3, 1_000, search=True, weighting="gradient")


def growth(asked: argparse.Namespace) -> None:
    for rows in (2_500, 5_000) if asked.quick else (10_000, 35_000, 70_000, 140_000):
        bench = Bench("growth", asked.data[0], vectors_of(asked.data[0], rows), asked)
        for dims in (2, 3):
            bench.run("ours", dims, 600)


def with_threads(asked: argparse.Namespace) -> None:
    bench = Bench("threads", asked.data[0], vectors_of(asked.data[0], 5_000 if asked.quick else 70_000), asked)
    for dims in (2, 3):
        for threads in (1, 2):
            bench.run("ours", dims, 300, threads=threads)


def whole(asked: argparse.Namespace) -> None:
    bench = Bench("whole", asked.data[0], vectors_of(asked.data[0], 2_000 if asked.quick else 20_000), asked)
    for way in ("ours", "scikit-learn"):
        bench.run(way, 3, 1_000, search=True)


def first(asked: argparse.Namespace) -> None:
    """From pixels to a 2-D map worth looking at, all steps, in this process."""
    from embedding_lab.projection.neighbours import find
    from embedding_lab.projection.pca import fit_pca
    from embedding_lab.projection.quality import measure
    from embedding_lab.projection.tsne import TSNE

    if asked.data[0] != "mnist":
        print("the first map is left out: it starts from MNIST's pixels")
        return
    fast = {"affinity": "uniform", "early_exaggeration_iter": 100, "max_iter": 300, "n_jobs": 1}
    noise = np.random.default_rng(0).standard_normal((25_000, 60)).astype(np.float32)
    reduced = fit_pca(noise, 50).points
    TSNE(**fast).fit(reduced, neighbours=find(reduced, 15, threads=1))  # loads or makes the compiled code
    pictures = mnist()[: 5_000 if asked.quick else None]
    row = {"section": "first", "data": "mnist", "rows": len(pictures), "dims": 2, "threads": 1}
    times = [time.process_time()]
    reduced = fit_pca(pictures, 50).points
    times.append(time.process_time())
    neighbours = find(reduced, 15, threads=1)
    times.append(time.process_time())
    points = TSNE(**fast).fit_transform(reduced, neighbours=neighbours)
    times.append(time.process_time())
    for way, seconds in zip(("PCA", "neighbours", "map"), np.diff(times), strict=True):
        keep(row | {"way": way, "seconds": seconds}, asked)
    totals = measure(reduced, points).totals
    quality = {"knn10": totals["kept_10"], "trust": totals["trustworthiness"]}
    keep(row | {"way": "all three", "iterations": 300, "seconds": times[-1] - times[0], **quality}, asked)


def limits(asked: argparse.Namespace) -> None:
    """What no program on this machine can beat, in seconds of processor time: the best of three."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((70_000, 50), np.float32)
    pixels = random.standard_normal((70_000, 784), np.float32)
    block, large = np.empty((1_000, 70_000), np.float32), np.empty(1 << 26, np.float32)

    def distances() -> None:
        for start in range(0, 70_000, 1_000):
            np.matmul(vectors[start : start + 1_000], vectors.T, out=block)

    works = {
        "70,000² products of 50 columns": distances,
        "XᵀX of 70,000 × 784": lambda: pixels.T @ pixels,
        "writing 256 MB": lambda: large.fill(1),
        "reading 256 MB": lambda: large.sum(),
    }
    for way, work in works.items():
        best = np.inf
        for _ in range(3):
            begin = time.process_time()
            work()
            best = min(best, time.process_time() - begin)
        keep({"section": "limits", "way": way, "seconds": best, "threads": 1}, asked)


def parts(asked: argparse.Namespace) -> None:
    """Seconds inside each part of a map of 70,000 rows, in this process."""
    from embedding_lab.projection import descent, repulsion_mesh, tsne

    timed = {
        "pull": [(descent, "attraction")],
        "push: near pairs": [(repulsion_mesh.NearPairs, "__init__"), (repulsion_mesh.NearPairs, "_felt")],
        "push: transforms": [(repulsion_mesh, "convolved"), (repulsion_mesh, "transformed_kernel")],
        "push: spread and read off": [(repulsion_mesh.Grid, "spread"), (repulsion_mesh.Grid, "slope")],
        "affinities": [(tsne, "perplexity_affinities")],
    }
    spent = dict.fromkeys(timed, 0.0)

    def clocked(part: str, work: Any) -> Any:
        def run(*args: Any, **named: Any) -> Any:
            begin = time.thread_time()
            try:
                return work(*args, **named)
            finally:
                spent[part] += time.thread_time() - begin

        return run

    bench = Bench("parts", asked.data[0], vectors_of(asked.data[0], 5_000 if asked.quick else 70_000), asked)
    noise = np.random.default_rng(0).standard_normal((5_000, 10)).astype(np.float32)
    for dims in (2, 3):
        tsne.TSNE(dims, max_iter=200, n_jobs=1).fit(noise)  # loads or makes the compiled code
    for part, places in timed.items():
        for owner, name in places:
            setattr(owner, name, clocked(part, getattr(owner, name)))
    for dims, iterations in ((2, 500), (3, 600)):
        spent.update(dict.fromkeys(timed, 0.0))
        begin = time.thread_time()
        tsne.TSNE(dims, max_iter=iterations, n_jobs=1).fit(bench.vectors, neighbours=bench.near)
        whole = time.thread_time() - begin
        row = {"section": "parts", "data": bench.name, "rows": len(bench.vectors), "dims": dims, "threads": 1}
        rest = whole - sum(spent.values())
        for way, seconds in {**spent, "steps, order, plan, KL": rest, "in all": whole}.items():
            keep(row | {"way": way, "iterations": iterations, "seconds": seconds}, asked)


def million(asked: argparse.Namespace) -> None:
    """A million rows. Their exact divergence would take an hour, so it is told as the estimator has it."""
    from embedding_lab.projection.neighbours import find
    from embedding_lab.projection.quality import WIDE, measure

    rows = 30_000 if asked.quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        write_made(path, rows, 64)
        vectors, neighbours = np.load(path, mmap_mode="r"), None
        for dims in (2, 3):
            spec = {"work": folder, "way": "ours, neighbours and all", "dims": dims, "iterations": 600, "seed": 0}
            told = in_a_process(sys.executable, spec | {"threads": 1, "search": True})
            neighbours = neighbours or find(vectors, WIDE)
            totals = measure(vectors, np.load(path.with_name("points.npy")), neighbours=neighbours).totals
            quality = {"knn10": totals["kept_10"], "trust": totals["trustworthiness"]}
            keep({"section": "million", "data": "made, 64", "rows": rows, **told, **quality}, asked)
            print(f"  standard error of trust {totals['trustworthiness_error']:.5f}", flush=True)


def vectors_of(name: str, rows: int) -> np.ndarray:
    return made(rows) if name == "made" else components(mnist(), rows)


SECTIONS = {
    "plane": plane,
    "space": space,
    "growth": growth,
    "threads": with_threads,
    "first": first,
    "whole": whole,
    "limits": limits,
    "parts": parts,
    "million": million,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=" ".join(SECTIONS))
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--data", action="append", choices=("mnist", "made"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    if asked.table:
        order = list(SECTIONS)
        rows = sorted(results(), key=lambda row: order.index(row["section"]))
        print("\n".join([HEAD, *map(line, rows)]))
        return
    asked.data = asked.data or ["mnist", "made"]
    if "mnist" in asked.data and not (Path(os.environ.get("EMBEDDING_LAB_DATA", "")) / "mnist").is_dir():
        print("MNIST is left out: $EMBEDDING_LAB_DATA has no folder mnist/")
        asked.data = ["made"]
    print(HEAD)
    for section in asked.sections or [each for each in SECTIONS if each != "million"]:
        SECTIONS[section](asked)


if __name__ == "__main__":
    main()
