"""Checks of the Profile tab: no plugin, files it does not read, files in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.mender import Mender

XPLANE = ".xplane.pb"
LEGACY = (
    ".overview_page.pb",
    ".input_pipeline.pb",
    ".tensorflow_stats.pb",
    ".kernel_stats.pb",
    ".memory_profile.json.gz",
    ".trace.json.gz",
    ".trace",
    ".pt.trace.json",
    ".pt.trace.json.gz",
)
LARGE_BYTES = 1 << 30
PLACE = ("plugins", "profile")


def sessions(logdir: LogDir) -> dict[Path, list[Path]]:
    """The folders of profiling sessions, where the tab looks for them, with their files."""
    return {folder: files for folder, files in logdir.folders.items() if folder.parts[-3:-1] == PLACE}


def check_plugin(logdir: LogDir) -> Iterator[Finding]:
    """Profiles, but nothing that shows them: the plugin is not a part of TensorBoard."""
    if any(path.name.endswith(XPLANE) for path in logdir.files) and not logdir.machine.brings("profile"):
        yield Finding(
            "profile-plugin-missing",
            "error",
            "Profile",
            "There are profiles, but no Profile tab: its plugin is not installed on this machine.",
            rule="the Profile tab comes with the package xprof",
            remedy="Install it beside TensorBoard: pip install xprof",
        )


def check_sessions(logdir: LogDir) -> Iterator[Finding]:
    """Sessions in which the tab finds nothing."""
    for folder, files in sessions(logdir).items():
        run = logdir.run_name(folder.parents[2])
        traces = [path for path in files if path.name.endswith(XPLANE)]
        if any(path.stat().st_size == 0 for path in traces):
            yield Finding(
                "profile-empty",
                "error",
                "Profile",
                f"Session {folder.name} is listed, but its profile is empty.",
                run=run,
                file=next(path for path in traces if path.stat().st_size == 0),
                got="0 bytes",
                rule="a session ends with stop(): only then is it written",
                remedy="Profile again, and let the profiler end before the program does.",
            )
        elif not traces:
            old = [path for path in files if path.name.endswith(LEGACY)]
            yield Finding(
                "profile-legacy" if old else "profile-empty",
                "error",
                "Profile",
                f"Session {folder.name} is listed, but says 'No profile data was found'.",
                run=run,
                file=old[0] if old else folder,
                got="only files of older profilers" if old else "no profile",
                rule=f"the tab reads files that end in {XPLANE}",
                remedy="Open the trace in ui.perfetto.dev, or profile again with today's TensorFlow."
                if old
                else "Profile again, and let the profiler end before the program does.",
            )
        elif sum(path.stat().st_size for path in traces) > LARGE_BYTES:
            yield Finding(
                "profile-large",
                "warning",
                "Profile",
                f"Session {folder.name} is so large that the tab may never load.",
                run=run,
                file=folder,
                got=f"{sum(path.stat().st_size for path in traces):,} bytes",
                remedy="Profile fewer steps; embedding_lab.trace keeps to a limit by itself.",
            )


def check_place(logdir: LogDir) -> Iterator[Finding]:
    """Profiles that lie where the tab does not look."""
    known = sessions(logdir)
    for path in logdir.files:
        if path.name.endswith(XPLANE) and path.parent not in known:
            run = _run_of(logdir, path.parent)
            target = run.joinpath(*PLACE, _session_name(path.parent, run), path.name)
            yield Finding(
                "profile-misplaced",
                "error",
                "Profile",
                "This profile is not shown: the tab does not look here.",
                run=logdir.run_name(run),
                file=path,
                rule="profiles lie in <run>/plugins/profile/<session>/, below the log directory",
                remedy=f"Copy it to {target}.",
                mend=None if target.exists() else _copier(path, target),
            )


def check_trace_without_profile(logdir: LogDir) -> Iterator[Finding]:
    """A traced function, but no profile of it: `trace_export(profiler_outdir=…)` no longer writes one."""
    if any(path.name.endswith(XPLANE) for path in logdir.files):
        return
    for run in logdir.runs:
        for scan in run.scans:
            traces = [graph for graph in scan.graphs if graph.kind == "trace"]
            # Keras writes its graph as a trace of this name, and means no profile by it.
            if any(graph.tag != "keras" and not graph.tag.startswith("batch_") for graph in traces):
                yield Finding(
                    "trace-without-profile",
                    "note",
                    "Profile",
                    f"The graph {traces[0].tag!r} was traced, but not profiled: the Profile tab stays empty.",
                    run=run.name,
                    file=scan.path,
                    rule="profiler_outdir belongs to tf.summary.trace_on; in trace_export it has no effect",
                    remedy="Give profiler_outdir to trace_on, or use embedding_lab.trace, which records both.",
                )
                return


def _run_of(logdir: LogDir, folder: Path) -> Path:
    """The folder of the run that a stray profile belongs to."""
    for each in (folder, *folder.parents):
        if each == logdir.root or (logdir.is_run(logdir.run_name(each)) and each.name not in PLACE):
            return each
    return logdir.root


def _session_name(folder: Path, run: Path) -> str:
    """The session's name: of the folders between the run and the profile the last that says something."""
    names = [name for name in folder.relative_to(run).parts if name not in PLACE]
    return names[-1] if names else "session"


def _copier(source: Path, target: Path) -> Mend:
    def mend(mender: Mender) -> str:
        return f"Copied {source.name} to {mender.copy(source, target).parent}."

    return mend
