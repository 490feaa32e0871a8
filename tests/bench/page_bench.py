"""How fast the page of a run is in a browser: python tests/bench/page_bench.py.

Three pages: `report.html` of WMT22 zh-en (12 systems x 1,875 segments) from disk, `evalharness view` of a made record
of 38 x 20,000 over HTTP, and long outputs (13 systems x 3 segments of 450 words) compared with a reference. Prints
medians of several loads, the longest task of the main thread while the page is used, and the memory of the tab; exit
code 1 where scrolling or comparing holds up the page too long. Needs Chromium, and the published files of WMT22."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from view_bench import build

sys.path.insert(0, str(Path(__file__).parents[1]))

from data_folder import wmt22_run

import evalharness as eh
from evalharness.config import build_stats, recorded_metric
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.workflows.server import LocalServer
from evalharness.workflows.view import Viewer

_LOADS = 5
_LONGEST_MS = 100  # of a task while one scrolls or texts are compared
_WATCHED = "window.long = []; new PerformanceObserver(all => long.push(...all.getEntries().map(one => one.duration)))"
_WATCHED += ".observe({type: 'longtask', buffered: true})"
_SCROLLED = """async () => {
  const box = document.querySelector('.feed-box');
  for (let at = 0; at <= 60; at++) {
    box.scrollTop = box.scrollHeight * at / 60;
    await new Promise(go => setTimeout(go, 50));
  }
}"""


@contextmanager
def browser() -> Iterator[Any]:
    """A new Chromium, so that memory is of one page."""
    from playwright import sync_api

    program = os.environ.get("EVALHARNESS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_api.sync_playwright() as started:
        yield (launched := started.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"]))
        launched.close()


def opened(launched: Any, address: str) -> tuple[Any, float, float]:
    """The page at the segments, with seconds to the first paint and to the first segment with its texts."""
    page = launched.new_context(viewport={"width": 1200, "height": 900}).new_page()
    page.add_init_script(_WATCHED)
    page.goto(f"{address}#tab=segments", wait_until="commit")
    page.wait_for_function("() => document.querySelector('article .output .text') !== null", polling="raf")
    interactive = page.evaluate("performance.now()")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return page, painted / 1000, interactive / 1000


def megabytes(launched: Any, page: Any) -> tuple[float, float]:
    """Of the tab's process, its proportional share of memory, and of that the heap of scripts."""
    session = launched.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    tabs = [Path(f"/proc/{one['id']}/smaps_rollup") for one in found if one["type"] == "renderer"]
    shares = [
        int(line.split()[1]) for path in tabs for line in path.read_text().splitlines() if line.startswith("Pss:")
    ]
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")
    heap = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}["JSHeapUsedSize"]
    return max(shares) / 1024, heap / 1e6


def used(page: Any, place: str, ready: str) -> tuple[float, float]:
    """Seconds until a place of the page is there, and its longest task in milliseconds."""
    page.evaluate("long.length = 0")
    began = time.perf_counter()
    page.evaluate(
        "place => new Promise(go => { location.hash = place; setTimeout(() => requestAnimationFrame(go), 30) })", place
    )
    page.wait_for_function(f"() => {ready}", polling="raf", timeout=120_000)
    took = time.perf_counter() - began
    page.wait_for_timeout(1000)
    return took, max(page.evaluate("long"), default=0.0)


def said(what: str, longest: float) -> bool:
    is_within = longest <= _LONGEST_MS
    print(f"{what} {longest:.0f} ms, bar {_LONGEST_MS} ms {'ok' if is_within else 'NOT MET'}")
    return is_within


def measure(address: str, title: str, pair: str) -> bool:
    """Whether scrolling never held up the page."""
    loads, is_met = [], True
    for _ in range(_LOADS):
        with browser() as launched:
            _, painted, interactive = opened(launched, address)
            loads.append((painted, interactive))
    print(f"{title}: first paint {statistics.median(one[0] for one in loads):.2f} s", end=", ")
    print(f"first segments {statistics.median(one[1] for one in loads):.2f} s (medians of {_LOADS})")
    with browser() as launched:
        page, _, _ = opened(launched, address)
        page.wait_for_timeout(1000)
        print(f"{'  longest task of loading':40} {max(page.evaluate('long'), default=0):5.0f} ms")
        ready = "/ of |no segment/.test(document.querySelector('.count')?.innerText ?? '')"
        for place in ("list=outputs&sort=score:bleu", "list=outputs&sort=disagreement", "sort=delta:bleu&filter=the"):
            took, longest = used(page, f"tab=segments&{place}", ready)
            page.evaluate("long.length = 0")
            page.evaluate(_SCROLLED)
            scrolled = max(page.evaluate("long"), default=0)
            is_met &= said(f"{'  ' + place:40} {longest:5.0f} ms, {took:.2f} s; scrolling", scrolled)
        for place, ready in (
            (f"tab=pairs&metric=bleu&{pair}", "document.querySelector('.pair') !== null"),
            ("tab=plots", "document.querySelector('canvas') !== null"),
        ):
            took, longest = used(page, place, ready)
            print(f"{'  ' + place[:36]:40} {longest:5.0f} ms, {took:.2f} s")
        share, heap = megabytes(launched, page)
        print(f"  memory of the tab after all that: {share:.0f} MiB, scripts {heap:.0f} MB")
    return is_met


def compare_long_outputs(results: Path) -> bool:
    draw = random.Random(2)
    words = ["".join(draw.choices("abcdefghij", k=draw.randint(2, 8))) for _ in range(300)]
    references = [draw.choices(words, k=450) for _ in range(3)]
    segments = tuple(
        Segment(id=str(n), source="x", references=(" ".join(one),)) for n, one in enumerate(references, start=1)
    )
    changed = [
        [[draw.choice(words) if draw.random() < 0.2 else word for word in one] for one in references] for _ in range(13)
    ]
    systems = {f"s{n}": [" ".join(text) for text in texts] for n, texts in enumerate(changed)}
    testset = TestSet(name="t", language_pair=LanguagePair.parse("de-en"), segments=segments)
    run = eh.evaluate(testset=testset, systems=systems, metrics=["chrf"], results=results)
    is_met = True
    with browser() as launched:
        page, _, _ = opened(launched, (run.folder.resolve() / "report.html").as_uri())
        compared = (
            "document.querySelector('.output .text') !== null && document.querySelector('.text[aria-busy]') === null"
        )
        for unit in ("words", "characters"):
            place = f"tab=segments&unit={unit}&against=reference:1&systems={','.join(systems)}"
            _, longest = used(page, place, compared)
            is_met &= said(f"long outputs compared by {unit}: longest task", longest)
    return is_met


def main() -> int:
    with tempfile.TemporaryDirectory() as temporary:
        results = Path(temporary)
        is_met = compare_long_outputs(results / "long")
        try:
            run = wmt22_run(results / "results")
        except pytest.skip.Exception as err:
            print(f"page of WMT22: not measured, {err}")
            return int(not is_met)
        html = run.folder.resolve() / "report.html"
        began = time.perf_counter()
        run.write_page()
        print(f"report.html: {html.stat().st_size / 1e6:.1f} MB, written in {time.perf_counter() - began:.2f} s")
        a, b = [system.name for system in run.plan.systems][:2]
        is_met &= measure(html.as_uri(), "from disk, 12 x 1,875", f"a={a}&b={b}")
        large = results / "large"
        build(run.paths.segments, large, 38, 20_000)
        viewer = Viewer(large, build_stats, partial(recorded_metric, config_dir=None))
        with LocalServer(viewer.answer, port=0, log=lambda line: None) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            is_met &= measure(f"{server.address}{viewer.start}", "over HTTP, 38 x 20,000", "a=system0&b=system1")
            server.shutdown()
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
