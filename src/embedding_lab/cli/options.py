"""The options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Debug = Annotated[bool, typer.Option("--debug", help="When it fails, print the traceback too.")]

DATASETS = "mnist, fashion-mnist, kmnist, digits, a folder of pictures (a sub-folder per class), or a .npz file"
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder that holds mnist/ and its like; default $EMBEDDING_LAB_DATA."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Makes what is random repeatable.")]
Epochs = Annotated[int, typer.Option("--epochs", min=1, help="How often training sees every sample.")]
Model = Annotated[
    Path, typer.Argument(help="A .keras, .h5 or .onnx file, a SavedModel, or a run's folder with a trained model.")
]
LOGDIR = "Folder that holds the runs, for TensorBoard."
LogDir = Annotated[Path, typer.Option("--logdir", help=f"{LOGDIR[:-1]}; or an address such as s3://bucket/logs.")]


def _of_this_machine(logdir: Path) -> Path:
    from embedding_lab.embeddings.remote_files import remote_address

    if remote_address(logdir):
        raise typer.BadParameter(
            "event files are written to a folder of this machine; into an object store go `log` and `extract`."
        )
    return logdir


LocalLogDir = Annotated[Path, typer.Option("--logdir", help=LOGDIR, callback=_of_this_machine)]
RunName = Annotated[str | None, typer.Option("--run", help="The run's name; default a new one with date and time.")]
Step = Annotated[int | None, typer.Option("--step", min=0, help="The training step the vectors belong to.")]

Port = Annotated[
    int,
    typer.Option("--port", min=0, max=65535, help="Where to serve; when taken, the next free one. 0 means any."),
]
Host = Annotated[
    str, typer.Option("--host", help="Address to listen on; anything but this machine's own needs care.")
]
PathPrefix = Annotated[
    str, typer.Option("--path-prefix", help="Path under which a proxy shows TensorBoard, such as /tensorboard.")
]
Browser = Annotated[
    bool | None,
    typer.Option("--browser/--no-browser", help="Open a browser; default only at a terminal with a screen."),
]
