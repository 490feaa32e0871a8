"""Every table in every format: against stored files, number by number against the record, with hostile text, and
through a real LaTeX."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from conftest import Finished, write
from data_folder import wmt22
from make_golden_tables import GOLDEN, rendered

import evalharness as eh
from evalharness.errors import ConfigError
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.report.latex import render_latex
from evalharness.report.table import RENDERERS, Column, PValueCell, RankCell, ScoreCell, Table, TextCell
from evalharness.report.tables import table_names
from evalharness.report.visible import visible


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    return eh.evaluate(results=tmp_path_factory.mktemp("bundled") / "results", overrides=["cache=false"])


def test_tables_are_as_stored(bundled: eh.Run) -> None:
    files = rendered(bundled)
    assert sorted(files) == sorted(path.name for path in GOLDEN.iterdir())
    for name, text in files.items():
        assert text == (GOLDEN / name).read_bytes().decode(), f"{name}: see tests/make_golden_tables.py"


class Grid(HTMLParser):
    """The cells of a table, their values and the tags there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.values: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.is_in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.is_in_cell = True
        elif tag == "data":
            self.values.append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        self.is_in_cell = self.is_in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.is_in_cell:
            self.rows[-1][-1] += data


def of_markdown(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [[re.sub(r"\\(.)", r"\1", cell.replace("**", "")) for cell in row] for row in cells]


def of_latex(text: str, n_keys: int = 0) -> list[list[str]]:
    """Rows of all tables; where there is one for each metric, which its caption names, with that before them. Of wide
    tables pieces stand one below the other, each with the first columns, of text."""
    of_metrics: dict[str, dict[str, list[list[str]]]] = {}
    piece = r"\\caption\{(.*?)\}\n.*?\\toprule\n(.*?) \\\\\n\\midrule\n(.*?)\\bottomrule"
    for caption, head, body in re.findall(piece, text, re.DOTALL):
        metric = re.findall(r": ([^:]*?)(?: \(continued\))?$", caption)
        rows = of_metrics.setdefault(caption.removesuffix(" (continued)"), {}).setdefault(head, [])
        for line in body.splitlines():
            if line == r"\midrule":
                continue
            plain = re.sub(r"\\phantom\{0+\}|\\textbf(?=\{)", "", line.removesuffix(r" \\"))
            plain = plain.replace("$-$", "-").replace("--", "-").replace(r"\ldots{}", "…").replace("{[}", "[")
            plain = plain.replace(r"\textgreater{}", ">").replace(r"$\pm$", "±")
            plain = re.sub(r"\\rightskip.*?\\relax ", "", plain).replace(r"\allowbreak{}", "")
            cells = metric + [re.sub(r"^\{(.*)\}$", r"\1", cell) for cell in re.split(r" & ", plain)]
            rows.append([re.sub(r"\\([_%#&$])", r"\1", cell) for cell in cells])
    joined = []
    for pieces in of_metrics.values():
        for first, *others in zip(*pieces.values(), strict=True):
            row = list(first)
            for other in others:
                assert other[:n_keys] == first[:n_keys]
                row += other[n_keys:]
            joined.append(row)
    return joined


def of_text(text: str, n_columns: int) -> list[list[str]]:
    """Columns stand two spaces apart; the rule under the head says where."""
    lines = text.splitlines()
    rule = next(number for number, line in enumerate(lines) if re.fullmatch(r"-+(  -+)*", line))
    rows = []
    for line in lines[rule + 1 :]:
        if not line:
            break
        if not re.fullmatch(r"-+(  -+)*", line):
            rows.append([cell.rstrip("*") for cell in re.split(r" {2,}|(?<=\*) ", line.strip()) if cell])
    assert {len(row) for row in rows} <= {n_columns}
    return rows


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    """A record that has something for every table: runs of one system, gaps, unusable outputs, findings in texts."""
    words = [f"word{n} of the day {n % 4} x" for n in range(30)]
    segments = tuple(
        Segment(id=f"s{n}", source=f"源{n}\u200b" if n == 3 else f"源{n}", references=(word,), document=f"d{n // 10}")
        for n, word in enumerate(words)
    )
    outputs = {
        f"mine-seed{seed}": [word if (n + seed) % 3 else f"day {seed}" for n, word in enumerate(words)]
        for seed in range(3)
    }
    outputs["other"] = [word.upper() if n % 2 else word for n, word in enumerate(words)]
    outputs["poor"] = ["" if n == 5 else "x" for n, word in enumerate(words)]
    folder = tmp_path_factory.mktemp("full")
    for name, lines in outputs.items():
        (folder / f"{name}.en").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return eh.evaluate(
        testset=TestSet(name="full", language_pair=LanguagePair.parse("zh-en"), segments=segments),
        metrics=["bleu", "chrf", "ter"],
        results=folder / "results",
        overrides=[
            "cache=false", "systems=[folder]", f"systems.folder.path={folder}", "systems.folder.group_by='*-seed*'",
            "outputs.guarded=true",
        ],
    )  # fmt: skip


@pytest.mark.parametrize("name", table_names())
@pytest.mark.parametrize("of", ["bundled", "full"])
def test_every_format_shows_the_same_cells(request: pytest.FixtureRequest, of: str, name: str) -> None:
    run: eh.Run = request.getfixturevalue(of)
    content = json.loads(run.table(name).to_json())
    expected = [[shown(cell) for cell in row] for row in content["rows"]]
    assert bool(expected) == ((of, name) not in (("bundled", "runs"), ("bundled", "findings")))
    table = run.table(name)
    n_columns = len(table.columns)
    assert of_markdown(table.to_markdown()) == expected
    n_keys = next((place for place, number in enumerate(table.has_numbers()) if number), n_columns)
    assert of_latex(table.to_latex(), n_keys) == expected
    assert Grid(table.to_html()).rows[1:] == expected
    if not any(" " in cell or not cell for row in expected for cell in row if not cell.startswith("[")):
        assert of_text(table.to_text(), n_columns) == expected
    numbers = [value for row in content["rows"] for cell in row for value in bare(cell)]
    in_csv = list(csv.reader(io.StringIO(table.to_csv())))[1:]
    flat = [float(cell) for row in in_csv for cell in row if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", cell)]
    texts = [cell["text"] for row in content["rows"] for cell in row if "text" in cell]
    counted = [float(text) for text in texts if re.fullmatch(r"-?\d+(\.\d+)?", text)]
    assert sorted(flat) == sorted([*numbers, *counted])
    in_html = [float(text) for one in Grid(table.to_html()).values for text in one.values() if text is not None]
    assert set(numbers) == set(in_html)


def bare(cell: dict[str, Any]) -> list[float]:
    keys = ("score", "low", "high", "sd", "p", "n", "top", "bottom")
    return [float(cell[key]) for key in keys if cell.get(key) is not None]


def shown(cell: dict[str, Any]) -> str:
    """The rounding that is stated: scores at their decimals, p-values with three significant digits."""
    if "text" in cell:
        return visible(str(cell["text"]))
    if "score" in cell:
        figures = [cell[key] for key in ("score", "sd") if cell.get(key) is not None]
        return " ± ".join(rounded(figure * cell["display_factor"], cell["decimals"]) for figure in figures) or "-"
    if "p" in cell:
        return "-" if cell["p"] is None else f"{cell['p']:.3g}"
    if "n" in cell:
        return "-" if cell["n"] is None else str(cell["n"])
    if "top" in cell:
        return str(cell["top"]) if cell["top"] == cell["bottom"] else f"{cell['top']}-{cell['bottom']}"
    return "-" if cell["low"] is None else f"[{rounded(cell['low'], 2)}, {rounded(cell['high'], 2)}]"


def rounded(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if not float(text) else text


def test_numbers_are_those_of_the_records_files(bundled: eh.Run) -> None:
    """Scores, intervals, differences and ranks by their names, read from the files without the package."""

    def lines(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader((bundled.folder / name).read_text(encoding="utf-8").splitlines()))

    heads = {"BLEU": "bleu", "chrF2": "chrf", "chrF2++": "chrfpp", "TER": "ter"}
    scores = {(line["system"], line["metric"]): line for line in lines("scores.csv")}
    for row in csv.DictReader(io.StringIO(bundled.table().to_csv())):
        for head, metric in heads.items():
            line = scores[row["System"], metric]
            assert (row[head], row[f"{head} low"], row[f"{head} high"]) == (
                line["score"], line["ci_low"], line["ci_high"]
            )  # fmt: skip
    ranks = {(line["metric"], line["system"]): line for line in lines("ranks.csv")}
    for row in csv.DictReader(io.StringIO(bundled.table("ranks").to_csv())):
        line = ranks[heads[row["Metric"]], row["System"]]
        assert (row["Rank top"], row["Rank bottom"]) == (line["rank_top"], line["rank_bottom"])
    deltas = {
        (line["metric"], line["system_a"], line["system_b"]): float(line["delta"]) for line in lines("comparisons.csv")
    }
    deltas |= {(metric, b, a): -delta for (metric, a, b), delta in deltas.items()}
    n_seen = 0
    for row in csv.DictReader(io.StringIO(bundled.table("pairwise").to_csv())):
        for other in set(row) - {"Metric", "System", row["System"]}:
            assert float(row[other]) == deltas[heads[row["Metric"]], row["System"], other]
            n_seen += 1
    assert n_seen == len(deltas) == 4 * 5 * 4


HOSTILE = (
    "<script>alert(1)</script>", "</table><img src=x onerror=alert(1)>", "javascript:alert(1)", '" onclick="x',
    "\x1b[31mred\x1b[0m\x07", "safe\u202egnp.exe", "\u2066a\u2069", "\\input{/etc/passwd}", "$\\write18{ls}$ %",
    '=HYPERLINK("http://x")', "+1", "-1+2", "@SUM(A1)",
    "\t=1", "\r=1", "a|b`c`", "tab\tin", "\x9b31m", "\x00", "\u2028",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    table = Table(
        name="t", caption=text, columns=(Column(heading=text), Column(heading="BLEU")),
        rows=((TextCell(text=text), ScoreCell(score=-1.0)),), notes=(text,),
    )  # fmt: skip
    for kind in ("text", "markdown", "latex", "html", "json"):
        out = RENDERERS[kind](table)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", out), kind
    found = Grid(table.to_html())
    assert found.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td", "bdi", "data", "ul", "li"} - {
        "strong"
    }
    assert found.attributes == {"class", "scope", "dir", "value"}
    assert found.rows[1][0] == visible(re.sub(r"\s*[\r\n\t]\s*", " ", text))
    latex = table.to_latex()
    assert not re.search(r"\\(input|write)(?![a-z])", latex.replace(r"\textbackslash{}", ""))
    (_, row) = csv.reader(io.StringIO(table.to_csv(), newline=""))
    assert row[1] == "-1.0"
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", row[0])
    assert row[0].removeprefix("'") == visible(text)
    assert row[0].startswith("'") == (text[0] in "=+-@\t")  # a carriage return is a mark
    content = json.loads(table.to_json())
    assert content["rows"][0][0] == {"text": text}
    assert content["notes"] == [text]


@pytest.mark.parametrize(
    ("text", "mark"),
    [("\x1b[0m", "␛[0m"), ("\u202e", "[RLO]"), ("\x9b", "[U+009B]"), ("\x7f", "␡"), ("é郑\n", "é郑\n")],
)
def test_marks_of_what_cannot_be_seen(text: str, mark: str) -> None:
    assert visible(text) == mark


@pytest.mark.parametrize(
    ("p", "shown"),
    [(410 / 8192, "0.05005"), (0.05, "0.05"), (0.0499999, "0.05"), (0.0512, "0.0512"), (1 / 10001, "0.0001")],
)
def test_a_rounded_p_value_is_on_the_same_side_of_alpha(p: float, shown: str) -> None:
    assert PValueCell(p=p, alpha=0.05).shown() == shown


def test_columns_of_one_heading_are_told_apart_in_csv() -> None:
    columns = tuple(Column(heading=heading) for heading in ("System", "A", "System", "System"))
    table = Table(name="t", caption="c", columns=columns, rows=(tuple(TextCell(text=text) for text in "abcd"),))
    assert table.to_csv() == "System,A,System (2),System (3)\na,b,c,d\n"


def test_ranks_stand_under_each_other_in_latex() -> None:
    cells = (RankCell(top=1, bottom=1), RankCell(top=2, bottom=11), RankCell(top=None, bottom=None))
    table = Table(name="t", caption="c", columns=(Column(heading="Rank"),), rows=tuple((cell,) for cell in cells))
    lines = table.to_latex().partition("\\midrule\n")[2].splitlines()[:3]
    assert lines == ["\\phantom{0}1 \\\\", "\\phantom{0}2--11 \\\\", "-- \\\\"]


def test_long_tables_are_several_in_latex() -> None:
    rows = tuple((TextCell(text="m" if n < 50 else "n"), ScoreCell(score=float(n))) for n in range(60))
    table = Table(
        name="t", caption="c", columns=(Column(heading="Metric"), Column(heading="Δ")), rows=rows, notes=("end",),
        lines_after=frozenset({49}),
    )  # fmt: skip
    latex = render_latex(table)
    assert re.findall(r"\\caption\{(.*)\}", latex) == ["c: m", "c: m (continued)", "c: n"]
    assert re.findall(r"\\label\{(.*)\}", latex) == ["tab:t", "tab:t-2", "tab:t-3"]
    assert of_latex(latex) == [["m" if n < 50 else "n", f"{n}.0"] for n in range(60)]
    assert latex.count("\nend\n") == 1


needs_tex = pytest.mark.skipif(
    shutil.which("pdflatex") is None or shutil.which("lualatex") is None,
    reason="needs pdflatex and lualatex: install Debian's latexmk texlive-latex-recommended texlive-latex-extra",
)


def compiled(tables: Sequence[Table], folder: Path) -> str:
    """The log of a document that has nothing but article and booktabs."""
    bodies = [render_latex(table) for table in tables]
    program = "lualatex" if any("LuaLaTeX" in body for body in bodies) else "pdflatex"
    text = "\n\\clearpage\n".join(bodies)
    packages = sorted(set(re.findall(r"^% requires (\\usepackage\S*\})", text, re.MULTILINE)))
    assert set(packages) <= {r"\usepackage{booktabs}", r"\usepackage[T1]{fontenc}"}
    head = "\n".join([r"\documentclass{article}", *packages])
    document = f"{head}\n\\begin{{document}}\n{text}\\end{{document}}\n"
    (folder / "tables.tex").write_text(document, encoding="utf-8")
    finished = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "tables.tex"],
        cwd=folder, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    log = finished.stdout.decode(errors="replace")
    assert finished.returncode == 0, log[-2000:]
    over = re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide", log)
    assert [points for points in over if float(points) > 2] == []
    return log


@needs_tex
def test_latex_compiles(bundled: eh.Run, full: eh.Run, tmp_path: Path) -> None:
    """Within the margins, too."""
    plain = [name for name in table_names() if name != "segments"]
    log = compiled([bundled.table(name, intervals=True) for name in plain], tmp_path)
    assert "This is pdfTeX" in log
    assert "multiply defined" not in log
    assert "Too many unprocessed floats" not in log
    assert "This is LuaHBTeX" in compiled([bundled.table("segments")], tmp_path)
    compiled([full.table(name, intervals=True) for name in table_names()], tmp_path)
    hostile = [text for text in HOSTILE if text.isascii()]
    rows = tuple((TextCell(text=text),) for text in hostile)
    compiled([Table(name="t", caption=text, columns=(Column(heading=text),), rows=rows) for text in hostile], tmp_path)


@needs_tex
@pytest.mark.parametrize("text", ["książka", "Þór «x» „y‚", "Ħal", "smörgåsbord ¿qué?", "a\u2010b…\u2020"])
def test_letters_compile_with_what_the_head_asks_for(text: str, tmp_path: Path) -> None:
    row = (TextCell(text=text), ScoreCell(score=-1.0))
    columns = (Column(heading=text), Column(heading="BLEU", higher_is_better=True))
    compiled([Table(name="t", caption=text, columns=columns, rows=(row,), notes=(text,))], tmp_path)


@needs_tex
def test_broken_texts_take_no_more_than_their_lines(tmp_path: Path) -> None:
    """33 rows, of which one is broken into several lines, stand on one page."""
    names = [
        "a name of ten words that is far too long for its column and goes on and on",
        *(f"s{n}" for n in range(32)),
    ]
    numbers = tuple(ScoreCell(score=-12.34, decimals=2) for _ in range(4))
    rows = tuple((TextCell(text=name), TextCell(text="other"), *numbers) for name in names)
    columns = (Column(heading="A"), Column(heading="B"), *(Column(heading=f"number {n}") for n in range(4)))
    table = Table(name="t", caption="c", columns=columns, rows=rows)
    log = compiled([table], tmp_path)
    assert table.to_latex().count("\\begin{table}") == 1
    assert "rightskip" in table.to_latex()
    assert "Float too large" not in log
    assert "[1" in log
    assert "[2" not in log.partition("(./tables.aux)")[2]


def test_wide_tables_are_cut_evenly() -> None:
    columns = (Column(heading="System"), *(Column(heading=f"system{n:02}") for n in range(27)))
    rows = ((TextCell(text="system00"), *(ScoreCell(score=-1.25, decimals=2) for _ in range(27))),)
    latex = Table(name="t", caption="c", columns=columns, rows=rows).to_latex()
    sizes = [len(specification) - 1 for specification in re.findall(r"\\begin\{tabular\}\{([lr]+)\}", latex)]
    assert sum(sizes) == 27
    assert len(sizes) > 2
    assert max(sizes) - min(sizes) <= 2
    assert latex.count("\\addtocounter{table}{-1}") == len(sizes) - 1  # the same number


@needs_tex
def test_many_and_long_tables_find_their_pages(tmp_path: Path) -> None:
    rows = tuple((TextCell(text=f"m{n // 50}"), TextCell(text=f"s{n}"), ScoreCell(score=float(n))) for n in range(1500))
    columns = (Column(heading="Metric"), Column(heading="System"), Column(heading="Δ"))
    notes = tuple("a note of some length, as there may be many, " * 4 for _ in range(8))
    log = compiled([Table(name="t", caption="c", columns=columns, rows=rows, notes=notes)], tmp_path)
    assert "Float too large" not in log


@pytest.mark.slow
@needs_tex
def test_latex_of_a_large_run_compiles(tmp_path: Path) -> None:
    """12 systems and 66 pairs by each metric: pairs take two tables for each."""
    folder = wmt22()
    run = eh.evaluate(
        testset="plain",
        systems={
            path.stem: path.read_text(encoding="utf-8").split("\n")[:-1] for path in (folder / "hyp").glob("*.en")
        },
        metrics=["bleu", "chrf"],
        overrides=[
            f"testset.source={folder / 'src.zh'}", f"testset.references=[{folder / 'ref.A.en'}]",
            "testset.language_pair=zh-en",
        ],
    )  # fmt: skip
    latex = run.table("comparisons").to_latex()
    assert [len(of_latex(part)) for part in latex.split("\\begin{table}")[1:]] == [40, 26, 40, 26]
    log = compiled([run.table(name) for name in table_names()], tmp_path)
    assert "multiply defined" not in log


class TestSegments:
    def test_largest_differences_are_those_of_the_file(self, bundled: eh.Run) -> None:
        """The two best by BLEU are polished and literal; of 9 segments at most 5 are shown of each kind."""
        frame = bundled.segments.pivot(index="segment", columns="system", values="bleu")
        deltas = frame["polished"] - frame["literal"]
        above = deltas[deltas > 0].sort_values(ascending=False).head(5)
        below = deltas[deltas < 0].sort_values().head(5)
        rows = bundled.table("segments").rows
        found = [
            (why.text, segment.text, score.score)
            for why, segment, system, score, *_ in rows
            if system == TextCell(text="A - B; source")
            if isinstance(why, TextCell) and isinstance(segment, TextCell) and isinstance(score, ScoreCell)
        ]
        expected = [("A better", name, delta) for name, delta in above.items()]
        expected += [("B better", name, delta) for name, delta in below.items()]
        assert found[: len(expected)] == expected
        assert {why for why, *_ in found[len(expected) :]} <= {"metrics disagree"}
        texts = [row[-1] for row in rows]
        assert all(isinstance(text, TextCell) and len(text.text) <= 60 for text in texts)

    def test_two_systems_are_compared_and_not_two_runs_of_one(self, full: eh.Run) -> None:
        names = {row[3].text for row in full.table("segments").rows if isinstance(row[3], TextCell)}
        runs = {line.system: line.score for line in full.score_lines if line.metric == "bleu"}
        best = max((name for name in runs if name.startswith("mine")), key=lambda name: runs[name] or 0.0)
        assert names == {best, "other", "A - B; source"}
        assert "B is other" in full.table("segments", baseline="other").notes[0]

    def test_one_system_has_no_differences(self, bundled: eh.Run) -> None:
        table = bundled.table("segments", systems=["gloss"])
        assert table.rows == ()
        assert table.notes[0].startswith("There are no two systems with scores")


class TestChoice:
    def test_metrics_and_systems(self, bundled: eh.Run) -> None:
        table = bundled.table(metrics=["ter", "bleu"], systems=["literal", "lossy"])
        assert [column.heading for column in table.columns] == ["System", "TER", "BLEU", "Rank"]
        assert [row[0] for row in table.rows] == [TextCell(text="lossy"), TextCell(text="literal")]  # TER 78.7, 89.6
        assert "Holm over 10 pairs" in table.notes[0]  # of the record, not the one pair shown
        assert table.notes[-1].startswith("A selection from the record (2 of 5 systems, 2 of 4 metrics)")

    def test_a_baseline_is_second_in_every_pair(self, bundled: eh.Run) -> None:
        table = bundled.table("comparisons", metrics=["bleu"], baseline="gloss")
        record = {
            frozenset((line.system_a, line.system_b)): line
            for line in bundled.comparison_lines
            if line.metric == "bleu"
        }
        assert len(table.rows) == 4
        for row in table.rows:
            assert row[2] == TextCell(text="gloss")
            assert isinstance(row[1], TextCell)
            assert isinstance(row[3], ScoreCell)
            line = record[frozenset((row[1].text, "gloss"))]
            assert row[3].score == (line.delta if line.system_b == "gloss" else -line.delta)
        systems = bundled.table(baseline="gloss")
        assert "Rank" not in [column.heading for column in systems.columns]
        assert systems.notes[0].startswith("Marked: significantly better than gloss")

    def test_what_the_record_found_is_not_called_impossible(self, bundled: eh.Run) -> None:
        """Of 10 pairs corrected together the larger p-values are multiplied by less than the smallest."""
        lines = [line for line in bundled.comparison_lines if line.is_significant]
        assert lines
        for line in lines:
            for name in ("systems", "comparisons", "pairwise", "ranks"):
                table = bundled.table(name, systems=[line.system_a, line.system_b], metrics=[line.metric])
                assert not any("can be significant" in note for note in table.notes), name

    def test_few_pairs_of_many_where_one_can_be_significant(self, tmp_path: Path) -> None:
        """Ten pairs of 8 segments: what can be significant does not depend on which of them are shown."""
        systems = {f"s{n}": [f"a b c d {'e' * (n > place)} f" for place in range(8)] for n in range(5)}
        segments = tuple(Segment(id=str(n), source="源", references=(f"a b c d e{n} f",)) for n in range(8))
        testset = TestSet(name="few", language_pair=LanguagePair.parse("zh-en"), segments=segments)
        run = eh.evaluate(testset=testset, systems=systems, metrics=["chrf"], results=tmp_path)
        whole = [note for note in run.table().notes if "can be significant" in note]
        for a, b in itertools.combinations(systems, 2):
            chosen = run.table(systems=[a, b])
            assert [note for note in chosen.notes if "can be significant" in note] == whole

    def test_ranks_stand_beside_a_baseline(self, bundled: eh.Run) -> None:
        table = bundled.table("ranks", baseline="gloss", metrics=["bleu"])
        assert len(table.rows) == 5
        assert not any("No ranks" in note for note in table.notes)
        assert (
            bundled.table("systems", baseline="gloss")
            .notes[0]
            .startswith("Marked: significantly better than gloss (paired")
        )

    def test_only_what_is_chosen_is_spoken_of(self, full: eh.Run) -> None:
        notes = full.table(systems=["other"]).notes
        assert not any("poor" in note for note in notes if not note.startswith("Found in the texts"))
        flags = [column.heading for column in full.table("problems", systems=["other"]).columns]
        assert set(flags) < {column.heading for column in full.table("problems").columns}
        assert all("p-values" not in note for note in full.table("problems", systems=["other"]).notes)

    def test_runs_of_a_system_are_chosen_together(self, full: eh.Run) -> None:
        with pytest.raises(ConfigError, match="system 'mine-seed0': is one of the runs of 'mine'"):
            full.table(systems=["mine-seed0", "other"])
        table = full.table(systems=["mine", "other"])
        assert "2 of 3 systems" in table.notes[-1]

    def test_every_table_of_one_system_and_of_every_baseline(self, bundled: eh.Run, full: eh.Run) -> None:
        for run in (bundled, full):
            for name, system in itertools.product(
                table_names(), ["other", "poor", "mine"] if run is full else ["gloss"]
            ):
                assert run.table(name, systems=[system]).to_text()
                assert run.table(name, baseline=system).to_text()

    def test_a_baseline_is_one_system_and_the_records_own(self, bundled: eh.Run, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no such system: 'gloss,lossy'"):
            bundled.table(baseline="gloss,lossy")
        run = eh.evaluate(metrics=["chrf"], overrides=["stats.baseline=gloss", "cache=false"], results=tmp_path)
        assert len(run.table("comparisons", baseline="gloss").rows) == 4
        with pytest.raises(ConfigError, match="compares systems with 'gloss' alone"):
            run.table("comparisons", baseline="lossy")

    def test_decimals_by_heading(self, bundled: eh.Run) -> None:
        assert bundled.table(metric_decimals={"chrF2++": 3}) == bundled.table(metric_decimals={"chrfpp": 3})

    def test_metrics_by_their_headings_and_joined_by_commas(self, bundled: eh.Run) -> None:
        table = bundled.table(metrics=["chrF2++,ter"], systems=["gloss,lossy"])
        assert [column.heading for column in table.columns] == ["System", "chrF2++", "TER", "Rank"]
        assert len(table.rows) == 2

    @pytest.mark.parametrize(
        "words",
        [
            ["--page", "--table", "ranks"], ["--page", "--figures"], ["--page", "-o", "x"],
            ["--page", "--systems", "a"],
            ["--figures", "--table", "ranks"], ["--figure", "scores", "-f", "latex"], ["--table", "ranks", "-f", "svg"],
            ["--force"], ["-o", "table.tex"], ["-o", "a-file"],
        ],
    )  # fmt: skip
    def test_options_that_say_nothing_are_refused(
        self, bundled: eh.Run, command: Callable[..., Finished], words: list[str]
    ) -> None:
        Path("a-file").write_text("mine")
        finished = command("report", str(bundled.folder), *words)
        assert (finished.code, finished.out) == (2, "")
        assert words[0] in finished.err or "--output" in finished.err or "--format" in finished.err
        assert [path.name for path in Path().iterdir()] == ["a-file"]

    def test_names_there_are_not(self, bundled: eh.Run) -> None:
        with pytest.raises(
            ConfigError, match=r"no such system: 'los' \(did you mean 'lossy'\?\), 'zzz'\. The record has"
        ):
            bundled.table(systems=["los", "zzz"])
        with pytest.raises(ConfigError, match=r"no such metric: 'blue' \(did you mean 'bleu'"):
            bundled.table(metrics=["blue"])
        with pytest.raises(ConfigError, match="decimals of 'blue': no such metric; did you mean 'bleu'"):
            bundled.table(metric_decimals={"blue": 2})

    def test_files_are_not_lost(self, command: Callable[..., Finished]) -> None:
        command("run", "metrics=[bleu]", "report.metric_decimals={bleu: 3}")
        words = ("report", "results/latest", "--table", "all", "-f", "markdown", "html", "-o", "out")
        assert command(*words).code == 0
        assert "19.72" in Path("out/systems.md").read_text(encoding="utf-8")  # three decimals
        assert {path.name for path in Path("out").iterdir()} == {
            f"{n}.{s}" for n in table_names() for s in ("md", "html")
        }
        assert command(*words).code == 0  # the same again
        Path("out/ranks.html").write_text("mine")
        refused = command(*words)
        assert refused.code == 2
        assert "out/ranks.html: is there already with other content" in refused.err
        assert Path("out/ranks.html").read_text() == "mine"
        assert command(*words, "--force").code == 0
        assert Path("out/ranks.html").read_text() != "mine"


def test_runs_of_one_system(command: Callable[..., Finished]) -> None:
    for name, text in (("mine-seed0", "a b"), ("mine-seed1", "the city"), ("other", "x")):
        write(f"hyp/{name}.en", *[text] * 9)
    options = ["systems=[folder]", "systems.folder.path=hyp", "systems.folder.group_by='*-seed*'"]
    assert command("run", *options, "metrics=[chrf]").code == 0
    run = eh.open_run("results/latest")
    scores = [line.score or 0.0 for line in run.score_lines if line.system.startswith("mine")]
    rows = run.table("runs").rows
    assert [row[1] for row in rows] == [
        TextCell(text=text) for text in ("mine-seed0", "mine-seed1", "mean of 2", "lowest", "highest")
    ]
    found = [cell.score for row in rows if isinstance(cell := row[3], ScoreCell)]
    assert found == pytest.approx([*scores, sum(scores) / 2, min(scores), max(scores)], rel=1e-12)


def test_no_system_has_several_runs(bundled: eh.Run) -> None:
    assert bundled.table("runs").notes == ("No system has several runs.",)
