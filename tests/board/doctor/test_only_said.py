"""What the doctor can only say: no one can mend it but the person who wrote it, or it is as it should be."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.board import doctor as doctor_module
from embedding_lab.board.checks import graphs, profiles
from embedding_lab.board.checks.machine import Machine
from embedding_lab.board.doctor import doctor, examine
from embedding_lab.errors import DataMissing

NAME = "events.out.tfevents.1.host"


def test_a_tensor_that_the_page_does_not_list(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run, np.ones((5, 1), np.float32)), "tensor_shape": [5, 1]})
    assert desk.found("tensor-too-small").got == "5 × 1"
    assert desk.examine().tabs["Projector"] == {}


def test_a_name_for_every_point_is_not_numbered(desk: Any) -> None:
    run = desk.run()
    labels = desk.labels(run, [f"name {row}" for row in range(60)])
    desk.list(
        run, {"tensor_path": desk.raw(run, desk.points(60)), "tensor_shape": [60, 4], "metadata_path": labels}
    )
    finding = desk.found("too-many-classes")
    assert finding.got == "60 different values"
    assert finding.mend is None


def test_more_points_than_tsne_and_umap_lay_out(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run, desk.points(10_002)), "tensor_shape": [10_002, 4]})
    assert desk.found("sampled-views").severity == "note"


def test_a_list_without_an_entry(desk: Any) -> None:
    desk.list(desk.run())
    assert desk.found("list-empty").severity == "warning"


def test_two_lists_for_one_run(desk: Any) -> None:
    run = desk.run()
    desk.list(run, {"tensor_path": desk.raw(run)})
    assets = run / "plugins" / "org_tensorflow_tensorboard_projector"
    desk.list(assets, {"tensor_path": desk.raw(assets)})
    finding = desk.found("list-shadowed")
    assert finding.file == run / "projector_config.pbtxt"


def test_a_run_whose_name_the_page_cannot_ask_for(desk: Any) -> None:
    run = desk.run("a+b")
    desk.list(run, {"tensor_path": desk.raw(run)})
    assert desk.found("run-in-address").remedy == "Rename the folder."


def test_a_checkpoint_that_tensorflow_reads(desk: Any) -> None:
    run = desk.run()
    shutil.copytree(desk.HERE / "object_checkpoint", run, dirs_exist_ok=True)
    (run / "checkpoint").write_text('model_checkpoint_path: "embedding.ckpt-1"\n')
    desk.list(run, {"tensor_name": "embedding/.ATTRIBUTES/VARIABLE_VALUE", "tensor_shape": []})
    assert desk.found("checkpoint-only", tensorflow=True).severity == "note"


def test_weights_of_keras_where_nothing_reads_them(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(desk.HERE / "written_by" / "keras", desk.root / "run")
    monkeypatch.setitem(sys.modules, "h5py", None)
    finding = desk.found("keras-embeddings")
    assert finding.remedy.endswith("pip install h5py")
    assert finding.mend is None


def test_a_graph_too_large_to_draw(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(desk.HERE / "written_by" / "pytorch", desk.root, dirs_exist_ok=True)
    monkeypatch.setattr(graphs, "MOST_NODES", 3)
    assert desk.found("graph-large").got == "9 nodes"


def test_a_profile_too_large_to_load(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = desk.run() / "plugins" / "profile" / "now"
    session.mkdir(parents=True)
    (session / "host.xplane.pb").write_bytes(b"x" * 100)
    monkeypatch.setattr(profiles, "LARGE_BYTES", 99)
    assert desk.found("profile-large").got == "100 bytes"


def test_a_check_that_fails_lets_the_others_go_on(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check_nothing(_: object) -> Any:
        raise KeyError("gone")

    desk.list(desk.run(), {"tensor_path": "gone.f32"})
    monkeypatch.setattr(doctor_module, "CHECKS", (check_nothing, *doctor_module.CHECKS))
    names = [each.name for each in examine(desk.root, Machine((), (), False)).findings]
    assert set(names) == {"check-failed", "tensor-missing"}


def test_a_log_directory_in_an_object_store() -> None:
    diagnosis = doctor("adl://bucket/logs")  # of a kind that nothing here can read
    assert [each.name for each in diagnosis.findings] == ["logdir-remote", "logdir-unreachable"]
    assert not diagnosis.ok


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="no log folder"):
        doctor(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(DataMissing, match="Got: a file"):
        doctor(tmp_path / "file")
