"""The frame of `report.html` in a real Chromium, from disk: views, addresses, themes, sizes, texts that are hostile."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import pytest
from chromium import Page, serious_problems
from conftest import REPOSITORY
from data_folder import wmt22_run
from hostile import TEXTS

import evalharness as eh
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.report.page import page as pages
from evalharness.report.page.listing import list_page, listed

VIEWS = ("Overview", "Pairs", "Segments", "Plots")
HOSTILE = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "javascript:document.title='owned'",
    "\u202egnirts desrever",
    "\x1b[31mred\x1b[0m",
    "\\input{/etc/passwd}",
    '=HYPERLINK("http://example.com")',
    *TEXTS,
)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    return eh.evaluate(results=tmp_path_factory.mktemp("page") / "results", overrides=["cache=false"])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """Every hostile text is a source, a reference, an output, a document and an id."""
    n = len(HOSTILE)
    testset = TestSet(
        name="hostile",
        language_pair=LanguagePair.parse("ar-he"),
        segments=tuple(
            Segment(id=f"{place} {text}", source=text, references=(HOSTILE[(place + 1) % n],), document=text or "none")
            for place, text in enumerate(HOSTILE)
        ),
    )
    return eh.evaluate(
        testset=testset,
        systems={"&lt;b&gt;": list(HOSTILE), "${x}": [HOSTILE[(place + 2) % n] for place in range(n)]},
        metrics=["bleu", "chrf"],
        overrides=["cache=false", "inputs.on_error=warn"],
        results=tmp_path_factory.mktemp("hostile") / "results",
    )


def opened(page: Page, run: eh.Run, place: str = "") -> Page:
    page.goto(f"{(run.folder.resolve() / 'report.html').as_uri()}#{place}")
    page.wait_for_selector("#views a")
    return page


class TestViews:
    def test_the_overview_needs_no_script(self, browser: object, bundled: eh.Run) -> None:
        context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
        page = context.new_page()
        page.goto((bundled.folder.resolve() / "report.html").as_uri())
        assert "polished" in page.inner_text("#results table")
        assert "19.7" in page.inner_text("#results table")  # BLEU of polished, as in the README
        context.close()

    def test_they_open_by_click_and_by_keyboard(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled)
        for view in VIEWS:
            page.get_by_role("link", name=view, exact=True).click()
            page.wait_for_selector(f"#views a[aria-current=page]:text-is('{view}')")
            assert page.is_visible("#overview") == (view == "Overview")
        page.get_by_role("link", name="Pairs", exact=True).focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("table.matrix")
        page.go_back()
        page.wait_for_selector(".plots")

    @pytest.mark.parametrize("view", VIEWS)
    @pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
    def test_axe_finds_nothing_serious(self, page: Page, bundled: eh.Run, view: str) -> None:
        opened(page, bundled, f"tab={view.lower()}")
        page.wait_for_timeout(500)
        assert serious_problems(page) == []

    @pytest.mark.parametrize("view", VIEWS)
    def test_nothing_is_wider_than_a_phone(self, page: Page, bundled: eh.Run, view: str) -> None:
        page.set_viewport_size({"width": 400, "height": 800})
        opened(page, bundled, f"tab={view.lower()}")
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400

    @pytest.mark.parametrize("name", ["constructor", "toString", "nowhere"])
    def test_an_unknown_view_is_named_over_the_overview(self, page: Page, bundled: eh.Run, name: str) -> None:
        opened(page, bundled, f"tab={name}")
        assert page.get_by_role("alert").inner_text() == f"The page has no view {name}."
        assert page.is_visible("#results table")
        assert page.title() == f"Overview · {bundled.folder.name} · evalharness"

    def test_what_is_cut_off_shows_a_shade(self, page: Page, bundled: eh.Run) -> None:
        page.set_viewport_size({"width": 400, "height": 800})
        opened(page, bundled)
        table = page.locator("#results .scroll").first
        assert table.evaluate("element => element.scrollWidth > element.clientWidth")
        assert "linear-gradient" in table.evaluate("element => getComputedStyle(element).backgroundImage")
        table.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => document.querySelector('#results .scroll').scrollLeft > 0")

    @pytest.mark.parametrize("place", ["", "tab=plots"])
    def test_captions_stand_on_one_line(self, page: Page, bundled: eh.Run, place: str) -> None:
        page.set_viewport_size({"width": 1280, "height": 800})
        opened(page, bundled, place)
        page.wait_for_timeout(700)
        heights = page.eval_on_selector_all(
            "caption", "all => all.map(one => one.clientHeight).filter(height => height > 0)"
        )
        assert heights
        assert max(heights) < 2 * 24  # of 16 px type, 24 px a line

    def test_a_theme_can_be_chosen(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled)
        colour = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(colour) == "rgb(255, 255, 255)"
        page.get_by_label("Theme").select_option("dark")
        page.wait_for_function(f"() => {colour} !== 'rgb(255, 255, 255)'")


@pytest.mark.parametrize("view", VIEWS)
def test_hostile_texts_run_nothing(page: Page, hostile: eh.Run, view: str) -> None:
    opened(page, hostile, f"tab={view.lower()}")
    page.wait_for_timeout(700)
    assert page.title() == f"{view} · {hostile.folder.name} · evalharness"
    assert page.locator("img, iframe, object, embed, #app script, #overview script").count() == 0
    assert page.locator("a[href^='javascript:']").count() == 0
    assert "\u202e" not in page.inner_text("body")
    assert "\x1b" not in page.inner_text("body")


def test_the_list_of_runs_is_no_wider_than_a_phone(page: Page, bundled: eh.Run) -> None:
    listing = list_page("results", [listed(bundled.folder.name, bundled, decimals=1)], order="newest")
    page.set_viewport_size({"width": 400, "height": 800})
    page.set_content(listing)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.locator(".scroll").evaluate("element => element.scrollWidth") > 400


def test_scores_are_those_of_the_record(page: Page, bundled: eh.Run) -> None:
    opened(page, bundled)
    with open(bundled.folder / "scores.csv", encoding="utf-8") as file:
        scores = {(line["system"], line["metric"]): float(line["score"]) for line in csv.DictReader(file)}
    factors = {metric.name: metric.display_factor for metric in bundled.plan.metrics}
    shown = page.inner_text("#results table")
    for (system, metric), score in scores.items():
        row = next(line for line in shown.split("\n") if system in line.split("\t"))
        assert f"{score * factors[metric]:.1f}" in row


def test_of_a_very_large_run_it_is_the_overview(bundled: eh.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_EMBEDDED", 44)  # the bundled run has 5 systems of 9 segments
    text = pages.embedded_page(bundled, bundled.report_settings())
    assert "more than 44 hypotheses" in text
    assert "data-content" not in text
    assert "polished" in text


def test_what_ships_is_what_the_sources_give(tmp_path: Path) -> None:
    web = REPOSITORY / "evalharness" / "report" / "page" / "web"
    if shutil.which("npm") is None or not (web / "node_modules").is_dir():
        pytest.skip("needs npm and `make page`, which installs what the page is built with")
    copy = tmp_path / "web"
    shutil.copytree(web, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (copy / "node_modules").symlink_to(web / "node_modules")
    subprocess.run(["npm", "run", "--silent", "build"], cwd=copy, check=True)
    for name in ("page.js", "page.css", "LICENSES.txt"):
        assert (copy / "dist" / name).read_bytes() == (web / "dist" / name).read_bytes(), name


@pytest.mark.slow
def test_wmt22_fits_a_file_of_8_mb_and_is_there_at_once(page: Page, tmp_path: Path) -> None:
    run = wmt22_run(tmp_path / "results")
    assert (run.folder / "report.html").stat().st_size < 8_000_000
    opened(page, run, "tab=segments")
    assert page.locator("#overview tbody tr").count() >= 12
