"""Logging a large Parquet file: seconds, and the memory that is the process's own.

    python benchmarks/tables.py [--rows 10_000_000] [--dims 32] [--folder FOLDER]

The file is made first: lists of float32, a text of 20 different values, a number. `embedding-lab log` then runs in
a process of its own, which is watched every 50 ms: "own" is its anonymous memory, which no file backs; "resident"
counts pages of mapped files too, which the system takes back when it needs them. Files go into a temporary folder
in FOLDER, about four times the vectors, and are taken away.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

GROUP = 100_000
EVERY_SECONDS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dims", type=int, default=32)
    parser.add_argument("--folder", type=Path, help="where there is room; default that for temporary files")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        file = Path(folder) / "many.parquet"
        write(file, options.rows, options.dims)
        command = [
            sys.executable,
            "-m",
            "embedding_lab",
            "log",
            str(file),
            "--logdir",
            f"{folder}/logs",
            "--run",
            "many",
        ]
        result = {"rows": options.rows, "dims": options.dims, "file_bytes": file.stat().st_size, **watched(command)}
    if options.json:
        print(json.dumps(result))
        return
    print(f"{options.rows:,} × {options.dims}, {result['file_bytes'] / 1e9:.2f} GB of Parquet")
    print(f"{result['seconds']:.0f} s, of processor {result['processor_seconds']:.0f} s")
    own, resident = result["own_bytes"] / 2**20, result["resident_bytes"] / 2**20
    print(f"peak of its own memory {own:,.0f} MiB, resident {resident:,.0f} MiB")


def write(path: Path, rows: int, dims: int) -> None:
    numbers = np.random.default_rng(0)
    vectors = pa.list_(pa.float32(), dims)
    schema = pa.schema([("embedding", vectors), ("kind", pa.string()), ("weight", pa.float32())])
    kinds = np.array([f"kind {number}" for number in range(20)])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, rows, GROUP):
            count = min(GROUP, rows - start)
            flat = pa.array(numbers.standard_normal(count * dims, np.float32))
            columns = [
                pa.FixedSizeListArray.from_arrays(flat, dims),
                pa.array(kinds[numbers.integers(0, 20, count)]),
                pa.array(numbers.random(count, np.float32)),
            ]
            writer.write_table(pa.table(columns, schema=schema))


def watched(command: list[str]) -> dict[str, float]:
    """Runs a command; the greatest of its memory, and its seconds."""
    begun = time.perf_counter()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    own = resident = 0
    processor = 0.0
    while process.poll() is None:
        try:
            memory, times = process.memory_info(), process.cpu_times()
            own, resident = max(own, memory.rss - memory.shared), max(resident, memory.rss)
            processor = times.user + times.system
        except psutil.Error:
            break
        time.sleep(EVERY_SECONDS)
    if process.wait():
        raise SystemExit("the command failed")
    return {
        "seconds": time.perf_counter() - begun,
        "processor_seconds": processor,
        "own_bytes": own,
        "resident_bytes": resident,
    }


if __name__ == "__main__":
    main()
