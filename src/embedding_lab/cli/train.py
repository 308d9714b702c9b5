"""`embedding-lab train`: trains a reference model into a new run."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from embedding_lab.cli.examined import show_examined
from embedding_lab.cli.options import DATASETS, DataDir, Debug, Json, LocalLogDir, RunName, Seed
from embedding_lab.cli.progress import shown_progress
from embedding_lab.errors import InputError


def train(
    model: Annotated[str, typer.Option("--model", help="Which reference model: dense16, mlp or cnn.")] = "dense16",
    dataset: Annotated[str, typer.Option("--dataset", help=f"What to train on: {DATASETS}.")] = "mnist",
    data_dir: DataDir = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="How often training sees every sample; by the model.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="How many batches to train on, in place of epochs.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Samples per step; by the model.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="Of Adam; by the model.")] = None,
    dropout: Annotated[
        float | None, typer.Option("--dropout", help="Share of units dropped at each step; by the model.")
    ] = None,
    seed: Seed = 0,
    logdir: LocalLogDir = Path("logs"),
    run: RunName = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint of the run named with --run.")
    ] = False,
    trace_steps: Annotated[
        int, typer.Option("--trace-steps", min=0, help="Profile so many of the first steps, after the very first.")
    ] = 0,
    embeddings_every: Annotated[
        int | None,
        typer.Option(
            "--embeddings-every",
            min=0,
            help="Keep the embeddings of 1,000 test samples every so many steps; 0 for never, else at the end.",
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a reference model, with every summary that TensorBoard can show, and keep it in a run."""
    _check(epochs, steps, resume, run)
    from embedding_lab.app.embedding_logger import EmbeddingLogger
    from embedding_lab.app.traced_training import train_traced
    from embedding_lab.dataset import load_dataset
    from embedding_lab.embeddings import run_folder
    from embedding_lab.model.reference import recipe

    recipe(model)  # a name that is unknown is said before data are loaded
    with shown_progress() as progress, contextlib.ExitStack() as until_done:
        train_data = load_dataset(dataset, split="train", data_dir=data_dir, progress=progress)
        test_data = load_dataset(dataset, split="test", data_dir=data_dir, progress=progress)
        run_dir = until_done.enter_context(run_folder(logdir, run, model))
        logger = EmbeddingLogger(run_dir, test_data, every=embeddings_every or None)
        trained, report = train_traced(
            model,
            train_data,
            test_data,
            epochs=epochs,
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            dropout=dropout,
            seed=seed,
            run_dir=run_dir,
            resume=resume,
            trace_steps=trace_steps,
            callbacks=[logger.keras()] if embeddings_every else [],
            progress=progress,
        )
        if embeddings_every is None:
            logger.log(trained.model, trained.steps)
    result = {
        "model": trained.path,
        "steps": trained.steps,
        "train_accuracy": trained.train_accuracy,
        "test_accuracy": trained.test_accuracy,
        "elapsed_seconds": trained.elapsed_seconds,
        **({"trace": report.as_dict()} if report else {}),
    }
    text = f"""\
model            {trained.path}
steps            {trained.steps:,}
train accuracy   {trained.train_accuracy:.2%}
test accuracy    {trained.test_accuracy:.2%}
training took    {trained.elapsed_seconds:.1f} s
See its layers with: embedding-lab extract "{run_dir}"
See how it went with: embedding-lab serve "{logdir}\""""
    show_examined(result, f"{report}\n\n{text}" if report else text, logdir, as_json)


def _check(epochs: int | None, steps: int | None, resume: bool, run: str | None) -> None:
    if epochs is not None and steps is not None:
        raise InputError("How long to train was said twice.", got="--epochs and --steps", expected="one of them")
    if resume and run is None:
        raise InputError(
            "Which run to resume was not said.", remedy="Name it with --run, a folder in the log directory."
        )
