"""Says which tab of TensorBoard shows what of which run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from embedding_lab.board.checks.logdir import LogDir, Run
from embedding_lab.board.checks.profiles import XPLANE, sessions
from embedding_lab.board.checks.tensors import readable_tensors

Seen = dict[str, str]
"""What a tab shows, in words, by run."""

_TIME_SERIES = ("scalars", "images", "histograms")
_GRAPH_WORDS = {"graph": "graph", "trace": "traced function", "keras": "Keras layers"}


def seen_by_tab(logdir: LogDir) -> dict[str, Seen]:
    """What each tab will show; a tab without an entry stays hidden or empty."""
    return {tab: see(logdir) for tab, see in _TABS.items()}


def _series(word: str, *plugins: str) -> Callable[[LogDir], Seen]:
    def see(logdir: LogDir) -> Seen:
        return {run.name: text for run in logdir.runs if (text := _summed(run, word, *plugins))}

    return see


def _summed(run: Run, word: str, *plugins: str) -> str:
    tags = run.by_plugin(*plugins).values()
    steps = {step for tag in tags for step in (tag.steps[0], tag.steps[-1])}
    if not tags:
        return ""
    span = f"step {min(steps)}" if len(steps) == 1 else f"steps {min(steps):,} to {max(steps):,}"
    return f"{_count(len(tags), word)}, {span}"


def _graphs(logdir: LogDir) -> Seen:
    found = {}
    for run in logdir.runs:
        drawn = [graph for scan in run.scans for graph in scan.graphs if not graph.problem and graph.nodes]
        words = [
            f"{_GRAPH_WORDS[graph.kind]}{f' {graph.tag!r}' if graph.tag else ''}"
            + (f" ({_count(graph.nodes, 'node')})" if graph.nodes > 0 else "")
            for graph in drawn
        ]
        if words:
            found[run.name] = _listed(words)
    return found


def _projector(logdir: LogDir) -> Seen:
    found: dict[str, list[str]] = {}
    for entry, tensor in readable_tensors(logdir):
        if min(tensor.shape) >= 2 and logdir.is_run(entry.file.run):
            found.setdefault(entry.file.run, []).append(f"{entry.name} ({tensor.shape[0]:,} × {tensor.shape[1]})")
    return {run: _listed(words) for run, words in found.items()}


def _profile(logdir: LogDir) -> Seen:
    if not logdir.machine.brings("profile"):
        return {}
    found: dict[str, int] = {}
    for folder, files in sessions(logdir).items():
        if any(path.name.endswith(XPLANE) and path.stat().st_size for path in files):
            run = logdir.run_name(folder.parents[2])
            found[run] = found.get(run, 0) + 1
    return {run: _count(count, "session") for run, count in found.items()}


def _hparams(logdir: LogDir) -> Seen:
    trials = [run for run in logdir.runs if "_hparams_/session_start_info" in run.tags]
    return {run.name: "a trial" for run in trials}


def _ours(logdir: LogDir) -> Seen:
    layers = Counter(each.parent for each in logdir.folders)
    return {
        logdir.run_name(folder.parents[2]): _count(layers[folder], "layer")
        for folder in logdir.folders
        if folder.parts[-3:] == ("plugins", "embedding_lab", "layers")
    }


def _count(number: int, word: str) -> str:
    return f"{number:,} {word if number == 1 or word == 'series' else f'{word}s'}"


def _listed(words: list[str], most: int = 5) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


_TABS: dict[str, Callable[[LogDir], Seen]] = {
    "Time Series": _series("series", *_TIME_SERIES),
    "Scalars": _series("curve", "scalars"),
    "Images": _series("picture", "images"),
    "Audio": _series("sound", "audio"),
    "Graphs": _graphs,
    "Distributions": _series("series", "histograms"),
    "Histograms": _series("series", "histograms"),
    "Text": _series("text", "text"),
    "PR Curves": _series("curve", "pr_curves"),
    "Mesh": _series("mesh", "mesh"),
    "Custom Scalars": _series("layout", "custom_scalars"),
    "HParams": _hparams,
    "Projector": _projector,
    "Profile": _profile,
    "Embedding Lab": _ours,
}
