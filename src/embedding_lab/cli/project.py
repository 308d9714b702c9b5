"""`embedding-lab project`: maps of a run's layers."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embedding_lab.cli.options import Debug, Json, Seed
from embedding_lab.cli.output import show
from embedding_lab.cli.progress import shown_progress
from embedding_lab.cli.table import table
from embedding_lab.cli.written import how_to_open
from embedding_lab.errors import InputError

if TYPE_CHECKING:
    from embedding_lab.app.run_maps import MapReport


def project(
    run: Annotated[Path, typer.Argument(help="A run's folder, or a log directory: then its newest run.")],
    layers: Annotated[
        str | None, typer.Option("--layer", "--layers", help="Names with commas between; default all.")
    ] = None,
    step: Annotated[
        int | None, typer.Option("--step", min=0, help="The training step; default each layer's newest.")
    ] = None,
    method: Annotated[str, typer.Option("--method", help="tsne, umap or pca.")] = "tsne",
    dims: Annotated[int, typer.Option("--dims", help="Dimensions of the map: 2 or 3; for pca also more.")] = 3,
    metric: Annotated[
        str, typer.Option("--metric", help="How vectors are compared: euclidean or cosine.")
    ] = "euclidean",
    parameters: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the method, such as perplexity=50."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample",
            min=2,
            help="t-SNE of so many samples, others placed on it; default all, or 200,000 of over two million.",
        ),
    ] = None,
    seed: Seed = 0,
    name: Annotated[
        str | None, typer.Option("--name", help="The map's name; default by method, dims and metric.")
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Make it from the start, though the same is there.")] = False,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="How many work; default one on every core.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a map of each layer of a run, in two or three dimensions, and measure how far to trust it."""
    own = {**_own(parameters or []), **({} if sample is None else {"sample": sample})}
    from embedding_lab.app.run_maps import project_run
    from embedding_lab.embeddings import LATEST, newest_run

    chosen = newest_run(run)
    with shown_progress() as progress:
        report = project_run(
            chosen.path,
            method,
            layers=None if layers is None else [each.strip() for each in layers.split(",")],
            step=LATEST if step is None else step,
            dims=dims,
            seed=seed,
            metric=metric,
            name=name,
            anew=anew,
            threads=threads,
            say=_say,
            progress=progress,
            **own,
        )
    text = [maps_table(report.maps), *report.notes]
    text.append(how_to_open(report.run))
    show(report.as_dict(), "\n".join(text), as_json)


def maps_table(maps: Sequence[MapReport]) -> str:
    """The maps as rows: what each keeps of its layer, and how long it took."""
    headers = ("layer", "step", "map", "samples", "neighbours kept", "trustworthiness", "KL", "time")
    return table(headers, [_row(each) for each in maps])


def _row(each: MapReport) -> tuple[object, ...]:
    took = f"{each.elapsed_seconds:.1f} s" if each.elapsed_seconds else "there already"
    kept, trust, kl = (each.quality.get(measure) for measure in ("kept_10", "trustworthiness", "kl"))
    return (
        each.layer,
        each.step,
        each.name,
        each.samples,
        None if kept is None else f"{kept:.1%}",
        None if trust is None else f"{trust:.3f}",
        None if kl is None else f"{kl:.3f}",
        took,
    )


def _own(parameters: Sequence[str]) -> Mapping[str, Any]:
    """The method's own parameters: numbers, true, false and null as in JSON, all else as text."""
    own: dict[str, Any] = {}
    for each in parameters:
        name, equals, value = each.partition("=")
        if not (name.isidentifier() and equals):
            raise InputError(f"--set {each} says nothing.", expected="a name and a value, such as perplexity=50")
        try:
            own[name] = json.loads(value)
        except json.JSONDecodeError:
            own[name] = value
    return own


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
