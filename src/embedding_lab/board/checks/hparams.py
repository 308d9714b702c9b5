"""Checks of the HParams tab: trials without parameters, and metrics that no run ever writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from embedding_lab.board.checks.finding import Finding
from embedding_lab.board.checks.logdir import LogDir, Run

EXPERIMENT = "_hparams_/experiment"
START = "_hparams_/session_start_info"


def check_metrics(logdir: LogDir) -> Iterator[Finding]:
    """Metrics of the experiment that stay empty columns since no trial writes them under that name."""
    scalars = {run.name: set(run.by_plugin("scalars")) for run in logdir.runs}
    trials = [run.name for run in logdir.runs if START in run.tags]
    for run in logdir.runs:
        said = _experiment(run)
        if said is None:
            continue
        if not trials and said.hparam_infos:
            yield Finding(
                "hparams-no-trial",
                "warning",
                "HParams",
                "An experiment is described, but no trial of it was written: the table is empty.",
                run=run.name,
                rule="every trial is a run of its own with its hyper-parameters in it",
                remedy="Write each trial's parameters: hp.hparams(values), or add_hparams(values, metrics).",
            )
        empty = [
            f"{info.name.tag!r}" + (f" of {info.name.group!r}" if info.name.group else "")
            for info in said.metric_infos
            if info.name.tag and not any(_written(scalars, trial, info.name) for trial in trials)
        ]
        if trials and empty:
            yield Finding(
                "hparams-metric-empty",
                "warning",
                "HParams",
                "A metric's column stays empty: no trial writes a scalar of that name.",
                run=run.name,
                got=", ".join(empty[:5]),
                rule="a metric's tag (and group) is that of a scalar in the trial's run",
                remedy="Name it as the scalar: Keras writes 'epoch_accuracy', in the group 'validation'.",
            )


def _experiment(run: Run) -> Any:
    from google.protobuf.message import DecodeError
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    tag = run.tags.get(EXPERIMENT)
    if tag is None:
        return None
    try:
        content = HParamsPluginData.FromString(tag.content)
    except DecodeError:
        return None
    return content.experiment if content.HasField("experiment") else None


def _written(scalars: dict[str, set[str]], trial: str, name: Any) -> bool:
    run = (PurePosixPath(trial) / name.group).as_posix() if name.group else trial
    return name.tag in scalars.get(run, set())
