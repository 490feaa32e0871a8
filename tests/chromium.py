"""A real Chromium for tests of pages: from disk or from this machine, no other network, and no error on the console.

Tests that ask for `page` are skipped, by name, where the browser or its driver is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

Page = Any  # playwright's, which need not be installed
_THIS_MACHINE = ("file://", "data:", "blob:", "http://127.0.0.1:")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'evalharness[dev]'")
    program = os.environ.get("EVALHARNESS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium: apt install chromium, or set EVALHARNESS_CHROMIUM to the program")
    with api.sync_playwright() as started:
        yield (launched := started.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"]))
        launched.close()


@pytest.fixture
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that fails its test by an error on its console, a dialog, or a request that leaves the machine. The
    parameter is the theme."""
    context = browser.new_context(
        color_scheme=getattr(request, "param", "light"), viewport={"width": 1200, "height": 900}
    )
    problems: list[str] = []

    def let_through(route: Any) -> None:
        if route.request.url.startswith(_THIS_MACHINE):
            route.continue_()
        else:
            problems.append(f"asked for {route.request.url}")
            route.abort()

    context.route("**/*", let_through)
    opened = context.new_page()
    opened.on("pageerror", lambda error: problems.append(f"{error} {getattr(error, 'stack', '')}"[:1500]))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("dialog", lambda dialog: (problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    yield opened
    context.close()
    if problems:
        pytest.fail("; ".join(problems))


def serious_problems(page: Page) -> list[tuple[str, list[str]]]:
    """What axe-core calls serious or critical on the page as it is: rule and elements."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response["violations"]
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
