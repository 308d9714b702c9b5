"""Checks of the paths in the Projector's lists: refused, doubled, broken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedding_lab.board.checks.entry_mends import entry_mend, take_file_out, take_out
from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.mender import Mender
from embedding_lab.board.checks.projector_files import Asset, AssetKind, Entry, set_asset_path

KINDS: tuple[AssetKind, ...] = ("tensor", "metadata", "sprite", "bookmarks")
_SEEN = {
    "tensor": "the tensor stays in the list, but shows no point",
    "metadata": "the page stops at 'Fetching metadata' and shows an error",
    "sprite": "the page waits at 'Fetching sprite image…' for ever",
    "bookmarks": "its bookmarks are not there",
}


def check_assets(logdir: LogDir) -> Iterator[Finding]:
    """Files of an entry that TensorBoard refuses or does not find."""
    for file in logdir.projector_files:
        for entry in file.entries:
            for kind in KINDS:
                asset = entry.asset(kind)
                if asset.given and not asset.readable:
                    yield _judged(logdir, entry, asset)


def _judged(logdir: LogDir, entry: Entry, asset: Asset) -> Finding:
    found = entry.file.meant(asset)
    if found is None:
        return _missing(entry, asset)
    if asset.exists:
        return _outside(logdir, entry, asset)
    return Finding(
        "asset-path-doubled",
        "error",
        "Projector",
        f"{entry.name!r}: its {asset.kind} file is not found, so {_seen(asset)}.",
        run=entry.file.run,
        file=entry.file.path,
        got=f"{asset.given!r}, which leads to {asset.path}",
        rule="paths are relative to the folder of the list, not to where the program ran",
        remedy=f"Write {_short(found, entry)!r} in its place.",
        mend=_repather(entry, asset.kind, _short(found, entry)),
    )


def _outside(logdir: LogDir, entry: Entry, asset: Asset) -> Finding:
    # A list from elsewhere may name any file of this machine, and what is copied inside is served to the browser.
    ours = asset.path.is_relative_to(os.path.realpath(logdir.root))
    return Finding(
        "asset-outside",
        "error",
        "Projector",
        f"{entry.name!r}: TensorBoard refuses its {asset.kind} file, so {_seen(asset)}.",
        run=entry.file.run,
        file=entry.file.path,
        got=f"{asset.given!r}, which leads to {asset.path}",
        rule="files lie below the folder of the list, links followed",
        remedy=f"Copy the file below {entry.file.folder} and name it by a relative path."
        + ("" if ours else " It lies outside the log directory, so --fix does not touch it."),
        mend=_copier(entry, asset) if ours else None,
    )


def _missing(entry: Entry, asset: Asset) -> Finding:
    if asset.kind == "tensor":
        return Finding(
            "tensor-missing",
            "error",
            "Projector",
            f"{entry.name!r}: its tensor file is missing, and that takes the whole tab down, for all runs.",
            run=entry.file.run,
            file=entry.file.path,
            got=f"no file {asset.path}",
            rule="every tensor_path of every run's list leads to a file",
            remedy="Write the file again, or take the entry out of the list.",
            mend=take_out(entry),
        )
    return Finding(
        f"{asset.kind}-missing",
        "error" if asset.kind != "bookmarks" else "warning",
        "Projector",
        f"{entry.name!r}: its {asset.kind} file is missing, so {_seen(asset)}.",
        run=entry.file.run,
        file=entry.file.path,
        got=f"no file {asset.path}",
        remedy="Write the file again, or take its path out of the list.",
        mend=take_file_out(entry, asset.kind),
    )


def _seen(asset: Asset) -> str:
    return _SEEN[asset.kind]


def _short(found: Path, entry: Entry) -> str:
    return Path(os.path.relpath(found, os.path.realpath(entry.file.folder))).as_posix()


def _repather(entry: Entry, kind: AssetKind, given: str) -> Mend:
    return entry_mend(entry, f"{kind} is now {given!r}", lambda mender, new: set_asset_path(new, kind, given))


def _copier(entry: Entry, asset: Asset) -> Mend:
    def change(mender: Mender, new: Any) -> None:
        set_asset_path(new, asset.kind, mender.copy_inside(entry, asset.path))

    return entry_mend(entry, f"copied {asset.path.name} below {entry.file.folder}", change)
