"""Checks of this machine: packages that do not fit together, plugins twice or missing, servers that are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from embedding_lab.board.checks.finding import Finding
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.machine import USUAL_PORT, Machine, Package

TAB = "Environment"
BOARDS = ("tensorboard", "tb-nightly", "tensorboard-nightly", "tensorflow-tensorboard")
PARTNERS = (
    *BOARDS,
    "tensorflow",
    "tensorflow-cpu",
    "tf-nightly",
    "keras",
    "xprof",
    "tensorboard-plugin-profile",
    "tensorboardx",
    "tensorboard-data-server",
)
"""Whose requirements decide whether a tab works."""

_OLD_TORCH = "get_filesystem("


def check_tensorboard_twice(logdir: LogDir) -> Iterator[Finding]:
    """Two distributions of TensorBoard: it ends with "Duplicate plugins for name projector"."""
    found = logdir.machine.versions(*BOARDS)
    twice = Counter(name for each in logdir.machine.packages for name in each.plugins)
    if len(found) > 1:
        yield Finding(
            "tensorboard-twice",
            "error",
            TAB,
            "TensorBoard does not start: 'Duplicate plugins for name projector'.",
            got=", ".join(f"{name} {version}" for name, version in found.items()),
            rule="one distribution of TensorBoard",
            remedy=f"pip uninstall {' '.join(found)}, then pip install tensorboard",
        )
    for plugin in (name for name, count in twice.items() if count > 1):
        packages = logdir.machine.brings(plugin)
        if len({each.name for each in packages}) > 1:
            names = [each.name for each in packages]
            yield Finding(
                "plugin-twice",
                "error",
                TAB,
                f"TensorBoard does not start: 'Duplicate plugins for name {plugin}'.",
                got=" and ".join(names),
                rule="every plugin comes from one package",
                remedy=f"pip uninstall {next((name for name in names if name != 'xprof'), names[0])}",
            )


def check_requirements(logdir: LogDir) -> Iterator[Finding]:
    """Versions that a package refuses, such as protobuf's: "Descriptors cannot be created directly"."""
    for package in _partners(logdir.machine):
        wrong = _unmet(package, logdir.machine)
        if wrong:
            yield Finding(
                "versions-do-not-fit",
                "error",
                TAB,
                f"{package.name} {package.version} does not work with what is installed beside it.",
                got=", ".join(f"{name} {version or 'missing'}" for name, version, _ in wrong),
                rule=", ".join(f"{name}{range_}" for name, _, range_ in wrong),
                remedy="pip install " + " ".join(f"'{name}{range_}'" for name, _, range_ in wrong),
            )


def check_pkg_resources(logdir: LogDir) -> Iterator[Finding]:
    """TensorBoard before 2.21 with a setuptools that has no pkg_resources any more."""
    board = next(iter(logdir.machine.versions(*BOARDS).values()), "")
    setuptools = logdir.machine.versions("setuptools").get("setuptools", "")
    if board and _release(board) < (2, 21) and (not setuptools or _release(setuptools) >= (82,)):
        yield Finding(
            "pkg-resources-missing",
            "error",
            TAB,
            "TensorBoard does not start: \"No module named 'pkg_resources'\".",
            got=f"tensorboard {board}, setuptools {setuptools or 'missing'}",
            rule="TensorBoard 2.20 and older want setuptools below 82",
            remedy="pip install 'tensorboard>=2.21', or pip install 'setuptools<82'",
        )


def check_profiler(logdir: LogDir) -> Iterator[Finding]:
    """TensorFlow 2.4: its profiler ends with "No profiler is running"."""
    version = logdir.machine.versions("tensorflow").get("tensorflow", "")
    if version and _release(version)[:2] == (2, 4):
        yield Finding(
            "profiler-not-running",
            "warning",
            TAB,
            "tf.summary.trace_export ends with 'ProfilerNotRunningError: No profiler is running'.",
            got=f"tensorflow {version}",
            rule="a fault of TensorFlow 2.4 alone",
            remedy="pip install --upgrade tensorflow",
        )


def check_torch(logdir: LogDir) -> Iterator[Finding]:
    """PyTorch beside TensorFlow: add_embedding ends with "gfile has no attribute 'get_filesystem'"."""
    torch = next((each for each in logdir.machine.packages if each.name == "torch"), None)
    if torch is None or not logdir.machine.tensorflow:
        return
    writer = torch.folder / "torch" / "utils" / "tensorboard" / "writer.py"
    if _OLD_TORCH in _source(writer):
        yield Finding(
            "torch-beside-tensorflow",
            "warning",
            TAB,
            "PyTorch's add_embedding ends with \"gfile has no attribute 'get_filesystem'\".",
            file=writer,
            got=f"torch {torch.version} and TensorFlow",
            rule="this torch takes TensorFlow's file layer for TensorBoard's own",
            remedy="pip install --upgrade torch, or log with embedding_lab.log_embeddings",
        )


def check_profile_plugin(logdir: LogDir) -> Iterator[Finding]:
    """The predecessor of xprof, which reads no profile of today."""
    old = logdir.machine.versions("tensorboard-plugin-profile").get("tensorboard-plugin-profile", "")
    tensorflow = logdir.machine.versions("tensorflow").get("tensorflow", "")
    if old and tensorflow and _release(old)[:2] < _release(tensorflow)[:2]:
        yield Finding(
            "profile-plugin-old",
            "warning",
            TAB,
            "The Profile tab may say 'No profile data was found': its plugin is older than TensorFlow.",
            got=f"tensorboard-plugin-profile {old}, tensorflow {tensorflow}",
            rule="the plugin is at least as new as what wrote the profile",
            remedy="pip uninstall tensorboard-plugin-profile, then pip install xprof",
        )


def check_boards(logdir: LogDir) -> Iterator[Finding]:
    """Notes of servers that are gone, which `%tensorboard` believes, and servers that show an older list."""
    gone = [board for board in logdir.machine.boards if not board.runs]
    if gone:
        ports = ", ".join(sorted({str(board.port) for board in gone}))
        yield Finding(
            "board-note-stale",
            "warning",
            TAB,
            f"'Reusing TensorBoard on port {gone[0].port}', a notebook may say, and show nothing: it is gone.",
            file=gone[0].path,
            got=f"{len(gone)} notes of servers that have ended, on ports {ports}",
            rule="TensorBoard believes what is noted in this folder",
            remedy=f"Remove {', '.join(board.path.name for board in gone)} from {gone[0].path.parent}, or open "
            "TensorBoard with embedding_lab.launch, which reuses none.",
        )
    for board in logdir.machine.boards:
        newer = [each for each in logdir.projector_files if _changed(each.path) > board.started]
        if board.runs and newer and _same(board.logdir, logdir.root):
            yield Finding(
                "board-shows-old-list",
                "warning",
                "Projector",
                f"The TensorBoard on port {board.port} shows older points: it reads a list only once.",
                run=newer[0].run,
                file=newer[0].path,
                rule="the Projector reads its lists and tensors when it is first asked, and never again",
                remedy="Restart it.",
            )


def check_port(logdir: LogDir) -> Iterator[Finding]:
    """TensorBoard's usual port in the hands of another program, or of a TensorBoard on another folder."""
    here = [board for board in logdir.machine.boards if board.runs and board.port == USUAL_PORT]
    if logdir.machine.listener and not any(_same(board.logdir, logdir.root) for board in here):
        shows = f", a TensorBoard that shows {here[0].logdir}" if here else ""
        yield Finding(
            "port-taken",
            "note",
            TAB,
            f"Whoever opens port {USUAL_PORT} does not see this log directory.",
            got=f"{logdir.machine.listener}{shows}",
            remedy="Open it with embedding_lab.launch, which takes the next free port and says so.",
        )


def _partners(machine: Machine) -> Iterator[Package]:
    seen = set()
    for each in machine.packages:
        if each.name in PARTNERS and each.name not in seen:  # a second one of the name is not what is imported
            seen.add(each.name)
            yield each


def _unmet(package: Package, machine: Machine) -> list[tuple[str, str, str]]:
    """What a package wants and does not find: name, version there is, versions it takes."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion

    there: dict[str, str] = {}
    for each in machine.packages:
        there.setdefault(each.name, each.version)
    wrong: list[tuple[str, str, str]] = []
    for line in package.requires:
        try:
            wanted = Requirement(line)
            if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
                continue
            name = canonicalize_name(wanted.name)
            if name not in there or not wanted.specifier.contains(there[name], prereleases=True):
                wrong.append((name, there.get(name, ""), str(wanted.specifier)))
        except (InvalidRequirement, InvalidVersion):
            continue
    return wrong


def _release(version: str) -> tuple[int, ...]:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version).release
    except InvalidVersion:
        return ()


def _source(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _same(logdir: str, root: Path) -> bool:
    try:
        return bool(logdir) and Path(logdir).resolve() == root.resolve()
    except (OSError, ValueError):
        return False


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
