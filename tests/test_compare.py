"""`evalharness compare` and `compare()`: across runs, what cannot be compared, tables of segment scores."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from conftest import Finished, write
from data_folder import wmt22, wmt25_scores

import evalharness as eh
from evalharness.errors import ConfigError, RecordError
from evalharness.metrics.lexical import Bleu
from evalharness.records import LanguagePair, Segment, TestSet

Command = Callable[..., Finished]
REFERENCES = [f"the cat number {n} sat on the mat and slept" for n in range(12)]
GOOD = [line.replace("slept", "dozed") for line in REFERENCES]
MIDDLE = [line.replace("sat on the mat", "was on a mat") for line in GOOD]
BAD = ["a dog ran away"] * 12


def scored(command: Command, name: str, hypotheses: Mapping[str, list[str]], *arguments: str) -> str:
    """The record of these systems."""
    write("ref.en", *REFERENCES)
    files = [write(f"{name}/{system}.en", *lines) for system, lines in hypotheses.items()]
    finished = command("score", "-r", "ref.en", "-l", "de-en", "--name", name, *files, *arguments)
    assert finished.code == 0, finished.err
    return finished.err.strip().rsplit("Record: ", maxsplit=1)[1]


def compared(command: Command, *arguments: str) -> dict[str, list[dict[str, object]]]:
    finished = command("compare", *arguments, "-f", "json")
    assert finished.code == 0, finished.err
    content = json.loads(finished.out)
    assert isinstance(content, dict)
    return content


class TestAcrossRuns:
    def test_the_same_as_one_run_of_all_systems(self, command: Command) -> None:
        one = scored(command, "one", {"good": GOOD, "bad": BAD}, "-m", "bleu", "chrf", "ter")
        two = scored(command, "two", {"middle": MIDDLE}, "-m", "bleu", "chrf", "ter")
        together = scored(command, "all", {"good": GOOD, "bad": BAD, "middle": MIDDLE}, "-m", "bleu", "chrf", "ter")
        for options in ((), ("--baseline", "bad"), ("--correction", "bh"), ("--interval", "bca"), ("--seed", "0")):
            across = command("compare", one, two, *options, "-f", "csv")
            alone = command("compare", together, *options, "-f", "csv")
            assert across.out == alone.out
            assert across.out.count("\n") == 1 + 3 * (2 if "--baseline" in options else 3)
        recorded = (Path(together) / "comparisons.csv").read_text()
        assert command("compare", one, two, "-f", "csv").out == recorded
        swapped = command("compare", two, one, "-f", "csv").out
        assert sorted(swapped.splitlines()) == sorted(recorded.splitlines())

    def test_nothing_is_written(self, command: Command) -> None:
        record = Path(scored(command, "one", {"good": GOOD, "bad": BAD}))
        before = {path: path.read_bytes() for path in record.rglob("*") if path.is_file()}
        command("compare", str(record), "--method", "bootstrap")
        assert {path: path.read_bytes() for path in record.rglob("*") if path.is_file()} == before

    def test_a_line_cut_off_is_left_as_it_is(self, command: Command) -> None:
        record = Path(scored(command, "one", {"good": GOOD, "bad": BAD}, "-m", "chrf"))
        log = record / "scores" / "chrf.jsonl"
        cut = log.read_bytes()[:-30]
        log.write_bytes(cut)
        finished = command("compare", str(record))
        assert finished.code == 0
        assert "the last line was cut off" in finished.err
        assert "chrf.jsonl: holds 23 rows of the 24 that were scored" in finished.err
        assert "differences are over the segments that both systems of a pair have a score for; 1 of 12" in finished.out
        assert log.read_bytes() == cut

    def test_rows_that_differ_for_the_same_outputs(self, command: Command) -> None:
        one = scored(command, "one", {"good": GOOD, "bad": BAD}, "-m", "chrf")
        two = scored(command, "two", {"good": GOOD, "middle": MIDDLE}, "-m", "chrf")
        log = Path(two) / "scores" / "chrf.jsonl"
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        lines[0]["statistics"] = [value + 1 for value in lines[0]["statistics"]]
        log.write_text("".join(json.dumps(line) + "\n" for line in lines))
        orders = [command("compare", *order, "-f", "csv") for order in ((one, two), (two, one))]
        assert sorted(orders[0].out.splitlines()) == sorted(orders[1].out.splitlines())
        assert "chrf.jsonl: 1 rows differ from those of the same outputs in another record" in orders[0].err

    def test_one_name_with_other_outputs_is_two_systems(self, command: Command) -> None:
        monday = scored(command, "monday", {"mine": GOOD, "fixed": BAD}, "-m", "chrf")
        tuesday = scored(command, "tuesday", {"mine": MIDDLE, "fixed": BAD}, "-m", "chrf")
        lines = compared(command, monday, tuesday)["comparisons"]
        names = {str(line[key]) for line in lines for key in ("system_a", "system_b")}
        assert names == {"fixed", f"mine@{Path(monday).name}", f"mine@{Path(tuesday).name}"}
        finished = command("compare", monday, tuesday, "--baseline", "mine")
        assert finished.code == 2
        assert f"no such system; there are mine@{Path(monday).name} and mine@{Path(tuesday).name}." in finished.err

    def test_runs_of_one_system_in_several_records(self, command: Command) -> None:
        write("ref.en", *REFERENCES)
        records = []
        for number, lines in enumerate((GOOD, MIDDLE)):
            write(f"hyp{number}/mine-seed{number}.en", *lines)
            write(f"hyp{number}/lone.en", *BAD)
            options = ("testset=plain", "testset.language_pair=de-en", "testset.references=[ref.en]")
            folder = (f"systems.folder.path=hyp{number}", "systems.folder.group_by='*-seed*'", "systems=[folder]")
            assert command("run", *options, *folder, "metrics=[chrf]", f"name=r{number}").code == 0
            records.append(str(Path("results/latest").resolve()))
        content = compared(command, *records)
        assert [(line["system"], line["n_replicates"]) for line in content["replicates"]] == [("mine", 2)]
        assert [(line["system_a"], line["system_b"]) for line in content["comparisons"]] == [("lone", "mine")]

    def test_records_whose_folders_have_one_name(self, command: Command) -> None:
        for folder, lines in (("x", GOOD), ("y", MIDDLE)):
            record = Path(scored(command, "rec", {"mine": lines, "other": BAD}, "-m", "chrf", "--results", folder))
            record.rename(record.parent / "rec")
        content = compared(command, "x/rec", "y/rec")
        names = {str(line["system"]) for line in content["scores"]}
        assert names == {"other", "mine@x/rec", "mine@y/rec"}

    def test_a_group_whose_runs_differ_between_records_is_two_systems(self, command: Command) -> None:
        write("ref.en", *REFERENCES)
        options = ("testset=plain", "testset.language_pair=de-en", "testset.references=[ref.en]", "metrics=[chrf]")
        records = []
        for number, first in enumerate((GOOD, BAD)):
            write(f"h{number}/mine-seed1.en", *first)
            write(f"h{number}/mine-seed2.en", *MIDDLE[: 6 + number], *first[6 + number :])
            folder = (f"systems.folder.path=h{number}", "systems.folder.group_by='*-seed*'", "systems=[folder]")
            assert command("run", *options, *folder, f"name=r{number}").code == 0
            records.append(Path("results/latest").resolve())
        for order in (records, records[::-1]):
            content = compared(command, *map(str, order))
            assert [(line["system"], line["n_replicates"]) for line in content["replicates"]] == [
                (f"mine@{record.name}", 2) for record in order
            ]
        write("h2/mine-seed1.en", *BAD)
        write("h2/mine-seed2.en", *MIDDLE[:6], *GOOD[6:])  # as in the first
        folder = ("systems.folder.path=h2", "systems.folder.group_by='*-seed*'", "systems=[folder]")
        command("run", *options, *folder, "name=r2")
        finished = command("compare", str(records[0]), "results/latest")
        assert finished.code == 2
        assert "group 'mine': its run 'mine-seed2' is the same in several records and others" in finished.err
        command("run", *options, "systems=[folder]", "systems.folder.path=h0", "name=alone")
        finished = command("compare", str(records[0]), "results/latest")
        assert finished.code == 2
        assert "system 'mine-seed1': is a run of none and of 'mine' in different records" in finished.err

    def test_every_format(self, command: Command) -> None:
        record = scored(command, "one", {"good": GOOD, "bad": BAD}, "-m", "chrf", "ter")
        text = command("compare", record).out
        assert text.index("System") < text.index("Differences A - B")
        assert "| Metric" in command("compare", record, "-f", "markdown").out
        latex = command("compare", record, "-f", "latex", "--table", "comparisons").out
        assert "\\label{tab:one-comparisons}" in latex
        assert "$\\Delta$" in latex
        header, *rows = csv.reader(io.StringIO(command("compare", record, "-f", "csv").out))
        assert header[:6] == ["metric", "system_a", "system_b", "delta", "p", "p_holm"]
        assert len(rows) == 2
        table = command("compare", record, "-f", "csv", "--table", "systems").out
        assert table.startswith("System,chrF2,chrF2 low,chrF2 high,TER,TER low,TER high,Rank top,Rank bottom\n")
        content = compared(command, record, "--autorank", "wmt24")
        assert set(content) == {"testset", "scores", "comparisons", "ranks", "autorank", "replicates"}
        assert {line["autorank"] for line in content["autorank"]} == {1.0, 2.0}

    def test_from_python(self, command: Command) -> None:
        one = scored(command, "one", {"good": GOOD, "bad": BAD}, "-m", "bleu", "chrf")
        two = scored(command, "two", {"middle": MIDDLE}, "-m", "bleu", "chrf")
        found = eh.compare(one, eh.open_run(two), metrics=["chrf"], baseline="bad", unit="segment")
        assert list(found.comparisons["system_a"]) == ["good", "middle"]
        assert set(found.scores["metric"]) == {"chrf"}
        assert "chrF2" in found.table().to_markdown()
        with pytest.raises(ConfigError, match=r"stats\.method=t_test"):
            eh.compare(one, method="t_test")
        with pytest.raises(ConfigError, match=r"stats\.unti: no such setting"):
            eh.compare(one, unti="segment")
        with pytest.raises(ConfigError, match="there is no record to compare"):
            eh.compare()
        with pytest.raises(ConfigError, match="runs: one is a list"):
            eh.compare([one, two])  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=r"metrics='chrf': expected a list"):
            eh.compare(one, metrics="chrf")
        assert set(found.ranks.columns) >= {"rank_top", "cluster"}
        assert (len(found.replicates), len(found.autorank)) == (0, 0)
        assert list(eh.compare(two, autorank="wmt25", autorank_metrics=["chrf"]).autorank["metrics"]) == ["chrf"]
        Path("s.tsv").write_text(
            "system\tline\tq\n" + "".join(f"{s}\t{n}\t{q}\n" for s, q in (("a", 2), ("b", 1)) for n in range(9))
        )
        assert list(eh.compare("s.tsv").comparisons["p"]) == [2 / 2**9]

    def test_metrics_given_in_python(self) -> None:
        lines = {"good": ["a b c"] * 9, "bad": ["a x y"] * 9}
        testset = eh.TestSet(
            name="made",
            language_pair=eh.LanguagePair.parse("de-en"),
            segments=tuple(eh.Segment(id=str(n), source=None, references=("a b c",)) for n in range(9)),
        )
        run = eh.evaluate(testset=testset, systems=lines, metrics={"loose": Bleu(lowercase=True)})
        with pytest.raises(ConfigError, match="metric 'loose': was given as an object in Python"):
            eh.compare(run)
        found = eh.compare(run, metrics={"loose": Bleu(lowercase=True)})
        assert list(found.comparisons["p"]) == list(run.comparisons["p"])
        with pytest.raises(
            ConfigError, match=r"metric 'loose': .* has the signature .*case:lc.* would sign .*case:mixed"
        ):
            eh.compare(run, metrics={"loose": Bleu()})

    def test_settings_of_a_metric_come_from_the_record(self, command: Command) -> None:
        record = scored(
            command, "one", {"good": GOOD, "bad": BAD}, "-m", "bleu", "chrf", "--set", "metrics.chrf.beta=3"
        )
        assert command("compare", record, "-f", "csv").out == (Path(record) / "comparisons.csv").read_text()


class TestRefusals:
    def test_another_test_set(self, command: Command) -> None:
        one = scored(command, "one", {"good": GOOD})
        write("other.en", *REFERENCES[:-1], "something else")
        file = write("x/good.en", *GOOD)
        command("score", "-r", "other.en", "-l", "de-en", "--name", "two", file)
        two = str(Path("results/latest").resolve())
        finished = command("compare", one, two)
        assert finished.code == 2
        assert f"{two}: is over another test set than {one}" in finished.err
        assert re.search(r"fingerprints [0-9a-f]{8} and [0-9a-f]{8}\)", finished.err)
        assert "their references differ, first in segment '12'" in finished.err

    def test_another_signature(self, command: Command) -> None:
        one = scored(command, "one", {"good": GOOD}, "-m", "bleu", "chrf")
        two = scored(command, "two", {"middle": MIDDLE}, "-m", "bleu", "chrf", "-lc")
        finished = command("compare", one, two)
        assert finished.code == 2
        for said in ("metric 'bleu'", "case:lc", "case:mixed", "--metrics"):
            assert said in finished.err
        assert command("compare", one, two, "-m", "chrf").code == 0

    def test_metrics_that_not_all_have(self, command: Command) -> None:
        one = scored(command, "one", {"good": GOOD}, "-m", "bleu", "chrf")
        two = scored(command, "two", {"middle": MIDDLE}, "-m", "chrf", "ter")
        finished = command("compare", one, two)
        assert finished.code == 0
        assert "not compared, since not every record has scores of them: bleu, ter" in finished.err
        finished = command("compare", one, two, "-m", "bleu")
        assert (finished.code, f"metric 'bleu': has no scores in {two}" in finished.err) == (2, True)
        three = scored(command, "three", {"middle": MIDDLE}, "-m", "ter")
        assert "the records share no metric" in command("compare", one, three).err

    def test_what_is_no_record(self, command: Command) -> None:
        write("notes.txt", "x")
        assert (
            "notes.txt: is neither the folder of a record nor a table of scores" in command("compare", "notes.txt").err
        )
        assert "nowhere: is not a run record" in command("compare", "nowhere").err
        one = scored(command, "one", {"good": GOOD, "bad": BAD}, "-m", "chrf")
        assert "--lower-is-better: is for a table of scores" in command("compare", one, "--lower-is-better", "x").err
        (Path(one) / "scores" / "chrf.jsonl").rename(Path(one) / "scores" / "kept")
        assert "chrf.jsonl: is not there" in command("compare", one).err
        (Path(one) / "scores" / "kept").rename(Path(one) / "scores" / "chrf.jsonl")
        (Path(one) / "segments.parquet").unlink()
        assert "segments.parquet: is not there" in command("compare", one).err

    def test_what_is_imported_comes_from_the_option(self, command: Command) -> None:
        record = Path(scored(command, "one", {"good": GOOD, "bad": BAD}, "-m", "chrf"))
        plan = json.loads((record / "plan.json").read_text())
        plan["settings"]["metrics"]["chrf"]["_target_"] = "os.system"
        (record / "plan.json").write_text(json.dumps(plan))
        finished = command("compare", str(record))
        assert finished.code == 2
        assert (
            "metric 'chrf': the option is a evalharness.metrics.lexical.Chrf here, in the record a os.system"
            in finished.err
        )

    def test_a_damaged_log(self, command: Command) -> None:
        record = Path(scored(command, "one", {"good": GOOD, "bad": BAD}, "-m", "chrf"))
        log = record / "scores" / "chrf.jsonl"
        lines = log.read_text().splitlines()
        for damaged in ({"system": "good", "id": "99", "statistics": [1] * 18}, {"system": 3}):
            log.write_text("\n".join([json.dumps(damaged), *lines]) + "\n")
            with pytest.raises(RecordError, match=r"chrf\.jsonl"):
                eh.compare(record)


class TestScoreTables:
    ROWS = (
        ("system", "document", "line", "quality", "errors"),
        *((s, f"d{n // 2}", n, q + n / 10, 9 - q) for s, q in (("a", 5), ("b", 3)) for n in range(14)),
    )

    def table(self, path: str, rows: object = None, delimiter: str = "\t") -> str:
        text = "".join(delimiter.join(map(str, row)) + "\n" for row in (rows or self.ROWS))  # type: ignore[attr-defined]
        content = text.encode()
        Path(path).write_bytes(gzip.compress(content) if path.endswith(".gz") else content)
        return path

    @pytest.mark.parametrize(
        ("path", "delimiter"), [("s.tsv", "\t"), ("s.csv", ","), ("s.tsv.gz", "\t"), ("s.csv.gz", ",")]
    )
    def test_every_kind_of_file(self, command: Command, path: str, delimiter: str) -> None:
        content = compared(command, self.table(path, delimiter=delimiter), "--lower-is-better", "errors")
        (quality, errors) = content["comparisons"]
        assert quality["delta"] == pytest.approx(2.0)
        assert (quality["unit"], quality["n_units"], quality["p"]) == ("document", 7, 2 / 2**7)
        assert errors["delta"] == pytest.approx(-2.0)
        assert {line["system"]: line["cluster"] for line in content["ranks"] if line["metric"] == "errors"} == {
            "a": 1,
            "b": 2,
        }
        assert quality["human_agreement"] is None

    def test_the_order_of_rows_decides_nothing(self, command: Command) -> None:
        header, *rows = self.ROWS
        rng = np.random.default_rng(0)
        noisy = [(*row[:3], row[3] + round(float(rng.normal()), 3), row[4]) for row in rows]
        one = compared(command, self.table("a.tsv", [header, *noisy]), "--unit", "segment")
        other = compared(command, self.table("b.tsv", [header, *noisy[::-1]]), "--unit", "segment")
        assert one["comparisons"] == other["comparisons"]

    def test_missing_cells_and_rows_are_left_out_pairwise(self, command: Command) -> None:
        rows = [list(row) for row in self.ROWS]
        rows[1][3] = ""
        del rows[5]
        finished = command("compare", self.table("s.tsv", rows), "--metrics", "quality", "--unit", "segment")
        assert "quality: some segments have no score (2 of a)" in finished.out
        assert "2 of 14 are left out" in finished.out

    def test_bad_tables(self, command: Command) -> None:
        header, *rows = self.ROWS
        for changed, said in (
            (
                [header, *rows, rows[0]],
                "s.tsv:30: system 'a' has the same segment as in line 2, by the columns document, line",
            ),
            ([("who", *header[1:]), *rows], "s.tsv:1: no column 'system'; the columns are: who, document"),
            ([header, *rows, ("a", "d", 99, "1")], "s.tsv:30: 4 cells where the header has 5 columns"),
            ([header], "s.tsv: holds a header and no rows"),
            ([("system", "line"), ("a", 1)], "s.tsv:1: no column of numbers among system, line"),
            ([("system", "system"), ("a", 1)], "s.tsv:1: two columns have the same name"),
        ):
            finished = command("compare", self.table("s.tsv", changed))
            assert finished.code == 2
            assert said in finished.err
        odd = self.table("s.tsv", [header, *rows[:3], (*rows[3][:3], "n/a", 1), *rows[4:]])
        finished = command("compare", odd)
        assert (finished.code, "s.tsv:5: column 'quality' holds 'n/a'; expected a number" in finished.err) == (2, True)
        assert "is empty" in command("compare", self.table("s.tsv", [header, ("", *rows[0][1:])])).err
        assert "--config-dir: is for runs" in command("compare", self.table("s.tsv"), "--config-dir", ".").err
        assert "--table: JSON holds everything" in command("compare", "s.tsv", "-f", "json", "--table", "ranks").err
        path = self.table("s.tsv", [header, *rows[:-1], (*rows[-1][:3], "good", 1)])
        assert (
            "s.tsv:29: column 'quality' holds 'good'; expected a number"
            in command("compare", path, "-m", "quality").err
        )
        assert "did you mean 'quality'?" in command("compare", path, "-m", "qualty").err
        assert "no such metric" in command("compare", self.table("s.tsv"), "--lower-is-better", "x").err
        assert "no column 'who'" in command("compare", path, "--system-column", "who").err
        assert "is compared alone" in command("compare", path, path).err
        Path("t.tsv.gz").write_bytes(gzip.compress(b"system\tx\na\t1\n")[:-9])
        assert "t.tsv.gz: is a damaged gzip file" in command("compare", "t.tsv.gz").err

    def test_errors_are_better_low(self, command: Command) -> None:
        columns = ("system", "line", "MetricX-23", "ter", "MetricX-24")
        rows = [columns, *((s, n, q, q, -q) for s, q in (("a", 0.9), ("b", 1.0)) for n in range(9))]
        content = compared(command, self.table("s.tsv", rows))
        best = {line["metric"]: line["system"] for line in content["ranks"] if line["cluster"] == 1}
        named = [
            ("system", "line", "Term_Accuracy", "certainty"),
            *((row[0], row[1], row[2], row[2]) for row in rows[1:]),
        ]
        table = command("compare", self.table("t.tsv", named)).out
        assert "Term_Accuracy ↑" in table
        assert "certainty ↑" in table
        assert best == {"MetricX-23": "a", "ter": "a", "MetricX-24": "a"}  # the last is negated, as WMT has it
        metricx = next(line for line in content["comparisons"] if line["metric"] == "MetricX-23")
        # A difference of 0.1 on MetricX's own scale: 93.6078 / (1 + exp(-2.627785)) = 87.3
        assert metricx["human_agreement"] == pytest.approx(93.6078 / (1 + np.exp(-2.627785)))
        finished = command("compare", "s.tsv", "--higher-is-better", "ter")
        assert "ter ↑" in finished.out
        assert "MetricX-23: mean of the column MetricX-23 of s.tsv, lower is better" in finished.out

    def test_quoted_cells_with_line_ends(self, command: Command) -> None:
        Path("s.csv").write_text(
            "system,segment,q\n"
            + "".join(f'{s},"a\n{n}",{q}\n{s},a{n},{q}\n' for s, q in (("a", 2), ("b", 1)) for n in range(5))
        )
        (line,) = compared(command, "s.csv")["comparisons"]
        assert line["n_segments"] == 10
        Path("t.csv").write_text('system,segment,q\na,"x\ny",1\na,z,n/a\na,w,1\na,v,2\n')
        assert "t.csv:4: column 'q' holds 'n/a'" in command("compare", "t.csv").err

    def test_columns_without_numbers_are_no_metrics(self, command: Command) -> None:
        rows = [
            ("system", " line", "q", "comment"),
            *((s, n, q, "") for s, q in (("a", 2), ("b", 1)) for n in range(9)),
        ]
        content = compared(command, self.table("s.tsv", rows))
        assert {line["metric"] for line in content["scores"]} == {"q"}
        assert content["comparisons"][0]["n_segments"] == 9

    def test_documents_of_two_domains_are_two(self, command: Command) -> None:
        columns = ("system", "domain", "document", "line", "q")
        rows = [columns, *((s, f"m{n % 2}", f"d{n % 3}", n, q) for s, q in (("a", 2), ("b", 1)) for n in range(12))]
        (line,) = compared(command, self.table("s.tsv", rows))["comparisons"]
        assert (line["unit"], line["n_units"]) == ("document", 6)
        rows = [row if row[3] != 5 else (*row[:2], "", *row[3:]) for row in rows]
        (line,) = compared(command, self.table("s.tsv", rows))["comparisons"]
        assert (line["unit"], line["n_units"]) == ("segment", 12)  # one segment without a document

    def test_scores_between_0_and_1_are_shown_times_100(self, command: Command) -> None:
        rows = [("system", "line", "XCOMET-XL"), *((s, n, q) for s, q in (("a", 0.91), ("b", 0.9)) for n in range(9))]
        finished = command("compare", self.table("s.tsv", rows))
        assert "  91.0*" in finished.out
        assert "XCOMET-XL: mean of the column XCOMET-XL of s.tsv (scores shown × 100)" in finished.out
        # A difference of 1 on that scale: 96.5674 / (1 + exp(-1.45356)) = 78.2
        (line,) = compared(command, "s.tsv")["comparisons"]
        assert line["human_agreement"] == pytest.approx(96.5674 / (1 + np.exp(-1.453560)))
        assert line["delta"] == pytest.approx(0.01)


def test_autorank_of_wmt25_is_the_published_one(command: Command) -> None:
    """Printed with one decimal, so within 0.05; five systems are printed under other names."""
    data = wmt25_scores()
    content = compared(command, str(data / "segments.tsv.gz"), "--autorank", "wmt25")
    found = {str(line["system"]): float(str(line["autorank"])) for line in content["autorank"]}
    with open(data / "published-autorank.tsv", encoding="utf-8", newline="") as file:
        printed = {line["system"]: float(line["AutoRank"]) for line in csv.DictReader(file, delimiter="\t")}
    other_names = {
        "Shy-hunyuan-MT": "Shy",
        "CommandA-WMT": "CommandA-MT",
        "TowerPlus-72B[M]": "TowerPlus-72B",
        "TowerPlus-9B[M]": "TowerPlus-9B",
        "EuroLLM-22B-pre.[M]": "EuroLLM-22B",
        "EuroLLM-9B[M]": "EuroLLM-9B",
    }
    assert len(printed) == 38
    assert set(found) == {other_names.get(name, name) for name in printed}
    for name, autorank in printed.items():
        assert found[other_names.get(name, name)] == pytest.approx(autorank, abs=0.0501)


@pytest.mark.slow
def test_p_values_of_wmt22_agree_with_sacrebleus_where_they_should(command: Command) -> None:
    """Within Monte Carlo error of sacreBLEU's approximate randomisation, which has other draws and no ties."""
    from sacrebleu.metrics import BLEU, CHRF, TER
    from sacrebleu.significance import PairedTest

    data = wmt22()
    places = range(0, 1875, 19)

    def lines(path: Path) -> list[str]:
        all_lines = path.read_text(encoding="utf-8").split("\n")
        return [all_lines[place] for place in places]

    systems = {path.stem: lines(path) for path in sorted((data / "hyp").glob("*.en"))[:4]}
    references = lines(data / "ref.A.en")
    write("ref.en", *references)
    files = [write(f"h/{name}.en", *texts) for name, texts in systems.items()]
    baseline = next(iter(systems))
    assert command("score", "-r", "ref.en", "-l", "zh-en", "-m", "bleu", "chrf", "ter", *files).code == 0
    ours = compared(command, "results/latest", "--baseline", baseline, "--correction", "none")["comparisons"]
    theirs_of = PairedTest(
        list(systems.items()), {"BLEU": BLEU(), "CHRF": CHRF(), "TER": TER()}, [references], n_samples=1000
    )
    _, theirs = theirs_of()
    p_of = {
        (metric, name): theirs[head][place].p_value  # type: ignore[union-attr]
        for metric, head in (("bleu", "BLEU"), ("chrf", "chrF2"), ("ter", "TER"))
        for place, name in enumerate(systems)
    }
    for line in ours:
        p = float(str(line["p"]))
        assert p == pytest.approx(
            p_of[str(line["metric"]), str(line["system_a"])], abs=5 * (p * (1 - p) / 1000) ** 0.5 + 2e-3
        )


def test_runs_are_compared_as_they_were_tested(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    words = [f"word{n} of the day {n % 4} x" for n in range(12)]
    segments = tuple(
        Segment(id=str(n), source="源", references=(word,), document=f"d{n // 4}") for n, word in enumerate(words)
    )
    testset = TestSet(name="made", language_pair=LanguagePair.parse("zh-en"), segments=segments)
    systems = {"good": words, "bad": [word.upper() for word in words]}
    settings = ["stats.unit=segment", "stats.level=0.9", "stats.correction=none", "cache=false"]
    run = eh.evaluate(testset=testset, systems=systems, metrics=["chrf"], overrides=settings, results=tmp_path)
    assert eh.compare(run).comparison_lines == run.comparison_lines
    assert eh.compare(run, unit="document").comparison_lines[0].n_units == 3
    other = eh.evaluate(
        testset=testset, systems={"third": ["x"] * 12, "good": words}, metrics=["chrf"],
        overrides=["stats.level=0.9", "cache=false"], results=tmp_path,
    )  # fmt: skip
    caplog.clear()
    lines = eh.compare(run, other).comparison_lines
    assert {line.level for line in lines} == {0.9}  # both
    assert {line.n_units for line in lines} == {3}  # the default: documents, where there are
    assert "tested with different settings: unit (segment and auto), correction (none and holm)" in caplog.text


def test_a_shared_baseline_stays_one_where_it_is_one_system(tmp_path: Path) -> None:
    overrides = ["stats.baseline=base", "cache=false"]
    texts = {"base": ["a b c d"] * 9, "mine": ["a b x d"] * 9, "theirs": ["a y c d"] * 9}
    one = eh.evaluate(
        systems={name: texts[name] for name in ("base", "mine")},
        metrics=["chrf"],
        overrides=overrides,
        results=tmp_path,
    )
    other = eh.evaluate(
        systems={name: texts[name] for name in ("base", "theirs")}, metrics=["chrf"], overrides=overrides,
        results=tmp_path,
    )  # fmt: skip
    assert {line.system_b for line in eh.compare(one, other).comparison_lines} == {"base"}
    third = eh.evaluate(
        systems={"base": ["z"] * 9, "theirs": texts["theirs"]}, metrics=["chrf"], overrides=overrides, results=tmp_path
    )
    assert len(eh.compare(one, third).comparison_lines) == 6  # all pairs of base@one, base@third, mine and theirs
