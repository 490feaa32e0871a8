"""The segment browser of `report.html` in a real Chromium, from disk: what it lists, how sorted, where links lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chromium import Page, serious_problems
from data_folder import wmt22_run
from hostile import TEXTS

import evalharness as eh
from evalharness.records import LanguagePair, Segment, TestSet

LONG = "word " * 4_000
WITHOUT_SPACES = "x" * 5_000
RTL = "שלום עולם, this is mixed"
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """5 systems, 9 segments."""
    return eh.evaluate(results=tmp_path_factory.mktemp("segments") / "results", overrides=["cache=false"])


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """Names and texts that careless code breaks; documents, domains and two references; a hypothesis is missing."""
    texts = [SCRIPT, RTL, LONG, WITHOUT_SPACES, "\u202egnirts desrever", "\x1b[31mred", "the cat sat", *TEXTS[1:]]
    n = len(texts)
    testset = TestSet(
        name="odd",
        language_pair=LanguagePair.parse("he-en"),
        segments=tuple(
            Segment(
                id=f"{row}&#<b>",
                source=text,
                references=(text, texts[(row + 1) % n]),
                document=f"doc&{row // 3}",
                domain=("news", "social=<i>")[row % 2],
                original_language=("he", "en")[row % 3 == 0],
            )
            for row, text in enumerate(texts)
        ),
    )
    run = eh.evaluate(
        testset=testset,
        systems={"a,b&=": texts, "50% &lt;b&gt;": [text[::-1] + " a" for text in texts]},
        metrics=["bleu", "chrf"],
        overrides=["cache=false", "inputs.on_error=warn"],
        results=tmp_path_factory.mktemp("odd") / "results",
    )
    frame = pd.read_parquet(run.folder / "segments.parquet")
    frame.loc[n + 6, "hypothesis"] = None
    frame.loc[n + 6, ["bleu", "chrf"]] = np.nan
    path = run.folder / "segments.parquet"
    pq.write_table(pa.Table.from_pandas(frame, schema=pq.read_schema(path), preserve_index=False), path)
    run = eh.open_run(run.folder)
    run.write_page()
    return run


def opened(page: Page, run: eh.Run, place: str) -> Page:
    page.goto("about:blank")
    page.goto(f"{(run.folder.resolve() / 'report.html').as_uri()}#{place}")
    settled(page)
    return page


def settled(page: Page) -> None:
    page.wait_for_function("() => / of |no segment/.test(document.querySelector('.count')?.innerText ?? '')")
    page.wait_for_function(
        "() => ![...document.querySelectorAll('article')].some(one => one.innerText.includes('Loading texts'))"
        " && ![...document.querySelectorAll('article dd')].some(one => one.innerText === '…')"
    )
    page.wait_for_timeout(100)


def listed(page: Page) -> list[str]:
    """Names of all segments in the order of the list, scrolled through from its start."""
    found: dict[int, str] = {}
    page.eval_on_selector(".feed-box", "box => { box.scrollTop = 0 }")
    while True:
        page.wait_for_timeout(120)
        for at, name in page.eval_on_selector_all(
            "article", "all => all.map(one => [Number(one.ariaPosInSet), one.ariaLabel])"
        ):
            found[at] = name.removeprefix("Segment ")
        if page.eval_on_selector(
            ".feed-box",
            "box => { const before = box.scrollTop; box.scrollTop += box.clientHeight / 2;"
            " return Math.abs(box.scrollTop - before) < 1 }",
        ):
            assert sorted(found) == list(range(1, len(found) + 1))
            return [found[at] for at in sorted(found)]


def scores(run: eh.Run, metric: str, system: str) -> dict[str, float]:
    """By segment, from `segments.parquet`."""
    frame = run.segments
    rows = frame[frame["system"] == system]
    return dict(zip(rows["segment"], rows[metric].to_numpy(dtype=float), strict=True))


def place_of(page: Page) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(page.url.partition("#")[2], keep_blank_values=True).items()}


def article(page: Page, segment: str) -> Any:
    return page.get_by_role("article", name=f"Segment {segment}", exact=True)


class TestList:
    def test_blocks_show_texts_and_scores_of_the_record(self, page: Page, bundled: eh.Run) -> None:
        frame = bundled.segments
        segment = frame["segment"].iloc[4]
        opened(page, bundled, f"segment={quote(segment)}&against=off")
        for name in [system.name for system in bundled.plan.systems][:3]:
            row = frame[(frame["system"] == name) & (frame["segment"] == segment)].iloc[0]
            output = article(page, segment).locator(f"[data-system='{name}']")
            assert output.locator(".text").inner_text() == row["hypothesis"]
            for metric in bundled.plan.metrics:
                shown = output.locator(f"[data-metric='{metric.name}'] dd").inner_text()
                assert shown == f"{row[metric.name] * metric.display_factor:.1f}"
        assert article(page, segment).locator(".text").first.inner_text() == row["source"]
        assert article(page, segment).locator(".text").nth(1).inner_text() == row["references"][0]

    def test_it_is_a_feed_that_says_how_long_it_is(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        assert page.get_by_role("status").inner_text() == "9 of 9 segments."
        first = page.get_by_role("feed").get_by_role("article").first
        assert (first.get_attribute("aria-posinset"), first.get_attribute("aria-setsize")) == ("1", "9")
        assert listed(page) == list(dict.fromkeys(bundled.segments["segment"]))

    def test_a_missing_hypothesis_has_no_scores(self, page: Page, odd: eh.Run) -> None:
        opened(page, odd, f"segment={quote('6&#<b>')}")
        output = article(page, "6&#<b>").locator(".output").nth(1)
        assert output.locator(".missing").inner_text() == "no output"
        assert set(output.locator("dd").all_inner_texts()) == {"–"}

    def test_hostile_texts_are_text(self, page: Page, odd: eh.Run) -> None:
        opened(page, odd, f"segment={quote('0&#<b>')}&against=off")
        assert article(page, "0&#<b>").locator(".text").first.inner_text() == SCRIPT
        assert page.locator("article img, article script").count() == 0
        assert "owned" not in page.title()
        opened(page, odd, f"segment={quote('4&#<b>')}&against=off")
        assert "[RLO]gnirts" in article(page, "4&#<b>").locator(".text").first.inner_text()

    def test_texts_have_their_direction_and_language(self, page: Page, odd: eh.Run) -> None:
        opened(page, odd, f"segment={quote('1&#<b>')}&against=off")
        source = article(page, "1&#<b>").locator(".text").first
        assert source.get_attribute("lang") == "he"
        assert source.evaluate("one => [getComputedStyle(one).direction, getComputedStyle(one).unicodeBidi]") == [
            "rtl",
            "isolate",
        ]


class TestOrder:
    def test_by_a_metric_of_a_system(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        page.select_option("select[name=sort]", "score:chrf")
        page.select_option("select[name=of]", "literal")
        page.select_option("select[name=order]", "ascending")
        settled(page)
        values = scores(bundled, "chrf", "literal")
        assert listed(page) == sorted(values, key=lambda one: values[one])
        assert place_of(page) == {"tab": "segments", "sort": "score:chrf", "of": "literal", "order": "ascending"}

    def test_by_the_difference_of_two_systems(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments&systems=polished%2Cliteral&sort=delta:ter&order=ascending")
        a, b = scores(bundled, "ter", "polished"), scores(bundled, "ter", "literal")
        assert listed(page) == sorted(a, key=lambda one: a[one] - b[one])
        page.eval_on_selector(".feed-box", "box => { box.scrollTop = 0 }")
        page.wait_for_timeout(200)
        top = min(a[one] - b[one] for one in a)
        assert top < 0
        assert f"TER: polished − literal: −{-top:.1f}" in page.locator("article header").first.inner_text()

    def test_by_the_disagreement_of_metrics(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments&list=outputs&sort=disagreement")
        frame = bundled.segments
        ranks = np.array(
            [
                (frame[one.name].rank(ascending=one.higher_is_better).to_numpy() - 1) / (len(frame) - 1)
                for one in bundled.plan.metrics
            ]
        )
        spread = ranks.max(axis=0) - ranks.min(axis=0)
        order = sorted(range(len(frame)), key=lambda row: (-round(spread[row], 9), row))
        assert listed(page) == [f"{frame['segment'].iloc[row]}, {frame['system'].iloc[row]}" for row in order]
        assert "largest rank of an output less its smallest" in page.locator(".controls").inner_text()

    def test_outputs_one_by_one_with_missing_scores_last(self, page: Page, odd: eh.Run) -> None:
        opened(page, odd, "tab=segments&list=outputs&sort=score:chrf&order=ascending")
        frame = odd.segments
        values = frame["chrf"].to_numpy(dtype=float)
        order = sorted(range(len(frame)), key=lambda row: (np.isnan(values[row]), values[row], row))
        names = listed(page)
        assert [name.partition(", ")[0] for name in names] == [frame["segment"].iloc[row] for row in order]
        assert names[-1] == "6&#<b>, 50% &lt;b&gt;"

    def test_by_length(self, page: Page, odd: eh.Run) -> None:
        opened(page, odd, "tab=segments&sort=length")
        assert listed(page)[:2] == ["2&#<b>", "3&#<b>"]  # 20,000 and 5,000 characters


class TestFilters:
    def test_by_text_typed(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        page.keyboard.press("/")
        page.keyboard.type("THE")
        page.wait_for_function("() => location.hash.includes('filter=THE')")
        settled(page)
        frame = bundled.segments[bundled.segments["system"].isin([one.name for one in bundled.plan.systems][:3])]
        wanted = [
            segment
            for segment, rows in frame.groupby("segment", sort=False)
            if "the" in " ".join([segment, *rows["source"], *rows["references"].iloc[0], *rows["hypothesis"]]).lower()
        ]
        assert 0 < len(wanted) <= 9
        assert page.get_by_role("status").inner_text() == f"{len(wanted)} of 9 segments."
        assert listed(page) == wanted

    def test_by_document_domain_and_language_of_any_name(self, page: Page, odd: eh.Run) -> None:
        opened(page, odd, "tab=segments")
        page.select_option("select[name=domain]", label="social=<i>")
        settled(page)
        assert listed(page) == [f"{row}&#<b>" for row in range(1, len(TEXTS) + 6, 2)]
        page.select_option("select[name=document]", label="doc&1")
        settled(page)
        assert listed(page) == ["3&#<b>", "5&#<b>"]
        page.select_option("select[name=original_language]", label="en")
        settled(page)
        assert listed(page) == ["3&#<b>"]

    def test_by_flag(self, page: Page, odd: eh.Run) -> None:
        frame = odd.segments
        flag = next(flag for flags in frame["flags"] if len(flags) for flag in flags)
        opened(page, odd, "tab=segments")
        page.select_option("select[name=flag]", flag)
        settled(page)
        having = {row["segment"] for _, row in frame.iterrows() if flag in row["flags"]}
        assert listed(page) == [one for one in dict.fromkeys(frame["segment"]) if one in having]

    def test_nothing_found_says_so_and_can_be_cleared(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments&filter=nowhere%20at%20all")
        assert page.get_by_role("status").inner_text() == "0 of 9 segments."
        assert "Nothing fits these filters." in page.locator(".segments").inner_text()
        page.get_by_role("button", name="Clear filters").click()
        page.wait_for_selector("article")
        assert place_of(page) == {"tab": "segments"}


class TestDifferences:
    def test_words_against_a_reference_are_those_of_both_texts(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        frame = bundled.segments
        name = bundled.plan.systems[0].name
        for segment in dict.fromkeys(frame["segment"]):
            page.evaluate("hash => { location.hash = hash }", f"segment={quote(segment)}")
            article(page, segment).wait_for()
            settled(page)
            row = frame[(frame["system"] == name) & (frame["segment"] == segment)].iloc[0]
            text = article(page, segment).locator(f"[data-system='{name}'] .text")
            without = (
                "(text, tag) => { const copy = text.cloneNode(true);"
                " copy.querySelectorAll(tag).forEach(one => one.remove()); return copy.textContent }"
            )
            assert text.evaluate(without, "del") == row["hypothesis"]
            # White space is not compared, so that of the output stands where both have the word.
            assert "".join(text.evaluate(without, "ins").split()) == "".join(row["references"][0].split())
        assert text.locator("ins, del").count() > 0
        assert "underline" in text.locator("ins").first.evaluate("one => getComputedStyle(one).textDecorationLine")

    def test_against_another_system_or_none(self, page: Page, bundled: eh.Run) -> None:
        first, second = (system.name for system in bundled.plan.systems[:2])
        opened(page, bundled, "tab=segments")
        page.select_option("select[name=against]", f"system:{first}")
        page.wait_for_timeout(300)
        assert page.locator(f"[data-system='{first}'] :is(ins, del)").count() == 0
        assert page.locator(f"[data-system='{second}'] :is(ins, del)").count() > 0
        page.select_option("select[name=against]", "off")
        page.wait_for_timeout(300)
        assert page.locator("article :is(ins, del)").count() == 0

    def test_very_long_texts_are_cut_and_not_compared(self, page: Page, odd: eh.Run) -> None:
        opened(page, odd, f"segment={quote('2&#<b>')}")
        block = article(page, "2&#<b>")
        assert "Too long, or too different, to compare with reference 1." in block.inner_text()
        assert len(block.locator(".text").first.inner_text()) == 2_001
        block.get_by_role("button", name="Show all 20,000 characters").first.click()
        page.wait_for_timeout(200)
        assert len(str(block.locator(".text").first.evaluate("one => one.textContent"))) == len(LONG)
        opened(page, odd, f"segment={quote('3&#<b>')}")
        assert page.evaluate("document.querySelector('.feed-box').scrollWidth") <= 1200


class TestLinks:
    def test_a_link_opens_focuses_and_marks_its_segment(self, page: Page, odd: eh.Run) -> None:
        last = f"{len(TEXTS) + 5}&#<b>"
        opened(page, odd, f"segment={quote(last)}")
        page.wait_for_function("name => document.activeElement.ariaLabel === `Segment ${name}`", arg=last)
        assert article(page, last).get_attribute("aria-current") == "true"
        assert article(page, last).is_visible()

    def test_it_shows_what_filters_hide_and_says_so(self, page: Page, odd: eh.Run) -> None:
        opened(page, odd, f"tab=segments&filter=nowhere&document={quote('doc&1')}&segment={quote('0&#<b>')}")
        article(page, "0&#<b>").wait_for()
        settled(page)
        assert "Filters were cleared to show segment 0&#<b>." in page.get_by_role("status").inner_text()
        assert "filter" not in place_of(page)
        assert page.input_value("input[name=filter]") == ""

    def test_systems_of_any_name_travel_in_the_address(self, page: Page, odd: eh.Run) -> None:
        opened(page, odd, "tab=segments")
        page.locator(".segments summary").click()
        page.get_by_role("checkbox", name="50% &lt;b&gt;", exact=True).uncheck()
        page.wait_for_function("() => location.hash.includes('systems=')")
        settled(page)
        assert place_of(page)["systems"] == quote("a,b&=", safe="")
        assert page.locator("article").first.locator(".output").count() == 1
        href = page.locator("article h3 a").nth(1).get_attribute("href")
        opened(page, odd, str(href).removeprefix("#"))
        page.wait_for_function("() => document.activeElement.ariaLabel === 'Segment 1&#<b>'")
        assert page.locator("article").first.locator(".output h4").all_inner_texts() == ["a,b&="]

    def test_an_unknown_segment_or_system_is_named(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "segment=nowhere&systems=nobody")
        assert "no segment nowhere" in page.get_by_role("status").inner_text()
        assert "no system nobody" in page.get_by_role("alert").inner_text()

    def test_keys_go_from_segment_to_segment(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        names = list(dict.fromkeys(bundled.segments["segment"]))
        for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
            page.keyboard.press(key)
            page.wait_for_function("name => document.activeElement.ariaLabel === `Segment ${name}`", arg=names[at])


class TestForAllReaders:
    @pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
    @pytest.mark.parametrize(
        "place", ["tab=segments", "tab=segments&list=outputs&sort=disagreement", "segment=nowhere"]
    )
    def test_axe_finds_nothing_serious(self, page: Page, odd: eh.Run, place: str) -> None:
        opened(page, odd, place)
        assert serious_problems(page) == []

    def test_nothing_is_wider_than_a_phone(self, page: Page, odd: eh.Run) -> None:
        page.set_viewport_size({"width": 400, "height": 800})
        opened(page, odd, f"segment={quote('3&#<b>')}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        lefts = article(page, "3&#<b>").locator(".output").evaluate_all("all => all.map(one => one.offsetLeft)")
        assert lefts[0] == lefts[1]  # one below the other


@pytest.mark.slow
def test_22500_outputs_scroll_without_long_tasks(page: Page, tmp_path: Path) -> None:
    run = wmt22_run(tmp_path / "results")
    opened(page, run, "tab=segments")
    page.evaluate(
        "window.long = []; new PerformanceObserver(list => long.push(...list.getEntries().map(one => one.duration)))"
        ".observe({type: 'longtask'})"
    )
    for order in ("sort=score:bleu", "sort=disagreement", "sort=length&filter=the"):
        page.evaluate("place => { location.hash = place }", f"tab=segments&list=outputs&{order}")
        page.wait_for_timeout(500)
        settled(page)
        page.evaluate(
            "async () => { const box = document.querySelector('.feed-box'); for (let at = 0; at <= 40; at++) {"
            " box.scrollTop = box.scrollHeight * at / 40; await new Promise(go => setTimeout(go, 40)) } }"
        )
    assert page.locator("article").count() < 40
    assert [duration for duration in page.evaluate("long") if duration > 100] == []


@pytest.fixture(scope="module")
def marking(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """Marked errors, beside letters of two code units; of an xCOMET with random weights."""
    pytest.importorskip("torch")
    pytest.importorskip("tokenizers")
    from tiny_comet import some_texts, write_checkpoint

    from evalharness.metrics.comet.metric import Comet

    folder = tmp_path_factory.mktemp("errors")
    model = write_checkpoint(folder / "xcomet", "xcomet_metric", word_layer=2)
    texts = some_texts(24, seed=9, longest=12)
    segments = tuple(
        Segment(id=str(n), source=source, references=(reference,))
        for n, (source, reference) in enumerate(zip(texts[:12], texts[12:], strict=True))
    )
    testset = TestSet(name="t", language_pair=LanguagePair.parse("zh-en"), segments=segments)
    systems = {name: [f"😀 {text} 𝒳<b>" for text in some_texts(12, seed=n)] for n, name in enumerate("ab", start=1)}
    metrics = {"x": Comet(model=str(model), device="cpu")}
    return eh.evaluate(testset=testset, systems=systems, metrics=metrics, results=folder / "results")


class TestErrors:
    @pytest.mark.parametrize("against", ["off", "reference:1"])
    def test_they_are_marked_and_listed_as_the_record_has_them(self, page: Page, marking: eh.Run, against: str) -> None:
        n_seen = 0
        for row in marking.segments.itertuples():
            opened(page, marking, f"tab=segments&segment={row.segment}&against={against}")
            output = article(page, row.segment).locator(f".output[data-system={row.system}]")
            inside = [
                any(span["start"] <= place < span["end"] for span in row.x_errors)
                for place in range(len(row.hypothesis))
            ]
            marked = "".join(output.locator(".text mark").all_text_contents())
            assert marked == "".join(letter for letter, is_in in zip(row.hypothesis, inside, strict=True) if is_in)
            if against == "off":
                assert output.locator(".text").inner_text() == row.hypothesis
            else:
                assert output.locator("del mark").count() == 0
            said = output.locator(".errors li").all_text_contents()
            assert len(said) == len(row.x_errors)
            for line, span in zip(said, row.x_errors, strict=True):
                assert span["severity"] in line
                assert f"confidence {span['confidence']:.2f}" in line
                assert line.endswith(f"“{span['text']}”")
            n_seen += len(said)
        assert n_seen > 24

    def test_axe_finds_nothing_serious(self, page: Page, marking: eh.Run) -> None:
        opened(page, marking, "tab=segments&against=off")
        assert page.locator("mark").count() > 0
        assert serious_problems(page) == []
