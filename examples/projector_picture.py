"""Takes the README's picture: TensorBoard's own Projector on what `embedding-lab demo` leaves behind.

.venv/bin/embedding-lab demo --no-serve --logdir logs
.venv/bin/python examples/projector_picture.py logs docs/images/projector.png
"""

from __future__ import annotations

import shutil
import sys

from playwright.sync_api import Page, sync_playwright

import embedding_lab as lab

SOFTWARE_RENDERING = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
MINUTES = 60_000


def take_picture(page: Page, url: str, path: str) -> None:
    page.set_default_timeout(5 * MINUTES)
    page.goto(f"{url}#projector")
    projector = page.locator("iframe").content_frame.locator("iframe").content_frame
    projector.get_by_text("Points: 10000").wait_for()
    choose(projector, "#colorby", "label")
    projector.locator("vz-projector-legend .item").first.wait_for()
    projector.locator("#total-variance", has_text="%").wait_for()
    page.mouse.move(750, 480)
    page.mouse.down()
    page.mouse.move(900, 520, steps=4)
    page.mouse.up()
    page.screenshot(path=path)


def choose(projector: object, menu: str, item: str) -> None:
    dropdown = projector.locator(menu)  # type: ignore[attr-defined]
    dropdown.click()
    dropdown.locator("paper-item", has_text=item).first.click()


if __name__ == "__main__":
    logdir, path = sys.argv[1:]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with lab.launch(logdir, port=0) as board, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=SOFTWARE_RENDERING)
        take_picture(browser.new_page(viewport={"width": 1400, "height": 840}), board.url, path)
