"""The pairwise view and the plots of `report.html`, in a real Chromium, from disk and with the network off."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chromium import Page, serious_problems
from conftest import write

import evalharness as eh
from evalharness.records import Floats, LanguagePair, Segment, TestSet
from evalharness.report.page.content import RunContent, little_endian, strict_json
from evalharness.report.page.page import served_page
from evalharness.runs.view import ComparisonLine, write_lines
from evalharness.systems.files import Folder

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


@pytest.fixture(scope="module")
def of_runs(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """A system of three runs, and one of one; intervals of a level that is no whole percent, clusters by `mtme`."""
    folder = tmp_path_factory.mktemp("runs")
    for name, word in (("many-seed1", "city"), ("many-seed2", "the"), ("many-seed3", "Zhengzhou"), ("lone", "x")):
        write(folder / "hyp" / f"{name}.en", *[f"{word} {word} {row}" for row in range(9)])
    return eh.evaluate(
        systems={"folder": Folder(path=str(folder / "hyp"), group_by="*-seed*")},
        metrics=["chrf", "ter"],
        overrides=["cache=false", "stats.level=0.995", "stats.clusters=mtme", "inputs.on_error=warn"],
        results=folder / "results",
    )


@pytest.fixture(scope="module")
def extreme(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """`constant` and `echo` have the same scores everywhere, `silent` none by chrF; one source is very long."""
    n = 31
    reference = "the cat sat on the mat"
    names = ("constant", "falling", "silent", "rising", "echo")
    texts = {name: ["the cat sat on a mat"] * n for name in names}
    texts["falling"] = [reference[: 20 - row % 15] for row in range(n)]
    texts["rising"] = [reference[: 6 + row % 15] for row in range(n)]
    testset = TestSet(
        name="extreme",
        language_pair=LanguagePair.parse("de-en"),
        segments=tuple(
            Segment(id=str(row), source="x" * (50_000 if row == 7 else 10 + row), references=(reference,))
            for row in range(n)
        ),
    )
    run = eh.evaluate(
        testset=testset,
        systems=texts,
        metrics=["chrf", "ter"],
        overrides=["cache=false", "inputs.on_error=warn"],
        results=tmp_path_factory.mktemp("extreme") / "results",
    )
    path = run.folder / "segments.parquet"
    frame = pd.read_parquet(path)
    frame.loc[frame["system"] == "silent", "chrf"] = np.nan
    pq.write_table(pa.Table.from_pandas(frame, schema=pq.read_schema(path), preserve_index=False), path)
    run = eh.open_run(run.folder)
    run.write_page()
    return run


def best_first(run: eh.Run, metric: str) -> list[str]:
    """Systems by a metric of which higher is better."""
    scores = {line.system: line.score or 0.0 for line in run.score_lines if line.metric == metric}
    return sorted(scores, key=lambda name: (-scores[name], name))


def opened(page: Page, run: eh.Run, place: str) -> Page:
    page.goto("about:blank")
    page.goto(f"{(run.folder.resolve() / 'report.html').as_uri()}#{place}")
    page.wait_for_selector(".pairs, .plots, #overview:not([hidden])")
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


def ink(page: Page, plot: str, colour: str, *, but_rightmost: bool = False) -> tuple[int, ...]:
    """How many points of a printed plot are of a colour, and their edges: left, right, top, bottom."""
    page.wait_for_selector(f"{plot} canvas")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    found = page.evaluate(
        """([plot, colour, but]) => {
            const canvas = document.querySelector(`${plot} .paper`);
            const { width, height } = canvas;
            const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
            const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
            const seen = [];
            for (let at = 0; at < width * height; at++) {
                if (wanted.every((part, of) => Math.abs(pixels[4 * at + of] - part) < 40)) {
                    seen.push([at % width, Math.floor(at / width)]);
                }
            }
            const [xs, ys] = [0, 1].map((of) => seen.map((one) => one[of]).sort((a, b) => a - b));
            const inner = but ? xs.filter((x) => x < xs.at(-1) - 40) : xs;
            return [seen.length, inner[0], inner.at(-1), ys[0], ys.at(-1)];
        }""",
        [plot, colour, but_rightmost],
    )
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    return tuple(found)


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

    def test_a_p_value_is_not_rounded_onto_the_level(self, page: Page, bundled: eh.Run, tmp_path: Path) -> None:
        """0.05005 is above 0.05, which three digits would say it is."""
        folder = shutil.copytree(bundled.folder, tmp_path / "one")
        lines = [
            replace(line, p_holm=0.05005, is_significant=False) if line.metric == "bleu" else line
            for line in bundled.comparison_lines
        ]
        write_lines(folder / "comparisons.csv", ComparisonLine, lines)
        run = eh.open_run(folder)
        run.write_page()
        opened(page, run, "tab=pairs&metric=bleu")
        shown = page.locator("table.matrix td.tested .p").all_inner_texts()
        assert set(shown) == {"p 0.05005"}

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
        page.go_back()
        page.wait_for_selector(".pair", state="detached")
        reached = page.evaluate("[document.activeElement.dataset.row, document.activeElement.dataset.column]")
        assert reached == ["1", "0"]

    def test_no_key_is_lost_while_a_pair_opens_or_closes(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=pairs&metric=bleu")
        page.locator("td[data-row='1'][data-column='0']").focus()
        page.evaluate(
            """() => {
                window.focused = [];
                const watch = new MutationObserver((changes) => {
                    const of = (nodes) => [...nodes].some((node) => node.classList?.contains("pair"));
                    if (!changes.some((change) => of(change.addedNodes) || of(change.removedNodes))) return;
                    window.focused.push(document.activeElement.id || document.activeElement.dataset.row);
                });
                watch.observe(document.body, {childList: true, subtree: true});
            }"""
        )
        page.keyboard.press("Enter")
        page.wait_for_selector(".pair")
        page.go_back()
        page.wait_for_selector(".pair", state="detached")
        assert page.evaluate("focused") == ["pair-heading", "1"]  # at the change itself, not a frame later

    def test_an_opened_pair_stands_at_the_start_of_the_window(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=pairs&metric=chrf")
        page.locator("td[data-row='2'][data-column='0']").click()
        page.wait_for_selector(".extremes")
        assert page.locator("#pair-heading").bounding_box()["y"] < 100
        facts = page.locator(".facts").bounding_box()
        assert facts["y"] + facts["height"] < 900

    def test_an_unknown_metric_is_named(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=pairs&metric=nope")
        assert page.get_by_role("alert").inner_text() == "The run has no metric nope. Here is BLEU."

    def test_names_stand_whole_on_a_phone(self, page: Page, bundled: eh.Run) -> None:
        page.set_viewport_size({"width": 400, "height": 900})
        opened(page, bundled, "tab=pairs&metric=bleu")
        lines = page.eval_on_selector_all(
            "table.matrix th",
            """heads => heads.map((one) => {
                const range = document.createRange();
                range.selectNodeContents(one.querySelector("bdi") ?? one);
                return new Set([...range.getClientRects()].map((part) => part.top)).size;
            })""",
        )
        assert set(lines) == {1}

    def test_facts_of_a_pair_are_not_tall_on_a_phone(self, page: Page, bundled: eh.Run) -> None:
        page.set_viewport_size({"width": 400, "height": 900})
        opened(page, bundled, "tab=pairs&metric=chrf&a=polished&b=literal")
        heights = page.eval_on_selector_all(".facts tbody tr", "rows => rows.map(row => row.clientHeight)")
        assert max(heights) <= 4 * 24  # lines of 24 px

    def test_clusters_are_explained_by_their_rule(self, page: Page, of_runs: eh.Run, bundled: eh.Run) -> None:
        for run, words in ((of_runs, "(mt-metrics-eval)"), (bundled, "(WMT 2024)")):
            opened(page, run, "tab=overview")
            meanings = page.inner_text("#meaning")
            assert words in meanings
            assert ("every system above it" in meanings) == (run is bundled)
            opened(page, run, "tab=pairs&metric=ter")
            if page.locator(".cluster-below").count():
                assert words in page.inner_text("#matrix-legend")

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
        edges = page.eval_on_selector_all(".bins tbody tr", "rows => rows.map(row => row.cells[0].textContent)")
        assert len(edges) <= 41
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

    def test_links_of_a_system_with_runs_lead_to_all_of_them(self, page: Page, of_runs: eh.Run) -> None:
        opened(page, of_runs, "tab=pairs&metric=chrf&a=many&b=lone")
        page.wait_for_selector(".extremes a")
        link = page.locator(".extremes a").first
        assert str(link.get_attribute("href")).endswith("&systems=many%2Clone")
        page.locator(".pair-segments > p a").click()
        page.wait_for_selector("article")
        assert place_of(page) == {"tab": "segments", "systems": "many,lone", "sort": "delta:chrf"}
        shown = page.locator("article").first.inner_text()
        assert all(name in shown for name in ("many-seed1", "many-seed2", "many-seed3", "lone"))

    def test_the_level_of_the_interval_is_not_rounded(self, page: Page, of_runs: eh.Run) -> None:
        opened(page, of_runs, "tab=pairs&metric=chrf&a=many&b=lone")
        assert "99.5% interval" in page.locator(".facts th").all_inner_texts()

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
        assert [row[0] for row in rows] == best_first(bundled, "bleu")
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
        for name, _, pearson, *_ in rows:
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

    def test_what_is_chosen_is_in_the_address(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=plots")
        page.locator("#plot-distributions select").select_option("ter")
        page.wait_for_function("() => document.querySelector('.quantiles caption')?.innerText.startsWith('TER')")
        page.locator("#plot-length select").nth(1).select_option("hypothesis_length")
        page.get_by_role("checkbox", name="gloss", exact=True).uncheck()
        page.wait_for_function("() => document.querySelectorAll('.quantiles tbody tr').length === 4")
        assert place_of(page) == {
            "tab": "plots",
            "metric": "ter",
            "length": "hypothesis_length",
            "systems": "polished,literal,lossy,source-copy",
        }
        page.get_by_role("link", name="Pairs", exact=True).click()
        page.wait_for_selector("table.matrix")
        page.go_back()
        page.wait_for_function("() => document.querySelector('.quantiles caption')?.innerText.startsWith('TER')")
        assert page.locator(".quantiles tbody tr").count() == 4
        assert not page.get_by_role("checkbox", name="gloss", exact=True).is_checked()

    def test_what_the_run_lacks_is_named(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=plots&metric=nope&systems=polished,nobody&length=depth")
        assert page.get_by_role("alert").inner_text() == (
            "The run has no system nobody, no metric nope with segment scores, no length depth."
        )

    def test_a_box_leads_to_the_segments_in_the_order_of_scores(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=plots")
        page.wait_for_selector("#plot-distributions canvas")
        page.wait_for_timeout(1000)
        chart = page.locator("#plot-distributions .chart")
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        for x in range(150, 800, 10):  # through the box of the first system
            page.mouse.click(box["x"] + x, box["y"] + 8 + 46 / 2)
            if "sort=" in page.url:
                break
        page.wait_for_selector("article")
        assert place_of(page) == {"tab": "segments", "systems": "polished", "sort": "score:bleu"}
        assert page.get_by_role("alert").count() == 0

    def test_every_picture_has_a_way_by_keyboard(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=plots")
        page.wait_for_selector("#plot-metrics .correlations td")
        for link, place in (
            ("#plot-distributions tbody th a", {"sort": "score:bleu"}),
            ("#plot-length td a >> nth=1", {"sort": "length"}),
            ("#plot-metrics td a >> nth=0", {"sort": "score:chrf"}),
        ):
            page.locator(link).first.focus()
            page.keyboard.press("Enter")
            page.wait_for_selector("article")
            assert place_of(page) == {"tab": "segments", "systems": "polished", **place}
            assert page.get_by_role("alert").count() == 0
            page.go_back()
            page.wait_for_selector("#plot-metrics .correlations td")
        captions = page.eval_on_selector_all("figcaption", "all => all.map(one => one.parentElement.tagName)")
        assert captions == ["FIGURE"] * 3

    def test_nothing_correlates_with_what_does_not_vary(self, page: Page, extreme: eh.Run) -> None:
        opened(page, extreme, "tab=plots")
        page.wait_for_selector("#plot-metrics .correlations td")
        for plot in ("#plot-length", "#plot-metrics"):
            row = page.locator(f"{plot} .correlations tr", has=page.get_by_text("constant", exact=True))
            assert row.locator("td").all_inner_texts()[:3] == ["31", "–", "–"]

    def test_lines_of_the_scale_stand_evenly(self, page: Page, bundled: eh.Run, extreme: eh.Run) -> None:
        for run in (bundled, extreme):
            opened(page, run, "tab=plots")
            page.wait_for_selector("#plot-distributions canvas")
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            columns = page.eval_on_selector(
                "#plot-distributions .paper",
                """(canvas) => {
                    const { width } = canvas;
                    const row = canvas.getContext("2d").getImageData(0, 20, width, 1).data; // above the first box
                    return [...Array(width).keys()].filter((at) => row[4 * at] < 200 && row[4 * at + 1] < 200);
                }""",
            )
            lines = [at for before, at in pairwise([-9, *columns]) if at - before > 1]
            gaps = [after - before for before, after in pairwise(lines)]
            assert len(gaps) > 2
            assert max(gaps) - min(gaps) <= 2

    def test_without_scores_there_is_a_sentence(self, page: Page, extreme: eh.Run) -> None:
        opened(page, extreme, "tab=plots&systems=silent")
        page.wait_for_selector("#plot-distributions .quantiles td")
        assert "have no segment scores by chrF2" in page.inner_text("#plot-distributions > p >> nth=1")
        assert "has both values" in page.inner_text("#plot-length")
        assert page.locator(".chart").count() == 0

    def test_a_system_without_scores_breaks_no_picture(self, page: Page, extreme: eh.Run) -> None:
        opened(page, extreme, "tab=plots")
        assert ink(page, "#plot-length", "#D55E00")[0] > 50  # of `falling`
        page.wait_for_timeout(1500)  # errors of painting are seen by the fixture

    def test_far_lengths_stand_on_a_logarithmic_axis(self, page: Page, extreme: eh.Run, bundled: eh.Run) -> None:
        opened(page, extreme, "tab=plots&systems=rising&length_metric=ter")
        _, left, right, *_ = ink(page, "#plot-length", "#CC79A7", but_rightmost=True)
        assert right - left > 100  # of lengths 10 to 40 beside one of 50,000; on a straight axis they are one column
        assert "logarithmic" in page.inner_text("#plot-length figcaption")
        opened(page, bundled, "tab=plots")
        page.wait_for_selector("#plot-length figcaption")
        assert "logarithmic" not in page.inner_text("#plot-length figcaption")

    def test_points_stand_at_their_values_whatever_their_shape(self, page: Page, extreme: eh.Run) -> None:
        middles = {}
        for name, colour in (("constant", "#0072B2"), ("echo", "#E69F00")):  # their scores are the same
            opened(page, extreme, f"tab=plots&systems={name},falling")
            _, _, _, top, bottom = ink(page, "#plot-metrics", colour)
            middles[name] = (top + bottom) / 2
        assert middles["echo"] == pytest.approx(middles["constant"], abs=2)


class TestPrint:
    COLOURS = (
        "#0072B2",
        "#D55E00",
        "#009E73",
        "#CC79A7",
        "#E69F00",
    )  # of the five systems, as plots/style.tsx has them

    @pytest.mark.parametrize("page", ["dark"], indirect=True)
    @pytest.mark.parametrize("chosen", ["auto", "dark"])
    def test_paper_is_white(self, page: Page, bundled: eh.Run, chosen: str) -> None:
        opened(page, bundled, "tab=pairs")
        page.get_by_label("Theme").select_option(chosen)
        page.wait_for_function("() => getComputedStyle(document.body).backgroundColor !== 'rgb(255, 255, 255)'")
        page.emulate_media(media="print")
        colours = [
            page.eval_on_selector(one, "one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]")
            for one in ("body", "td.self", ".matrix th")
        ]
        black, grey, white, none = "rgb(0, 0, 0)", "rgb(51, 51, 51)", "rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"
        assert colours == [[black, white], [grey, none], [black, white]]

    @pytest.mark.parametrize("page", ["dark"], indirect=True)
    def test_plots_are_whole(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=plots")
        page.wait_for_selector("#plot-metrics canvas")
        for plot in ("#plot-length", "#plot-metrics"):
            for colour in self.COLOURS:
                assert ink(page, plot, colour)[0] > 50
            n, left, _, _, bottom = ink(page, plot, "#000000")
            assert n > 500  # numbers and names of the axes
            assert left < 60
            assert bottom > 2 * 380
        page.evaluate(
            "addEventListener('beforeprint', () => { window.drawn = document.querySelectorAll('.paper').length })"
        )
        page.pdf()
        assert page.evaluate("[window.drawn, document.querySelectorAll('.paper').length]") == [3, 0]


class TestFailedRequests:
    """The page of a server that fails at first."""

    ADDRESS = "http://127.0.0.1:1/runs/one/"

    @pytest.fixture
    def failing(self, browser: Any, bundled: eh.Run) -> Any:
        """A page, and the names of the requests that fail."""
        content = RunContent(bundled, bundled.report_settings())
        fails: set[str] = set()

        def answer(route: Any) -> None:
            name = urlsplit(route.request.url).path.removeprefix("/runs/one/").removeprefix("content/")
            if name in fails and name == "columns/ter":
                route.abort()
            elif name in fails:
                route.fulfill(status=500, body="the disk is asleep")
            elif name == "":
                route.fulfill(content_type="text/html", body=served_page(bundled, bundled.report_settings()))
            elif name == "run":
                route.fulfill(content_type="application/json", body=strict_json(content.lines()))
            else:
                route.fulfill(body=little_endian(content.column(name.removeprefix("columns/"))))

        context = browser.new_context()
        context.route("**/*", answer)
        yield context.new_page(), fails
        context.close()

    def test_they_are_tried_again(self, failing: Any) -> None:
        page, fails = failing
        fails |= {"run", "columns/bleu"}
        page.goto(f"{self.ADDRESS}#tab=plots")
        for _ in range(2):
            page.wait_for_function("() => document.querySelector('.failure')?.innerText.includes('asleep')")
            fails.discard("run" if "run" in fails else "columns/bleu")
            page.get_by_role("button", name="Try again").click()
            page.wait_for_timeout(300)
        page.wait_for_selector(".quantiles td")

    def test_the_next_visit_tries_again(self, failing: Any) -> None:
        page, fails = failing
        fails.add("columns/ter")
        page.goto(f"{self.ADDRESS}#tab=plots&metric=ter")
        page.wait_for_selector(".failure")
        assert "The server does not answer" in page.inner_text(".failure")
        page.evaluate("location.hash = '#tab=plots&metric=bleu'")
        page.wait_for_selector(".quantiles td")
        fails.clear()
        page.evaluate("location.hash = '#tab=plots&metric=ter'")
        page.wait_for_function("() => document.querySelector('.quantiles caption')?.innerText.startsWith('TER')")


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
