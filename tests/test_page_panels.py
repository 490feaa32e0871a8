"""The pairwise view and the plots of `report.html`, in a real Chromium, from disk and with the network off."""

from __future__ import annotations

import json
from itertools import pairwise
from urllib.parse import parse_qs, unquote

import numpy as np
import pytest
from chromium import Page, serious_problems

import evalharness as eh
from evalharness.records import Floats, LanguagePair, Segment, TestSet
from evalharness.runs.view import ComparisonLine

HOSTILE = ("&lt;img src=x&gt;", "{b}rich{a}&amp;", "a,b", "#tab=plots&a=b")  # `<` is in no name: it is in no file's
N = 40


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """5 systems, 9 segments, exact test: some pairs differ, some do not."""
    return eh.evaluate(results=tmp_path_factory.mktemp("panels") / "results", overrides=["cache=false"])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """Names that are HTML, markup of the drawing library, lists and addresses; one is the baseline."""
    words = [
        "the",
        "cat",
        "sat",
        "on",
        "a",
        "mat",
        "and",
        "saw",
        "two",
        "birds",
        "fly",
        "over",
        "old",
        "stone",
        "houses",
        "near",
        "our",
        "river",
    ]
    references = [" ".join(words[start % 7 : start % 7 + 5 + start % 4]) for start in range(N)]
    systems = {
        name: [" ".join(text.split()[: 2 + (row * (place + 2)) % 6]) for row, text in enumerate(references)]
        for place, name in enumerate(HOSTILE)
    }
    testset = TestSet(
        name="hostile",
        language_pair=LanguagePair.parse("de-en"),
        segments=tuple(
            Segment(id=f"doc&{row}#<b>", source=text.upper(), references=(text,)) for row, text in enumerate(references)
        ),
    )
    return eh.evaluate(
        testset=testset,
        systems=systems,
        metrics=["chrf", "ter"],
        overrides=["cache=false", f"stats.baseline={json.dumps(HOSTILE[0])}", "inputs.on_error=warn"],
        results=tmp_path_factory.mktemp("hostile") / "results",
    )


def opened(page: Page, run: eh.Run, place: str) -> Page:
    page.goto(f"{(run.folder.resolve() / 'report.html').as_uri()}#{place}")
    page.wait_for_selector(".pairs, .plots")
    return page


def place_of(page: Page) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(page.url.partition("#")[2], keep_blank_values=True).items()}


def cells(page: Page) -> dict[tuple[str, str], str]:
    """The matrix as it is read: by row and column, lines joined by a blank."""
    rows = page.eval_on_selector_all(
        "table.matrix tr", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    heads = rows[0][1:]
    return {
        (row[0], head): " ".join(text.replace("\n", " ").split())
        for row in rows[1:]
        for head, text in zip(heads, row[1:], strict=True)
    }


def scores_of(run: eh.Run, metric: str, system: str) -> Floats:
    """Segment scores by pandas, from `segments.parquet`."""
    frame = run.segments
    return frame.loc[frame["system"] == system, metric].to_numpy(dtype=float)


def signed(value: float, decimals: int) -> str:
    text = f"{value:+.{decimals}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def expected(line: ComparisonLine, *, higher_is_better: bool, is_turned: bool) -> str:
    """Two decimals, one more than scores; marked where significant, by the direction of the metric."""
    delta = -line.delta if is_turned else line.delta
    is_better = delta > 0 if higher_is_better else delta < 0
    mark = ("▲" if is_better else "▼" if delta else "◆") if line.is_significant else ""
    p = line.decisive_p
    return f"{signed(delta, 2)}{mark} " + ("no p" if p is None else f"p {p:.3g}")


class TestMatrix:
    def test_every_cell_of_every_metric_is_the_record_rounded(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=pairs")
        n_seen = 0
        for metric in bundled.plan.metrics:
            page.select_option(".pairs select", metric.name)
            page.wait_for_function(
                "name => location.hash.includes(`metric=${name}&`) || location.hash.endsWith(name)", arg=metric.name
            )
            page.wait_for_function(
                "head => document.querySelector('.matrix caption').innerText.startsWith(head)", arg=f"{metric.heading}:"
            )
            found = cells(page)
            for line in bundled.comparison_lines:
                if line.metric != metric.name:
                    continue
                for pair, is_turned in (
                    ((line.system_a, line.system_b), False),
                    ((line.system_b, line.system_a), True),
                ):
                    assert found[pair] == expected(
                        line, higher_is_better=metric.higher_is_better, is_turned=is_turned
                    ), (metric.name, pair)
                    n_seen += 1
        assert n_seen == 2 * len(bundled.comparison_lines) > 0

    def test_systems_stand_best_first_with_lines_between_clusters(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=pairs&metric=ter")
        scores = {line.system: line.score or 0.0 for line in bundled.score_lines if line.metric == "ter"}
        names = page.locator("table.matrix tbody th").all_inner_texts()
        assert names == sorted(scores, key=lambda name: (scores[name], name))  # lower is better
        clusters = {line.system: line.cluster for line in bundled.rank_lines if line.metric == "ter"}
        parted = [name for name, after in pairwise(names) if clusters[name] != clusters[after]]
        assert page.locator("table.matrix tr.cluster-below th").all_inner_texts() == parted

    def test_headings_have_scopes(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=pairs")
        n = len(bundled.plan.systems)
        assert page.locator("table.matrix thead th[scope=col]").count() == n + 1
        assert page.locator("table.matrix tbody th[scope=row]").count() == n

    def test_a_click_opens_a_pair(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=pairs&metric=chrf")
        page.locator("td[data-row='2'][data-column='0']").click()
        page.wait_for_selector(".pair")
        names = page.locator("table.matrix tbody th").all_inner_texts()
        assert place_of(page) == {"tab": "pairs", "metric": "chrf", "a": names[2], "b": names[0]}

    def test_arrow_keys_move_and_enter_opens(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=pairs&metric=bleu")
        page.locator("td[tabindex='0']").focus()
        assert page.locator("td[tabindex='0']").count() == 1  # one stop of the Tab key
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "Home"):
            page.keyboard.press(key)
        reached = page.evaluate("[document.activeElement.dataset.row, document.activeElement.dataset.column]")
        assert reached == ["1", "0"]
        page.keyboard.press("Enter")
        page.wait_for_selector(".pair")
        names = page.locator("table.matrix tbody th").all_inner_texts()
        assert (place_of(page)["a"], place_of(page)["b"]) == (names[1], names[0])
        assert page.evaluate("document.activeElement.id") == "pair-heading"

    def test_pairs_nobody_compared_say_so(self, page: Page, hostile: eh.Run) -> None:
        opened(page, hostile, "tab=pairs&metric=chrf")
        found = list(cells(page).values())
        # 4 systems, each but the baseline with 3 - 1 others that it was not compared with.
        assert found.count("not tested") == 3 * 2
        assert "baseline" in page.locator("#pairs-notes ~ ul").inner_text()


class TestPair:
    def test_facts_are_those_of_the_record(self, page: Page, bundled: eh.Run) -> None:
        line = next(line for line in bundled.comparison_lines if line.metric == "ter")
        opened(page, bundled, f"tab=pairs&metric=ter&a={line.system_b}&b={line.system_a}")
        page.wait_for_selector(".facts")
        found = page.locator("tr[data-metric=ter] td").all_inner_texts()
        assert line.ci_low is not None
        assert line.ci_high is not None
        assert line.detectable is not None
        bounds = [f"{-bound:.2f}".replace("-", "−") for bound in (line.ci_high, line.ci_low)]
        better = line.system_a if line.delta < 0 else line.system_b
        verdict = f"{better} is significantly better"
        assert found == [
            signed(-line.delta, 2),
            f"[{', '.join(bounds)}]",
            f"{line.p:.3g}",
            f"{line.p_holm:.3g}",
            verdict if line.is_significant else "not significant: may be equal, or the test set too small",
            str(line.n_units),
            line.unit,
            str(line.n_left_out),
            "paired sign-flip test, exact",
            f"{line.detectable:.2f}",
            "–" if line.human_agreement is None else f"{line.human_agreement:.0f}",
        ]

    def test_tally_and_extremes_are_those_of_the_segments(self, page: Page, bundled: eh.Run) -> None:
        a, b = "polished", "literal"
        differences = scores_of(bundled, "chrf", a) - scores_of(bundled, "chrf", b)
        opened(page, bundled, f"tab=pairs&metric=chrf&a={a}&b={b}")
        page.wait_for_selector(".extremes")
        wins, ties, losses = (int(part.sum()) for part in (differences > 0, differences == 0, differences < 0))
        noun = "segment" if wins == 1 else "segments"
        assert (
            page.locator(".tally")
            .inner_text()
            .startswith(
                f"A better in {wins} {noun}, equal in {ties}, B better in {losses}. "
                f"Mean of the differences: {signed(float(differences.mean()), 2)}."
            )
        )
        shown = page.locator(".extremes").first.locator("tbody td:last-child").all_inner_texts()
        assert shown == [signed(value, 2) for value in sorted(differences[differences > 0], reverse=True)[:10]]
        bins = page.eval_on_selector_all(".bins tbody tr", "rows => rows.map(row => Number(row.cells[2].textContent))")
        assert sum(bins) == len(differences)

    def test_links_lead_to_the_segments(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=pairs&metric=chrf&a=polished&b=literal")
        link = page.locator(".extremes a").first
        name = link.inner_text()
        link.click()
        page.wait_for_function("() => location.hash.startsWith('#segment=')")
        assert place_of(page)["segment"] == name
        page.go_back()
        page.locator(".pair-segments > p a").click()
        page.wait_for_function("() => location.hash.includes('sort=')")
        assert place_of(page) == {"tab": "segments", "systems": "polished,literal", "sort": "delta:chrf"}

    def test_an_unknown_pair_is_named(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=pairs&metric=bleu&a=polished&b=nobody")
        assert "no pair polished and nobody" in page.get_by_role("alert").inner_text()


class TestPlots:
    def test_quantiles_are_numpys(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=plots")
        page.locator("#plot-distributions select").select_option("ter")
        page.wait_for_function("() => document.querySelector('.quantiles caption')?.innerText.startsWith('TER')")
        rows = page.eval_on_selector_all(
            ".quantiles tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
        )
        assert [row[0] for row in rows] == [system.name for system in bundled.plan.systems]
        for name, n, missing, average, low, *between, high in rows:
            values = scores_of(bundled, "ter", name)
            assert (n, missing) == (str(len(values)), "0")
            wanted = [values.mean(), values.min(), *np.percentile(values, [5, 25, 50, 75, 95]), values.max()]
            assert [float(text) for text in (average, low, *between, high)] == pytest.approx(wanted, abs=0.0501)

    def test_correlations_are_numpys(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=plots")
        page.wait_for_selector("#plot-metrics .correlations td")
        rows = page.eval_on_selector_all(
            "#plot-metrics .correlations tbody tr",
            "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))",
        )
        first, second = (metric.name for metric in bundled.plan.metrics[:2])
        for name, _, pearson, _ in rows:
            wanted = np.corrcoef(scores_of(bundled, first, name), scores_of(bundled, second, name))[0, 1]
            assert float(pearson.replace("−", "-")) == pytest.approx(wanted, abs=0.00501)

    def test_a_click_on_a_point_opens_its_segment(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=plots")
        page.wait_for_selector("#plot-length canvas")
        page.wait_for_timeout(1000)
        chart = page.locator("#plot-length .chart")
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        assert box is not None
        texts = ""
        for x, y in ((x, y) for x in range(66, int(box["width"]) - 20, 6) for y in range(16, 370, 8)):
            page.mouse.move(box["x"] + x, box["y"] + y)
            if texts := page.evaluate(
                "document.querySelector('#plot-length .chart > div:last-child')?.innerText ?? ''"
            ):
                page.mouse.click(box["x"] + x, box["y"] + y)
                break
        page.wait_for_function("() => location.hash.startsWith('#segment=')")
        assert f"Segment {place_of(page)['segment']}\n" in texts

    def test_systems_can_be_switched_off_by_keyboard(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=plots")
        page.wait_for_selector(".quantiles td")
        name = bundled.plan.systems[0].name
        page.get_by_role("checkbox", name=name, exact=True).focus()
        page.keyboard.press("Space")
        page.wait_for_function(
            "([name, n]) => { const heads = [...document.querySelectorAll('.quantiles tbody th')];"
            " return heads.length === n && !heads.some(one => one.innerText === name); }",
            arg=[name, len(bundled.plan.systems) - 1],
        )


class TestHostileNames:
    def test_names_are_text_everywhere(self, page: Page, hostile: eh.Run) -> None:
        page.on("dialog", lambda dialog: pytest.fail(f"a name ran: {dialog.message}"))
        opened(page, hostile, "tab=pairs&metric=chrf")
        heads = set(page.locator("table.matrix tbody th").all_inner_texts())
        assert {HOSTILE[0], HOSTILE[1], HOSTILE[2]} <= heads
        page.evaluate("location.hash = '#tab=plots'")
        page.wait_for_selector("#plot-distributions canvas")
        page.wait_for_timeout(500)
        chart = page.locator("#plot-distributions .chart")
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        assert box is not None
        seen = set()
        for y in range(10, int(box["height"]) - 50, 4):
            for x in range(200, int(box["width"]) - 30, 40):
                page.mouse.move(box["x"] + x, box["y"] + y)
                seen.add(
                    page.evaluate(
                        "document.querySelector('#plot-distributions .chart > div:last-child')?.innerText ?? ''"
                    )
                )
        assert {text.partition("\n")[0] for text in seen if text} >= set(HOSTILE)
        assert page.locator("img").count() == 0

    def test_links_carry_any_id(self, page: Page, hostile: eh.Run) -> None:
        opened(page, hostile, "tab=pairs&metric=chrf")
        page.locator("td.tested").first.click()
        link = page.locator(".extremes a").first
        link.wait_for()
        assert unquote(str(link.get_attribute("href")).removeprefix("#segment=").partition("&")[0]) == link.inner_text()


class TestForAllReaders:
    @pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
    @pytest.mark.parametrize("place", ["tab=pairs&metric=chrf&a=polished&b=literal", "tab=plots"])
    def test_axe_finds_nothing_serious(self, page: Page, bundled: eh.Run, place: str) -> None:
        opened(page, bundled, place)
        page.wait_for_selector(".extremes td, .correlations td")
        assert serious_problems(page) == []

    @pytest.mark.parametrize("place", ["tab=pairs&metric=chrf&a=polished&b=literal", "tab=plots"])
    def test_nothing_is_wider_than_a_phone(self, page: Page, bundled: eh.Run, place: str) -> None:
        page.set_viewport_size({"width": 400, "height": 800})
        opened(page, bundled, place)
        page.wait_for_selector(".extremes td, .correlations td")
        page.wait_for_timeout(300)
        assert page.evaluate("document.querySelector('#app').scrollWidth") <= 400
