"""The Projector's list of tensors, read as TensorBoard reads it, entry by entry."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from embedding_lab.board.checks.tensor_files import Tensor, read_tensor

LARGEST_CONFIG_BYTES = 16 << 20
DEEPEST_PATH = 64

AssetKind = Literal["tensor", "metadata", "sprite", "bookmarks"]


@dataclass(frozen=True)
class Asset:
    """A file that an entry names.

    Attributes:
        kind: what it is for.
        given: the path as the list gives it; "" where it names none.
        path: where it leads, links followed.
        inside: whether that is below the list's folder; TensorBoard refuses anything else.
        exists: whether there is a plain file.
    """

    kind: AssetKind
    given: str
    path: Path
    inside: bool
    exists: bool

    @property
    def readable(self) -> bool:
        return bool(self.given) and self.inside and self.exists


@dataclass(frozen=True, eq=False)
class Entry:
    """One tensor of a list.

    Attributes:
        file: the list.
        proto: what the list says, an EmbeddingInfo.
    """

    file: ProjectorFile
    proto: Any

    @property
    def name(self) -> str:
        """As the page lists it."""
        return str(self.proto.tensor_name or Path(self.proto.tensor_path).name).removesuffix(":0")

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.proto.tensor_shape)

    def asset(self, kind: AssetKind) -> Asset:
        """The file of this entry for a purpose."""
        return self.file.asset(kind, asset_path(self.proto, kind))

    def meant(self, kind: AssetKind) -> Path | None:
        """The file of this entry for a purpose, wherever it lies; None where there is none."""
        return self.file.meant(self.asset(kind)) if asset_path(self.proto, kind) else None

    @cached_property
    def tensor(self) -> Tensor | None:
        """The tensor as TensorBoard gets it; None where it names no file that can be read."""
        asset = self.asset("tensor")
        return read_tensor(asset.path, self.shape) if asset.readable else None


@dataclass(frozen=True, eq=False)
class ProjectorFile:
    """A list of tensors.

    Attributes:
        path: the file.
        run: the run it belongs to, as TensorBoard names it.
        config: its content, a ProjectorConfig; None where it cannot be read.
        problem: why not.
    """

    path: Path
    run: str
    config: Any
    problem: str = ""

    @property
    def folder(self) -> Path:
        """All paths in the list are relative to this folder, and may not lead out of it."""
        return self.path.parent

    @cached_property
    def entries(self) -> list[Entry]:
        return [Entry(self, proto) for proto in self.config.embeddings] if self.config else []

    def asset(self, kind: AssetKind, given: str) -> Asset:
        """Where a path in the list leads, by TensorBoard's rules."""
        folder = Path(os.path.realpath(self.folder))
        try:
            path = Path(os.path.realpath(folder / Path(given).expanduser()))
            return Asset(kind, given, path, path.is_relative_to(folder), path.is_file())
        except (OSError, ValueError, RuntimeError):  # no path at all: too long, a zero in it, an unknown ~user
            return Asset(kind, given, folder, False, False)

    def meant(self, asset: Asset) -> Path | None:
        """The file that a path means; where it is relative to another folder, the longest end of it that fits."""
        if asset.exists:
            return asset.path
        folder = Path(os.path.realpath(self.folder))
        parts = PurePosixPath(asset.given.replace("\\", "/")).parts
        for start in range(1, min(len(parts), DEEPEST_PATH)):
            try:
                found = Path(os.path.realpath(folder.joinpath(*parts[start:])))
                if found.is_relative_to(folder) and found.is_file():
                    return self.folder.joinpath(*parts[start:])
            except (OSError, ValueError):
                continue
        return None


def asset_path(proto: Any, kind: AssetKind) -> str:
    """The path that an entry gives for a purpose."""
    return str(proto.sprite.image_path if kind == "sprite" else getattr(proto, f"{kind}_path"))


def set_asset_path(proto: Any, kind: AssetKind, given: str) -> None:
    """Gives an entry a path; an empty one takes the file out of the entry."""
    if kind != "sprite":
        setattr(proto, f"{kind}_path", given)
    elif given:
        proto.sprite.image_path = given
    else:
        proto.ClearField("sprite")


def read_projector_file(path: Path, run: str) -> ProjectorFile:
    """Reads a list of tensors; one that cannot be read says why."""
    try:
        return ProjectorFile(path, run, parse_config(path))
    except (OSError, ValueError) as error:
        return ProjectorFile(path, run, None, str(error))


def parse_config(path: Path) -> Any:
    """The ProjectorConfig in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such list, and why.
    """
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    if path.stat().st_size > LARGEST_CONFIG_BYTES:
        raise ValueError(f"{path.stat().st_size:,} bytes are no list of tensors")
    try:
        return text_format.Parse(path.read_text("utf-8"), ProjectorConfig())
    except text_format.ParseError as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
