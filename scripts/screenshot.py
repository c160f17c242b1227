"""Draw the page of a result or of a front as a picture, for README and docs.

    python scripts/screenshot.py RESULT.json docs/images/report.png
    onewatt explore examples/buffer_size.yaml -o front.json
    python scripts/screenshot.py front.json docs/images/front.png --height 1150

Needs playwright and a Chromium; `--browser` names one that playwright did not install.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from onewatt.report.front_html import front_page
from onewatt.report.front_store import is_front, load_front
from onewatt.report.html import html_page
from onewatt.report.store import load_saved

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


def main() -> None:
    """Render the page and write the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("result", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=0, help="0 shows the whole page")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--browser", default=shutil.which("chromium"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page_file = Path(folder) / "report.html"
        page_file.write_text(page_of(asked.result), encoding="utf-8")
        asked.picture.parent.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=asked.browser, args=FLAGS)
            size = {"width": asked.width, "height": asked.height or 900}
            page = browser.new_page(viewport=size, color_scheme=asked.theme, device_scale_factor=2)
            page.goto(page_file.as_uri())
            page.wait_for_selector(".chart .main-svg")
            page.screenshot(path=asked.picture, full_page=not asked.height)
            browser.close()


def page_of(path: Path) -> str:
    """Return the page of a saved result or of a front."""
    if is_front(path):
        return front_page(load_front(path), folder=path.parent, source=path.name)
    saved = load_saved(path)
    return html_page(saved.result, command=saved.command)


if __name__ == "__main__":
    main()
