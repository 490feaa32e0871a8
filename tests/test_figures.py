"""Figures: what is drawn is what the record holds, read back from the artists; files; names that break careless
code."""

from __future__ import annotations

import csv
import itertools
import json
import logging
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import Finished
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle

import evalharness as eh
from evalharness.errors import ConfigError, NothingToDrawError, RecordError
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.report import figure as report_figure
from evalharness.report.figure import label, labels, shown
from evalharness.report.figures import figure_names
from evalharness.workflows.figures import write_figures

METRICS = ["bleu", "chrf", "chrfpp", "ter", "comet_mini"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    results = tmp_path_factory.mktemp("bundled") / "results"
    return eh.evaluate(metrics=METRICS, results=results, overrides=["cache=false"])


def made(systems: dict[str, list[str]], *, metrics: list[str], overrides: list[str] | None = None) -> eh.Run:
    n = len(next(iter(systems.values())))
    segments = tuple(Segment(id=str(k), source="源", references=(f"a b c d e{k % 3}",)) for k in range(n))
    testset = TestSet(name="made", language_pair=LanguagePair.parse("zh-en"), segments=segments)
    return eh.evaluate(testset=testset, systems=systems, metrics=metrics, overrides=overrides or [])


def renamed(run: eh.Run, folder: Path, names: dict[str, str]) -> eh.Run:
    """A copy of a record with other names of systems, and a heading such as no run writes but a file may hold."""
    shutil.copytree(run.folder, folder)
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    for system in plan["systems"]:
        system["name"] = names[system["name"]]
    plan["metrics"][0]["heading"] = HOSTILE_HEADING
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    for path in folder.glob("*.csv"):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        for column in {"system", "system_a", "system_b"} & set(frame.columns):
            frame[column] = frame[column].map(names)
        frame.to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    table = pq.read_table(folder / "segments.parquet").to_pandas()
    table["system"] = table["system"].map(names)
    table.to_parquet(folder / "segments.parquet")
    return eh.open_run(folder)


def panels(figure: Figure) -> list[Axes]:
    """The panels that show something, without colour bars."""
    return [axes for axes in figure.axes if axes.axison and axes.get_label() != "<colorbar>"]


def rows(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.get_yticklabels()]


def small_print(figure: Figure) -> str:
    return " ".join(figure.get_supxlabel().split())


def svg_texts(path: Path) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.parse(path).iter(f"{SVG}text")]


class TestWhatIsDrawnIsTheRecord:
    def test_scores_and_bounds(self, bundled: eh.Run) -> None:
        drawn = bundled.figure("scores")
        titles = [axes.get_title() for axes in panels(drawn)]
        assert titles == ["BLEU ↑", "chrF2 ↑", "chrF2++ ↑", "TER ↓", "COMET-mini × 100 ↑"]
        systems = rows(panels(drawn)[0])
        assert systems == ["polished", "literal", "lossy", "gloss", "source-copy"]  # by BLEU, as in the results table
        lines = bundled.scores.set_index(["metric", "system"])
        for axes, metric in zip(panels(drawn), bundled.plan.metrics, strict=True):
            expected = lines.loc[metric.name].loc[systems]
            factor = metric.display_factor
            points = [(float(line.get_xdata()[0]), int(line.get_ydata()[0])) for line in axes.lines]
            assert points == [(score * factor, place) for place, score in enumerate(expected["score"])]
            bars = [
                (bar.get_segments()[0][0, 0], bar.get_segments()[0][1, 0], bar.get_segments()[0][0, 1])
                for bar in axes.collections
                if isinstance(bar, LineCollection)
            ]
            bounds = zip(expected["ci_low"], expected["ci_high"], range(5), strict=True)
            assert bars == [(low * factor, high * factor, place) for low, high, place in bounds]
        assert "95 % bootstrap intervals" in small_print(drawn)

    def test_differences_their_marks_and_direction(self, bundled: eh.Run) -> None:
        drawn = bundled.figure("pairwise")
        metrics = list(bundled.plan.metrics)
        for axes, metric in zip(panels(drawn), metrics, strict=True):
            systems = rows(axes)
            image = axes.images[0]
            values = np.ma.filled(image.get_array(), np.nan)
            texts = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts}
            of_metric = [line for line in bundled.comparison_lines if line.metric == metric.name]
            assert len(of_metric) == 10  # 5 systems, each two once
            for line in of_metric:
                a, b = systems.index(line.system_a), systems.index(line.system_b)
                delta = line.delta * metric.display_factor
                assert (values[a, b], values[b, a]) == (delta, -delta)
                star = "*" if line.is_significant else ""
                assert texts[a, b] == f"{delta:+.1f}{star}".replace("-", "−")
                assert texts[b, a] == f"{-delta:+.1f}{star}".replace("-", "−")
            assert np.isnan(np.diag(values)).all()
            # the same colour for the better system, whichever way the metric runs
            better = metric.higher_is_better
            red, _, blue, _ = image.cmap(0.9 if better else 0.1)
            assert blue > red
            low, high = image.get_clim()
            assert low == -high == -np.nanmax(np.abs(values))
        assert {line.is_significant for line in bundled.comparison_lines} == {True, False}
        assert "Holm over 10 pairs" in small_print(drawn)
        assert "Hatched" not in small_print(drawn)

    def test_quantiles_of_segments(self, bundled: eh.Run) -> None:
        drawn = bundled.figure("distributions")
        frame = bundled.segments
        systems = rows(panels(drawn)[0])
        for axes, metric in zip(panels(drawn), bundled.plan.metrics, strict=True):
            boxes = [patch.get_path().vertices[:, 0] for patch in axes.patches if isinstance(patch, PathPatch)]
            assert len(boxes) == len(systems) == 5
            for place, (system, box) in enumerate(zip(systems, boxes, strict=True)):
                scores = frame.loc[frame["system"] == system, metric.name].to_numpy() * metric.display_factor
                assert (box.min(), box.max()) == pytest.approx(tuple(np.quantile(scores, [0.25, 0.75])), rel=1e-12)
                at = [line for line in axes.lines if round(float(np.mean(line.get_ydata()))) == place]
                ends = {float(x) for line in at for x in line.get_xdata()}
                for quantile in (0.05, 0.5, 0.95):
                    assert min(abs(end - np.quantile(scores, quantile)) for end in ends) < 1e-9
                points = [line for line in at if line.get_marker() == "."]
                assert list(points[0].get_xdata()) == list(scores)

    def test_correlations_of_segments(self, bundled: eh.Run) -> None:
        drawn = bundled.figure("agreement")
        names = [metric.name for metric in bundled.plan.metrics]
        grid = np.array(drawn.axes).reshape(len(names), len(names))
        for row, of_row in enumerate(names):
            for column, of_column in enumerate(names):
                if column > row:
                    r = bundled.segments[of_row].corr(bundled.segments[of_column])  # by pandas
                    text = f"r = {r:.2f}\nn = 45".replace("-", "−")  # 5 systems of 9 segments
                    assert [t.get_text() for t in grid[row, column].texts] == [text]
                elif column < row:
                    factors = [bundled.metric(name).display_factor for name in (of_column, of_row)]
                    (points,) = grid[row, column].lines
                    assert list(points.get_xdata()) == list(bundled.segments[of_column] * factors[0])
                    assert list(points.get_ydata()) == list(bundled.segments[of_row] * factors[1])
        assert "Of TER low scores are the good ones" in small_print(drawn)

    def test_hexagons_count_every_output(self) -> None:
        systems = {f"s{k}": [f"a b {'c' * (n % 7)} d e{n % (k + 2)}" for n in range(200)] for k in range(3)}
        drawn = made(systems, metrics=["bleu", "chrf"]).figure("agreement")
        (hexagons,) = drawn.axes[2].collections
        assert np.nansum(hexagons.get_array()) == 600


class TestWhatIsMissing:
    def test_a_system_without_scores_is_said_and_never_drawn(self) -> None:
        run = made({"good": ["a b c d e0"] * 9, "other": ["a b x d"] * 9}, metrics=["chrf", "bleu"])
        folder = run.folder
        frame = pd.read_csv(folder / "scores.csv", dtype=str, keep_default_na=False)
        frame.loc[frame["system"] == "other", ["score", "ci_low", "ci_high"]] = ""
        frame.loc[frame["system"] == "other", "n_missing"] = "9"
        frame.to_csv(folder / "scores.csv", index=False)
        table = pq.read_table(folder / "segments.parquet").to_pandas()
        table.loc[table["system"] == "other", ["chrf", "bleu"]] = np.nan
        table.to_parquet(folder / "segments.parquet")
        run = eh.open_run(folder)
        for name, said in (("scores", "no score"), ("distributions", "no scores")):
            drawn = run.figure(name)
            for axes in panels(drawn):
                assert [(t.get_text(), t.get_position()[1]) for t in axes.texts] == [(said, 1)]
                assert all(round(float(np.mean(line.get_ydata()))) == 0 for line in axes.lines)
            assert "9 of other" in small_print(drawn)

    def test_pairs_without_a_test_are_hatched(self) -> None:
        # the bootstrap gives no p-value for fewer than 30 segments
        run = made(
            {"a": ["a b c d e0"] * 9, "b": ["a b x"] * 9}, metrics=["chrf"], overrides=["stats.method=bootstrap"]
        )
        drawn = run.figure("pairwise")
        hatched = [p for p in panels(drawn)[0].patches if isinstance(p, Rectangle) and p.get_hatch()]
        assert sorted(p.get_xy() for p in hatched) == [(-0.5, 0.5), (0.5, -0.5)]
        assert "No pair was tested. Hatched: not tested." in small_print(drawn)

    def test_with_a_baseline_other_pairs_stay_empty(self) -> None:
        systems = {name: [f"a b c {name}"] * 9 for name in "xyz"}
        drawn = made(systems, metrics=["chrf"], overrides=["stats.baseline=x"]).figure("pairwise")
        values = np.ma.filled(panels(drawn)[0].images[0].get_array(), np.nan)
        x = rows(panels(drawn)[0]).index("x")
        others = [place for place in range(3) if place != x]
        assert np.isnan(values[np.ix_(others, others)]).all()
        assert not np.isnan(values[x, others]).any()

    def test_one_system_and_one_metric(self, caplog: pytest.LogCaptureFixture) -> None:
        run = made({"only": ["a b c d"] * 9}, metrics=["chrf"])
        with pytest.raises(NothingToDrawError, match="'pairwise': there is no pair of systems"):
            run.figure("pairwise")
        with pytest.raises(NothingToDrawError, match="there are those of 1"):
            write_figures(run.folder, names=["agreement"])
        assert not (run.folder / "figures").exists()
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="evalharness"):
            written = write_figures(run.folder, formats=["svg"])
        assert [path.name for path in written] == ["distributions.svg", "scores.svg"]
        assert [message.split(":")[0] for message in caplog.messages] == ["figure 'agreement'", "figure 'pairwise'"]

    def test_an_unfinished_or_damaged_record_writes_nothing(self, bundled: eh.Run, tmp_path: Path) -> None:
        for name, content in (("scores.csv", None), ("segments.parquet", b"PAR1 no"), ("comparisons.csv", b"x\n")):
            folder = tmp_path / name
            shutil.copytree(bundled.folder, folder, ignore=shutil.ignore_patterns("figures"))
            (folder / name).unlink()
            if content is not None:
                (folder / name).write_bytes(content)
            with pytest.raises(RecordError, match=name):
                write_figures(folder)
            assert not (folder / "figures").exists()

    def test_unknown_names(self, bundled: eh.Run) -> None:
        with pytest.raises(ConfigError, match="figure 'score': no such figure"):
            write_figures(bundled.folder, names=["score"])
        with pytest.raises(ConfigError, match="format 'gif'"):
            write_figures(bundled.folder, formats=["gif"])


class TestChoice:
    def test_systems_and_metrics(self, bundled: eh.Run) -> None:
        drawn = bundled.figure("distributions", systems=["literal", "polished"], metrics=["ter", "bleu"])
        assert [axes.get_title() for axes in panels(drawn)] == ["TER ↓", "BLEU ↑"]
        assert rows(panels(drawn)[0]) == ["polished", "literal"]
        frame = bundled.segments.set_index("system")
        for axes, metric in zip(panels(drawn), ["ter", "bleu"], strict=True):
            medians = [float(line.get_xdata()[0]) for line in axes.lines if line.get_color() == report_figure.ORANGE]  # type: ignore[index,arg-type]
            assert medians == [frame.loc[name, metric].median() for name in ("polished", "literal")]
        assert "A selection from the record (2 of 5 systems, 2 of 5 metrics)" in drawn.get_supxlabel()

    def test_decimals_and_a_baseline(self, bundled: eh.Run) -> None:
        drawn = bundled.figure("pairwise", metrics=["bleu"], baseline="gloss", metric_decimals={"bleu": 3})
        (axes,) = panels(drawn)
        texts = [text.get_text().rstrip("*").replace("−", "-") for text in axes.texts]
        deltas = [
            line.delta
            for line in bundled.comparison_lines
            if line.metric == "bleu" and "gloss" in (line.system_a, line.system_b)
        ]
        assert sorted(texts) == sorted(f"{sign * delta:+.3f}" for delta in deltas for sign in (1, -1))

    def test_what_there_is_not(self, bundled: eh.Run, command: Callable[..., Finished]) -> None:
        with pytest.raises(ConfigError, match="no such system: 'litteral'"):
            bundled.figure("scores", systems=["litteral"])
        refused = command("report", str(bundled.folder), "--figures", "--intervals")
        assert (refused.code, "--intervals: says nothing beside --figures" in refused.err) == (2, True)

    def test_figures_of_a_selection_do_not_take_the_place_of_those_of_the_whole(
        self, bundled: eh.Run, command: Callable[..., Finished], tmp_path: Path
    ) -> None:
        words = ("report", str(bundled.folder), "--figure", "scores", "-f", "svg", "--systems", "gloss", "lossy")
        refused = command(*words)
        assert (refused.code, refused.out) == (2, "")
        assert "--output: say into which folder" in refused.err
        assert command(*words, "-o", str(tmp_path)).code == 0

    def test_a_baseline_is_spoken_of_where_pairs_are(self, bundled: eh.Run) -> None:
        assert "pairs with gloss" in bundled.figure("pairwise", baseline="gloss").get_supxlabel()
        assert "selection" not in bundled.figure("scores", baseline="gloss").get_supxlabel()

    def test_taller_than_a_page(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        systems = {f"s{n:02}": ["a b c d e0", f"a b c {n} e1"] for n in range(38)}
        run = made(systems, metrics=["bleu", "chrf", "ter"])
        with caplog.at_level(logging.WARNING, logger="evalharness"):
            write_figures(run.folder, names=["pairwise"], formats=["svg"], output=tmp_path)
        assert "more than a page" in caplog.text
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="evalharness"):
            write_figures(
                run.folder,
                names=["pairwise"],
                formats=["svg"],
                output=tmp_path / "one",
                draw=lambda run, name: run.figure(name, metrics=["bleu"]),
            )
        assert not caplog.text


class TestFiles:
    def test_the_command_writes_every_figure_in_every_format(
        self, bundled: eh.Run, command: Callable[..., Finished], tmp_path: Path
    ) -> None:
        finished = command("report", str(bundled.folder), "--figures", "-o", str(tmp_path / "out"))
        assert finished.code == 0, finished.err
        names = [f"{name}.{kind}" for name in figure_names() for kind in ("svg", "pdf", "png")]
        assert [Path(line).name for line in finished.out.splitlines()] == names
        starts = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}
        for path in map(Path, finished.out.splitlines()):
            assert path.read_bytes().startswith(starts[path.suffix[1:]])
        finished = command("report", str(bundled.folder), "--figure", "scores", "--format", "svg")
        assert finished.out.splitlines() == [str(bundled.folder / "figures" / "scores.svg")]

    def test_files_are_not_lost(self, bundled: eh.Run, command: Callable[..., Finished], tmp_path: Path) -> None:
        words = ("report", str(bundled.folder), "--figure", "scores", "pairwise", "-f", "svg", "-o", str(tmp_path))
        assert command(*words).code == 0
        before = (tmp_path / "pairwise.svg").read_bytes()
        assert command(*words).code == 0  # the same again
        (tmp_path / "scores.svg").write_text("mine")
        refused = command(*words, "-w", "3")
        assert refused.code == 2
        assert "scores.svg: is there already with other content" in refused.err
        assert (tmp_path / "scores.svg").read_text() == "mine"
        assert (tmp_path / "pairwise.svg").read_bytes() == before
        assert command(*words, "-w", "3", "--force").code == 0
        assert (tmp_path / "scores.svg").read_text() != "mine"

    def test_the_same_bytes_again_and_in_another_process(self, bundled: eh.Run, tmp_path: Path) -> None:
        first = write_figures(bundled.folder, output=tmp_path / "a")
        script = "import sys; from evalharness.workflows.figures import write_figures as w; from pathlib import Path; "
        script += "w(sys.argv[1], output=Path(sys.argv[2]))"
        subprocess.run([sys.executable, "-c", script, str(bundled.folder), str(tmp_path / "b")], check=True)
        for path in first:
            assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name

    def test_settings_of_matplotlib_are_neither_read_nor_changed(self, bundled: eh.Run, tmp_path: Path) -> None:
        plain = write_figures(bundled.folder, names=["scores"], formats=["svg"], output=tmp_path / "a")
        with matplotlib.rc_context({"font.size": 30, "text.usetex": True, "axes.facecolor": "red"}):
            before = dict(matplotlib.rcParams)
            (changed,) = write_figures(bundled.folder, names=["scores"], formats=["svg"], output=tmp_path / "b")
            assert dict(matplotlib.rcParams) == before
        assert plain[0].read_bytes() == changed.read_bytes()

    def test_text_stays_text(self, bundled: eh.Run, tmp_path: Path) -> None:
        svg, pdf = write_figures(bundled.folder, names=["scores"], formats=["svg", "pdf"], output=tmp_path)
        assert {"polished", "source-copy", "BLEU ↑", "TER ↓"} <= set(svg_texts(svg))
        assert b"/Type3" not in pdf.read_bytes()


# What a record refuses as a system's name cannot be a file name (`/`, `<`, control characters); a heading may hold it.
HOSTILE = ["$x^{2$ %s", "&lt;b&gt; --", "rlo\u202egpj", "$\u007f_{0}$", "=HYPERLINK('x')"]
HOSTILE_HEADING = "$\\input{/etc/passwd}$</svg><script>alert(1)</script>\x1b[31m"


class TestNames:
    def test_hostile_names_are_shown_as_text(self, tmp_path: Path) -> None:
        systems = {f"s{k}": [f"a b {'c' * (k + 1)} e{n % 2}" for n in range(9)] for k in range(5)}
        names = dict(zip(systems, HOSTILE, strict=True))
        run = renamed(made(systems, metrics=["chrf", "bleu"]), tmp_path / "hostile", names)
        written = [path for path in write_figures(run.folder) if path.suffix == ".svg"]
        assert len(written) == 4
        for path in written:
            texts, content = set(svg_texts(path)), path.read_text(encoding="utf-8")
            if path.stem != "agreement":
                assert {"$x^{2$ %s", "&lt;b&gt; --", "rlo[RLO]gpj", "$␡_{0}$", "=HYPERLINK('x')"} <= texts
            assert any(r"$\input{/etc/passwd}$</svg><script>alert(1)</script>␛[31m" in text for text in texts)
            assert "<script" not in content
            assert not {"\x1b", "\x7f", "\u202e"} & set(content)

    def test_what_has_no_shape_is_made_visible(self) -> None:
        assert shown("a\x00\x7f\u2066b\nc") == "a␀␡[LRI]b c"
        assert shown("می\u200cخواهم") == "می\u200cخواهم"

    def test_long_names_are_shortened_in_the_middle_and_stay_apart(self) -> None:
        assert label("a" * 14 + "b" * 6 + "c" * 14) == "a" * 13 + "…" + "c" * 13
        assert label("郑" * 20) == "郑" * 6 + "…" + "郑" * 6
        one, other = "x" * 20 + "1" + "y" * 20, "x" * 20 + "2" + "y" * 20
        assert labels([one, other, "z"]) == [one, other, "z"]

    def test_a_name_in_another_script_takes_an_installed_font(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        if not any("郑" in report_figure._characters(font) for font in report_figure._installed()):
            pytest.skip("no font with Chinese characters is installed (on Debian: apt install fonts-noto-cjk)")
        run = made({"系统郑州": ["a b c d e0"] * 9, "b": ["a b x"] * 9}, metrics=["chrf"])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            svg, pdf, png = write_figures(run.folder, names=["scores"], output=tmp_path)
        assert caplog.messages == []
        assert "系统郑州" in svg_texts(svg)
        assert pdf.stat().st_size < 200_000  # a subset, not the font of 20 MB
        assert png.is_file()

    def test_without_a_font_one_warning_names_the_characters(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(report_figure, "_installed", tuple)
        run = made({"系统": ["a b c d e0"] * 9, "b": ["a b x"] * 9}, metrics=["chrf"])
        with caplog.at_level(logging.WARNING, logger="evalharness"):
            run.figure("scores")
        (message,) = [r.getMessage() for r in caplog.records if r.name.startswith("evalharness.report")]
        assert message.startswith("No installed font has 系 (U+7CFB) 统 (U+7EDF): figures show boxes there. Install")

    def test_labels_of_38_systems_do_not_overlap(self, tmp_path: Path) -> None:
        systems = {f"a rather long name of system {k:02}": ["a b c d e0"] * 3 for k in range(38)}
        run = made(systems, metrics=["chrf"], overrides=["stats.n_draws=100", "stats.n_resamples=40"])
        for name in ("scores", "distributions", "pairwise"):
            drawn = run.figure(name)
            drawn.savefig(tmp_path / "x.png")
            renderer = drawn.canvas.get_renderer()  # type: ignore[attr-defined]
            boxes = [text.get_window_extent(renderer) for text in panels(drawn)[0].get_yticklabels()]
            assert len(boxes) == 38
            assert all(high.y0 >= low.y1 - 1 for high, low in itertools.pairwise(boxes)), name
            assert all(box.x0 >= 0 for box in boxes), name
