"""`embedding-lab extract`: the embeddings of a model's layers, for the lab and for the Projector."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embedding_lab.cli.model_file import model_file, opened, own_run
from embedding_lab.cli.options import DATASETS, DataDir, Debug, Json, Model, RunName, Seed, Step
from embedding_lab.cli.output import show
from embedding_lab.cli.progress import shown_progress
from embedding_lab.cli.written import written
from embedding_lab.errors import InputError

if TYPE_CHECKING:
    from embedding_lab.model import ModelCard


def extract(
    model: Model,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help=f"{DATASETS}; default what the model was trained on.")
    ] = None,
    data_dir: DataDir = None,
    split: Annotated[str, typer.Option("--split", help="train, test or all.")] = "test",
    samples: Annotated[
        int | None, typer.Option("--samples", min=1, help="A fair sample of this many; default all.")
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option("--layers", help="Names with commas between, as `layers` lists them; default the main ones."),
    ] = None,
    pooling: Annotated[
        str, typer.Option("--pooling", help="How an output's further axes become one: mean, max or flatten.")
    ] = "mean",
    engine: Annotated[
        str,
        typer.Option(
            "--engine", help="Where it is computed: local, or ray for Ray Data on many cores or machines."
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option("--address", help="Of a running Ray cluster; default $RAY_ADDRESS, or this machine."),
    ] = None,
    on_error: Annotated[
        str, typer.Option("--on-error", help="When a sample cannot be used: stop, or skip it and name it.")
    ] = "stop",
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Samples at a time; default by the model's size.")
    ] = None,
    seed: Seed = 0,
    logdir: Annotated[
        Path | None,
        typer.Option("--logdir", help="Folder that holds the runs; default the model's own run, or logs."),
    ] = None,
    run: RunName = None,
    step: Step = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Take the embeddings of a model's layers."""
    from embedding_lab.app.shown import write_for_viewers
    from embedding_lab.dataset import load_dataset
    from embedding_lab.embeddings.left_out import heard_of_left_out
    from embedding_lab.extraction import extract as extract_layers

    file = model_file(model)
    loaded, card = opened(file)
    with shown_progress() as progress, heard_of_left_out() as left_out:
        # checked by the rooms, which name the ones there are
        how: Any = {"pooling": pooling, "engine": engine, "on_error": on_error}
        data = load_dataset(
            dataset or _trained_on(card, model),
            split=split,
            samples=samples,
            seed=seed,
            data_dir=data_dir,
            on_error=how["on_error"],
            progress=progress,
        )
        chosen = None if layers is None else [name.strip() for name in layers.split(",")]
        with _run_to_fill(file, logdir, run) as into:
            sets = extract_layers(
                loaded,
                data,
                chosen,
                out=into,
                step=step,
                **how,
                address=address,
                batch_size=batch_size,
                progress=progress,
            )
        export = write_for_viewers(into, sets.values(), progress=progress)
    result, text = written(into, sets.values(), export.notes)
    show({**result, "left_out": left_out}, text, as_json)


def _run_to_fill(model: Path, logdir: Path | None, run: str | None) -> AbstractContextManager[Path]:
    """The model's own run unless another one is named."""
    from embedding_lab.embeddings import run_folder

    own = own_run(model) if logdir is None and run is None else None
    return nullcontext(own) if own else run_folder(logdir or Path("logs"), run, model.stem)


def _trained_on(card: ModelCard | None, model: Path) -> str:
    from embedding_lab.dataset import NAMES

    if card is not None and card.dataset in NAMES:
        return card.dataset
    raise InputError(
        f"{model} does not say what it was trained on, since the lab did not train it."
        if card is None
        else f"{model} was trained on {card.dataset!r}, which is no dataset that is known by name.",
        remedy="Name the samples with --dataset.",
    )
