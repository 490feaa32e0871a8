"""`import evalharness as eh`: evaluate lists of strings, get frames and tables; open a record again."""

from __future__ import annotations

import csv
import inspect
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sacrebleu
from conftest import REPOSITORY, Finished, write

import evalharness as eh
from evalharness.errors import AlignmentError, ConfigError, InputError, RecordError
from evalharness.metrics.lexical import Bleu, Chrf
from evalharness.systems.files import Folder
from evalharness.testsets.plain import Plain

# The seed file alternates English and Chinese lines; see references/zhengzhou/testset.json.
SEED = (REPOSITORY / "references/zhengzhou/raw/000_d86b8319f7c0fe92.txt").read_bytes().decode().split("\n")
REFERENCES, SOURCES = SEED[0:18:2], SEED[1:18:2]


def candidate(name: str) -> list[str]:
    """The nine English texts of a bundled candidate."""
    path = REPOSITORY / "references" / "zhengzhou" / "candidates" / f"{name}.en"
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def made(*references: str) -> eh.TestSet:
    """A test set of these references, without sources."""
    segments = tuple(
        eh.Segment(id=f"s{number}", source=None, references=(text,)) for number, text in enumerate(references)
    )
    return eh.TestSet(name="made", language_pair=eh.LanguagePair(source="zh", target="en"), segments=segments)


class HalfASystem:
    """What translates, and has a heading and nothing else."""

    heading = "Half"

    def translate(self) -> None:
        return


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> eh.Run:
    return eh.evaluate(
        testset="zhengzhou",
        systems={"mine": candidate("polished"), "theirs": candidate("lossy")},
        metrics=["bleu", "chrf"],
        results=tmp_path_factory.mktemp("evaluated") / "results",
        overrides=["cache=false"],
    )


@pytest.fixture
def run(evaluated: eh.Run) -> eh.Run:
    """The evaluated run, in a results folder that the test may change."""
    shutil.copytree(evaluated.folder.parent, "results", symlinks=True)
    return eh.open_run(Path("results") / evaluated.folder.name)


class TestARun:
    def test_segments_are_a_row_per_system_and_segment(self, run: eh.Run) -> None:
        frame = run.segments
        pd.testing.assert_frame_equal(frame, pd.read_parquet(run.folder / "segments.parquet"))
        assert list(frame.columns) == [
            "testset", "language_pair", "domain", "document", "original_language", "segment", "system", "source",
            "hypothesis", "references",
            "bleu", "chrf", "flags",
        ]  # fmt: skip
        # systems in the order given, segments in the order of the file; 2 x 9 rows
        assert list(frame["system"]) == ["mine"] * 9 + ["theirs"] * 9
        assert list(frame["segment"]) == [str(number) for number in range(1, 10)] * 2
        assert list(frame["hypothesis"]) == candidate("polished") + candidate("lossy")
        assert list(frame["source"]) == SOURCES * 2
        assert [list(references) for references in frame["references"]] == [[text] for text in REFERENCES] * 2
        flags = [list(flags) for flags in frame["flags"]]
        assert flags[:9] == [[]] * 9
        # lossy.en was made with wrong numbers in the first two paragraphs
        assert flags[9:11] == [["numbers-missing", "numbers-invented"]] * 2
        assert list(frame.index) == list(range(18))
        assert (frame["bleu"].dtype, frame["chrf"].dtype) == (float, float)
        assert all(pd.api.types.is_string_dtype(frame[name]) for name in ("system", "segment", "hypothesis"))

    def test_segment_scores_are_sacrebleus_sentence_scores(self, run: eh.Run) -> None:
        bleu, chrf = sacrebleu.BLEU(effective_order=True), sacrebleu.CHRF()
        for row in run.segments.itertuples():
            references = list(row.references)
            assert row.bleu == pytest.approx(bleu.sentence_score(row.hypothesis, references).score, abs=1e-9)
            assert row.chrf == pytest.approx(chrf.sentence_score(row.hypothesis, references).score, abs=1e-9)

    def test_scores_are_sacrebleus_corpus_scores(self, run: eh.Run) -> None:
        frame = run.scores
        expected = {
            (system, name): metric.corpus_score(candidate(texts), [REFERENCES])
            for system, texts in {"mine": "polished", "theirs": "lossy"}.items()
            for name, metric in {"bleu": sacrebleu.BLEU(), "chrf": sacrebleu.CHRF()}.items()
        }
        assert list(zip(frame["system"], frame["metric"], strict=True)) == list(expected)
        for row, theirs in zip(frame.itertuples(), expected.values(), strict=True):
            assert row.score == pytest.approx(theirs.score, abs=1e-9)
            assert row.ci_low < row.score < row.ci_high
            assert (row.n_scored, row.n_missing) == (9, 0)
        # sacrebleu 2.6.0 prints these with -f json
        assert set(frame["signature"]) == {
            "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0",
            "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0",
        }

    def test_frames_lose_no_digit_of_the_files(self, run: eh.Run) -> None:
        for frame, path in ((run.scores, run.paths.scores), (run.comparisons, run.paths.comparisons)):
            with open(path, encoding="utf-8", newline="") as file:
                lines = list(csv.DictReader(file))
            assert list(frame.columns) == list(lines[0])
            for name in frame.columns:
                if frame[name].dtype == float and frame[name].notna().all():
                    assert [repr(value) for value in frame[name]] == [line[name] for line in lines]

    def test_comparisons_are_of_every_pair_and_metric(self, run: eh.Run) -> None:
        frame = run.comparisons
        assert list(frame["metric"]) == ["bleu", "chrf"]
        assert (set(frame["system_a"]), set(frame["system_b"])) == ({"mine"}, {"theirs"})
        scores = run.scores.set_index(["metric", "system"])["score"]
        for row in frame.itertuples():
            assert row.delta == pytest.approx(scores[row.metric, "mine"] - scores[row.metric, "theirs"], abs=1e-9)
        mine, theirs = (run.segments.query(f"system == '{name}'").reset_index() for name in ("mine", "theirs"))
        assert (mine[["bleu", "chrf"]] > theirs[["bleu", "chrf"]]).all(axis=None)
        # "mine" is better in every segment by either metric, so of the 2^9 sign flips only all and none reach the
        # difference: p = 2 / 512
        assert list(frame["p"]) == list(frame["p_holm"]) == [2 / 512] * 2
        assert (list(frame["unit"]), list(frame["n_units"])) == (["segment"] * 2, [9, 9])
        assert frame["n_draws"].isna().all()  # every flip was enumerated

    def test_a_table_in_every_format(self, run: eh.Run) -> None:
        table = run.table("systems")
        # BLEU 19.7256, 6.0787 and chrF 53.9172, 30.6059 by sacrebleu 2.6.0
        assert "\nmine & \\textbf{19.7} & \\textbf{53.9} & " in table.to_latex()
        assert "\ntheirs & 6.1 & 30.6 & " in table.to_latex()
        assert "\n| theirs |      6.1 |     30.6 |" in table.to_markdown()
        assert "\ntheirs     6.1      30.6 " in table.to_text()
        lines = [line.split(",") for line in table.to_csv().splitlines()]
        assert lines[0][:4] == ["System", "BLEU", "BLEU low", "BLEU high"]
        assert [float(line[1]) for line in lines[1:]] == list(run.scores.query("metric == 'bleu'")["score"])
        assert table.to_tsv().replace("\t", ",") == table.to_csv()
        assert "\\textbf{19.726} & \\textbf{53.917} & " in run.table(decimals=3).to_latex()

    def test_it_is_the_record_that_the_command_writes(self, command: Callable[..., Finished]) -> None:
        for name in ("polished", "lossy"):
            write(f"hyp/{name}.en", *candidate(name))
        finished = command(
            "run", "systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu,chrf]", "results=by_command"
        )
        assert finished.code == 0, finished.err
        systems = {name: candidate(name) for name in ("lossy", "polished")}
        run = eh.evaluate(testset="zhengzhou", systems=systems, metrics=["bleu", "chrf"])
        assert run.folder.name == Path("by_command/latest").readlink().name
        for name in ("scores.csv", "comparisons.csv", "segments.parquet", "tables/systems.tex", "scores/bleu.jsonl"):
            assert (run.folder / name).read_bytes() == (Path("by_command/latest") / name).read_bytes(), name


class TestOpening:
    def test_a_folder_or_the_latest(self, run: eh.Run, evaluated: eh.Run) -> None:
        pd.testing.assert_frame_equal(evaluated.segments, run.segments)
        assert evaluated.table() == run.table()
        assert run.folder.parent == Path("results")
        for folder in (run.folder, str(run.folder), "results/latest", Path("results/latest").resolve()):
            opened = eh.open_run(folder)
            assert opened.is_complete
            pd.testing.assert_frame_equal(opened.segments, run.segments)
            pd.testing.assert_frame_equal(opened.scores, run.scores)
            pd.testing.assert_frame_equal(opened.comparisons, run.comparisons)
            assert opened.table() == run.table()
        assert repr(run) == f"<complete run of zhengzhou (zh-en) in results/{run.folder.name}>"

    def test_latest_is_the_newest(self, run: eh.Run) -> None:
        second = eh.evaluate(systems={"other": candidate("gloss")}, metrics=["chrf"])
        assert second.folder != run.folder
        assert list(eh.open_run("results/latest").scores["system"]) == ["other"]

    @pytest.mark.parametrize("folder", ["nowhere", ".", "results", "results/latest/plan.json"])
    def test_what_is_no_record(self, folder: str, run: eh.Run) -> None:
        with pytest.raises(
            RecordError, match=r"is not a run record: (it holds no plan\.json|there is no such|it is a file)"
        ) as raised:
            eh.open_run(folder)
        assert str(raised.value).startswith(f"{folder}: ")

    def test_records_that_may_have_been_meant_are_named(self, run: eh.Run) -> None:
        name = run.folder.name
        for folder in ("results", name, name[:-3], f"results/{name[:-3]}"):
            with pytest.raises(RecordError, match=rf"Did you mean results/{name}\?"):
                eh.open_run(folder)
        with pytest.raises(RecordError, match=rf"Name its folder, results/{name}\."):
            eh.open_run(f"results/{name}/report.html")

    def test_an_unfinished_record_says_what_is_not_there(self, run: eh.Run) -> None:
        run.paths.segments.unlink()
        run.paths.done.unlink()
        opened = eh.open_run(run.folder)
        assert repr(opened).startswith("<incomplete run of zhengzhou")
        assert len(opened.scores) == 4
        with pytest.raises(RecordError, match=r"segments\.parquet: is not there: .*Run it again"):
            _ = opened.segments


class TestSettings:
    def test_every_argument_is_tried_below(self) -> None:
        assert list(inspect.signature(eh.evaluate).parameters) == [
            "systems", "testset", "metrics", "overrides", "results", "name",
        ]  # fmt: skip

    def test_nothing_given_is_the_bundled_run(self) -> None:
        run = eh.evaluate()
        assert {system.name for system in run.plan.systems} == {"polished", "literal", "lossy", "gloss", "source-copy"}
        assert [metric.name for metric in run.plan.metrics] == ["bleu", "chrf", "chrfpp", "ter"]
        assert len(run.segments) == 45  # 5 candidates of 9 segments

    def test_name_and_results_say_where_the_record_is(self, tmp_path: Path) -> None:
        run = eh.evaluate(
            systems={"mine": candidate("polished")}, metrics=["chrf"], name="wmt", results=tmp_path / "runs"
        )
        assert run.folder.parent == tmp_path / "runs"
        assert run.folder.name.startswith("wmt-")
        assert (tmp_path / "runs" / "latest").readlink() == Path(run.folder.name)
        assert not Path("results").exists()

    def test_overrides_are_settings_of_the_command_line(self) -> None:
        texts = [text.upper() for text in candidate("polished")]
        run = eh.evaluate(
            systems={"mine": texts, "theirs": candidate("lossy")},
            metrics=["bleu"],
            overrides=["metrics.bleu.lowercase=true", "stats.baseline=mine", "report.segments_csv=true"],
        )
        expected = sacrebleu.BLEU(lowercase=True).corpus_score(texts, [REFERENCES]).score
        assert run.scores["score"][0] == pytest.approx(expected, abs=1e-9)
        assert run.scores["signature"][0].startswith("nrefs:1|case:lc|")
        assert (run.comparisons["system_a"][0], run.comparisons["system_b"][0]) == ("theirs", "mine")
        assert len(pd.read_csv(run.paths.segments_csv)) == 18  # 2 systems of 9 segments

    def test_name_and_results_can_be_overrides(self) -> None:
        run = eh.evaluate(
            systems={"mine": candidate("polished")}, metrics=["chrf"], overrides=["results=elsewhere", "name=wmt"]
        )
        assert run.folder.parent == Path("elsewhere")
        assert run.folder.name.startswith("wmt-")
        assert (run.plan.settings["results"], run.plan.settings["name"]) == ("elsewhere", "wmt")
        assert not Path("results").exists()

    def test_a_setting_of_an_imported_test_set(self) -> None:
        shutil.copytree(REPOSITORY / "references" / "zhengzhou", "references/imported")
        run = eh.evaluate(
            testset="imported", systems={"mine": SOURCES}, overrides=["testset.language_pair=en-zh"], metrics=["chrf"]
        )
        assert (run.plan.testset.name, run.plan.testset.language_pair) == ("imported", "en-zh")

    def test_an_override_is_never_dropped(self) -> None:
        write("hyp/third.en", *candidate("gloss"))
        run = eh.evaluate(overrides=["metrics=[ter]", "systems=[folder]", "systems.folder.path=hyp"])
        assert [metric.name for metric in run.plan.metrics] == ["ter"]
        assert [system.name for system in run.plan.systems] == ["third"]
        # 124.83221476510067 by sacrebleu 2.6.0: sacrebleu -m ter of gloss.en
        assert run.scores["score"][0] == pytest.approx(124.83221476510067, abs=1e-9)

    def test_objects_instead_of_names(self) -> None:
        write("hyp/a.en", "the cat sat on the mat", "a dog")
        write("ref.en", "the cat sat on the mat", "a dog ran off")
        reader = Plain(name="pets", language_pair="de-en", references=("ref.en",))
        metrics: Mapping[str, Any] = {"strict": Bleu(), "loose": Bleu(lowercase=True), "chrf3": Chrf(beta=3)}
        run = eh.evaluate(
            testset=reader,
            systems={"all": Folder(path="hyp"), "b": ["the cat sat on the Mat", "a dog"]},
            metrics=metrics,
        )
        assert run.folder.name.startswith("pets-")
        assert [system.name for system in run.plan.systems] == ["a", "b"]
        assert list(run.segments.columns[-4:]) == ["strict", "loose", "chrf3", "flags"]
        scores = run.scores.set_index(["system", "metric"])["score"]
        assert scores["b", "loose"] == scores["a", "loose"] == scores["a", "strict"] > scores["b", "strict"]

    def test_a_test_set_made_in_python(self) -> None:
        run = eh.evaluate(testset=made("a b c d", "e f g h"), systems={"x": ["a b c d", ""]}, metrics=["chrf", "ter"])
        assert [list(flags) for flags in run.segments["flags"]] == [[], ["empty-hypothesis"]]
        # chrF2 and TER of a perfect segment and of an empty one, from their definitions: 4 insertions for 4 words
        assert list(run.segments["chrf"]) == [100.0, 0.0]
        assert list(run.segments["ter"]) == [0.0, 100.0]
        assert list(run.scores["score"])[1] == 50.0  # 4 edits for 8 words
        assert run.segments["source"].isna().all()


class TestNames:
    def test_names_that_pandas_takes_for_missing_values_or_numbers(self) -> None:
        names = ["NA", "null", "None", "nan", "007", "1e3"]
        systems = {name: [f"{number} b c d"] * 2 for number, name in enumerate(names)}
        run = eh.evaluate(testset=made("0 b c d", "0 b c d"), systems=systems, metrics={"12": Chrf()})
        assert list(run.scores["system"]) == names
        assert list(run.scores["metric"]) == ["12"] * 6
        pairs = [(min(a, b), max(a, b)) for position, a in enumerate(names) for b in names[position + 1 :]]
        assert list(zip(run.comparisons["system_a"], run.comparisons["system_b"], strict=True)) == pairs
        assert list(run.segments["system"]) == [name for name in names for _ in range(2)]


class TestRefusals:
    @pytest.fixture(autouse=True)
    def _nothing_is_written(self) -> Iterator[None]:
        yield
        assert not Path("results").exists()

    @pytest.mark.parametrize(
        ("texts", "said"),
        [
            (candidate("polished")[:7], "7 hypotheses for 9 segments .* without a hypothesis is '8'"),
            ([*candidate("polished"), "more"], "10 hypotheses for 9 segments .* without a segment is line 10"),
            ([], "0 hypotheses for 9 segments .* without a hypothesis is '1'"),
        ],
    )
    def test_a_list_of_another_length(self, texts: list[str], said: str) -> None:
        with pytest.raises(AlignmentError, match=said):
            eh.evaluate(testset="zhengzhou", systems={"mine": texts}, metrics=["bleu"])

    @pytest.mark.parametrize(
        ("arguments", "error", "said"),
        [
            ({"metrics": ["blue"]}, ConfigError, "no option 'blue'; did you mean 'bleu'?"),
            ({"metrics": "bleu"}, ConfigError, "expected a list of names, such as ['bleu']"),
            ({"metrics": []}, ConfigError, "metrics=[]: there is nothing to score"),
            ({"metrics": {}}, ConfigError, "metrics=[]: there is nothing to score"),
            ({"metrics": None}, ConfigError, "metrics: is a NoneType; expected a list of names"),
            ({"metrics": 1}, ConfigError, "metrics: is an int; expected a list of names"),
            ({"metrics": Bleu()}, ConfigError, "metrics: is a Bleu; expected a list of names, such as ['bleu'], or"),
            ({"metrics": Bleu}, ConfigError, "metrics: is the class Bleu; expected a list of names"),
            ({"metrics": (name for name in ["bleu"])}, ConfigError, "list(...) makes one of a generator"),
            ({"metrics": {"bleu", "chrf"}}, ConfigError, "metrics: is a set; expected a list of names"),
            ({"metrics": [Bleu()]}, ConfigError, "metrics[0]: is a Bleu; expected the name of an option. Objects"),
            ({"metrics": ["bleu", None]}, ConfigError, "metrics[1]: is a NoneType; expected the name of an option"),
            ({"metrics": ["bl\udcffeu"]}, InputError, "metrics[0]: character 3 is an unpaired surrogate"),
            ({"metrics": {"bleu": Bleu}}, ConfigError, "metric 'bleu': is the class Bleu; expected a metric object"),
            ({"metrics": {"bleu": "bleu"}}, ConfigError, "metric 'bleu': is a str; expected a metric object, such"),
            ({"metrics": {"bleu": HalfASystem()}}, ConfigError, "metric 'bleu': is a HalfASystem without "),
            ({"metrics": {1: Bleu()}}, ConfigError, "metric name 1: is int; expected a string"),
            ({"testset": None}, ConfigError, "testset: is a NoneType; expected a name, a TestSet or a reader"),
            ({"testset": {"source": []}}, ConfigError, "testset: is a dict; expected a name, a TestSet or a reader"),
            ({"testset": Path("set.tsv")}, ConfigError, "PosixPath; expected a name, a TestSet or a reader, such"),
            ({"testset": Plain}, ConfigError, "testset: is the class Plain; expected a name, a TestSet or a reader"),
            ({"testset": "zheng\ud800"}, InputError, "testset: character 6 is an unpaired surrogate"),
            ({"testset": eh.TestSet(name="m", language_pair="zh-en", segments=())}, InputError, "LanguagePair.parse"),  # type: ignore[arg-type]
            ({"systems": [candidate("polished")]}, ConfigError, "systems: is a list; expected a mapping"),
            ({"systems": {1: candidate("polished")}}, ConfigError, "system name 1: is int; expected a string"),
            ({"systems": {None: candidate("polished")}}, ConfigError, "system name None: is NoneType"),
            ({"systems": {"mine": None}}, ConfigError, "system 'mine': is a NoneType; expected a list"),
            ({"systems": {"mine": Folder}}, ConfigError, "system 'mine': is the class Folder; expected a list"),
            ({"systems": {"mine": HalfASystem()}}, ConfigError, "system 'mine': is a HalfASystem without check, "),
            ({"overrides": None}, ConfigError, "overrides: is a NoneType; expected a list of settings, such as ["),
            ({"overrides": "cache=false"}, ConfigError, "overrides: is a str; expected a list of settings, such as ["),
            ({"overrides": [1]}, ConfigError, "overrides[0]: is an int; expected a setting, such as "),
            ({"overrides": ["stats.baseline=\ud800"]}, InputError, "overrides[0]: character 16 is an unpaired surrog"),
            ({"results": None, "name": 1}, ConfigError, "name of the run 1: is int; expected a string"),
            ({"name": 0}, ConfigError, "name of the run 0: is int; expected a string"),
            ({"name": Path("x")}, ConfigError, "name of the run PosixPath('x'): is PosixPath"),
            ({"results": 1}, ConfigError, "results: is an int; expected the path of a folder"),
            ({"results": b"x"}, ConfigError, "results: is a bytes; expected the path of a folder"),
            ({"results": "\ud800"}, InputError, "results: character 1 is an unpaired surrogate"),
            ({"testset": "zhengzou"}, InputError, "test set 'zhengzou': no testset.json under "),
            ({"testset": "zhengzou"}, InputError, "did you mean 'zhengzhou'?"),
            ({"systems": {}}, ConfigError, "systems=[]: there is nothing to score"),
            ({"systems": {"mine": "one string"}}, ConfigError, "system 'mine': is one string"),
            ({"systems": {"mine": [1] * 9}}, InputError, "hypothesis 1 of the given texts of system 'mine': is int"),
            ({"systems": {"mine": [*"12345678", None]}}, InputError, "texts of system 'mine': is NoneType"),
            ({"systems": {"mine": [*"12345678", "\ud800"]}}, InputError, "unpaired surrogate (U+D800)"),
            ({"systems": {"mine": pd.Series(list("123456789"))}}, ConfigError, "'mine': is a Series; expected a list"),
            ({"systems": {"mine": (text for text in "123456789")}}, ConfigError, "list(...) makes one"),
            ({"systems": {"a/b": list("123456789")}}, ConfigError, "system name 'a/b': becomes a file name"),
            ({"systems": {"a\nb": list("123456789")}}, ConfigError, "system name 'a\\nb': becomes a file name"),
            ({"name": "../x"}, ConfigError, "name of the run '../x'"),
            ({"overrides": ["stats.baselin=mine"]}, ConfigError, "stats.baselin: no such setting; did you mean"),
            ({"overrides": ["stats.baseline=min"]}, ConfigError, "no such system; did you mean 'mine'?"),
            ({"overrides": ["metrics.bleu.tokenize=13b"]}, ConfigError, "did you mean '13a'?"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, arguments: dict[str, Any], error: type[Exception], said: str) -> None:
        with pytest.raises(error) as raised:
            eh.evaluate(**{"systems": {"mine": candidate("polished")}, "metrics": ["bleu"], **arguments})
        assert said in str(raised.value)
        assert isinstance(raised.value, eh.EvalHarnessError)

    @pytest.mark.parametrize(
        ("arguments", "override", "argument"),
        [
            ({}, "systems=[folder]", "systems"),
            ({}, "systems.mine.provenance=x", "systems"),
            ({}, "+systems.mine=x", "systems"),
            ({}, "~systems", "systems"),
            ({"metrics": {"b": Bleu()}}, "metrics=[ter]", "metrics"),
            ({"metrics": {"b": Bleu()}}, "metrics.b.lowercase=true", "metrics"),
            ({"testset": made("a")}, "testset=plain", "testset"),
            ({"testset": made("a")}, "testset.name=other", "testset"),
            ({"testset": made("a")}, "testset@testset=plain", "testset"),
            ({"testset": "imported"}, "testset=plain", "testset"),
            ({"testset": "imported"}, "testset.name=other", "testset"),
            ({"results": "r"}, "results=other", "results"),
            ({"name": "n"}, "name=other", "name"),
        ],
    )
    def test_nothing_is_said_twice(self, arguments: dict[str, Any], override: str, argument: str) -> None:
        with pytest.raises(ConfigError) as raised:
            eh.evaluate(**{"systems": {"mine": ["a"]}, **arguments}, overrides=[override])
        assert str(raised.value) == (
            f"overrides: {override!r} is a setting of {argument}, which the argument {argument}= gives already. Leave "
            "one of the two out."
        )

    def test_settings_under_one_name_do_not_change_a_given_test_set(self) -> None:
        with pytest.raises(ConfigError, match=r"\['experiment=zhengzhou_reversed'\] change the test set, which"):
            eh.evaluate(testset=made("a"), systems={"mine": ["a"]}, overrides=["experiment=zhengzhou_reversed"])


def test_a_table_there_is_not(run: eh.Run) -> None:
    with pytest.raises(ConfigError, match=r"table 'system': no such table; did you mean 'systems'\? Tables: .*systems"):
        run.table("system")
    with pytest.raises(ConfigError, match=r"report\.decimals=16: expected 0 to 15"):
        run.table(decimals=16)


def test_the_plan_says_how_it_was_asked_for(run: eh.Run) -> None:
    plan = json.loads((run.folder / "plan.json").read_text(encoding="utf-8"))
    assert plan["settings"]["metrics"]["chrf"]["beta"] == 2
    assert [system["name"] for system in plan["systems"]] == ["mine", "theirs"]
    assert {system["provenance"] for system in plan["systems"]} == {"texts given in Python"}
    assert (run.plan.testset.n_segments, run.plan.testset.n_references) == (9, 1)
