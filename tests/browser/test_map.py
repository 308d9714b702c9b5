"""The map on the screen, in a real Chromium: scenes whose points lie at known places, looked at pixel by pixel."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from browser.scenes import FRONTEND, HALF_VIEW, SECONDS, VIEWPORT, MapPage, scenes_served

EVERYWHERE = "view.within([[-1e4, -1e4], [1e4, -1e4], [1e4, 1e4], [-1e4, 1e4]])"
IN_THE_MIDDLE = "view.within([[392, 292], [408, 292], [408, 308], [392, 308]])"
REFERENCES = Path(__file__).with_name("scenes")
PALETTE = ["4477aa", "ee6677", "228833", "ccbb44", "66ccee", "aa3377", "e08214", "8c6bb1", "35978f", "bf812d"]


@pytest.fixture(scope="module")
def scenes_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (FRONTEND / "node_modules").is_dir():
        pytest.skip("the front end's packages are not installed: python hatch_build.py")
    with scenes_served(tmp_path_factory.mktemp("scenes")) as url:
        yield url


def rgb(hexadecimal: str) -> list[int]:
    return [int(hexadecimal[at : at + 2], 16) for at in (0, 2, 4)]


@pytest.fixture
def show(browser: Any, scenes_url: str) -> Iterator[Callable[..., MapPage]]:
    pages: list[MapPage] = []

    def shown(scene: str, **context: Any) -> MapPage:
        pages.append(MapPage(browser, scenes_url + scene, **context))
        return pages[-1]

    yield shown
    for each in pages:
        each.context.close()
    assert [problem for each in pages for problem in each.problems] == []


def test_every_point_is_drawn_where_it_lies_in_its_colour_and_picked_there(show: Callable[..., MapPage]) -> None:
    page = show("known")
    pixels = page.pixels
    for place in range(25):
        x, y = page.at_place(place)
        assert list(pixels[int(y), int(x)]) == rgb(PALETTE[place % 10]), place
        assert page.read("view.pick(...argument)", [x, y]) == place
    middle = page.on_screen(0.5, 0.5)
    assert page.read("view.pick(...argument)", middle) is None
    assert page.pixels[int(middle[1]), int(middle[0])].min() > 245


def test_a_selection_stays_in_colour_and_the_rest_is_grey(show: Callable[..., MapPage]) -> None:
    page = show("known")
    page.set_flags({7: 1, 8: 1})
    assert page.colour_at(7) == rgb(PALETTE[7])
    red, green, blue = page.colour_at(6)
    assert max(red, green, blue) - min(red, green, blue) < 20
    page.set_flags({})
    assert page.colour_at(6) == rgb(PALETTE[6])


def test_what_is_hidden_is_neither_drawn_nor_picked_nor_counted(show: Callable[..., MapPage]) -> None:
    page = show("known")
    page.set_flags({12: 2})
    assert min(page.colour_at(12)) > 245
    assert page.read("view.pick(...argument)", page.at_place(12)) is None
    assert page.read("document.documentElement.dataset.points") == "24/24"


def test_neighbours_and_false_neighbours_are_ringed_apart(show: Callable[..., MapPage]) -> None:
    page = show("known")

    def ring(place: int) -> NDArray[np.int_]:
        """The colours around a place, from a picture in which it alone is flagged."""
        x, y = page.at_place(place)
        turns = np.linspace(0, 2 * np.pi, 90)
        pixels = page.pixels
        return np.array([pixels[round(y + 9 * np.sin(each)), round(x + 9 * np.cos(each))] for each in turns])

    assert ring(6).min() > 240
    page.set_flags({6: 4, 18: 8})
    blue = ring(6)
    assert np.mean(blue[:, 2] > blue[:, 0] + 60) > 0.8  # the accent, all around
    orange = ring(18)
    broken = np.mean(orange[:, 0] > orange[:, 2] + 60)
    assert 0.3 < broken < 0.8  # the warning, with gaps
    page.read("view.setHovered(0)")
    page.wait_until_drawn()
    assert np.mean(ring(0).max(axis=1) < 230) > 0.8  # ink, paler where it lies between pixels
    assert ring(18).max() > 240  # on what was there before


def test_pointing_and_clicking_tell_the_place(show: Callable[..., MapPage]) -> None:
    page = show("known")
    page.read(
        "{ window.heard = []; view.on('hover', (place) => heard.push(['hover', place]));"
        " view.on('click', (place, {shift}) => heard.push(['click', place, shift])); }"
    )
    page.page.mouse.move(*page.at_place(9))
    page.page.wait_for_function("heard.length === 1")
    page.page.mouse.click(*page.at_place(9))
    page.page.keyboard.down("Shift")
    page.page.mouse.click(*page.on_screen(0.5, 0.5))
    page.page.keyboard.up("Shift")
    page.page.wait_for_function("heard.filter(([what]) => what === 'click').length === 2")
    heard = page.read("heard")
    assert heard[0] == ["hover", 9]
    assert [each for each in heard if each[0] == "click"] == [["click", 9, False], ["click", None, True]]


@pytest.mark.parametrize(("key", "mode"), [(None, "replace"), ("Shift", "add"), ("Alt", "remove")])
def test_a_box_takes_what_is_inside(show: Callable[..., MapPage], key: str | None, mode: str) -> None:
    page = show("known")
    page.read(
        "{ window.heard = []; view.tool = 'box';"
        " view.on('region', (places, mode) => heard.push([[...places], mode])); }"
    )
    if key:
        page.page.keyboard.down(key)
    page.page.mouse.move(*page.on_screen(0.5, 3.5))
    page.page.mouse.down()
    page.page.mouse.move(*page.on_screen(2.5, 1.5), steps=4)
    assert page.page.locator("svg polygon").get_attribute("points")
    page.page.mouse.up()
    if key:
        page.page.keyboard.up(key)
    page.page.wait_for_function("heard.length === 1")
    assert page.read("heard") == [[[11, 12, 16, 17], mode]]
    assert not page.page.locator("svg polygon").get_attribute("points")


def test_a_lasso_takes_what_is_inside(show: Callable[..., MapPage]) -> None:
    page = show("known")
    page.read("{ window.heard = []; view.tool = 'lasso'; view.on('region', (places) => heard.push([...places])); }")
    page.page.mouse.move(*page.on_screen(-0.5, -0.5))
    page.page.mouse.down()
    for corner in [(4.5, -0.5), (2, 2.5)]:  # a triangle
        page.page.mouse.move(*page.on_screen(*corner), steps=5)
    page.page.mouse.up()
    page.page.wait_for_function("heard.length === 1")
    assert page.read("heard") == [[0, 1, 2, 3, 4, 6, 7, 8, 12]]


def test_the_wheel_zooms_to_the_pointer_and_a_drag_moves(show: Callable[..., MapPage]) -> None:
    page = show("known")
    before = page.at_place(21)
    page.page.mouse.move(*before)
    page.page.mouse.wheel(0, -240)
    page.wait_until_drawn()
    assert page.at_place(21) == pytest.approx(before, abs=0.5)  # a wheel tells whole pixels
    assert page.at_place(0)[1] - page.at_place(5)[1] > 1.2 * 100
    before = page.at_place(21)
    page.page.mouse.move(*before)
    page.page.mouse.down()
    page.page.mouse.move(before[0] + 50, before[1] + 30, steps=3)
    page.page.mouse.up()
    page.wait_until_drawn()
    assert page.at_place(21) == pytest.approx((before[0] + 50, before[1] + 30), abs=0.01)
    assert page.colour_at(21) == rgb(PALETTE[1])


def test_two_fingers_zoom(show: Callable[..., MapPage]) -> None:
    page = show("known", has_touch=True)
    left, right = page.on_screen(1, 2), page.on_screen(3, 2)
    session = page.context.new_cdp_session(page.page)

    def touch(kind: str, points: list[tuple[float, float]]) -> None:
        fingers = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    touch("touchStart", [left, right])
    for step in range(1, 6):
        touch("touchMove", [(left[0] - 10 * step, left[1]), (right[0] + 10 * step, right[1])])
    touch("touchEnd", [])
    page.wait_until_drawn()
    assert page.on_screen(1, 2) == pytest.approx((left[0] - 50, left[1]), abs=2)
    assert page.on_screen(3, 2) == pytest.approx((right[0] + 50, right[1]), abs=2)


def test_the_keys_turn_move_zoom_and_show_all(show: Callable[..., MapPage]) -> None:
    page = show("deep")
    page.page.locator("canvas").focus()
    home = page.read("view.camera")
    page.page.keyboard.press("ArrowRight")
    assert page.read("view.camera")["azimuth"] != home["azimuth"]
    assert page.read("view.camera")["target"] == home["target"]
    page.page.keyboard.press("Shift+ArrowRight")
    assert page.read("view.camera")["target"] != home["target"]
    page.page.keyboard.press("+")
    assert page.read("view.camera")["distance"] < home["distance"]
    page.page.keyboard.press("0")
    page.page.wait_for_function(
        "(distance) => Math.abs(view.camera.distance - distance) < 1e-9", arg=home["distance"]
    )
    assert page.read("view.camera")["target"] == pytest.approx(home["target"])


def test_it_turns_by_itself_for_as_long_as_that_is_wanted(show: Callable[..., MapPage]) -> None:
    page = show("deep")
    home = page.read("view.camera")
    page.read("{ view.autoRotate = true; }")
    page.page.wait_for_function("(before) => view.camera.azimuth !== before", arg=home["azimuth"])
    page.read("{ view.autoRotate = false; }")
    page.wait_until_drawn()
    there = page.read("view.camera")
    assert {**there, "azimuth": 0} == {**home, "azimuth": 0}
    page.wait_until_drawn()
    assert page.read("view.camera") == there


def reduced(pixels: NDArray[np.int_]) -> NDArray[np.uint8]:
    """A quarter as wide and high, so that a browser's own way with edges hardly matters."""
    height, width = VIEWPORT["height"] // 4, VIEWPORT["width"] // 4
    return pixels.reshape(height, 4, width, 4, 3).mean(axis=(1, 3)).round().astype(np.uint8)


@pytest.mark.parametrize(
    ("scene", "theme"),
    [
        ("selected", "light"),
        *(
            pytest.param(*each, marks=pytest.mark.long)
            for each in [
                ("known", "dark"),
                ("flat", "light"),
                ("flat", "dark"),
                ("deep", "light"),
                ("deep", "dark"),
                ("selected", "dark"),
                ("pictures-known", "dark"),
                ("pictures-many", "light"),
                ("million", "light"),
            ]
        ),
    ],
)
def test_a_scene_looks_like_its_reference_picture(
    show: Callable[..., MapPage], scene: str, theme: str, tmp_path: Path
) -> None:
    page = show(f"{scene}&theme={theme}")
    page.read("view.setLabels([])")  # letters look otherwise where other fonts are installed
    page.wait_until_pictured()
    reference, seen = REFERENCES / f"{scene}-{theme}.png", tmp_path / f"{scene}-{theme}.png"
    Image.fromarray(reduced(page.pixels)).save(seen)
    told = f"It looks like {seen}. Where that is meant, copy it to {reference}."
    assert reference.exists(), told
    expected, found = (np.asarray(Image.open(each), int) for each in (reference, seen))
    apart = np.abs(expected - found).max(axis=2) > 8
    drawn = np.abs(expected - expected[0, 0]).max(axis=2) > 8
    assert apart.sum() < 0.01 * drawn.sum(), told


@pytest.mark.parametrize("scene", ["pictures", "pictures-deep"])
def test_pictures_with_letters_are_drawn_for_all_points(show: Callable[..., MapPage], scene: str) -> None:
    page = show(scene)
    page.wait_until_pictured()
    pixels = page.pixels
    assert np.mean(np.abs(pixels - pixels[0, 0]).max(axis=2) > 20) > 0.02


def test_points_move_to_where_the_next_map_has_them(show: Callable[..., MapPage]) -> None:
    page = show("known")
    # the same square, its points in the opposite order
    page.read(
        "view.addPoints('turned', 2, [[0, 0], [4, 4]], 0,"
        " new Float32Array(Array.from({length: 25}, (_, at) => [4 - at % 5, 4 - Math.floor(at / 5)]).flat()))"
    )
    page.page.wait_for_function("argument => view.pick(...argument) === 24", arg=list(page.at_place(0)))
    page.wait_until_drawn()
    for place in range(25):
        assert page.colour_at(24 - place) == rgb(PALETTE[place % 10])
        assert page.read("view.pick(...argument)", page.at_place(24 - place)) == place


@pytest.mark.long
def test_the_scene_of_a_moving_map_moves_by_itself_from_map_to_map(show: Callable[..., MapPage]) -> None:
    page = show("moving")
    flat, frames = page.pixels, page.read("view.frames().at(-1)")
    for dims in (3, 2):
        page.page.wait_for_function("(dims) => view.camera.dims === dims", arg=dims)
        page.page.wait_for_function("(before) => view.frames().at(-1) > before", arg=frames)
        page.wait_until_drawn()
        assert (page.pixels != flat).any()
        assert page.read("view.frames().at(-1)") > frames
        frames = page.read("view.frames().at(-1)")


def test_two_dimensions_become_three_and_two_again(show: Callable[..., MapPage]) -> None:
    page = show("known")
    page.read(
        "view.addPoints('deep', 3, [[0, 0, 0], [4, 4, 4]], 0,"
        " new Float32Array(Array.from({length: 25}, (_, at) => [at % 5, Math.floor(at / 5), at % 3]).flat()))"
    )
    page.page.wait_for_function("view.camera.dims === 3 && view.pick(400, 300) !== undefined")
    page.wait_until_drawn()
    assert page.read("view.camera")["elevation"] > 0.1
    page.read(
        "view.addPoints('flat', 2, [[0, 0], [4, 4]], 0,"
        " new Float32Array(Array.from({length: 25}, (_, at) => [at % 5, Math.floor(at / 5)]).flat()))"
    )
    page.page.wait_for_function("view.camera.dims === 2 && view.camera.elevation === 0")
    page.wait_until_drawn()
    for place in range(25):
        assert page.colour_at(place) == rgb(PALETTE[place % 10])


def test_what_lies_farther_away_is_paler_and_smaller(show: Callable[..., MapPage]) -> None:
    page = show("known")
    page.read(
        "{ view.setColours(0, new Uint16Array(25)); view.addPoints('deep', 3, [[0, 0, 0], [4, 4, 4]], 0,"
        " new Float32Array(Array.from({length: 25}, (_, at) => [at % 5, Math.floor(at / 5), 4 - at % 5]).flat()))}"
    )
    page.page.wait_for_function("view.camera.dims === 3")
    page.wait_until_drawn()
    distance = 4.0
    page.read(
        "{ view.camera = {dims: 3, target: [0, 0, 0], distance: argument, azimuth: 0, elevation: 0}; }", distance
    )
    page.wait_until_drawn()
    pixels = page.pixels
    unit = 2 * distance * HALF_VIEW / VIEWPORT["height"]
    paleness, width = [], []
    for column in range(5):  # the lowest row; the first column is nearest
        depth = 1 - (1 - column / 2) / distance
        x, y = 400 + (column / 2 - 1) / unit / depth, 300 + 1 / unit / depth
        paleness.append(int(np.abs(pixels[int(y), int(x)] - rgb(PALETTE[0])).max()))
        row = np.abs(pixels[int(y), int(x) - 30 : int(x) + 30] - pixels[0, 0]).max(axis=1) > 20
        width.append(int(row.sum()))
    assert paleness[0] == 0
    assert paleness == sorted(paleness)
    assert paleness[4] > paleness[2] + 20 > 40
    assert width == sorted(width, reverse=True)
    assert width[4] < width[0]


def test_the_camera_can_be_told_and_asked(show: Callable[..., MapPage]) -> None:
    page = show("deep")
    page.read("{ window.heard = []; view.on('camera', (state) => heard.push(state)); }")
    there = {"dims": 3, "target": [0.1, 0.2, 0.3], "distance": 1.5, "azimuth": -1.0, "elevation": 0.5}
    page.read("{ view.camera = argument; }", there)
    page.wait_until_drawn()
    assert page.read("view.camera") == there
    assert page.read("heard")[-1] == there


def test_flying_to_points_shows_them_large(show: Callable[..., MapPage]) -> None:
    page = show("known")
    page.read("view.flyTo(Uint32Array.of(18, 19, 23, 24))")
    page.page.wait_for_function("Math.abs(view.camera.target[0] - 0.75) < 1e-6")
    page.wait_until_drawn()
    for place in (18, 19, 23, 24):
        x, y = page.at_place(place)
        assert 0 < x < 800
        assert 0 < y < 600
    assert page.at_place(19)[0] - page.at_place(18)[0] > 200


def test_the_map_comes_back_when_the_graphics_card_does(show: Callable[..., MapPage]) -> None:
    page = show("selected")
    before = page.pixels
    page.read(
        "{ window.heard = []; view.on('problem', (text) => heard.push(text));"
        " window.away = document.querySelector('canvas').getContext('webgl2').getExtension('WEBGL_lose_context');"
        " away.loseContext(); }"
    )
    page.page.wait_for_function("heard.length === 1")
    assert "taken away" in page.read("heard[0]")
    page.read("away.restoreContext()")
    page.page.wait_for_function("heard.length === 2 && heard[1] === null")
    page.read("view.nextFrame()")
    page.wait_until_drawn()
    assert np.mean(np.abs(page.pixels - before) > 40) < 0.001


def test_the_picture_is_a_png_of_what_is_seen(show: Callable[..., MapPage]) -> None:
    page = show("known")
    data = page.read(
        "view.picture().then((blob) => blob.arrayBuffer()).then((bytes) => [...new Uint8Array(bytes)])"
    )
    picture = np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB")).astype(int)
    np.testing.assert_array_equal(picture, page.pixels)


def test_a_sharper_screen_gets_more_pixels(show: Callable[..., MapPage]) -> None:
    page = show("known", device_scale_factor=2)
    assert page.read("[document.querySelector('canvas').width, document.querySelector('canvas').height]") == [
        1600,
        1200,
    ]
    x, y = page.at_place(7)
    assert list(page.pixels[int(2 * y), int(2 * x)]) == rgb(PALETTE[7])
    assert page.read("view.pick(...argument)", [x, y]) == 7


def test_the_map_fills_its_host_when_that_changes(show: Callable[..., MapPage]) -> None:
    page = show("known")
    page.page.set_viewport_size({"width": 360, "height": 640})
    page.page.wait_for_function("document.querySelector('canvas').width === 360")
    page.wait_until_drawn()
    assert page.colour_at(3) == rgb(PALETTE[3])


def test_every_point_has_its_own_picture(show: Callable[..., MapPage]) -> None:
    page = show("pictures-known")
    page.page.wait_for_function("source.asked.filter(([level]) => level === 0).length === 3")
    page.wait_until_pictured()
    pixels = page.pixels
    for place in range(25):
        x, y = page.at_place(place)
        assert list(pixels[int(y), int(x)]) == pytest.approx([10 * place, 255 - 10 * place, 0], abs=3), place
        assert list(pixels[int(y) - 19, int(x)]) == rgb(PALETTE[place % 10])  # its frame
        assert page.read("view.pick(...argument)", [x - 18, y - 18]) == place


def test_sharp_pictures_come_only_for_those_seen_large(show: Callable[..., MapPage]) -> None:
    page = show("pictures-many")
    page.page.wait_for_function("source.asked.length === 235")
    page.wait_until_pictured()
    assert {level for level, _ in page.read("source.asked")} == {2}
    page.read("{ view.pictureSize = 60; view.flyTo(Uint32Array.of(12)); }")
    page.page.wait_for_function("source.asked.length > 235")
    page.wait_until_pictured()
    assert page.read("source.asked.slice(235)") == [[0, 0]]
    assert list(page.pixels[300, 400]) == pytest.approx([120, 135, 0], abs=3)


@pytest.mark.long
def test_pictures_beyond_the_layers_of_a_texture_are_there_too(show: Callable[..., MapPage]) -> None:
    page = show("pictures-stacked")
    page.page.wait_for_function("source.asked.length >= 2250")
    page.wait_until_pictured()
    place = 36_000 - 13
    tone = 10 * (place % 25)
    assert list(page.pixels[300, 400]) == pytest.approx([tone, 255 - tone, 0], abs=3)


def test_a_shader_that_does_not_compile_says_where(
    show: Callable[..., MapPage], browser: Any, scenes_url: str
) -> None:
    page = browser.new_page()
    page.set_default_timeout(1000 * SECONDS)
    page.goto(f"{scenes_url}broken")
    said = page.locator("pre").inner_text()
    page.close()
    assert "The vertex shader of the map does not compile." in said
    assert "'nowhere' : undeclared identifier" in said
    assert ">   6    gl_Position = vec4(nowhere);" in said


@pytest.mark.long
@pytest.mark.parametrize(("scene", "total"), [("million", 1_000_000), ("five-million", 5_000_000)])
def test_all_of_very_many_points_are_drawn_and_picked(show: Callable[..., MapPage], scene: str, total: int) -> None:
    page = show(scene)
    assert page.read("document.documentElement.dataset.points") == f"{total}/{total}"
    assert page.read(f"{EVERYWHERE}.then((found) => found.length)") == total
    place = page.read("view.pick(400, 300)")
    page.read("view.flyTo(Uint32Array.of(argument))", place)
    page.wait_until_drawn()
    assert place in page.read(f"{IN_THE_MIDDLE}.then((found) => [...found])")
