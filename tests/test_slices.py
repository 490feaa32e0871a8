"""Parts of a test set: scores of slices, and runs over a selection of segments."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sacrebleu
from conftest import Finished, write
from data_folder import wmt22

import evalharness as eh
from evalharness.errors import ConfigError, InputError
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.testsets.selection import Selection

# Six segments; source lengths in characters 2, 4, 6, 8, 10, 12.
ROWS = [
    ("一二", "one two", "news.1", "news", "zh"),
    ("一二三四", "one two three four", "news.1", "news", "zh"),
    ("一二三四五六", "one two three four five six", "news.2", "news", "en"),
    ("一二三四五六七八", "one two three four five six seven", "talk", "speech", "en"),
    ("一二三四五六七八九十", "one two three four five six seven eight", "talk", "speech", "zh"),
    ("一二三四五六七八九十十一", "one two three four five six seven eight nine", "talk", "speech", "zh"),
]
SYSTEMS = {
    "good": [row[1] for row in ROWS],
    "mixed": [row[1] if row[3] == "news" else "nothing of the kind at all" for row in ROWS],
}


def six_segments() -> TestSet:
    segments = tuple(
        Segment(
            id=f"s{number}", source=source, references=(reference,), document=document, domain=domain,
            original_language=language,
        )
        for number, (source, reference, document, domain, language) in enumerate(ROWS, start=1)
    )  # fmt: skip
    return TestSet(name="six", language_pair=LanguagePair.parse("zh-en"), segments=segments)


class TestSlices:
    def test_slices_are_those_of_the_test_set_in_its_order(self) -> None:
        run = eh.evaluate(testset=six_segments(), systems=SYSTEMS, metrics=["chrf"])
        slices = run.slices.drop_duplicates(["by", "slice"])[["by", "slice"]].values.tolist()
        assert slices == [
            ["document", "news.1"],
            ["document", "news.2"],
            ["document", "talk"],
            ["domain", "news"],
            ["domain", "speech"],
            ["original-language", "zh"],
            ["original-language", "en"],
            # quarters of 2, 4, 6, 8, 10, 12: the lengths at or below which are 1.5, 3, 4.5 and 6 segments
            ["source-length", "2-4 characters"],
            ["source-length", "6-6 characters"],
            ["source-length", "8-10 characters"],
            ["source-length", "12-12 characters"],
        ]

    def test_scores_are_sacrebleus_over_the_segments_of_the_slice(self) -> None:
        run = eh.evaluate(testset=six_segments(), systems=SYSTEMS, metrics=["bleu", "chrf"])
        scores = run.slices.set_index(["by", "slice", "system", "metric"])
        speech = [index for index, row in enumerate(ROWS) if row[3] == "speech"]
        hypotheses = [SYSTEMS["mixed"][index] for index in speech]
        references = [[ROWS[index][1] for index in speech]]
        expected = {
            "bleu": sacrebleu.corpus_bleu(hypotheses, references).score,
            "chrf": sacrebleu.corpus_chrf(hypotheses, references).score,
        }
        for metric, score in expected.items():
            line = scores.loc["domain", "speech", "mixed", metric]
            assert line["score"] == pytest.approx(score, abs=1e-12)
            assert (line["n_scored"], line["n_missing"]) == (3, 0)
        assert scores.loc["domain", "news", "mixed", "bleu"]["score"] == pytest.approx(100)

    def test_the_table_marks_the_best_of_each_slice(self) -> None:
        run = eh.evaluate(testset=six_segments(), systems=SYSTEMS, metrics=["chrf"])
        rows = list(csv.DictReader(run.table("slices").to_csv().splitlines()))
        assert len(rows) == 11 * 2
        assert rows[6] | {"chrF2": ""} == {
            "By": "domain", "Slice": "news", "System": "good", "Segments": "3", "chrF2": ""
        }  # fmt: skip
        text = run.table("slices").to_text()
        assert "no difference was tested" in text
        (good, mixed) = (line for line in text.splitlines() if line.split()[:2] == ["domain", "speech"])
        assert good.endswith("100.0*")
        assert not mixed.endswith("*")

    def test_a_set_of_one_piece_says_so(self) -> None:
        segments = tuple(Segment(id=str(n), source="源", references=("a",)) for n in range(3))
        one = TestSet(name="one", language_pair=LanguagePair.parse("zh-en"), segments=segments)
        run = eh.evaluate(testset=one, systems={"a": ["a"] * 3}, metrics=["chrf"])
        assert len(run.slices) == 0
        assert "The test set is of one piece" in run.table("slices").to_text()

    def test_a_comparison_has_no_slices(self) -> None:
        run = eh.evaluate(testset=six_segments(), systems=SYSTEMS, metrics=["chrf"])
        with pytest.raises(ConfigError, match="is drawn from one record"):
            eh.compare(run).table("slices")

    def test_wmt22_by_length(self) -> None:
        """Quarters are of about as many segments, and their segments are all there are."""
        source, hypothesis = wmt22() / "src.zh", wmt22() / "hyp" / "Online-B.en"
        run = eh.evaluate(
            testset="plain",
            systems={"b": hypothesis.read_text(encoding="utf-8").split("\n")[:-1]},
            metrics=["chrf"],
            overrides=[
                f"testset.source={source}", f"testset.references=[{wmt22() / 'ref.A.en'}]",
                "testset.language_pair=zh-en",
            ],
        )  # fmt: skip
        counts = run.slices.loc[run.slices["by"] == "source-length", "n_scored"].tolist()
        assert sum(counts) == 1875
        assert all(abs(count - 1875 / 4) < 40 for count in counts)


class TestSelection:
    def test_hypotheses_are_those_of_the_selected_segments(self) -> None:
        run = eh.evaluate(
            testset=six_segments(), systems=SYSTEMS, metrics=["bleu"], overrides=["testset.filter.domain=[speech]"]
        )
        kept = run.segments[run.segments["system"] == "good"]
        assert kept["segment"].tolist() == ["s4", "s5", "s6"]
        assert kept["hypothesis"].tolist() == SYSTEMS["good"][3:]
        assert run.scores.set_index("system").loc["good", "score"] == pytest.approx(100)
        assert run.table("systems").caption == "six zh-en, domain speech, 3 segments"

    def test_a_part_is_another_record_than_the_whole(self) -> None:
        whole = eh.evaluate(testset=six_segments(), systems=SYSTEMS, metrics=["chrf"])
        part = eh.evaluate(
            testset=six_segments(), systems=SYSTEMS, metrics=["chrf"], overrides=["testset.filter.document=[talk]"]
        )
        assert whole.folder != part.folder
        assert part.plan.testset.selection == "document talk"

    @pytest.mark.parametrize(
        ("selection", "kept"),
        [
            (Selection(), [1, 2, 3, 4, 5, 6]),
            (Selection(document=("news.1", "talk")), [1, 2, 4, 5, 6]),
            (Selection(original_language=("en",)), [3, 4]),
            (Selection(original_language=("en",), domain=("news",)), [3]),
            (Selection(min_source_length=6), [3, 4, 5, 6]),
            (Selection(max_source_length=6), [1, 2, 3]),
            (Selection(min_source_length=6, max_source_length=8), [3, 4]),
        ],
    )
    def test_conditions_hold_together(self, selection: Selection, kept: list[int]) -> None:
        part, sources = selection.of(six_segments())
        assert [segment.id for segment in part.segments] == [f"s{number}" for number in kept]
        assert [source.position for source in sources] == [number - 1 for number in kept]

    def test_files_are_aligned_with_the_whole(self, command: Callable[..., Finished]) -> None:
        write("src.zh", *(row[0] for row in ROWS))
        write("ref.en", *(row[1] for row in ROWS))
        write("docs.txt", *(row[2] for row in ROWS))
        write("hyp/a.en", *SYSTEMS["good"])
        arguments = ["run", "testset=plain", "testset.language_pair=zh-en", "testset.source=src.zh",
                     "testset.references=[ref.en]", "testset.documents=docs.txt", "systems=[folder]",
                     "systems.folder.path=hyp", "metrics=[bleu]", "testset.filter.document=[talk]"]  # fmt: skip
        finished = command(*arguments)
        assert finished.code == 0, finished.err
        assert "src zh-en, document talk, 3 segments" in finished.out
        write("hyp/a.en", *SYSTEMS["good"][3:])
        assert "3 hypotheses for 6 segments" in command(*arguments).err

    def test_import_keeps_what_is_selected(self, command: Callable[..., Finished]) -> None:
        write("set.tsv", "source\treference\tdomain", *(f"{row[0]}\t{row[1]}\t{row[3]}" for row in ROWS))
        finished = command(
            "import", "set.tsv", "--reader", "tsv", "-l", "zh-en", "--name", "news",
            "--set", "domain_column=domain", "filter.domain=[news]",
        )  # fmt: skip
        assert finished.code == 0, finished.err
        description = json.loads(Path("references/news/testset.json").read_text(encoding="utf-8"))
        assert description["n_segments"] == 3
        assert description["provenance"].endswith("; only domain news")

    def test_names_there_are_not(self) -> None:
        with pytest.raises(
            InputError, match=r"filter\.domain: 'newz': .* did you mean 'news'\? There are: news, speech"
        ):
            Selection(domain=("newz",)).of(six_segments())
        with pytest.raises(InputError, match="no segment of 'six' is of domain news, source of 9 characters or more"):
            Selection(domain=("news",), min_source_length=9).of(six_segments())
        with pytest.raises(ConfigError, match="min_source_length=9 is more than max_source_length=3"):
            Selection(min_source_length=9, max_source_length=3)
