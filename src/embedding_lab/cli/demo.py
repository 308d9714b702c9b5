"""`embedding-lab demo`: the whole story on MNIST, ending in TensorBoard."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedding_lab.cli.examined import end
from embedding_lab.cli.options import DATASETS, Browser, DataDir, Debug, Epochs, Json, LocalLogDir, Port, Seed
from embedding_lab.cli.output import show
from embedding_lab.cli.progress import shown_progress
from embedding_lab.cli.project import maps_table
from embedding_lab.cli.serving import keep_open, wants_browser
from embedding_lab.cli.table import size_text, table

if TYPE_CHECKING:
    from embedding_lab.app.demo import DemoReport


def demo(
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", help=f"{DATASETS}; default mnist, and digits where that cannot be had."),
    ] = None,
    data_dir: DataDir = None,
    epochs: Epochs = 5,
    samples: Annotated[
        int, typer.Option("--samples", min=1, help="Show a fair sample of this many at most.")
    ] = 10_000,
    seed: Seed = 0,
    logdir: LocalLogDir = Path("logs"),
    maps: Annotated[bool, typer.Option("--maps/--no-maps", help="Make maps of all layers.")] = True,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Open TensorBoard at the end.")] = True,
    port: Port = 6006,
    browser: Browser = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a model on MNIST and see what its layers learned, in TensorBoard."""
    from embedding_lab.app.demo import demo as run_demo
    from embedding_lab.board.launch import launch

    with shown_progress() as progress:
        report = run_demo(
            dataset=dataset,
            data_dir=data_dir,
            epochs=epochs,
            samples=samples,
            seed=seed,
            logdir=logdir,
            maps=maps,
            say=_say,
            progress=progress,
        )
    if not serve:
        show(report.as_dict(), f'{_story(report)}\nOpen it with: embedding-lab serve "{logdir}"', as_json)
        end(report.diagnosis)
        return
    _say(f"Starting TensorBoard on {logdir} …")
    with launch(logdir, port=port, open_browser=wants_browser(browser)) as board:
        told = report.as_dict() | {"url": board.url, "dashboard_url": board.dashboard_url}
        keep_open(board, told, f"{_story(report)}\nTensorBoard: {board.dashboard_url}", as_json)
    end(report.diagnosis)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _story(report: DemoReport) -> str:
    """The report as a short table."""
    layers = [(each.layer, each.dims, size_text(each.size_bytes)) for each in report.layers]
    maps = [maps_table(report.maps)] if report.maps else []
    steps = [(step, f"{seconds:.1f} s") for step, seconds in report.elapsed_seconds.items()]
    facts = f"{report.samples:,} samples of {report.dataset}, test accuracy {report.accuracy:.1%}, in {report.run}"
    parts = [facts, table(("layer", "dimensions", "size"), layers), *maps, table(("step", "time"), steps)]
    trace = [report.trace.summary()] if report.trace else []
    notes = ["\n".join(report.notes)] if report.notes else []
    return "\n\n".join([*parts, *trace, *notes, report.diagnosis.brief()])
