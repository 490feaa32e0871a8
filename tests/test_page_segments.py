"""The segment browser of `report.html` in a real Chromium, from disk: what it lists, how sorted, where links lead."""

from __future__ import annotations

import random
import shutil
import subprocess
from itertools import pairwise
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


WORDS = ("Äpfel", "für", "2,50", "Euro.", "und,", "Schnee", "开放", "😀", "é.", "na  ïve", "e\u0301", "(so)", "郑州。")
GROUPED = {"a-worst": 0.8, "b-best": 0.1, "c-seed1": 0.4, "c-seed2": 0.45, "c-seed3": 0.5, "d-good": 0.2}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """120 segments of random words; systems that lost different shares of them, three of them runs of one system."""
    folder = tmp_path_factory.mktemp("many")
    draw = random.Random(1)
    references = [" ".join(draw.choices(WORDS, k=2 + n // 10)) for n in range(120)]
    references[:2] = ["Äpfel für 2,50 Euro.", "a" + "𝒳" * 2_000]
    (folder / "hyp").mkdir()
    for name, lost in GROUPED.items():
        texts = [" ".join(_changed(text.split(" "), lost, draw)) or "x" for text in references]
        texts[:2] = ["Äpfel.", "b" * 3_000]
        texts[6] += " nowhereelse" if name == "a-worst" else ""
        (folder / "hyp" / f"{name}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    sources = [text.upper() for text in references]
    sources[1] = "😀" * 3_000
    (folder / "src").write_text("\n".join(sources) + "\n", encoding="utf-8")
    (folder / "ref").write_text("\n".join(references) + "\n", encoding="utf-8")
    run = eh.evaluate(
        overrides=[
            "testset=plain", "testset.language_pair=de-en", f"testset.source={folder / 'src'}",
            f"testset.references=[{folder / 'ref'}]", "systems=[folder]", f"systems.folder.path={folder / 'hyp'}",
            "systems.folder.group_by='*-seed*'", "metrics=[chrf]", "stats.n_draws=100", "cache=false",
        ],
        results=folder / "results",
    )  # fmt: skip
    run.write_page()
    return run


def _changed(words: list[str], lost: float, draw: random.Random) -> list[str]:
    return [draw.choice(WORDS) if draw.random() < lost else word for word in words if draw.random() > lost / 4]


@pytest.fixture(scope="module")
def spaced(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """Segments whose names differ in a plus sign; characters that nobody sees."""
    text = "soft\u00adhyphen zero\u200bwidth word\u2060joiner fill\u3164er 👩\u200d🚀"
    segments = tuple(Segment(id=name, source=text, references=(text,)) for name in ("a b", "a+b", "c d"))
    return eh.evaluate(
        testset=TestSet(name="t", language_pair=LanguagePair.parse("de-en"), segments=segments),
        systems={"a": [text] * 3},
        metrics=["chrf"],
        results=tmp_path_factory.mktemp("spaced") / "results",
    )


def shown(page: Page, run: eh.Run, place: str) -> None:
    page.goto("about:blank")
    page.goto(f"{(run.folder.resolve() / 'report.html').as_uri()}#{place}")


def opened(page: Page, run: eh.Run, place: str) -> Page:
    shown(page, run, place)
    settled(page)
    return page


def settled(page: Page) -> None:
    page.wait_for_function("() => / of |no segment/.test(document.querySelector('.count')?.innerText ?? '')")
    page.wait_for_function(
        "() => ![...document.querySelectorAll('article')].some(one => one.innerText.includes('Loading texts'))"
        " && ![...document.querySelectorAll('article dd')].some(one => one.innerText === '…')"
        " && document.querySelector('article [aria-busy=true]') === null"
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


def best(run: eh.Run) -> list[str]:
    """Systems, the best by the first metric first."""
    metric = run.plan.metrics[0]
    scores = {line.system: line.score for line in run.score_lines if line.metric == metric.name}
    return sorted(scores, key=lambda one: (-scores[one] if metric.higher_is_better else scores[one], one))


def printed(page: Page) -> None:
    page.wait_for_timeout(1_000)  # texts that may be printed are loaded when the list has stood for a while
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.printed article')]"
        ".every(one => !one.innerText.includes('not loaded yet'))"
    )


WITHOUT = (
    "(text, tag) => { const copy = text.cloneNode(true);"
    " copy.querySelectorAll(tag).forEach(one => one.remove()); return copy.textContent }"
)


def place_of(page: Page) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(page.url.partition("#")[2], keep_blank_values=True).items()}


def article(page: Page, segment: str) -> Any:
    return page.get_by_role("article", name=f"Segment {segment}", exact=True)


class TestList:
    def test_blocks_show_texts_and_scores_of_the_record(self, page: Page, bundled: eh.Run) -> None:
        frame = bundled.segments
        segment = frame["segment"].iloc[4]
        opened(page, bundled, f"segment={quote(segment)}&against=off")
        for name in best(bundled)[:3]:
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

    def test_the_best_systems_are_shown_first(self, page: Page, many: eh.Run) -> None:
        opened(page, many, "tab=segments")
        shown = article(page, "3").locator(".output h4")
        assert shown.all_inner_texts() == ["b-best", "d-good", "c-seed1"]
        page.locator(".segments summary").click()
        names = page.locator(".segments fieldset label").all_inner_texts()
        assert [name.strip() for name in names] == ["b-best", "d-good", "c-seed1", "c-seed2", "c-seed3", "a-worst"]
        page.get_by_role("checkbox", name="a-worst").check()
        settled(page)
        assert shown.all_inner_texts() == ["b-best", "d-good", "c-seed1", "a-worst"]

    def test_runs_of_a_system_are_counted_and_chosen_one_by_one(self, page: Page, many: eh.Run) -> None:
        opened(page, many, "tab=segments&systems=c,d-good")
        page.locator(".segments summary").click()
        assert page.locator(".segments summary").inner_text() == "Systems: 4 of 6"
        chosen = page.locator("fieldset input:checked").evaluate_all(
            "all => all.map(one => one.parentNode.innerText.trim())"
        )
        assert chosen == ["d-good", "c-seed1", "c-seed2", "c-seed3"]
        page.get_by_role("checkbox", name="c-seed2").uncheck()
        settled(page)
        assert place_of(page)["systems"] == "d-good,c-seed1,c-seed3"

    def test_characters_that_nobody_sees_are_marked(self, page: Page, spaced: eh.Run) -> None:
        opened(page, spaced, "tab=segments")
        shown = article(page, "a b").locator(".text").first.inner_text()
        assert shown == "soft[SHY]hyphen zero[ZWSP]width word[WJ]joiner fill[HF]er 👩\u200d🚀"

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
        frame = bundled.segments
        wanted = [
            segment
            for segment, rows in frame.groupby("segment", sort=False)
            if "the" in " ".join([segment, *rows["source"], *rows["references"].iloc[0], *rows["hypothesis"]]).lower()
        ]
        assert 0 < len(wanted) <= 9
        assert page.get_by_role("status").inner_text() == f"{len(wanted)} of 9 segments."
        assert listed(page) == wanted

    def test_a_text_in_outputs_that_are_not_shown_is_found_and_said(self, page: Page, many: eh.Run) -> None:
        opened(page, many, "tab=segments&filter=nowhereelse")
        assert listed(page) == ["7"]
        assert "The text is only in outputs that are not shown: a-worst." in article(page, "7").inner_text()
        opened(page, many, "tab=segments&filter=nowhereelse&systems=a-worst")
        assert "not shown" not in article(page, "7").inner_text()

    def test_a_choice_made_while_a_text_is_typed_is_kept(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        page.keyboard.press("/")
        page.keyboard.type("the")
        page.select_option("select[name=sort]", "length")
        page.wait_for_function("() => location.hash.includes('filter=the')")
        assert place_of(page) == {"tab": "segments", "sort": "length", "filter": "the"}

    def test_typing_a_text_is_one_entry_of_the_history(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        before = page.evaluate("history.length")
        page.keyboard.press("/")
        for part in ("t", "h", "e"):
            page.keyboard.type(part)
            page.wait_for_timeout(400)
        assert place_of(page)["filter"] == "the"
        assert page.evaluate("history.length") == before + 1
        page.go_back()
        page.wait_for_function("() => location.hash === '#tab=segments'")

    def test_by_the_length_of_the_source_as_the_record_slices_it(self, page: Page, many: eh.Run) -> None:
        slices = many.slices[many.slices["by"] == "source-length"]
        lines = slices[slices["system"] == "b-best"]
        opened(page, many, "tab=segments")
        options = page.locator("select[name=source_length] option")
        assert options.all_inner_texts() == ["any", *lines["slice"]]
        frame = many.segments[many.segments["system"] == "b-best"]
        for line in lines.itertuples():
            page.select_option("select[name=source_length]", label=line.slice)
            settled(page)
            low, high = map(int, line.slice.split()[0].split("-"))
            n = int(frame["source"].str.len().between(low, high).sum())
            assert n == line.n_scored + line.n_missing
            assert page.get_by_role("status").inner_text() == f"{n} of 120 segments."
        assert listed(page)[0] == "2"  # 3,000 characters

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
        assert page.evaluate("document.activeElement.className") == "count"


class TestDifferences:
    def test_words_against_a_reference_are_those_of_both_texts(self, page: Page, bundled: eh.Run) -> None:
        frame = bundled.segments
        name = best(bundled)[-1]
        opened(page, bundled, f"tab=segments&systems={name}")
        for segment in dict.fromkeys(frame["segment"]):
            row = frame[(frame["system"] == name) & (frame["segment"] == segment)].iloc[0]
            page.evaluate("hash => { location.hash = hash }", f"systems={name}&segment={quote(segment)}")
            article(page, segment).wait_for()
            settled(page)
            text = article(page, segment).locator(f"[data-system='{name}'] .text")
            assert text.evaluate(WITHOUT, "del") == row["hypothesis"]
            assert text.evaluate(WITHOUT, "ins") == row["references"][0]
        assert text.locator("ins, del").count() > 0
        assert "underline" in text.locator("ins").first.evaluate("one => getComputedStyle(one).textDecorationLine")

    def test_a_text_whose_differences_are_not_found_yet_is_busy(self, page: Page, bundled: eh.Run) -> None:
        page.add_init_script(
            "window.most = 0; new MutationObserver(() => {"
            " most = Math.max(most, document.querySelectorAll('article .text[aria-busy=true]').length)"
            "}).observe(document, {subtree: true, childList: true, attributes: true})"
        )
        opened(page, bundled, "tab=segments")
        assert page.evaluate("most") > 0
        assert page.locator(".text[aria-busy]").count() == 0
        assert page.locator("article ins").count() > 0

    @pytest.mark.parametrize("unit", ["words", "characters"])
    def test_what_is_shown_spells_both_texts(self, page: Page, many: eh.Run, unit: str) -> None:
        opened(page, many, f"tab=segments&unit={unit}&systems={','.join(GROUPED)}")
        printed(page)
        n_compared = 0
        for system in GROUPED:
            frame = many.segments[many.segments["system"] == system].head(100)
            texts = page.locator(f".printed [data-system='{system}'] .text")
            without = "(all, tag) => all.map(one => (" + WITHOUT + ")(one, tag))"
            for tag, wanted in (("del", frame["hypothesis"]), ("ins", [one[0] for one in frame["references"]])):
                spelled = texts.evaluate_all(without, tag)
                assert [one for n, one in enumerate(spelled) if n != 1] == [
                    one for n, one in enumerate(wanted) if n != 1
                ]
            n_compared += texts.locator("ins, del").count()
        assert n_compared > 500
        first = page.locator(".printed [data-system='b-best'] .text").first
        assert first.locator("del").all_text_contents() == [" für 2,50 Euro"]

    def test_characters_are_counted_and_cut_as_characters(self, page: Page, many: eh.Run) -> None:
        opened(page, many, "segment=2")
        block = article(page, "2")
        block.locator("del").first.wait_for()
        assert block.get_by_role("button", name="Show all 3,000 characters").count() == 4  # the source, three outputs
        assert block.locator("del").first.inner_text() == "a" + "𝒳" * 1_999
        assert len(block.locator("ins").first.inner_text()) == 2_000

    def test_against_another_system_or_none(self, page: Page, bundled: eh.Run) -> None:
        first, second = best(bundled)[:2]
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

    def test_the_focus_stays_with_a_segment_out_of_sight(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        article(page, "1").focus()
        page.eval_on_selector(".feed-box", "box => { box.scrollTop = box.scrollHeight }")
        page.wait_for_timeout(500)
        page.eval_on_selector(".feed-box", "box => { box.scrollTop = box.scrollHeight }")
        page.wait_for_timeout(500)
        assert page.evaluate("document.activeElement.ariaLabel") == "Segment 1"
        page.keyboard.press("j")
        page.wait_for_function("() => document.activeElement.ariaLabel === 'Segment 2'")

    def test_keys_go_from_segment_to_segment(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        names = list(dict.fromkeys(bundled.segments["segment"]))
        for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
            page.keyboard.press(key)
            page.wait_for_function("name => document.activeElement.ariaLabel === `Segment ${name}`", arg=names[at])

    def test_single_letters_act_in_the_list_only_and_can_be_turned_off(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        focus = "() => document.activeElement.name ?? document.activeElement.tagName"
        for control in ("sort", "keys"):
            page.focus(f"[name={control}]")
            page.keyboard.press("/")
            assert page.evaluate(focus) == control
        page.keyboard.press("j")
        assert page.evaluate(focus) == "keys"
        page.get_by_role("checkbox", name="Keys").uncheck()
        page.locator("article").first.focus()
        page.keyboard.press("j")
        page.keyboard.press("/")
        page.wait_for_timeout(100)
        assert page.evaluate("document.activeElement.ariaPosInSet") == "1"
        page.reload()
        settled(page)
        assert not page.get_by_role("checkbox", name="Keys").is_checked()

    def test_a_link_keeps_how_texts_are_compared(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments&unit=characters&against=system:polished")
        href = page.locator("article h3 a").first.get_attribute("href")
        asked = parse_qs(str(href)[1:])
        assert (asked["unit"], asked["against"]) == (["characters"], ["system:polished"])

    def test_an_unknown_system_of_an_order_is_named(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments&sort=score:chrf&of=Nope")
        assert page.get_by_role("alert").inner_text() == "The run has no system Nope."

    def test_a_plus_sign_is_one_before_it_is_a_space(self, page: Page, spaced: eh.Run) -> None:
        for asked, name in (("a+b", "a+b"), ("a%20b", "a b"), ("c+d", "c d")):
            opened(page, spaced, f"segment={asked}")
            page.wait_for_function("name => document.activeElement.ariaLabel === `Segment ${name}`", arg=name)


class TestPrint:
    def test_the_first_segments_print_in_plain_flow(self, page: Page, many: eh.Run) -> None:
        opened(page, many, "tab=segments")
        page.eval_on_selector(".feed-box", "box => { box.scrollTop = 5000 }")
        printed(page)
        blocks = page.locator(".printed article")
        assert blocks.count() == 100
        assert (
            "The first 100 of 120 segments are printed; filter to choose others." in page.locator("#app").inner_text()
        )
        boxes = [box for n in range(100) if (box := blocks.nth(n).bounding_box()) is not None]
        assert all(above["y"] + above["height"] <= below["y"] for above, below in pairwise(boxes))
        assert page.locator(".feed-box, .controls").evaluate_all("all => all.every(one => one.offsetHeight === 0)")
        assert "not loaded" not in page.locator(".printed").inner_text()
        page.emulate_media(media="screen")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator(".printed").count() == 0
        assert page.evaluate("document.querySelector('.feed-box').scrollTop") == pytest.approx(5000, abs=400)

    def test_the_file_holds_their_texts(self, page: Page, many: eh.Run, tmp_path: Path) -> None:
        if shutil.which("pdftotext") is None:
            pytest.skip("needs pdftotext: apt install poppler-utils")
        opened(page, many, "tab=segments&sort=score:chrf&against=off")
        page.wait_for_timeout(1_000)
        page.pdf(path=tmp_path / "page.pdf")
        text = subprocess.run(
            ["pdftotext", tmp_path / "page.pdf", "-"], capture_output=True, check=True
        ).stdout.decode()
        values = scores(many, "chrf", "b-best")
        wanted = sorted(values, key=lambda one: (-values[one], int(one)))[:100]
        assert [line.removeprefix("Segment ") for line in text.splitlines() if line.startswith("Segment ")] == wanted
        assert "Sort by" not in text

    def test_texts_that_are_not_there_are_said_not_to_be(self, page: Page, many: eh.Run) -> None:
        # Printed before the timer by which texts are read ahead, however long the machine takes.
        page.add_init_script(
            "const later = setTimeout;"
            "window.setTimeout = (work, ms, ...rest) => ms === 500 ? 0 : later(work, ms, ...rest)"
        )
        opened(page, many, "tab=segments&sort=length")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert "Its texts were not loaded yet: print again." in page.locator(".printed article").last.inner_text()


class TestForAllReaders:
    def test_outputs_are_groups_and_not_landmarks(self, page: Page, bundled: eh.Run) -> None:
        opened(page, bundled, "tab=segments")
        assert article(page, "1").get_by_role("group").count() == 3
        assert article(page, "1").get_by_role("region").count() == 0

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
def test_of_22500_outputs_few_are_in_the_document(page: Page, tmp_path: Path) -> None:
    run = wmt22_run(tmp_path / "results")
    opened(page, run, "tab=segments")
    for order in ("sort=score:bleu", "sort=disagreement", "sort=length&filter=the"):
        page.evaluate("place => { location.hash = place }", f"tab=segments&list=outputs&{order}")
        page.wait_for_timeout(500)
        settled(page)
        page.evaluate(
            "async () => { const box = document.querySelector('.feed-box'); for (let at = 0; at <= 40; at++) {"
            " box.scrollTop = box.scrollHeight * at / 40; await new Promise(go => setTimeout(go, 40)) } }"
        )
        assert 0 < page.locator("article").count() < 40


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["words", "characters"])
def test_many_long_outputs_are_compared(page: Page, tmp_path: Path, unit: str) -> None:
    draw = random.Random(2)
    words = ["".join(draw.choices("abcdefghij", k=draw.randint(2, 8))) for _ in range(300)]
    references = [draw.choices(words, k=450) for _ in range(3)]
    systems = {f"s{n}": [" ".join(_changed(one, 0.2, draw)) for one in references] for n in range(13)}
    segments = tuple(
        Segment(id=str(n), source="x", references=(" ".join(one),)) for n, one in enumerate(references, start=1)
    )
    testset = TestSet(name="t", language_pair=LanguagePair.parse("de-en"), segments=segments)
    run = eh.evaluate(testset=testset, systems=systems, metrics=["chrf"], results=tmp_path / "results")
    opened(page, run, f"tab=segments&against=off&unit={unit}&systems={','.join(systems)}")
    page.select_option("select[name=against]", "reference:1")
    compared = (
        "all => all.every(one => one.querySelector('ins, del') || one.innerText.includes('Too long, or too different'))"
    )
    page.wait_for_function(f"() => ({compared})([...document.querySelectorAll('.output')])")


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
