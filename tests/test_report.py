"""The results table as ink: text, Markdown, LaTeX, CSV and TSV.

Expected strings are written by hand from the rules of each format: GitHub Flavored Markdown 0.29 (a backslash makes any
ASCII punctuation literal), LaTeX2e (the ten special characters) with booktabs, RFC 4180 for CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import Finished, write

import evalharness as eh
from evalharness.errors import ConfigError, RecordError
from evalharness.metrics.lexical import Bleu, Chrf
from evalharness.records import Hypothesis, LanguagePair, Segment, Signature, SourceSegment, TestSet
from evalharness.report.latex import render_latex
from evalharness.report.settings import ReportSettings
from evalharness.report.table import RENDERERS, Cell, Column, ScoreCell, Table, TextCell
from evalharness.report.text import display_width

CANDIDATES = ("polished", "literal", "lossy", "gloss", "source-copy")


def table(*rows: tuple[Cell, ...], **fields: object) -> Table:
    """A table of a system column and a BLEU column, unless `fields` says otherwise."""
    columns = (Column(heading="System"), Column(heading="BLEU", higher_is_better=True))
    return Table(**{"name": "systems", "caption": "news zh-en", "columns": columns, "rows": rows, **fields})  # type: ignore[arg-type]


def row(name: str, score: float | None, **fields: object) -> tuple[Cell, ...]:
    return (TextCell(text=name), ScoreCell(score=score, **fields))  # type: ignore[arg-type]


def small() -> Table:
    """Two metrics of either direction, a best, a missing score, a factor, decimals of their own, notes."""
    return table(
        (
            TextCell(text="ours"),
            ScoreCell(score=27.449, is_best=True),
            ScoreCell(score=0.84251, display_factor=100.0, decimals=2, is_best=True),
            ScoreCell(score=110.06, decimals=0),
        ),
        (
            TextCell(text="theirs"),
            ScoreCell(score=9.95001),
            ScoreCell(score=None, display_factor=100.0, decimals=2),
            ScoreCell(score=0.0, decimals=0, is_best=True),
        ),
        columns=(
            Column(heading="System"),
            Column(heading="BLEU", higher_is_better=True),
            Column(heading="COMET-22", higher_is_better=True),
            Column(heading="TER", higher_is_better=False),
        ),
        notes=("BLEU: nrefs:1|tok:13a", "TER: nrefs:1|case:lc"),
    )


# 27.449 -> 27.4; 100 * 0.84251 = 84.251 -> 84.25; 110.06 -> 110; 9.95001 -> 10.0; 0.0 is a score and None is none
class TestWholeTable:
    def test_text(self) -> None:
        # The mark or a space stands behind each score, and a space behind each heading, so that digits are in line.
        assert small().to_text() == (
            "news zh-en\n"
            "\n"
            "System  BLEU ↑   COMET-22 ↑   TER ↓\n"
            "------  -------  -----------  ------\n"
            "ours      27.4*       84.25*    110\n"
            "theirs    10.0            -       0*\n"
            "\n"
            "  BLEU: nrefs:1|tok:13a\n"
            "  TER: nrefs:1|case:lc\n"
        )

    def test_markdown(self) -> None:
        assert small().to_markdown() == (
            "**news zh-en**\n"
            "\n"
            "| System |   BLEU ↑ | COMET-22 ↑ | TER ↓ |\n"
            "| ------ | -------: | ---------: | ----: |\n"
            "| ours   | **27.4** |  **84.25** |   110 |\n"
            "| theirs |     10.0 |          - | **0** |\n"
            "\n"
            "- BLEU: nrefs:1\\|tok:13a\n"
            "- TER: nrefs:1\\|case:lc\n"
        )

    def test_latex(self) -> None:
        assert small().to_latex() == (
            "% requires \\usepackage{booktabs}; of the width of a full line: in two columns write table* for table\n"
            "\\begin{table}\n"
            "\\centering\n"
            "\\caption{news zh-en}\n"
            "\\label{tab:systems}\n"
            "\\begin{tabular}{lrrr}\n"
            "\\toprule\n"
            "System & BLEU $\\uparrow$ & COMET-22 $\\uparrow$ & TER $\\downarrow$ \\\\\n"
            "\\midrule\n"
            "ours & \\textbf{27.4} & \\textbf{84.25} & 110 \\\\\n"
            "theirs & 10.0 & -- & \\textbf{0} \\\\\n"
            "\\bottomrule\n"
            "\\end{tabular}\n"
            "\n"
            "\\smallskip\n"
            "\\begin{minipage}{\\linewidth}\\footnotesize\\raggedright\n"
            "BLEU: nrefs:1\\textbar\\allowbreak{}tok:13a\\\\\n"
            "TER: nrefs:1\\textbar\\allowbreak{}case:lc\n"
            "\\end{minipage}\n"
            "\\end{table}\n"
        )

    def test_csv_and_tsv_are_on_the_metrics_own_scale_and_unrounded(self) -> None:
        assert small().to_csv() == "System,BLEU,COMET-22,TER\nours,27.449,0.84251,110.06\ntheirs,9.95001,,0.0\n"
        assert small().to_tsv() == (
            "System\tBLEU\tCOMET-22\tTER\nours\t27.449\t0.84251\t110.06\ntheirs\t9.95001\t\t0.0\n"
        )

    def test_without_notes_nothing_follows_the_table(self) -> None:
        plain = table(row("a", 1.0))
        assert plain.to_text().endswith("------  -------\na          1.0\n")
        assert plain.to_markdown().endswith("| a      |    1.0 |\n")
        assert plain.to_latex().endswith("\\bottomrule\n\\end{tabular}\n\\end{table}\n")


NAME = "a|b&c%d_e#f$g{h}i~j^k\\l\nm*n<o>`p`"


class TestEscapes:
    @pytest.mark.parametrize(
        ("character", "markdown", "latex"),
        [
            ("|", "\\|", "\\textbar{}"),
            ("&", "\\&", "\\&"),
            ("%", "%", "\\%"),
            ("_", "\\_", "\\_"),
            ("#", "\\#", "\\#"),
            ("$", "\\$", "\\$"),
            ("{", "{", "\\{"),
            ("}", "}", "\\}"),
            ("~", "\\~", "\\textasciitilde{}"),
            ("^", "^", "\\textasciicircum{}"),
            ("\\", "\\\\", "\\textbackslash{}"),
            ("<", "\\<", "\\textless{}"),
            (">", "\\>", "\\textgreater{}"),
            ("*", "\\*", "{*}"),
            ("`", "\\`", "`"),
            ("[", "\\[", "{[}"),
            ("\n", " ", " "),
            ("\r\n", " ", " "),
        ],
    )
    def test_every_special_character(self, character: str, markdown: str, latex: str) -> None:
        drawn = table(row(f"x{character}y", 1.0), notes=(f"n{character}o",), caption=f"p{character}q")
        assert f"| x{markdown}y " in drawn.to_markdown()
        assert f"\n- n{markdown}o\n" in drawn.to_markdown()
        assert drawn.to_markdown().startswith(f"**p{markdown}q**\n\n|")
        assert f"\nx{latex}y & 1.0 \\\\\n" in drawn.to_latex()
        assert f"\\caption{{p{latex}q}}\n" in drawn.to_latex()
        as_text = " " if "\n" in character else character
        assert drawn.to_text().startswith(f"p{as_text}q\n\nSystem")
        assert f"\nx{as_text}y " in drawn.to_text()
        assert drawn.to_text().endswith(f"\n  n{as_text}o\n")
        for render, delimiter in ((Table.to_csv, ","), (Table.to_tsv, "\t")):
            lines = list(csv.reader(io.StringIO(render(drawn), newline=""), delimiter=delimiter))
            assert lines == [["System", "BLEU"], [f"x{character}y", "1.0"]]

    def test_all_in_one_name(self) -> None:
        drawn = table(row(NAME, 1.0))
        assert "\n| a\\|b\\&c%d\\_e\\#f\\$g{h}i\\~j^k\\\\l m\\*n\\<o\\>\\`p\\` |" in drawn.to_markdown()
        assert (
            "\na\\textbar{}b\\&c\\%d\\_e\\#f\\$g\\{h\\}i\\textasciitilde{}j\\textasciicircum{}k\\textbackslash{}l "
            "m{*}n\\textless{}o\\textgreater{}`p` & 1.0 \\\\\n"
        ) in drawn.to_latex()
        assert "\na|b&c%d_e#f$g{h}i~j^k\\l m*n<o>`p`" in drawn.to_text()
        # RFC 4180: a field with a line end is quoted; nothing else changes in it
        assert drawn.to_csv() == f'System,BLEU\n"{NAME}",1.0\n'

    def test_delimiters_and_quotes_in_names_are_quoted(self) -> None:
        drawn = table(row('the "best", ours', 1.0), row("tab\there", None))
        assert drawn.to_csv() == 'System,BLEU\n"the ""best"", ours",1.0\ntab\there,\n'
        assert drawn.to_tsv() == 'System\tBLEU\n"the ""best"", ours"\t1.0\n"tab\there"\t\n'

    @pytest.mark.parametrize(("name", "shown"), [("[1] ours", "{[}1] ours"), ("*ours", "{*}ours")])
    def test_a_name_is_never_the_argument_of_the_line_end_before_it(self, name: str, shown: str) -> None:
        # \\ and \midrule look past the line end for a [length], and \\ for a star; braces hide both from them
        lines = table(row(name, 1.0), row(name, 2.0)).to_latex().splitlines()
        start = lines.index("\\midrule")
        assert lines[start + 1 : start + 3] == [f"{shown} & 1.0 \\\\", f"{shown} & 2.0 \\\\"]

    def test_a_line_end_never_splits_a_row(self) -> None:
        drawn = table(row("one\n\ntwo", 1.0), notes=("first\nsecond",), caption="over\n\nunder")
        assert "| one two |    1.0 |\n\n- first second\n" in drawn.to_markdown()
        assert drawn.to_text().startswith("over under\n\nSystem")
        # an empty line inside \caption is an error of LaTeX: "Paragraph ended before \@caption was complete"
        assert "\\caption{over under}\n" in drawn.to_latex()


class TestNumbers:
    @pytest.mark.parametrize(
        ("score", "factor", "decimals", "shown"),
        [
            (0.0, 1.0, 1, "0.0"),
            (27.449, 1.0, 0, "27"),
            (27.449, 1.0, 2, "27.45"),
            (0.84251, 100.0, 1, "84.3"),  # 84.251
            (0.84251, 1.0, 4, "0.8425"),
            (-0.5, 100.0, 1, "-50.0"),
            (124.83221476510067, 1.0, 1, "124.8"),
        ],
    )
    def test_decimals_and_factor_of_a_cell(self, score: float, factor: float, decimals: int, shown: str) -> None:
        drawn = table(row("a", score, display_factor=factor, decimals=decimals))
        assert drawn.to_text().splitlines()[-1].split() == ["a", shown]
        assert drawn.to_markdown().splitlines()[-1].split() == ["|", "a", "|", shown, "|"]
        # LaTeX sets a hyphen as a hyphen; a minus is mathematics
        assert f"\na & {shown.replace('-', '$-$')} \\\\\n" in drawn.to_latex()

    def test_a_missing_score_is_a_dash_or_nothing_and_never_zero(self) -> None:
        drawn = table(row("a", None), row("b", None))
        for name in ("text", "markdown", "latex", "csv", "tsv"):
            body = [line for line in RENDERERS[name](drawn).splitlines() if re.match(r"(\| )?[ab]\b", line)]
            assert len(body) == 2, name
            assert not any(digit in line for line in body for digit in "0123456789"), name
        cell = {"score": None, "low": None, "high": None, "sd": None, "display_factor": 1.0, "decimals": 1}
        rows = json.loads(drawn.to_json())["rows"]
        assert rows == [[{"text": name}, {**cell, "is_best": False}] for name in "ab"]
        assert drawn.to_html().count('<td class="number">-</td>') == 2
        assert drawn.to_text().splitlines()[-2:] == ["a            -", "b            -"]
        assert drawn.to_markdown().splitlines()[-1] == "| b      |      - |"
        assert "\na & -- \\\\\nb & -- \\\\\n" in drawn.to_latex()
        assert drawn.to_csv() == "System,BLEU\na,\nb,\n"
        assert drawn.to_tsv() == "System\tBLEU\na\t\nb\t\n"
        assert '<td class="number">-</td>' in drawn.to_html()
        assert json.loads(drawn.to_json())["rows"][0][1]["score"] is None

    def test_csv_gives_back_every_bit(self) -> None:
        # 0.1 + 0.2 needs 17 digits; 5e-324 is the smallest double
        scores = [0.1 + 0.2, 1 / 3, 5e-324, 1e300, -0.07, 100.0]
        drawn = table(*(row(f"s{number}", score, decimals=0) for number, score in enumerate(scores)))
        for render, delimiter in ((Table.to_csv, ","), (Table.to_tsv, "\t")):
            lines = list(csv.DictReader(io.StringIO(render(drawn)), delimiter=delimiter))
            assert [float(line["BLEU"]) for line in lines] == scores
            assert "0.30000000000000004" in render(drawn)

    @pytest.mark.parametrize("decimals", [-1, 16])
    def test_decimals_that_no_double_has(self, decimals: int) -> None:
        with pytest.raises(ConfigError, match=rf"report\.decimals={decimals}: expected 0 to 15"):
            ReportSettings(decimals=decimals)


class TestWidths:
    @pytest.mark.parametrize(
        ("text", "width"),
        [
            ("abc", 3),
            ("百度翻译", 8),  # four characters, two columns each
            ("ＡＢ", 4),  # fullwidth forms
            ("ｱ", 1),  # halfwidth katakana
            ("e\u0301", 1),  # e and a combining acute
            ("\u0e17\u0e35\u0e48", 1),  # Thai tho thahan with two marks; sara ii has combining class 0
            ("か\u3099", 2),  # ka and a combining voiced mark, which Unicode calls wide
            ("𠮷", 2),  # beyond the first plane
        ],
    )
    def test_columns_a_terminal_gives(self, text: str, width: int) -> None:
        assert display_width(text) == width

    def test_columns_stay_in_line_beside_wide_names(self) -> None:
        drawn = table(row("百度翻译", 9.0), row("Google", 27.4, is_best=True))
        # "System" and "Google" are 6 columns wide, the Chinese name 8
        assert drawn.to_text().splitlines()[2:] == [
            "System    BLEU ↑",
            "--------  -------",
            "百度翻译     9.0",
            "Google      27.4*",
        ]
        assert drawn.to_markdown().splitlines()[2:] == [
            "| System   |   BLEU ↑ |",
            "| -------- | -------: |",
            "| 百度翻译 |      9.0 |",
            "| Google   | **27.4** |",
        ]


class Broken:
    """A system that fails on every segment."""

    provenance = ""

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        return

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        return (Hypothesis(id=source.id, text=None, error="no answer") for source in sources)

    def signature(self) -> Signature:
        return Signature(fields=(("backend", "broken"),))


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    return eh.evaluate(results=tmp_path_factory.mktemp("bundled") / "results", overrides=["cache=false"])


class TestOfARun:
    """The table drawn from a record: what is marked, in what order, and what the notes say."""

    def test_the_bundled_run(self, bundled: eh.Run) -> None:
        # Scores are sacrebleu 2.6.0's of these files (test_run_command compares them). Marks, from comparisons.csv:
        # chrF literal - polished p = 64/512 = 0.125; chrF++ 34/512 = 0.066, Holm 0.094; TER lossy beside polished.
        assert bundled.table().to_text() == (
            "zhengzhou zh-en, 9 segments\n"
            "\n"
            "System       BLEU ↑   chrF2 ↑   chrF2++ ↑   TER ↓   Rank   Unusable\n"
            "-----------  -------  --------  ----------  ------  -----  ---------\n"
            "polished       19.7*     53.9*       50.7*   73.7*     1          0\n"
            "-----------  -------  --------  ----------  ------  -----  ---------\n"
            "literal         8.9      50.4*       46.5*   89.6    2-4          0\n"
            "lossy           6.1      30.6        29.0    78.7*   2-4          0\n"
            "gloss           1.1      38.8        33.8   124.8    3-5          0\n"
            "source-copy     0.0       0.8         0.6   100.0    3-5          9\n"
            "\n"
            "  Marked: the best of each metric and every system not significantly different from it (paired sign-flip "
            "test, exact, 9 segments, p ≤ 0.05, Holm over 10 pairs for each metric).\n"
            "  Unusable hypotheses, scored as they are: source-copy 9 of 9 (9 copy-of-source).\n"
            "  Other flags of hypotheses are counted in the table problems: too-short, shorter-than-others, "
            "numbers-missing, numbers-invented.\n"
            "  Smallest difference that one test finds with 80 % power (median over pairs, before correction): "
            "BLEU 4.9, chrF2 5.4, chrF2++ 5.2, TER 13.7. Smaller ones are mostly missed.\n"
            "  Rank: the ranks by BLEU that the tests leave open; lines stand between clusters (table ranks).\n"
            "  BLEU: nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0\n"
            "  chrF2: nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0\n"
            "  chrF2++: nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0\n"
            "  TER: nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0\n"
        )
        for suffix, render in {"md": Table.to_markdown, "tex": Table.to_latex, "csv": Table.to_csv}.items():
            written = (bundled.folder / "tables" / f"systems.{suffix}").read_text(encoding="utf-8")
            assert written == render(bundled.table("systems"))

    def test_the_bundled_latex_would_compile(self, bundled: eh.Run) -> None:
        latex = (bundled.folder / "tables" / "systems.tex").read_text(encoding="utf-8")
        check_latex(latex)
        assert re.findall(r"\\(?:begin|end)\{\w+\}", latex) == [
            "\\begin{table}", "\\begin{tabular}", "\\end{tabular}",
            "\\begin{minipage}", "\\end{minipage}", "\\end{table}",
        ]  # fmt: skip
        body = latex.partition("\\midrule\n")[2].partition("\\bottomrule\n")[0].splitlines()
        assert body[0] == (
            "polished & \\textbf{19.7} & \\textbf{53.9} & \\textbf{50.7} & \\textbf{73.7} & 1 & 0 \\\\"
        )  # best of all four
        body.remove("\\midrule")
        assert [line.partition(" &")[0] for line in body] == list(CANDIDATES)
        assert all(line.count("&") == 6 and line.endswith(" \\\\") for line in body)
        assert latex.isascii()

    @pytest.mark.parametrize("name", ["systems", "comparisons", "problems", "ranks"])
    def test_every_table_would_compile_and_is_ascii(self, bundled: eh.Run, name: str) -> None:
        latex = (bundled.folder / "tables" / f"{name}.tex").read_text(encoding="utf-8")
        check_latex(latex)
        assert latex.isascii()

    def test_an_interval_takes_two_columns_for_other_programs(self, bundled: eh.Run) -> None:
        header, *rows = csv.reader(io.StringIO(bundled.table("comparisons").to_csv()))
        assert header[3:6] == ["Δ", "95% interval low", "95% interval high"]
        assert len(rows) == 40
        assert all(float(row[4]) <= float(row[3]) <= float(row[5]) for row in rows)

    def test_latex_of_any_name_would_compile(self) -> None:
        check_latex(render_latex(table(row(NAME, -1.0, is_best=True), row("[x]{", None), notes=(NAME,), caption=NAME)))

    def test_csv_holds_what_scores_csv_holds(self, bundled: eh.Run) -> None:
        with open(bundled.folder / "scores.csv", encoding="utf-8", newline="") as file:
            scores = {(line["system"], line["metric"]): line["score"] for line in csv.DictReader(file)}
        with open(bundled.folder / "tables" / "systems.csv", encoding="utf-8", newline="") as file:
            drawn = list(csv.DictReader(file))
        assert [line["System"] for line in drawn] == list(CANDIDATES)
        columns = {"BLEU": "bleu", "chrF2": "chrf", "chrF2++": "chrfpp", "TER": "ter"}
        for line in drawn:
            assert {metric: line[heading] for heading, metric in columns.items()} == {
                metric: scores[line["System"], metric] for metric in columns.values()
            }

    @pytest.mark.parametrize(
        ("metric", "shown", "heading"),
        # "x x x x" for the reference "a b c d": no match, 4 edits for 4 words, by hand; chrF of it is 0
        [("ter", ["0.0*", "100.0", "-"], "TER"), ("chrf", ["100.0*", "0.0", "-"], "chrF2")],
    )
    def test_a_system_without_a_score_comes_last_and_is_never_best(
        self, metric: str, shown: list[str], heading: str
    ) -> None:
        segments = tuple(Segment(id=str(n), source="源", references=("a b c d",)) for n in range(7))
        run = eh.evaluate(
            testset=TestSet(name="made", language_pair=LanguagePair.parse("zh-en"), segments=segments),
            systems={"broken": Broken(), "wrong": ["x x x x"] * 7, "right": ["a b c d"] * 7},
            metrics=[metric],
        )
        drawn = run.table()
        lines = drawn.to_text().splitlines()[4:8]
        lines.remove(next(line for line in lines if line.startswith("---")))
        assert [line.split()[:2] for line in lines] == [
            [name, score] for name, score in zip(["right", "wrong", "broken"], shown, strict=True)
        ]
        assert "\nbroken & -- & " in drawn.to_latex()
        assert re.search(r"\nbroken,+\n$", drawn.to_csv())
        assert any(note.startswith(f"{heading}: some segments have no score (7 of broken);") for note in drawn.notes)
        # The other two are still compared: 7 differences of one sign, p = 2 / 2^7.
        assert [(line.system_a, line.system_b, line.p) for line in run.comparison_lines] == [
            ("right", "wrong", 2 / 128)
        ]

    def test_decimals_are_asked_for(self, command: Callable[..., Finished]) -> None:
        command("run", "metrics=[chrf]", "report.decimals=3")
        # 53.91720055257879 by sacrebleu 2.6.0
        assert "| polished    | **53.917** |" in Path("results/latest/tables/systems.md").read_text(encoding="utf-8")
        assert (
            "\npolished     53.91720055*   1-2          0\n"
            in eh.open_run("results/latest").table(decimals=8).to_text()
        )
        printed = command("report", "results/latest", "-w", "0", "-f", "latex").out
        assert "\npolished & \\textbf{54} & 1--2 & 0 \\\\\n" in printed

    def test_one_system_has_no_best_and_no_test(self, command: Callable[..., Finished]) -> None:
        write("hyp/only.en", *["Zhengzhou."] * 9)
        command("run", "systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu]")
        drawn = eh.open_run("results/latest").table()
        assert [cell.is_best for cell in drawn.rows[0] if isinstance(cell, ScoreCell)] == [False]
        assert drawn.notes == (
            "Other flags of hypotheses are counted in the table problems: too-short, numbers-missing.",
            "BLEU: nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0",
        )

    def test_the_note_names_the_baseline_where_not_all_pairs_were_tested(
        self, command: Callable[..., Finished]
    ) -> None:
        command("run", "metrics=[ter]", "stats.baseline=literal")
        notes = eh.open_run("results/latest").table().notes
        assert notes[0] == (  # 5 systems: 4 pairs with the baseline
            "Marked: significantly better than literal, the only system compared with (paired sign-flip test, exact, 9 "
            "segments, p ≤ 0.05, Holm over 4 pairs)."
        )

    def test_the_note_says_where_nothing_was_corrected(self, command: Callable[..., Finished]) -> None:
        command("run", "metrics=[bleu]", "stats.correction=none")
        assert "not corrected for 10 pairs" in eh.open_run("results/latest").table().notes[0]

    def test_what_cannot_be_told_apart_is_not_marked(self, command: Callable[..., Finished]) -> None:
        for name in ("a", "b", "c"):
            write(f"hyp/{name}.en", *["Zhengzhou exports vehicles."] * 9)
        command("run", "systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu]")
        drawn = eh.open_run("results/latest").table()
        assert [cells[1].is_best for cells in drawn.rows if isinstance(cells[1], ScoreCell)] == [False] * 3
        # every p is 1, which Holm leaves at 1: equal to uncorrected values, and corrected all the same
        assert drawn.notes[0].startswith("Nothing is marked (")
        assert "Holm over 3 pairs" in drawn.notes[0]
        assert any(note.startswith("No difference can be significant here") for note in drawn.notes)


def check_latex(text: str) -> None:
    """Refuse what TeX would stop at, as far as it can be seen without TeX: unbalanced braces or environments, a special
    character that stands bare, rows of unequal length, rules out of order."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    opened: list[str] = []
    for verb, environment in re.findall(r"\\(begin|end)\{(\w+)\}", code):
        if verb == "begin":
            opened.append(environment)
        else:
            assert opened.pop() == environment
    assert opened == []
    bare = re.sub(r"\\\\|\\[&%_#${}]", "", code)  # what is left of { } & $ is TeX's own
    depth = 0
    for character in bare:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"[%#_~^|<>]", bare)
    assert re.sub(r"\$(\\uparrow|\\downarrow|\\leq|\\pm|\\Delta|-)\$", "", bare).count("$") == 0
    assert set(re.findall(r"\\([A-Za-z]+)", bare)) <= {
        "begin", "end", "centering", "setlength", "tabcolsep", "phantom", "ldots",
        "caption", "label", "toprule", "midrule", "bottomrule", "textbf", "uparrow",
        "downarrow", "leq", "pm", "Delta", "textbar", "allowbreak", "textbackslash", "textasciitilde",
        "textasciicircum", "textless", "textgreater", "smallskip", "linewidth", "footnotesize", "scriptsize",
        "raggedright",
    }  # fmt: skip
    for whole, part in zip(code.split("\\end{table}")[:-1], bare.split("\\end{table}")[:-1], strict=True):
        top, *between, bottom = re.findall(r"\\(\w+rule)", whole)  # booktabs
        assert (top, set(between), bottom) == ("toprule", {"midrule"}, "bottomrule")
        specification = re.search(r"\\begin\{tabular\}\{([lr]+)\}", whole)
        assert specification is not None
        inside = part.partition("\\toprule")[2].partition("\\bottomrule")[0]
        rows = [line for line in inside.splitlines() if line and line != "\\midrule"]
        assert len(rows) >= 2
        for line in rows:
            assert line.count("&") + 1 == len(specification.group(1))
            assert not line.startswith(("[", "*"))


@pytest.mark.parametrize(
    ("n_segments", "n_systems", "said"),
    [
        # The smallest p of the exact test is 2 / 2^G; Holm multiplies it by the number of pairs.
        (9, 5, None),  # 2/512 x 10 = 0.039
        (9, 6, "with 9 segments no p-value is below 0.00391, or 0.0586 corrected for 15 pairs."),
        (5, 2, "with 5 segments no p-value is below 0.0625."),
        (6, 2, None),  # 2/64 = 0.031
        (17, 2, None),  # not exact
    ],
)
def test_a_test_set_too_small_to_tell_anything_apart_is_said(n_segments: int, n_systems: int, said: str | None) -> None:
    segments = tuple(Segment(id=str(n), source="源", references=("a b c d",)) for n in range(n_segments))
    testset = TestSet(name="made", language_pair=LanguagePair.parse("zh-en"), segments=segments)
    systems = {f"s{k}": ["a b c d" if k == 0 else "x" * k] * n_segments for k in range(n_systems)}
    notes = eh.evaluate(testset=testset, systems=systems, metrics=["chrf"]).table().notes
    assert [note for note in notes if "No difference can be significant here" in note] == (
        []
        if said is None
        else [f"No difference can be significant here: {said} So nothing is told apart, whatever the scores."]
    )


@pytest.mark.parametrize(("n_segments", "n_documents"), [(1, 1), (2, 1), (2, 2)])
def test_one_is_singular(n_segments: int, n_documents: int) -> None:
    segments = tuple(
        Segment(id=str(n), source="源", references=("a b c d",), document=str(n % n_documents))
        for n in range(n_segments)
    )
    testset = TestSet(name="made", language_pair=LanguagePair.parse("zh-en"), segments=segments)
    systems = {name: [f"a b c {name}"] * n_segments for name in "de"}
    for unit, n_units in (("segment", n_segments), ("document", n_documents)):
        run = eh.evaluate(testset=testset, systems=systems, metrics=["chrf"], overrides=[f"stats.unit={unit}"])
        drawn = run.table()
        assert drawn.caption == ("made zh-en, 1 segment" if n_segments == 1 else "made zh-en, 2 segments")
        counted = f"1 {unit}" if n_units == 1 else f"2 {unit}s"
        assert f"(paired sign-flip test, exact, {counted}, p ≤ 0.05, one pair)" in drawn.notes[0]
        # 2 / 2^1 and 2 / 2^2
        assert drawn.notes[1].startswith(f"No difference can be significant here: with {counted} no p-value is below ")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("news", "tab:news-{}-systems"),
        ("wmt22.zh-en", "tab:wmt22.zh-en-{}-systems"),
        ("my_run 2 (new) #1 100% ~x^y", "tab:my-run-2-new-1-100-x-y-{}-systems"),
        ("{a}&$b", "tab:a-b-{}-systems"),
        ("新闻", "tab:u65b0u95fb-{}-systems"),  # code points in hexadecimal
    ],
)
def test_a_label_of_each_run(name: str, label: str) -> None:
    run = eh.evaluate(systems={"mine": ["a"] * 9}, metrics=["chrf"], name=name)
    for text in (run.table().to_latex(), (run.folder / "tables" / "systems.tex").read_text(encoding="utf-8")):
        assert f"\\label{{{label.format(run.plan.identity[:8])}}}\n" in text
        check_latex(text)


def test_a_run_is_drawn_with_its_own_settings(command: Callable[..., Finished]) -> None:
    run = eh.evaluate(systems={"mine": ["a"] * 9}, metrics=["ter"], overrides=["report.decimals=3"])
    assert run.table().to_latex() == (run.folder / "tables" / "systems.tex").read_text(encoding="utf-8")
    assert re.search(r"\nmine +\d+\.\d{3}\n", run.table().to_text())
    assert command("report", str(run.folder)).out == run.table(decimals=3).to_text()
    assert command("report", str(run.folder), "-w", "0").out == run.table(decimals=0).to_text()


@pytest.mark.parametrize("decimals", ["two", None, 16, True, 1.0])
def test_settings_of_a_record_that_are_none(decimals: object) -> None:
    run = eh.evaluate(systems={"mine": ["a"] * 9}, metrics=["ter"])
    plan = json.loads(run.paths.plan.read_text())
    plan["settings"]["report"]["decimals"] = decimals
    run.paths.plan.write_text(json.dumps(plan))
    with pytest.raises(RecordError, match=r"plan\.json: is damaged: report\.decimals=.*: expected 0 to 15"):
        eh.open_run(run.folder).table()
    assert eh.open_run(run.folder).table(decimals=1).name == "systems"


@pytest.mark.parametrize("settings", [{}, {"report": {}}])
def test_a_record_without_settings_of_reports(settings: dict[str, object]) -> None:
    run = eh.evaluate(systems={"mine": ["a"] * 9}, metrics=["ter"])
    plan = json.loads(run.paths.plan.read_text())
    run.paths.plan.write_text(json.dumps({**plan, "settings": settings}))
    assert eh.open_run(run.folder).table() == run.table(decimals=1)


def test_metrics_that_share_a_heading_are_told_apart() -> None:
    run = eh.evaluate(
        systems={"mine": ["a"] * 9}, metrics={"bleu": Bleu(), "bleu_lc": Bleu(lowercase=True), "chrf": Chrf()}
    )
    drawn = run.table()
    assert [column.heading for column in drawn.columns] == ["System", "BLEU (bleu)", "BLEU (bleu_lc)", "chrF2"]
    assert [note.partition(":")[0] for note in drawn.notes[1:]] == ["BLEU (bleu)", "BLEU (bleu_lc)", "chrF2"]


@pytest.mark.parametrize(("score", "shown"), [(-0.04, "0.0"), (-0.06, "-0.1"), (0.04, "0.0"), (None, "-")])
def test_nothing_is_shown_as_minus_zero(score: float | None, shown: str) -> None:
    assert ScoreCell(score=score).shown() == shown


def test_hyphens_stay_hyphens_in_latex() -> None:
    table = Table(name="t", caption="c", columns=(Column(heading="System"),), rows=((TextCell(text="a-b--c---d"),),))
    assert "a-b-{}-c-{}-{}-d" in table.to_latex()


class TestHostileTexts:
    TEXT = "\x1b[31mred \u202elatot <b>&amp;</b> \x00"

    def test_nothing_commands_a_terminal_or_hides(self) -> None:
        drawn = table(row(self.TEXT, 1.0), notes=(self.TEXT,), caption=self.TEXT)
        for render in (Table.to_text, Table.to_markdown, Table.to_latex, Table.to_html):
            shown = render(drawn)
            assert shown.count("U+001B" if render is Table.to_latex else "␛") == 3, render  # no TeX font has ␛
            assert not {"\x1b", "\u202e", "\x00"} & set(shown), render

    @pytest.mark.parametrize("start", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\r\nx"])
    def test_no_text_is_a_formula(self, start: str) -> None:
        drawn = table(row(start, -1.0), row(f"a{start}", 2.0))
        rows = list(csv.reader(io.StringIO(drawn.to_csv(), newline="")))
        assert rows[1:] == [[f"'{start}", "-1.0"], [f"a{start}", "2.0"]]  # numbers stay numbers

    def test_errors_command_no_terminal(self, command: Callable[..., Finished]) -> None:
        eh.evaluate(systems={"x\u202egnp": ["a"] * 9}, metrics=["chrf"], overrides=["inputs.on_error=warn"])
        finished = command("report", "results/latest", "--systems", "zzz\x1b[31m")
        assert finished.code == 2
        assert "x[RLO]gnp" in finished.err
        assert not {"\x1b", "\u202e"} & set(finished.err)

    def test_segments_csv_runs_nothing(self) -> None:
        texts = ["=HYPERLINK(1)", "+1", "-1 degree", "@SUM(A1)", "\x1b[31mred", "as it is", "a=b", "\tx", "郑州"]
        run = eh.evaluate(
            systems={"+mine": texts}, metrics=["chrf"], overrides=["report.segments_csv=true", "inputs.on_error=warn"]
        )
        with open(run.folder / "segments.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["hypothesis"] for row in rows] == [
            "'=HYPERLINK(1)", "'+1", "'-1 degree", "'@SUM(A1)", "[U+001B][31mred", "as it is", "a=b", "'\tx", "郑州"
        ]  # fmt: skip
        assert {row["system"] for row in rows} == {"'+mine"}
        assert [float(row["chrf"]) for row in rows] == list(run.segments["chrf"])
        assert list(run.segments["hypothesis"]) == texts

    def test_html_has_no_elements_of_theirs(self) -> None:
        drawn = table(row("<script>x</script>", 1.0), notes=("<img onerror=x>",), caption="</table>")
        html = drawn.to_html()
        assert "<script" not in html
        assert "<img" not in html
        assert html.count("</table>") == 1
