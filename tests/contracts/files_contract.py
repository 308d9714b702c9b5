"""What every store of files promises, whatever it lies on."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedding_lab.embeddings.files import Files
from embedding_lab.errors import BrokenFile, DataMissing


class FilesContract:
    """Inherited by the tests of each store, which give `files` and `again`: a second door to the same place."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> Files:
        raise NotImplementedError

    @pytest.fixture
    def again(self, files: Files) -> Files:
        raise NotImplementedError

    def test_what_was_published_is_read_by_everyone(self, files: Files, again: Files) -> None:
        files.publish("layers/one.json", b"first")
        assert again.read("layers/one.json") == b"first"
        files.publish("layers/one.json", b"second")
        assert again.read("layers/one.json") == b"second"

    def test_a_folder_lists_what_lies_directly_in_it(self, files: Files) -> None:
        assert files.list("layers") == []
        for name in ("layers/b.json", "layers/a/x.json", "layers.json"):
            files.publish(name, b"{}")
        assert files.list("layers") == ["a", "b.json"]
        assert files.list("") == ["layers", "layers.json"]

    def test_what_one_door_puts_in_place_the_other_lists_at_once(self, files: Files, again: Files) -> None:
        assert again.list("") == []
        files.publish("one.json", b"{}")
        assert again.list("") == ["one.json"]
        again.remove("one.json")
        assert files.list("") == []

    def test_a_draft_is_seen_by_nobody_until_it_is_put_in_place(self, files: Files, again: Files) -> None:
        draft = files.draft("vectors.npy")
        draft.write_bytes(b"numbers")
        assert again.list("") == []
        files.publish_draft(draft, "vectors.npy")
        assert files.list("") == ["vectors.npy"]
        assert again.local("vectors.npy").read_bytes() == b"numbers"
        assert files.local("vectors.npy").read_bytes() == b"numbers"
        assert not draft.exists()

    def test_a_discarded_draft_leaves_nothing(self, files: Files) -> None:
        draft = files.draft("layers/vectors.npy")
        draft.write_bytes(b"numbers")
        files.discard_draft(draft)
        assert not draft.exists()
        assert files.list("") == []

    def test_what_is_not_there_is_said_to_be_missing(self, files: Files) -> None:
        with pytest.raises(DataMissing, match=r"gone\.json"):
            files.read("gone.json")
        with pytest.raises(DataMissing, match=r"gone\.json"):
            files.stamp("gone.json")
        assert not files.local("gone.npy").exists()
        files.remove("gone.npy")

    def test_what_was_removed_is_gone(self, files: Files) -> None:
        files.publish("one.json", b"{}")
        files.remove("one.json")
        assert files.list("") == []

    def test_a_folder_is_removed_with_all_that_lies_in_it(self, files: Files, again: Files) -> None:
        for name in ("work/one/a.json", "work/one/b.json", "kept.json"):
            files.publish(name, b"{}")
        files.remove_folder("work/one")
        files.remove_folder("gone")
        assert files.list("") == ["kept.json"]
        assert again.list("work/one") == []

    def test_the_stamp_of_a_file_and_of_its_folder_tells_a_change(self, files: Files) -> None:
        files.publish("layers/one.json", b"first")
        before = files.stamp("layers/one.json"), files.stamp("layers")
        assert (files.stamp("layers/one.json"), files.stamp("layers")) == before
        assert before[0].size == 5
        assert before[0].when > 1_000_000_000 * 10**9
        files.publish("layers/one.json", b"other")
        assert files.stamp("layers/one.json") != before[0]
        assert files.stamp("layers") != before[1]

    def test_lines_are_added_at_the_end(self, files: Files, again: Files) -> None:
        files.append("said.jsonl", b"one\n")
        again.append("said.jsonl", b"two\n")
        assert files.read("said.jsonl") == b"one\ntwo\n"

    @pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "c:secret", "a\\b"])
    def test_a_name_that_leads_out_is_refused(self, files: Files, name: str) -> None:
        for ask in (files.read, files.stamp, files.local, files.address, files.draft, files.remove):
            with pytest.raises(BrokenFile, match="leads out"):
                ask(name)
