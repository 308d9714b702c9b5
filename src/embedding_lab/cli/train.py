"""`embedding-lab train`: trains a reference model into a new run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedding_lab.cli.options import DATASETS, DataDir, Debug, Epochs, Json, LogDir, RunName, Seed
from embedding_lab.cli.output import show
from embedding_lab.cli.progress import shown_progress


def train(
    model: Annotated[str, typer.Option("--model", help="Which reference model.")] = "dense16",
    dataset: Annotated[str, typer.Option("--dataset", help=f"What to train on: {DATASETS}.")] = "mnist",
    data_dir: DataDir = None,
    epochs: Epochs = 5,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Samples per step.")] = 32,
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Of Adam.")] = 0.001,
    seed: Seed = 0,
    logdir: LogDir = Path("logs"),
    run: RunName = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a reference model and keep it in a run."""
    from embedding_lab.dataset import load_dataset
    from embedding_lab.embeddings import new_run_name
    from embedding_lab.model import train as train_model

    with shown_progress() as progress:
        trained = train_model(
            model,
            load_dataset(dataset, split="train", data_dir=data_dir, progress=progress),
            load_dataset(dataset, split="test", data_dir=data_dir, progress=progress),
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
            run_dir=logdir / (run or new_run_name(model)),
            progress=progress,
        )
    result = {
        "model": trained.path,
        "train_accuracy": trained.train_accuracy,
        "test_accuracy": trained.test_accuracy,
        "elapsed_seconds": trained.elapsed_seconds,
    }
    text = f"""\
model            {trained.path}
train accuracy   {trained.train_accuracy:.2%}
test accuracy    {trained.test_accuracy:.2%}
training took    {trained.elapsed_seconds:.1f} s
See its layers with: embedding-lab extract "{trained.path.parent}\""""
    show(result, text, as_json)
