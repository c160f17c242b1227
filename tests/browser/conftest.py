"""A real browser, and pages that may neither complain nor ask for anything."""

import os
import shutil

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


def _no_browser(reason):
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, but CI is set")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        _no_browser("playwright is not installed")
    installed = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as play:
        try:
            started = play.chromium.launch(executable_path=installed, args=FLAGS)
        except Error as error:
            _no_browser(f"no Chromium starts here ({str(error).splitlines()[0]})")
        yield started
        started.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Open a page; fail on any complaint and on any request but the file."""
    troubles, contexts = [], []

    def opened(text, ready, **options):
        file = tmp_path / "page.html"
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
        page.on(
            "console",
            lambda message: (
                troubles.append(f"{message.type}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("file:", "data:", "blob:"))
                else troubles.append(f"request: {request.url}")
            ),
        )
        page.goto(file.as_uri())
        page.wait_for_selector(ready)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def heights():
    """Return a function: the height of the place of each chart, and of what is drawn there."""
    script = """[...document.querySelectorAll('.chart')]
        .map((place) => [place, place.querySelector('.main-svg')])
        .filter(([_, drawing]) => drawing)
        .map(([place, drawing]) => [place.offsetHeight, Number(drawing.getAttribute('height'))])"""
    return lambda page: page.evaluate(script)
