"""How well the reference models learn the real MNIST, and how long that takes.

    python benchmarks/training.py [--model dense16 mlp cnn] [--seeds 0 1 2] [--json out.json]

Each as `embedding-lab train` does it by default, with all summaries and evaluations. Seconds on the clock say
something on an idle machine only; beside them stands the processor time of all threads.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from embedding_lab.dataset import load_dataset
from embedding_lab.model import MODELS, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="*", default=list(MODELS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--json", type=Path, help="write the table there too")
    options = parser.parse_args()
    train_data, test_data = (load_dataset("mnist", split=split) for split in ("train", "test"))
    rows = []
    print(f"{'model':10}{'seed':>6}{'steps':>8}{'test accuracy':>16}{'seconds':>10}{'of processor':>15}")
    for model in options.model:
        for seed in options.seeds:
            began = time.process_time()
            with tempfile.TemporaryDirectory() as run:
                done = train(model, train_data, test_data, seed=seed, run_dir=run)
            busy = time.process_time() - began
            row = {"model": model, "seed": seed, "steps": done.steps, "test_accuracy": done.test_accuracy}
            rows.append(row | {"seconds": done.elapsed_seconds, "processor_seconds": busy})
            figures = f"{done.test_accuracy:>16.2%}{done.elapsed_seconds:10.0f}{busy:15.0f}"
            print(f"{model:10}{seed:6}{done.steps:8,}{figures}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
