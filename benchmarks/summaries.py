"""What TrainingSummaries costs: the processor time of writing them beside that of the training steps.

Run: python benchmarks/summaries.py [--model dense16 mlp cnn] [--steps 600]

Evaluation on the held-out samples is not counted, nor are the pictures of it at the end of an epoch. The time is
the whole process's, all threads, since on a loaded machine the clock on the wall says little; the first hundred
steps, in which much compiles, are left out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from embedding_lab.embeddings import as_dataset
from embedding_lab.model import loop, train
from embedding_lab.model.held_out import Judge
from embedding_lab.model.summaries import TrainingSummaries


class Clock:
    """Adds up the processor time of some functions, less that of others called inside them."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._inside: list[float] = []

    def times(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            self._inside.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.process_time() - began
                inside = self._inside.pop()
                self.seconds.setdefault(name, []).append(spent - inside)
                if self._inside:
                    self._inside[-1] += spent

        return timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="*", default=["dense16", "mlp", "cnn"])
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    numbers = np.random.default_rng(0)
    pictures = numbers.integers(0, 256, (20_000, 28, 28), dtype=np.uint8)
    data = as_dataset(pictures, labels=np.arange(20_000) % 10)
    print(f"{'model':10}{'ms per step':>14}{'ms per 100 steps of summaries':>32}{'share':>9}")
    for model in options.model:
        clock = Clock()
        make_steps = loop._compiled_steps

        def timed_steps(*args: Any, clock: Clock = clock, make_steps: Any = make_steps) -> Any:
            return clock.times("steps", make_steps(*args))

        kept = (TrainingSummaries.on_train_batch_end, Judge.__call__)
        TrainingSummaries.on_train_batch_end = clock.times("write", kept[0])
        Judge.__call__ = clock.times("judge", kept[1])  # type: ignore[method-assign]
        loop._compiled_steps = timed_steps
        try:
            with tempfile.TemporaryDirectory() as run:
                train(model, data, data.take(slice(0, 1000)), steps=options.steps, run_dir=run)
        finally:
            TrainingSummaries.on_train_batch_end, Judge.__call__ = kept  # type: ignore[method-assign]
            loop._compiled_steps = make_steps
        calls = len(clock.seconds["steps"])
        per_hundred = 100 * calls / options.steps
        warm = round(per_hundred)  # the first hundred steps compile
        steps = sum(clock.seconds["steps"][warm:]) / (calls - warm) * per_hundred
        writes = sum(clock.seconds["write"][warm:]) / (calls - warm) * per_hundred
        print(f"{model:10}{10 * steps:14.3f}{1000 * writes:32.1f}{writes / steps:9.1%}", flush=True)


if __name__ == "__main__":
    main()
