"""Checks of the event files: what TensorBoard cannot read, silently drops, or mixes up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import LogDir, Run, is_event_file
from embedding_lab.board.checks.mender import Mender
from embedding_lab.board.checks.records import begins_like_records
from embedding_lab.embeddings import create_run
from embedding_lab.embeddings.files import PARTIAL

ALL_TABS = "All tabs"
CLOCK_SECONDS = 60.0
"""Clocks are set now and then; less than this confuses nobody."""


def check_no_runs(logdir: LogDir) -> Iterator[Finding]:
    """A log directory without a run: TensorBoard says "No dashboards are active"."""
    if logdir.runs or logdir.projector_files or any(path.name.endswith(".xplane.pb") for path in logdir.files):
        return
    parent = logdir.root.parent
    beside = sorted(each.name for each in _event_files_in(parent))
    yield Finding(
        "no-runs",
        "error",
        ALL_TABS,
        "TensorBoard shows nothing here: no folder holds an event file with an event.",
        file=logdir.root,
        got="event files in the folder above" if beside else "no readable event file",
        rule="a run is a folder with a file whose name holds 'tfevents'",
        remedy=f"Open {parent} instead." if beside else "Check the path, or write a first run.",
    )


def check_renamed(logdir: LogDir) -> Iterator[Finding]:
    """An event file under a name by which TensorBoard does not know it."""
    for folder, files in logdir.folders.items():
        if any(is_event_file(each) for each in files):
            continue
        for path in files:
            if not path.name.endswith((".bak", ".profile-empty")) and _begins_like_records(path):
                yield Finding(
                    "event-file-renamed",
                    "error",
                    ALL_TABS,
                    "This file holds events, but TensorBoard does not read it.",
                    run=logdir.run_name(folder),
                    file=path,
                    rule="the name of an event file holds 'tfevents'",
                    remedy=f"Copy it to events.out.tfevents.{path.name}.",
                    mend=_copier(path, path.with_name(f"events.out.tfevents.{path.name}")),
                )


def check_run_without_events(logdir: LogDir) -> Iterator[Finding]:
    """A folder with something for the Projector, for the lab or a profile, that is no run for TensorBoard."""
    folders = {logdir.run_folder(each.folder): each.path for each in logdir.projector_files}
    for folder, files in logdir.ours.items():
        if any(each.suffix == ".json" for each in files):  # a writer at its first layer has no manifest yet
            folders.setdefault(folder.parents[1], folder)
    for folder, path in sorted(folders.items()):
        listed = folder == logdir.root or logdir.is_run(logdir.run_name(folder))
        came_meanwhile = set(_event_files_in(folder)) - set(logdir.folders.get(folder, []))
        if not listed and not came_meanwhile:
            yield Finding(
                "run-without-events",
                "error",
                "Projector",
                "What lies in this folder is not shown: TensorBoard does not list it as a run.",
                run=logdir.run_name(folder),
                file=path,
                rule="the Projector lists the log directory itself and folders with an event file",
                remedy="Write an event file into it.",
                mend=_event_file_writer(folder),
            )


def check_unreadable(logdir: LogDir) -> Iterator[Finding]:
    """Event files that this user may not read, and such that are empty."""
    for scan in logdir.event_files:
        run = logdir.run_name(scan.path.parent)
        if not os.access(scan.path, os.R_OK):
            yield Finding(
                "event-file-unreadable",
                "error",
                ALL_TABS,
                "This event file may not be read, so its run shows nothing of it.",
                run=run,
                file=scan.path,
                got="no permission to read",
                remedy=f"Give yourself the permission: chmod u+r '{scan.path}'.",
            )
        elif not scan.events and not scan.damages:
            yield Finding(
                "event-file-empty",
                "note",
                ALL_TABS,
                "This event file is empty: its writer has just begun, or was killed before it wrote.",
                run=run,
                file=scan.path,
            )


def check_damage(logdir: LogDir) -> Iterator[Finding]:
    """Event files that break off or hold damaged records."""
    for scan in logdir.event_files:
        for damage in scan.damages[:1]:
            size = scan.path.stat().st_size
            lost = f"byte {damage.offset:,} of {size:,}: {damage.what}"
            where: dict[str, Any] = {"run": logdir.run_name(scan.path.parent), "file": scan.path, "got": lost}
            if damage.torn:
                yield Finding(
                    "event-file-torn",
                    "note",
                    ALL_TABS,
                    f"The file ends inside a record, as of a writer at work or killed. The {scan.events:,} events "
                    "before it are shown.",
                    **where,
                )
            else:
                yield Finding(
                    "event-file-damaged",
                    "error",
                    ALL_TABS,
                    f"A record is damaged; TensorBoard shows wrong values, or nothing after the {scan.events:,} "
                    "events that can be read.",
                    rule="every record fits its checksum",
                    remedy="Copy the file again from where it was written; it cannot be mended from here.",
                    **where,
                )


def check_overwritten_steps(logdir: LogDir) -> Iterator[Finding]:
    """Steps that went back: TensorBoard drops every point that was there at a later step."""
    for run in logdir.runs:
        lost: dict[str, int] = {}
        for scan in run.scans:
            for name, tag in scan.tags.items():
                if tag.lost:
                    lost[name] = lost.get(name, 0) + tag.lost
        if lost:
            worst = max(lost, key=lambda name: lost[name])
            yield Finding(
                "steps-went-back",
                "warning",
                "Scalars",
                f"The step went back within an event file: {sum(lost.values()):,} earlier points are not shown.",
                run=run.name,
                got=f"{lost[worst]:,} points lost of {worst!r}" + _and_others(len(lost)),
                rule="a point takes away those of its series that are at the same or a later step",
                remedy="Let the step go on when training resumes, or write every start into its own folder.",
            )


def check_mixed_runs(logdir: LogDir) -> Iterator[Finding]:
    """Two runs in one folder: the later event file takes the earlier one's points away."""
    for run in logdir.runs:
        held: dict[str, list[int]] = {}
        dropped: dict[str, int] = {}
        gone: set[str] = set()
        for scan in run.scans:
            for name, tag in scan.tags.items():
                before = held.get(name, [])
                kept = [step for step in before if step < min(tag.steps)] if before else []
                if len(before) > len(kept):
                    dropped[name] = dropped.get(name, 0) + len(before) - len(kept)
                    if not kept and len(before) > 1:
                        gone.add(name)
                held[name] = [*kept, *tag.steps]
        if not dropped:
            continue
        together = _at_the_same_time(run)
        worst = max(dropped, key=lambda name: dropped[name])
        yield Finding(
            "mixed-runs",
            "warning" if gone or together else "note",
            "Scalars",
            f"{len(run.scans)} event files in one folder hold the same series over the same steps, so "
            f"{sum(dropped.values()):,} points of the earlier file are not shown.",
            run=run.name,
            file=run.path,
            got=f"{dropped[worst]:,} points lost of {worst!r}"
            + _and_others(len(dropped))
            + (", written at the same time" if together else ""),
            rule="a folder is one run; a later point takes away those at the same or a later step",
            remedy="Give every start a folder of its own: move all but one of the event files into new folders. "
            "After a resumed training a small overlap is as it should be.",
        )


def check_one_step_for_all(logdir: LogDir) -> Iterator[Finding]:
    """Series that were always written at one step: only the last value is shown."""
    for run in logdir.runs:
        stuck = {
            name: tag.overwritten + 1
            for name, tag in run.by_plugin("scalars").items()
            if len(tag.steps) == 1 and tag.overwritten
        }
        if stuck:
            worst = max(stuck, key=lambda name: stuck[name])
            yield Finding(
                "one-step-for-all",
                "warning",
                "Scalars",
                "Values written at one and the same step are shown as a single point, the last one.",
                run=run.name,
                got=f"{stuck[worst]:,} values of {worst!r} at step {run.tags[worst].steps[0]}"
                + _and_others(len(stuck)),
                rule="each point of a curve has a step of its own",
                remedy="Hand the step over: add_scalar(tag, value, global_step=step), or step=step in tf.summary.",
            )


def check_not_finite(logdir: LogDir) -> Iterator[Finding]:
    """Scalars that are NaN or infinite."""
    for run in logdir.runs:
        bad = {name: tag for name, tag in run.by_plugin("scalars").items() if tag.not_finite}
        if bad:
            first = min(bad, key=lambda name: bad[name].first_not_finite)
            yield Finding(
                "scalar-not-finite",
                "warning",
                "Scalars",
                f"{first!r} is NaN or infinite from step {bad[first].first_not_finite} on; such points are drawn "
                "as small triangles, or not at all.",
                run=run.name,
                got=f"{sum(tag.not_finite for tag in bad.values()):,} such values in {len(bad)} series",
                remedy="That is the model's doing: a lower learning rate or clipped gradients are the usual cure.",
            )


def check_clock(logdir: LogDir) -> Iterator[Finding]:
    """A clock that was set back while training wrote."""
    for run in logdir.runs:
        back = max((tag.clock_back for tag in run.tags.values()), default=0.0)
        if back > CLOCK_SECONDS:
            yield Finding(
                "clock-went-back",
                "note",
                "Scalars",
                f"The clock went back by {back:,.0f} seconds while the run was written: over 'Relative' and 'Wall' "
                "the curves run backwards. Over 'Step' they are right.",
                run=run.name,
            )


def check_without_data(logdir: LogDir) -> Iterator[Finding]:
    """Runs whose event files hold nothing to show."""
    profiled = {path.parents[3] for path in logdir.files if path.parts[-4:-2] == ("plugins", "profile")}
    listed = {each.run for each in logdir.projector_files}
    for run in logdir.runs:
        ours = (run.path / "plugins" / "embedding_lab").is_dir()
        if not any(scan.has_data for scan in run.scans) and run.name not in listed and not ours:
            if run.path in profiled:
                continue
            begun = min(scan.first_time for scan in run.scans)
            yield Finding(
                "run-empty",
                "warning",
                ALL_TABS,
                "The run is listed, but no tab shows anything of it: nothing was written, or not yet flushed.",
                run=run.name,
                file=run.scans[0].path,
                got=f"begun {_when(begun)}, no summary",
                remedy="Close or flush the writer: writer.close(), or writer.flush() while it goes on.",
            )


def _when(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "at no sensible time"


def _and_others(count: int) -> str:
    return f" and of {count - 1} other series" if count > 1 else ""


def _at_the_same_time(run: Run) -> bool:
    """Whether an event file was begun before an earlier one had ended."""
    in_order = sorted((scan for scan in run.scans if scan.has_data), key=lambda scan: scan.first_time)
    return any(later.first_time < earlier.last_time for earlier, later in pairwise(in_order))


def _event_files_in(folder: Path) -> list[Path]:
    try:
        found = [each for each in folder.iterdir() if is_event_file(each) and each.is_file()]
        return [each for each in found if not each.name.endswith(PARTIAL)]
    except OSError:
        return []


def _begins_like_records(path: Path) -> bool:
    try:
        return begins_like_records(path)
    except OSError:
        return False


def _copier(source: Path, target: Path) -> Mend:
    return lambda mender: f"Copied {source.name} to {mender.copy(source, target).name}."


def _event_file_writer(folder: Path) -> Mend:
    def mend(mender: Mender) -> str:
        create_run(folder)
        return f"Wrote an event file into {folder}."

    return mend
