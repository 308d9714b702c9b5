"""Folders of pictures: any size, any kind, a sub-folder per class; broken files are named."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from embedding_lab.dataset import load_dataset, pictures
from embedding_lab.embeddings.decoding import PictureForm, decoded
from embedding_lab.errors import BrokenFile, EmptyData, InputError, UnknownName

Paint = Callable[..., Path]


@pytest.fixture
def paint(tmp_path: Path) -> Paint:
    """Writes a picture of one colour below the folder "pets" and returns the folder."""
    folder = tmp_path / "pets"

    def write(name: str, colour: Any = 0, *, size: tuple[int, int] = (4, 3), mode: str = "L", **how: Any) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, colour).save(path, **how)
        return folder

    return write


# --------------------------------------------------------------------------------- classes, parts, ids


def test_a_sub_folder_is_a_class_in_alphabetical_order(paint: Paint) -> None:
    paint("dog/b.png", 20)
    paint("cat/z.png", 10)
    folder = paint("dog/a.png", 30)
    data = load_dataset(folder)
    assert data.name == "pets"
    assert data.class_names == ("cat", "dog")
    assert data.labels is not None
    assert data.labels.tolist() == [0, 1, 1]
    assert data.ids.tolist() == ["pets/cat/z.png", "pets/dog/a.png", "pets/dog/b.png"]
    assert data.samples[:, 0, 0].tolist() == [10, 30, 20]
    assert data.pictures
    assert data.splits is None


def test_a_flat_folder_has_no_labels(paint: Paint) -> None:
    paint("a.png")
    data = load_dataset(paint("b.png"))
    assert data.labels is None
    assert data.class_names is None
    assert data.ids.tolist() == ["pets/a.png", "pets/b.png"]


def test_pictures_beside_the_sub_folders_are_not_labelled(paint: Paint) -> None:
    paint("cat/a.png")
    data = load_dataset(paint("b.png"))
    assert data.labels is not None
    assert dict(zip(data.ids, data.labels, strict=True)) == {"pets/cat/a.png": 0, "pets/b.png": -1}


def test_a_class_may_have_folders_of_its_own(paint: Paint) -> None:
    data = load_dataset(paint("cat/tabby/young/a.png"))
    assert data.class_names == ("cat",)
    assert data.ids.tolist() == ["pets/cat/tabby/young/a.png"]


def test_what_is_hidden_or_no_picture_is_left_out(paint: Paint) -> None:
    paint(".thumbs/a.png")
    paint("cat/.a.png")
    folder = paint("cat/b.PNG")
    (folder / "cat" / "notes.txt").write_text("nothing to see")
    (folder / "__MACOSX").mkdir()
    data = load_dataset(folder)
    assert data.ids.tolist() == ["pets/cat/b.PNG"]
    assert data.class_names == ("cat",)


def test_folders_named_train_and_test_are_parts(paint: Paint) -> None:
    paint("train/cat/a.png", 1)
    paint("train/dog/b.png", 2)
    folder = paint("test/dog/c.png", 3)
    test, whole = load_dataset(folder), load_dataset(folder, split="all")
    assert test.ids.tolist() == ["pets/test/dog/c.png"]
    assert test.class_names == whole.class_names == ("cat", "dog")
    assert test.labels is not None
    assert test.labels.tolist() == [1]
    assert whole.ids.tolist() == ["pets/train/cat/a.png", "pets/train/dog/b.png", "pets/test/dog/c.png"]
    assert whole.splits is not None
    assert whole.splits.tolist() == ["train", "train", "test"]


def test_a_validation_part_stands_in_for_a_missing_test_part(paint: Paint) -> None:
    paint("train/cat/a.png")
    folder = paint("val/cat/b.png")
    assert load_dataset(folder, split="test").ids.tolist() == ["pets/val/cat/b.png"]
    folder = paint("test/cat/c.png")
    assert load_dataset(folder, split="test").ids.tolist() == ["pets/test/cat/c.png"]
    assert len(load_dataset(folder, split="all")) == 3


def test_a_missing_part_is_said_with_those_there_are(paint: Paint) -> None:
    folder = paint("test/cat/a.png")
    with pytest.raises(UnknownName, match="one of test, all"):
        load_dataset(folder, split="train")


def test_a_folder_without_parts_is_all_test_and_never_train(paint: Paint) -> None:
    folder = paint("cat/a.png")
    assert len(load_dataset(folder, split="test")) == len(load_dataset(folder, split="all")) == 1
    with pytest.raises(InputError, match=r"no training part.*train/ and test/"):
        load_dataset(folder, split="train")


def test_an_empty_folder_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(EmptyData, match="no picture in"):
        load_dataset(tmp_path)


# ------------------------------------------------------------------------------------- sizes and colours


def test_pictures_of_one_size_keep_it(paint: Paint) -> None:
    paint("a.png", size=(300, 500))
    assert load_dataset(paint("b.png", size=(300, 500))).samples.shape == (2, 500, 300)


def test_pictures_of_mixed_sizes_get_the_median_one(paint: Paint) -> None:
    paint("a.png", size=(10, 20))
    paint("b.png", size=(30, 20))
    assert load_dataset(paint("c.png", size=(90, 40))).samples.shape == (3, 20, 30)


def test_large_pictures_of_mixed_sizes_are_made_smaller(paint: Paint) -> None:
    paint("a.png", size=(2000, 1000))
    assert load_dataset(paint("b.png", size=(2002, 1000))).samples.shape == (2, 128, 256)


def test_another_form_is_centred_on_black_not_stretched(paint: Paint) -> None:
    paint("a.png", 200, size=(8, 8))
    paint("b.png", 200, size=(8, 8))
    wide = load_dataset(paint("c.png", 200, size=(16, 4))).samples[2]
    assert np.all(wide[:3] == 0)
    assert np.all(wide[3:5] == 200)
    assert np.all(wide[5:] == 0)


def test_one_colour_picture_makes_all_colour(paint: Paint) -> None:
    paint("a.png", 7)
    data = load_dataset(paint("b.png", (1, 2, 3), mode="RGB"))
    assert data.samples.shape == (2, 3, 4, 3)
    assert data.samples[:, 0, 0].tolist() == [[7, 7, 7], [1, 2, 3]]


def test_the_form_is_the_same_in_every_part_and_sample(paint: Paint) -> None:
    paint("train/a/1.png", size=(4, 4))
    paint("train/a/2.png", size=(4, 4))
    folder = paint("test/a/3.png", 5, size=(9, 9), mode="RGB")
    shapes = {load_dataset(folder, split=s, samples=1).samples.shape for s in ("train", "test", "all")}
    assert shapes == {(1, 4, 4, 3)}


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [("1", 1, 255), ("L", 77, 77), ("LA", (0, 0), 255), ("LA", (77, 255), 77), ("I;16", 0x8000, 0x80)],
)
def test_kinds_of_grey(mode: str, colour: Any, expected: int, paint: Paint) -> None:
    samples = load_dataset(paint("a.png", colour, mode=mode)).samples
    assert samples.shape == (1, 3, 4)
    assert np.all(samples == expected)


@pytest.mark.parametrize(
    ("name", "mode", "colour", "expected"),
    [
        ("a.png", "RGBA", (9, 9, 9, 0), (255, 255, 255)),
        ("a.png", "RGBA", (1, 2, 3, 255), (1, 2, 3)),
        ("a.tif", "CMYK", (0, 0, 0, 255), (0, 0, 0)),
        ("a.gif", "P", 0, (0, 0, 0)),
        ("a.webp", "RGB", (255, 255, 255), (255, 255, 255)),
    ],
)
def test_kinds_of_colour(name: str, mode: str, colour: Any, expected: tuple[int, ...], paint: Paint) -> None:
    paint("grey.png", 0)
    samples = load_dataset(paint(name, colour, mode=mode)).samples
    if samples.ndim == 4:
        assert samples[0, 0, 0].tolist() == list(expected)
    else:  # a grey palette is opened as grey
        assert samples[0, 0, 0] == expected[0]


def test_a_photograph_is_turned_upright(paint: Paint) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert load_dataset(paint("a.jpg", size=(40, 20), exif=exif)).samples.shape == (1, 40, 20)


def test_a_large_photograph_keeps_its_look_when_made_smaller(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 1600).astype(np.uint8), (1200, 1))
    Image.fromarray(ramp).save(tmp_path / "a.jpg", quality=95)
    small = decoded(tmp_path / "a.jpg", PictureForm(120, 160, colour=False))
    np.testing.assert_allclose(small, np.tile(np.linspace(0, 255, 160), (120, 1)), atol=4)


def test_progress_counts_the_pictures(paint: Paint) -> None:
    told: list[tuple[str, int, int | None]] = []
    paint("a.png")
    load_dataset(paint("b.png"), progress=lambda *each: told.append(each))
    assert told == [("read pictures", 1, 2), ("read pictures", 2, 2)]


# ---------------------------------------------------------------------------------------- what is wrong


def test_only_the_sample_is_decoded(paint: Paint) -> None:
    for name in "abcdefgh":
        paint(f"cat/{name}.png")
        folder = paint(f"dog/{name}.png")
    told: list[int] = []
    data = load_dataset(folder, samples=4, seed=1, progress=lambda _, done, __: told.append(done))
    assert told == [1, 2, 3, 4]
    assert data.labels is not None
    assert data.labels.tolist() == [0, 0, 1, 1]


def test_a_broken_picture_is_named(paint: Paint) -> None:
    folder = paint("cat/a.png")
    (folder / "cat" / "b.jpg").write_bytes(b"not a picture")
    with pytest.raises(BrokenFile, match=r"b\.jpg is not a whole picture"):
        load_dataset(folder)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "tiff", "bmp", "webp"])
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_cut_and_flipped_pictures_are_refused_or_read(kind: str, data: st.DataObject, scratch: Path) -> None:
    ramp = Image.fromarray(np.arange(600, dtype=np.uint8).reshape(10, 20, 3))
    buffer = io.BytesIO()
    ramp.save(buffer, kind)
    content = bytearray(buffer.getvalue())
    if data.draw(st.booleans(), label="cut"):
        del content[data.draw(st.integers(0, len(content) - 1), label="kept bytes") :]
    for place in data.draw(st.sets(st.integers(0, len(content)), max_size=3), label="places"):
        if place < len(content):
            content[place] ^= data.draw(st.integers(1, 255), label="flip")
    path = scratch / f"broken.{kind}"
    path.write_bytes(content)
    try:
        picture = decoded(path, PictureForm(10, 20, colour=True))
    except BrokenFile:
        return
    assert picture.shape == (10, 20, 3)


def test_a_picture_of_absurd_size_is_refused(tmp_path: Path) -> None:
    header = b"P5 60000 60000 255\n"
    (tmp_path / "bomb.pgm").write_bytes(header)
    with pytest.raises(BrokenFile, match=r"bomb\.pgm"):
        load_dataset(tmp_path)


def test_more_than_memory_holds_is_refused_before_it_is_decoded(
    paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MEMORY_BYTES", 20)
    paint("a.png")
    folder = paint("b.png")
    with pytest.raises(InputError, match=r"2 pictures of 4 × 3.*--samples"):
        load_dataset(folder)
    assert len(load_dataset(folder, samples=1)) == 1


def test_a_file_name_that_is_not_text_is_refused(paint: Paint) -> None:
    folder = paint("a.png")
    try:
        (folder / "a.png").rename(folder / "caf\udce9.png")
    except (OSError, UnicodeError):  # this system's file names are always text
        return
    with pytest.raises(InputError, match=r"caf\\udce9"):
        load_dataset(folder)


def test_broken_pictures_are_left_out_and_named_where_that_is_asked_for(paint: Paint) -> None:
    paint("cat/a.png")
    paint("dog/c.png")
    folder = paint("dog/d.png")
    (folder / "cat" / "b.jpg").write_bytes(b"not a picture")
    whole = (folder / "dog" / "c.png").read_bytes()
    (folder / "dog" / "c.png").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match=r"2 of 4 samples left out: .*cat/b\.jpg'.*dog/c\.png'"):
        data = load_dataset(folder, on_error="skip")
    assert [each.rpartition("/")[2] for each in data.ids] == ["a.png", "d.png"]
    assert data.labels is not None
    assert data.labels.tolist() == [0, 1]
    assert len(data.samples) == 2
    (folder / "cat" / "a.png").write_bytes(b"")
    (folder / "dog" / "d.png").write_bytes(b"")
    with pytest.raises(EmptyData, match="None of these files is a picture"):
        load_dataset(folder, on_error="skip")
