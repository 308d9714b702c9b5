"""How long importing the lab and asking the command line for help take: best and median of some runs each.

    python benchmarks/startup.py [--runs 15] [--json]

The aim is a quarter of a second. What Python itself needs to start is the first row, contained in the others.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

RESULT = Path(__file__).parent / "results" / "startup.json"
AIM_SECONDS = 0.25
WORK = {
    "python -c pass": ["-c", "pass"],
    "import embedding_lab": ["-c", "import embedding_lab"],
    "embedding-lab --help": ["-m", "embedding_lab", "--help"],
    "embedding-lab serve --help": ["-m", "embedding_lab", "serve", "--help"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    options = parser.parse_args()

    seconds: dict[str, list[float]] = {name: [] for name in WORK}
    for _ in range(options.runs + 1):
        for name, arguments in WORK.items():
            seconds[name].append(timed([sys.executable, *arguments]))
    # The first turn of each filled the disk cache and wrote the compiled files.
    result = {
        name: {"best_seconds": min(each[1:]), "median_seconds": statistics.median(each[1:])}
        for name, each in seconds.items()
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result) if options.json else table(result))


def timed(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def table(result: dict[str, dict[str, float]]) -> str:
    lines = [f"{'start-up, seconds':<28}{'best':>8}{'median':>8}{'aim':>8}"]
    for name, each in result.items():
        aim = "" if name.startswith("python") else f"{AIM_SECONDS:.2f}"
        lines.append(f"{name:<28}{each['best_seconds']:>8.3f}{each['median_seconds']:>8.3f}{aim:>8}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
