"""The dashboard in a real Chromium inside a real TensorBoard, on real digits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import pairwise_distances

import embedding_lab as lab
from browser.dashboard import Dashboard
from browser.digits import LAYER, NAMES, PAGE, SAMPLES, STORY
from browser.small_run import save_map
from embedding_lab.embeddings import EmbeddingSet, Projection
from embedding_lab.projection.pca import points_of
from embedding_lab.projection.quality import measure

pytestmark = [pytest.mark.browser, pytest.mark.mnist, pytest.mark.usefixtures("quick_tensorboard")]


def confidence_of(embeddings: EmbeddingSet) -> NDArray[np.float32]:
    assert embeddings.outputs is not None
    assert embeddings.outputs.confidence is not None
    return embeddings.outputs.confidence


def test_the_tab_opens_and_all_points_are_drawn(page: Dashboard) -> None:
    assert page.told("points") == f"{SAMPLES}/{SAMPLES}"
    assert page.told("map") == "pca-2d"
    assert page.dom.get_by_label("Run").input_value() == "a run"
    assert page.dom.get_by_label("Layer and its dimensions").input_value() == LAYER
    picture = page.still_picture()
    for colour in page.colours().values():
        assert (np.abs(picture - colour).max(axis=2) <= 8).sum() > 5


def test_the_page_is_dark_when_tensorboard_is_and_light_again(page: Dashboard) -> None:
    light = page.still_picture()[0, 0]
    toggled = "document.body.classList.toggle('dark-mode')"
    for theme, brighter in (("dark", False), ("light", True)):
        before = page.still_picture()[0, 0].sum()
        page.page.evaluate(toggled)
        page.dom.locator(f".embedding-lab[data-theme={theme}]").wait_for()
        assert (page.still_picture()[0, 0].sum() > before) == brighter
    assert (page.still_picture()[0, 0] == light).all()


def test_the_names_of_classes_stand_amid_their_samples(page: Dashboard, embeddings: EmbeddingSet) -> None:
    seen = {}
    for number in (1, 0):
        page.call("lab.select(argument)", embeddings.ids[embeddings.dataset.labels == number].tolist())
        page.press("i")
        named = page.still_picture()
        page.press("n")
        y, x = np.nonzero((page.still_picture() != named).any(axis=2))
        page.press("n")
        page.press("a")
        assert len(x) > 0
        seen[number] = np.median(x), np.median(y)
    points = points_of(embeddings.vectors, 2)
    apart = [np.median(points[embeddings.dataset.labels == number], axis=0) for number in (1, 0)]
    assert (seen[0][0] > seen[1][0]) == (apart[1][0] > apart[0][0])


def test_one_flies_to_what_is_selected_and_back(page: Dashboard, embeddings: EmbeddingSet) -> None:
    whole = page.call("lab.camera")
    page.call("lab.select(argument)", embeddings.ids[:1].tolist())
    page.dom.locator(".canvas canvas").focus()
    page.press("g")
    page.wait("window.embeddingLab.camera.distance < argument / 2", whole["distance"])
    page.press("f")
    page.wait("Math.abs(window.embeddingLab.camera.distance - argument) < 1e-3", whole["distance"])
    frames = page.call("lab.frames()")
    assert len(frames) > 1
    assert frames == sorted(frames)


def test_class_names_are_text_and_never_markup(page: Dashboard, embeddings: EmbeddingSet) -> None:
    assert list(page.colours()) == NAMES
    counts = page.dom.locator(".legend .count").all_inner_texts()
    assert [int(count) for count in counts] == np.bincount(embeddings.dataset.labels).tolist()


def test_sounds_can_be_played_pictures_seen_links_followed_and_long_texts_read(
    page: Dashboard, embeddings: EmbeddingSet
) -> None:
    name = str(embeddings.ids[3])
    page.call("lab.select(argument)", [name])
    page.dom.get_by_role("button", name="Table").click()
    in_table, in_inspector = page.dom.locator("dialog[open] tbody"), page.dom.locator(".inspector")
    for place, leave in ((in_table, in_table.get_by_role("button", name=name)), (in_inspector, None)):
        player = place.locator("audio")
        player.evaluate("(each) => { each.preload = 'auto'; }")
        page.frame.wait_for_function("(each) => each.readyState >= 2", arg=player.element_handle())
        assert player.evaluate("(each) => each.duration") == 0.25
        seen = place.locator("img.media").element_handle()
        page.frame.wait_for_function("(each) => each.naturalWidth === 30 && each.naturalHeight === 20", arg=seen)
        link = place.get_by_role("link", name=PAGE)
        assert link.get_attribute("href") == "https://example.org/a?b=%3Cc%3E"
        assert "noopener" in str(link.get_attribute("rel"))
        assert place.locator(".long").inner_text().strip() == STORY.strip()
        if leave is not None:
            leave.click()


def test_a_click_shows_the_sample_under_it_and_hovering_its_name(page: Dashboard, embeddings: EmbeddingSet) -> None:
    """One sample of each class alone on the map: each is found by its colour."""
    firsts = [int(np.flatnonzero(embeddings.dataset.labels == number)[0]) for number in range(10)]
    assert page.call("lab.select(argument)", [str(embeddings.ids[row]) for row in firsts]) == 10
    for key in "in":  # isolates them; takes the class names off the map
        page.press(key)
    page.press("Escape")
    picture = page.still_picture()
    box = page.canvas
    for row, colour in list(zip(firsts, page.colours().values(), strict=True))[::3]:
        y, x = np.nonzero(np.abs(picture - colour).max(axis=2) <= 8)
        assert len(x) > 0
        at = box["x"] + float(np.median(x)), box["y"] + float(np.median(y))
        page.page.mouse.move(*at)
        page.dom.locator(".tooltip strong", has_text=str(embeddings.ids[row])).wait_for()
        page.page.mouse.click(*at)
        page.dom.locator(".inspector h2", has_text=str(embeddings.ids[row])).wait_for()
    values = page.dom.locator(".inspector .values").first.inner_text()
    assert f"label\t{NAMES[9]}" in values
    assert page.selection == []
    for modifier, count in (("Shift", 1), ("Alt", 0), ("Control", 1)):
        page.page.keyboard.down(modifier)
        page.page.mouse.click(*at)
        page.page.keyboard.up(modifier)
        page.wait_for_selected(count)
    assert page.selection == [str(embeddings.ids[row])]
    page.press("n")


def extent(picture: NDArray[np.bool_]) -> NDArray[np.intp]:
    """How wide and how high what is true lies apart, in pixels."""
    y, x, _ = np.nonzero(picture)
    return np.array([np.ptp(x), np.ptp(y)])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_neighbours_of_a_sample_are_those_of_scikit_learn(
    page: Dashboard, embeddings: EmbeddingSet, metric: str
) -> None:
    page.search(f'id == "{embeddings.ids[42]}"')
    page.dom.locator(".inspector h2", has_text=str(embeddings.ids[42])).wait_for()
    page.dom.get_by_role("button", name=metric).click()
    page.dom.locator(f".neighbours [aria-pressed=true]:text-is('{metric}')").wait_for()
    rows = page.dom.locator(".neighbours ol").first.locator("li")
    true = pairwise_distances(embeddings.vectors.astype(np.float64), metric=metric)[42]
    nearest = np.argsort(true)[1:11]
    page.wait_for_texts(rows.locator(".text"), embeddings.ids[nearest].tolist())
    for thumbnail in rows.locator("img.picture").element_handles():
        page.frame.wait_for_function("(each) => each.naturalWidth === 28", arg=thumbnail)
    shown = [float(text) for text in rows.locator(".count").all_inner_texts()]
    np.testing.assert_allclose(shown, true[nearest], rtol=1e-3)
    rows.first.hover()
    marked = page.still_picture()
    assert not page.dom.locator(".tooltip").is_visible()  # on the map it is ringed
    points = points_of(embeddings.vectors, 2).astype(np.float64)
    on_map = pairwise_distances(points)[42]
    near_on_map = [row for row in np.argsort(on_map)[1:11] if row not in nearest]
    falsely = page.dom.locator(".neighbours ol").nth(1).locator("li .text")
    assert falsely.all_inner_texts() == embeddings.ids[near_on_map].tolist()
    page.dom.get_by_role("button", name="Close", exact=True).click()
    page.dom.locator(".inspector").wait_for(state="hidden")
    bare = page.still_picture()
    assert (marked == bare).mean() > 0.9
    ringed = extent(bare != marked) / extent(bare != bare[0, 0])
    theirs = np.ptp(points[[42, *nearest, *near_on_map]], axis=0) / np.ptp(points, axis=0)
    np.testing.assert_allclose(ringed, theirs, atol=0.08)


def test_a_filter_selects_what_it_says(page: Dashboard, embeddings: EmbeddingSet) -> None:
    confidence = confidence_of(embeddings)
    wanted = (embeddings.dataset.labels == 4) & (confidence < np.median(confidence))
    said = page.search(f"label == 4 and confidence < {float(np.median(confidence))}")
    assert said == f"{wanted.sum()} samples"
    assert page.selection == embeddings.ids[wanted].tolist()
    page.press("u")


def test_a_text_is_found_wherever_it_stands(page: Dashboard, embeddings: EmbeddingSet) -> None:
    wanted = str(embeddings.ids[17])
    assert page.search(wanted.partition("/")[2].upper(), "text") == "1 sample"
    assert page.selection == [wanted]
    assert page.search(f"^{re.escape(wanted[:-1])}[{wanted[-1]}x]$", "regex") == "1 sample"
    assert page.search("no such text", "text") == "Nothing found"
    assert page.selection == [wanted]  # and not lost


def test_a_condition_typed_where_a_text_is_looked_for_is_taken_as_a_filter(
    page: Dashboard, embeddings: EmbeddingSet
) -> None:
    page.dom.get_by_label("How to search").select_option("text")
    field, said = page.dom.get_by_label("Search samples"), page.dom.locator("#search-said")
    field.fill('label == "4"')
    said.filter(has_text="Enter takes it as a filter").wait_for()
    field.press("Enter")
    wanted = embeddings.ids[embeddings.dataset.labels == 4].tolist()
    page.wait_for_selected(len(wanted))
    assert page.selection == wanted
    assert page.dom.get_by_label("How to search").input_value() == "filter"
    assert said.inner_text() == f"{len(wanted)} samples"


def test_a_class_is_hidden_and_shown_again_and_so_is_a_selection(page: Dashboard, embeddings: EmbeddingSet) -> None:
    left = SAMPLES - int((embeddings.dataset.labels == 3).sum())
    page.dom.get_by_role("button", name="Hide 3", exact=True).click()
    page.wait_for_drawn(left)
    page.dom.locator(".canvas canvas").focus()
    page.press("a")
    page.wait_for_drawn(SAMPLES)
    page.call("lab.select(argument)", embeddings.ids[:7].tolist())
    page.press("h")
    page.wait_for_drawn(SAMPLES - 7)
    page.press("a")
    page.wait_for_drawn(SAMPLES)


def test_a_sample_is_drawn_as_its_picture_in_any_size(page: Dashboard, embeddings: EmbeddingSet) -> None:
    page.call("lab.select(argument)", [str(embeddings.ids[42])])
    for key in "inp":  # isolates it; no class names; pictures
        page.press(key)
    page.press("Escape")
    digit = embeddings.dataset.samples[42].astype(float)
    slider = page.dom.get_by_label("Size of pictures")
    sides = []
    for size in (120, 60):
        slider.fill(str(size))
        picture = page.still_picture()
        y, x = np.nonzero(np.abs(picture - picture[0, 0]).max(axis=2) > 8)
        cell = picture[y.min() : y.max() + 1, x.min() : x.max() + 1].mean(axis=2)
        sides.append(len(cell))
        seen = np.asarray(Image.fromarray(cell.astype(np.uint8)).resize((28, 28)), float)
        assert np.corrcoef(seen.ravel(), digit.ravel())[0, 1] > 0.8
    assert sides == pytest.approx([120, 60], abs=8)
    for key in "pn":
        page.press(key)


def test_a_box_selects_and_undo_takes_it_back(page: Dashboard, embeddings: EmbeddingSet) -> None:
    page.press("b")
    page.drag((0.01, 0.01), (0.99, 0.99))
    page.wait_for_selected(SAMPLES)
    page.page.keyboard.down("Alt")
    page.drag((0.5, 0.01), (0.99, 0.99))
    page.page.keyboard.up("Alt")
    page.wait("document.querySelector('.embedding-lab').dataset.selected != argument", str(SAMPLES))
    across = points_of(embeddings.vectors, 2)[:, 0]
    left = np.isin(embeddings.ids, page.selection)
    assert 0 < left.sum() < SAMPLES
    assert across[left].max() < across[~left].min()  # a vertical cut through the middle
    page.press("u")
    page.wait_for_selected(SAMPLES)


def test_a_lasso_s_selection_is_saved_and_read_back_in_python(page: Dashboard, run: Any) -> None:
    page.press("l")
    page.drag((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2))
    page.wait("document.querySelector('.embedding-lab').dataset.selected != '0'")
    chosen = page.selection
    assert len(chosen) < SAMPLES
    page.dom.locator(".trusted[aria-busy=false]", has_text="neighbours in the layer are in here too").wait_for()
    page.dom.get_by_label("Name of the selection").fill("amid all")
    page.dom.get_by_role("button", name="Save", exact=True).click()
    page.dom.locator(".saved .entry", has_text="amid all").wait_for()
    assert sorted(lab.open_run(run.path).selection("amid all")) == sorted(chosen)


def test_a_button_stays_the_same_while_another_selection_comes(page: Dashboard, embeddings: EmbeddingSet) -> None:
    page.call("lab.select(argument)", embeddings.ids[:10].tolist())
    page.wait_for_selected(10)
    names = ("Table", "Hide")
    pressed = [page.dom.get_by_role("button", name=name, exact=True).element_handle() for name in names]
    page.call("lab.select(argument)", embeddings.ids[:20].tolist())
    page.wait_for_selected(20)
    pressed[0].click()  # a press on one that was made anew meanwhile would be lost
    page.dom.get_by_role("dialog", name="20 samples").wait_for()
    page.press("Escape")
    pressed[1].click()
    page.dom.get_by_role("button", name="Show all (20 hidden)").click()


def test_nothing_moves_when_it_comes_how_far_a_selection_is_real(page: Dashboard, embeddings: EmbeddingSet) -> None:
    save = page.dom.get_by_role("button", name="Save", exact=True)
    with page.answers_held("/trust") as held:
        page.call("lab.select(argument)", embeddings.ids[:20].tolist())
        page.wait_for_held(held, 1)
        before = save.bounding_box()
        page.answer(held[0])
    page.dom.locator(".trusted[aria-busy=false]").wait_for()
    assert save.bounding_box() == before


def test_that_it_cannot_be_told_how_far_a_selection_is_real_is_said(
    page: Dashboard, embeddings: EmbeddingSet
) -> None:
    page.page.route("**/trust", lambda route: route.fulfill(status=503, body="busy"))
    page.call("lab.select(argument)", embeddings.ids[:20].tolist())
    page.dom.locator(".trusted[aria-busy=false]", has_text="An unknown share").wait_for()
    page.dom.locator(".notice.bad").get_by_role("button", name="Close").click()
    page.page.unroute("**/trust")
    page.errors.clear()  # the browser's own remark on the answer


def test_the_table_counts_classes_and_sorts_the_whole_selection_by_any_column(
    page: Dashboard, embeddings: EmbeddingSet
) -> None:
    labels, confidence = embeddings.dataset.labels, confidence_of(embeddings)
    rows = np.flatnonzero(np.isin(labels, (1, 7)))
    page.search("label in (1, 7)")
    page.wait_for_selected(len(rows))  # what is found is told a moment before it is selected
    page.dom.get_by_role("button", name="Table").click()
    table = page.dom.get_by_role("dialog", name="samples")
    ids = table.locator("tbody th")
    ids.first.wait_for()
    counts = {number: int((labels == number).sum()) for number in (1, 7)}
    said = table.get_by_label("Samples of each class").locator("li").all_inner_texts()
    assert sorted(text.split() for text in said) == [[str(one), str(count)] for one, count in counts.items()]
    assert len(rows) > 50  # more than one page of the table: what lies beyond it is sorted too
    for wanted in (np.argsort(confidence[rows], kind="stable"), np.argsort(-confidence[rows], kind="stable")):
        table.get_by_role("button", name="confidence").click()
        ids.first.filter(has_text=embeddings.ids[rows[wanted[0]]]).wait_for()
        assert ids.all_inner_texts() == embeddings.ids[rows[wanted[:50]]].tolist()
    assert table.locator("th[aria-sort=descending]").inner_text().startswith("confidence")
    assert page.violations() == []
    page.press("Escape")


def test_the_picture_of_a_sample_is_seen_as_large_as_the_window(page: Dashboard, embeddings: EmbeddingSet) -> None:
    page.search(f'id == "{embeddings.ids[42]}"')
    page.dom.get_by_role("button", name="See it large").click()
    dialog = page.dom.get_by_role("dialog", name=str(embeddings.ids[42]))
    dialog.get_by_text("28 × 28 pixels").wait_for()
    assert dialog.locator("img").bounding_box()["height"] > 400
    page.press("]")
    page.dom.get_by_role("dialog", name=str(embeddings.ids[43])).get_by_text("28 × 28 pixels").wait_for()
    assert page.violations() == []
    page.press("Escape")
    dialog.wait_for(state="hidden")
    page.press("o")
    page.dom.get_by_role("dialog", name=str(embeddings.ids[43])).wait_for()
    page.press("Escape")


def test_an_answer_that_comes_late_names_no_other_picture(page: Dashboard, embeddings: EmbeddingSet) -> None:
    page.search(f'id == "{embeddings.ids[42]}"')
    page.dom.get_by_role("button", name="See it large").click()
    page.dom.get_by_role("dialog", name=str(embeddings.ids[42])).wait_for()
    with page.answers_held("/samples?", but="map=") as held:
        for key in "]]":
            page.press(key)
        page.wait_for_held(held, 2)
        page.answer(held[1])
        page.dom.get_by_role("dialog", name=str(embeddings.ids[44])).wait_for()
        page.answer(held[0])
    assert page.dom.locator("#picture-title").inner_text() == embeddings.ids[44]
    assert page.dom.locator(".picture-room img").get_attribute("alt") == f"The picture of {embeddings.ids[44]}"
    page.press("Escape")


def test_a_sample_is_not_described_as_the_one_that_was_closed(page: Dashboard, embeddings: EmbeddingSet) -> None:
    sample = page.dom.locator(".inspector h2")
    page.search(f'id == "{embeddings.ids[42]}"')
    sample.filter(has_text=embeddings.ids[42]).wait_for()
    page.dom.locator(".inspector .neighbour").nth(9).wait_for()
    page.dom.locator(".inspector").get_by_role("button", name="Close").click()
    with page.answers_held("/samples?") as held:
        page.search(f'id == "{embeddings.ids[43]}"')
        page.wait_for_held(held, 1)
        assert str(embeddings.ids[42]) not in page.dom.locator(".inspector").inner_text()
        assert not page.dom.get_by_role("button", name="See it large").is_visible()
        page.answer(held[0])
        sample.filter(has_text=embeddings.ids[43]).wait_for()


@pytest.mark.long
def test_the_table_stays_sorted_by_what_was_asked_for_last(page: Dashboard, embeddings: EmbeddingSet) -> None:
    page.search("label in (1, 7)")
    page.dom.get_by_role("button", name="Table").click()
    table = page.dom.get_by_role("dialog", name="samples")
    table.locator("tbody th").first.wait_for()
    with page.answers_held("/sort") as held:
        for column in ("confidence", "id"):
            table.get_by_role("button", name=column, exact=True).click()
        page.wait_for_held(held, 2)
        page.answer(held[1])
        table.locator("th[aria-sort=ascending]", has_text="id").wait_for()
        page.answer(held[0])
    assert table.locator("th[aria-sort=ascending]").inner_text().startswith("id")
    rows = np.flatnonzero(np.isin(embeddings.dataset.labels, (1, 7)))
    assert table.locator("tbody th").all_inner_texts() == sorted(embeddings.ids[rows])[:50]
    page.press("Escape")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_selection_is_downloaded_with_columns_and_positions(
    page: Dashboard, embeddings: EmbeddingSet, form: str
) -> None:
    page.search("label == 3")
    with page.page.expect_download() as started:
        page.dom.get_by_role("button", name=form, exact=False).click()
    assert started.value.suggested_filename == f"embed_layer-selection.{form}"
    file = started.value.path()
    table = pyarrow.csv.read_csv(file) if form == "csv" else pyarrow.parquet.read_table(file)
    rows = np.flatnonzero(embeddings.dataset.labels == 3)
    assert table["id"].to_pylist() == embeddings.ids[rows].tolist()
    positions = np.column_stack([table["x"], table["y"]])
    np.testing.assert_allclose(positions, points_of(embeddings.vectors, 2)[rows], rtol=1e-5)
    np.testing.assert_allclose(table["confidence"].to_numpy(), confidence_of(embeddings)[rows], rtol=1e-5)


def test_the_picture_of_the_map_is_downloaded_as_png(page: Dashboard) -> None:
    shown = page.still_picture()
    with page.page.expect_download() as started:
        page.dom.get_by_role("button", name="Save as a picture").click()
    assert started.value.suggested_filename == "embed_layer-pca-2d.png"
    picture = Image.open(started.value.path())
    assert picture.format == "PNG"
    assert picture.size == (shown.shape[1], shown.shape[0])
    pixels = np.asarray(picture.convert("RGB"), np.int16)
    for colour in page.colours().values():
        assert (np.abs(pixels - colour).max(axis=2) <= 8).sum() > 5


def test_numbers_colour_as_a_gradient_with_a_histogram(page: Dashboard, embeddings: EmbeddingSet) -> None:
    page.dom.get_by_label("Colour by").select_option("confidence")
    bars = page.dom.get_by_role("group", name="Histogram of confidence").get_by_role("button")
    bars.first.wait_for()
    assert bars.count() == 50
    bars.last.click()
    confidence = confidence_of(embeddings)
    within = confidence >= np.linspace(confidence.min(), confidence.max(), 51)[-2]
    assert page.selection == embeddings.ids[within].tolist()
    page.call("lab.colourBy('label')")
    page.dom.locator(".legend .entry").first.wait_for()


def test_a_map_written_meanwhile_appears_and_says_how_far_to_trust_it(
    page: Dashboard, run: Any, embeddings: EmbeddingSet
) -> None:
    save_map(run, embeddings, "umap-2d", points_of(embeddings.vectors, 2)[:, ::-1].copy(), "umap")
    page.dom.get_by_role("button", name="UMAP").click()
    page.wait("document.querySelector('.embedding-lab').dataset.map == 'umap-2d'")
    page.wait_until_ready()
    kept = run.map(LAYER, "umap-2d", 7).quality["kept_10"]
    assert f"{100 * kept:.0f} % of neighbours in the layer are kept" in page.dom.locator("footer").inner_text()
    page.dom.get_by_role("button", name="PCA").click()
    page.wait("document.querySelector('.embedding-lab').dataset.map == 'pca-2d'")
    page.wait_until_ready()


@pytest.mark.long  # app/test_measured_maps.py is quick
def test_a_map_of_ones_own_that_was_saved_without_measures_is_measured_and_coloured_by_them(
    page: Dashboard, run: Any, embeddings: EmbeddingSet
) -> None:
    points = embeddings.vectors[:, 2:4].copy()
    run.save_map(LAYER, 7, "drawn", Projection(points, embeddings.ids, "drawn"))
    page.dom.get_by_role("button", name="drawn").click()
    foot = page.dom.locator("footer")
    foot.get_by_text("is being measured").wait_for()
    foot.get_by_text("of neighbours in the layer are kept").wait_for()
    expected = measure(embeddings.vectors, points, labels=embeddings.dataset.labels)
    foot.locator("summary").click()
    said = foot.locator(".measure-list").inner_text()
    assert f"{expected.totals['trustworthiness']:.4g}" in said
    foot.locator("dd", has_text="not among the 30 nearest in the layer").get_by_role("button").click()
    page.dom.locator(".histogram").wait_for()
    page.dom.get_by_label("Colour by").locator("option:checked", has_text="false").wait_for(state="attached")
    page.press("Escape")
    page.dom.locator(".histogram button").last.click()
    falsely = expected.per_sample["false"]
    assert page.selection == embeddings.ids[falsely >= np.linspace(falsely.min(), falsely.max(), 51)[-2]].tolist()
    page.call("lab.colourBy('label')")
    page.dom.get_by_role("button", name="PCA").click()
    page.wait("document.querySelector('.embedding-lab').dataset.map == 'pca-2d'")
    page.wait_until_ready()


def test_the_keyboard_reaches_all_of_it(page: Dashboard) -> None:
    page.press("/")
    assert page.call("document.activeElement.getAttribute('aria-label')") == "Search samples"
    page.press("Tab")
    assert page.call("document.activeElement.getAttribute('aria-label')") == "How to search"
    assert page.call("getComputedStyle(document.activeElement).outlineStyle") == "solid"  # one sees where one is
    page.still_picture()
    page.dom.locator(".canvas canvas").focus()
    page.press("Enter")
    page.dom.locator(".inspector h2").wait_for()
    page.press("Escape")
    page.press("b")
    page.press("Enter")
    page.wait("document.querySelector('.embedding-lab').dataset.selected != '0'")
    before = page.call("lab.camera.target[0]")
    page.press("ArrowRight")
    page.wait("window.embeddingLab.camera.target[0] != argument", before)
    page.press("?")
    page.dom.get_by_role("dialog", name="Keys").wait_for()
    page.press("Escape")
    page.dom.get_by_role("dialog", name="Keys").wait_for(state="hidden")


def test_the_keyboard_stays_where_it_is_while_the_page_changes_around_it(
    page: Dashboard, run: Any, embeddings: EmbeddingSet
) -> None:
    entry = page.dom.locator(".legend .entry").nth(3)
    entry.focus()
    page.press("Enter")
    page.wait_for_selected(int((embeddings.dataset.labels == 3).sum()))
    assert entry.evaluate("(each) => each === document.activeElement")
    deep = page.dom.get_by_role("button", name="3-D")
    deep.focus()
    page.press("Enter")
    page.wait("document.querySelector('.embedding-lab').dataset.map == 'pca-3d'")
    assert deep.evaluate("(each) => each === document.activeElement")
    page.dom.get_by_role("button", name="2-D").click()

    page.dom.get_by_label("Run").evaluate("(each) => { each.mark = 'the same list'; }")
    run.save_selection("while it was open", embeddings.ids[:2].tolist())
    page.dom.locator(".saved .entry", has_text="while it was open").wait_for()
    assert page.dom.get_by_label("Run").evaluate("(each) => each.mark") == "the same list"
    page.wait_until_ready()


def test_on_a_narrow_screen_escape_closes_the_sheet_before_anything_else(
    page: Dashboard, embeddings: EmbeddingSet
) -> None:
    page.page.set_viewport_size({"width": 400, "height": 800})
    page.call("lab.select(argument)", [str(embeddings.ids[3])])
    for name, side in (("Colours", "left"), ("Details", "right")):
        sheet = page.dom.locator(f".side.{side}")
        sheet.wait_for(state="hidden")
        page.dom.get_by_role("button", name=name, exact=True).click()
        sheet.wait_for(state="visible")
        page.press("Escape")
        sheet.wait_for(state="hidden")
    assert page.selection == [embeddings.ids[3]]
    assert page.call("document.documentElement.scrollWidth") == 400
    page.page.set_viewport_size({"width": 1280, "height": 800})
    page.still_picture()


@pytest.mark.parametrize(
    ("width", "height"), [(360, 740), pytest.param(3840, 2160, marks=pytest.mark.long)], ids=["phone", "4K"]
)
def test_the_page_fits_small_and_large_screens(page: Dashboard, width: int, height: int) -> None:
    page.leave()
    page.page.set_viewport_size({"width": width, "height": height})
    try:
        page.wait_for_drawn(SAMPLES)
        assert page.call("document.documentElement.scrollWidth") == width
        assert page.call("document.documentElement.scrollHeight <= innerHeight")
        assert page.canvas["width"] > width / 2
        hint = page.dom.get_by_text("Every point is a sample").locator("visible=true")
        assert hint.count() == 1
        assert page.violations() == []
    finally:
        page.page.set_viewport_size({"width": 1280, "height": 800})
        page.still_picture()


def test_what_columns_mean_is_said_where_they_are_chosen(page: Dashboard) -> None:
    choices = page.dom.get_by_label("Colour by").locator("option").all_inner_texts()
    assert {"label", "confidence · how sure the model is", "kept_10 · Neighbours kept"} <= set(choices)


def test_a_link_shows_the_same_view_again(page: Dashboard, browser: Any, embeddings: EmbeddingSet) -> None:
    page.search("label == 2 and prediction == 7")
    chosen = page.selection
    assert chosen
    page.call("lab.colourBy('prediction')")
    page.dom.get_by_role("button", name="3-D").click()
    page.wait("document.querySelector('.embedding-lab').dataset.map == 'pca-3d'")
    page.wait_until_ready()
    page.dom.locator(".canvas canvas").focus()
    page.press("ArrowRight")
    page.still_picture()
    page.press("]")
    page.dom.locator(".inspector h2").wait_for()
    sample = page.dom.locator(".inspector h2").inner_text()
    row = int(np.flatnonzero(embeddings.ids == sample)[0])
    page.page.wait_for_url(re.compile(rf"sample={row}(&|$)"))
    camera = page.call("lab.camera")
    address = page.page.url.replace("#", "?darkMode=true#", 1)

    again = Dashboard(browser, address)
    again.dom.locator(".inspector h2", has_text=sample).wait_for()
    assert again.told("map") == "pca-3d"
    assert again.told("theme") == "dark"
    assert again.selection == chosen
    assert again.dom.get_by_label("Colour by").input_value() == "prediction"
    for name in ("distance", "azimuth", "elevation"):
        assert again.call("lab.camera")[name] == pytest.approx(camera[name], rel=1e-3)
    assert again.violations() == []
    assert again.errors == []
    again.page.close()

    page.call("lab.colourBy('label')")
    page.dom.get_by_role("button", name="2-D").click()
    page.wait("document.querySelector('.embedding-lab').dataset.map == 'pca-2d'")


def test_axe_finds_nothing_with_everything_open(page: Dashboard) -> None:
    page.search("label == 1")
    page.dom.locator(".canvas canvas").focus()
    page.press("]")
    page.dom.locator(".inspector h2").wait_for()
    page.dom.locator(".measures summary").click()
    page.dom.locator(".annotate summary").click()
    assert page.violations() == []
    page.press("Escape")
    page.dom.locator(".measure-list").wait_for(state="hidden")
    assert page.dom.locator(".inspector h2").is_visible()


@pytest.mark.parametrize(("key", "name"), [("m", "A new map"), ("?", "Keys")])
def test_axe_finds_nothing_in_dialogs_and_escape_closes_them(page: Dashboard, key: str, name: str) -> None:
    page.press(key)
    dialog = page.dom.get_by_role("dialog", name=name)
    dialog.wait_for()
    assert page.violations() == []
    page.press("Escape")
    dialog.wait_for(state="hidden")


@pytest.mark.long
def test_axe_finds_nothing_among_pictures_and_in_sheets(page: Dashboard, embeddings: EmbeddingSet) -> None:
    page.call("lab.select(argument)", [embeddings.ids[3]])
    page.press("p")
    page.page.set_viewport_size({"width": 400, "height": 740})
    try:
        for name in ("Colours", "Details"):
            page.dom.get_by_role("button", name=name, exact=True).click()
            page.still_picture()
            assert page.violations() == []
            page.press("Escape")
    finally:
        page.page.set_viewport_size({"width": 1280, "height": 800})
        page.press("p")
        page.still_picture()


def test_an_empty_log_directory_says_how_to_fill_it(browser: Any, serve: Any, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    page = Dashboard(browser, serve(tmp_path / "logs"), width=360, height=740)
    said = page.dom.locator(".page").inner_text()
    assert str(tmp_path / "logs") in said
    assert "embedding-lab demo" in said
    assert "lab.log_embeddings" in said
    assert page.violations() == []
    assert page.frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.errors == []
    page.page.close()
