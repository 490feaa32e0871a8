"""Training comet-mini: a tiny recipe over made-up files gives a folder that opens; bad input gives one clear error."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, write

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("sklearn", reason="the extra 'train' is not installed (pip install -e '.[train]')")

from evalharness.cli.comet_train import main
from evalharness.errors import AlignmentError, ConfigError, InputError
from evalharness.metrics.comet.training import correlation, damage, features
from evalharness.metrics.comet.training.assessment import Triple
from evalharness.metrics.comet.training.corpus import read_corpus
from evalharness.metrics.comet.training.families import Family, Kind
from evalharness.metrics.comet.training.fitting import QUALITY, _batches, fit_estimator
from evalharness.metrics.comet.training.folder import head_outputs, open_scorer
from evalharness.metrics.comet.training.network import Network, Shape
from evalharness.metrics.comet.training.recipe import Recipe, read_recipe
from evalharness.metrics.comet.training.spelling import spelled_vectors

CONFIG = REPOSITORY / "configs" / "training" / "comet_mini.yaml"
WORDS = "Harbour ships carried 40 tonnes of grain past the old lighthouse near Oslo and Bergen in 1998 while Anna slept"
CHARACTERS = "港口的船运了粮食经过旧灯塔在附近安娜睡着"
SYSTEMS = ("one", "two", "three")
TINY = (
    "n_pieces=60", "n_characters=15", "width=64", "n_heads=4", "feed_forward=32", "hidden_sizes=[16, 8]",
    "n_joined_pairs=2", "n_joined_triples=2", "n_resamples=20", "n_epochs=2", "families_per_step=4",
)  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """As many files as the real data has kinds of, with 20 segments of news and three talks of 8."""
    folder, rng = tmp_path / "data", random.Random(3)

    def english() -> str:
        return " ".join(rng.choices(WORDS.split(), k=rng.randint(4, 12)))

    def chinese() -> str:
        return "".join(rng.choices(CHARACTERS, k=rng.randint(4, 15)))

    news = folder / "wmt22.zh-en"
    write(news / "src.zh", *(chinese() for _ in range(20)))
    for name in ("ref.A.en", "ref.B.en", *(f"hyp/{system}.en" for system in SYSTEMS)):
        write(news / name, *(english() for _ in range(20)))
    rows = ["system\tdoc\tsegment\tsrc\tmt\tref.A\tref.B\tmqm"]
    sources = {(talk, place): chinese() for talk in ("talk.1", "talk.6", "talk.7") for place in range(8)}
    for system in (*SYSTEMS, "ref-A", "ref-B"):
        for (talk, place), source in sources.items():
            seen = f"<v>{source[0]}</v>{source[1:]}" if system == "one" else source
            mqm = -float(rng.randint(0, 12))
            rows.append(f'{system}\t{talk}\t{place}\t{seen}\t\\"{english()}\\"\tA {talk} {place}\tB {place}\t{mqm}')
    write(folder / "ted2021.zh-en.mqm" / "segments.tsv", *rows)
    return folder


def test_end_to_end(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = [tmp_path / "mini", tmp_path / "again"]
    for output in outputs:
        assert main(["--data", str(data), "--output", str(output), *TINY]) == 0
    record = json.loads((outputs[0] / "training.json").read_text(encoding="utf-8"))
    assert record["recipe"]["n_pieces"] == 60
    assert len(record["data"]["wmt22.zh-en/src.zh"]) == 64
    assert set(record["data"]) == {
        "ted2021.zh-en.mqm/segments.tsv",
        *(f"wmt22.zh-en/{name}" for name in ("src.zh", "ref.A.en", "ref.B.en")),
        *(f"wmt22.zh-en/hyp/{system}.en" for system in SYSTEMS),
    }
    figures = record["assessment"]["agreement"]
    assert [entry["reference"] for entry in figures] == ["ref.A", "ref.B"]
    assert figures[0]["n_segments"] == 16  # talks 6 and 7
    assert "no cross-lingual ability" in (outputs[0] / "README.md").read_text(encoding="utf-8")

    triples = [
        Triple(source="港口的船", hypothesis="ships carried grain", reference="Harbour ships"),
        Triple(source="港口", hypothesis="", reference="Anna slept in Oslo " * 200),
    ]
    scores = open_scorer(outputs[0])(triples)
    assert np.isfinite(scores).all()
    # The same seed, the same machine: the same weights to the last bit.
    assert (open_scorer(outputs[1])(triples) == scores).all()

    comet = pytest.importorskip("comet", reason="unbabel-comet is not installed")
    monkeypatch.chdir(outputs[0])
    model = comet.load_from_checkpoint("checkpoints/model.ckpt", strict=True, local_files_only=True)
    asked = [{"src": t.source, "mt": t.hypothesis, "ref": t.reference} for t in triples]
    predicted = model.predict(asked, batch_size=2, gpus=0, progress_bar=False, num_workers=0)["scores"]
    assert scores == pytest.approx(predicted, abs=1e-5)


def test_the_file_of_settings_says_every_default() -> None:
    import yaml

    assert dataclasses.replace(read_recipe(CONFIG, ()), remarks="") == Recipe()
    assert set(yaml.safe_load(CONFIG.read_text(encoding="utf-8"))) == set(Recipe.__dataclass_fields__)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("sead=2", "no setting 'sead'; did you mean 'seed'"),
        ("seed", "expected KEY=VALUE"),
        ("seed=two", "seed='two': expected int"),
        ("width=true", "width=True: expected int"),
        ("phases.0.n_steps=2", "no setting 'phases.0.n_steps'"),
        ("n_epochs=0", "n_epochs=0: expected 1 or more"),
        ("talk_weight=0", "talk_weight=0: expected more"),
        ("hidden_sizes=3", "hidden_sizes=3: expected tuple"),
        ("dropout=-1", "dropout=-1.0"),
        ("width=250", "a multiple of n_heads"),
        ("seed=[", "not YAML"),
    ],
)
def test_bad_settings(word: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_recipe(CONFIG, [word])


def test_the_output_folder_is_never_overwritten(data: Path, tmp_path: Path) -> None:
    write(tmp_path / "mini" / "notes.txt", "mine")
    with pytest.raises(InputError, match="not an empty folder"):
        main(["--data", str(data), "--output", str(tmp_path / "mini"), *TINY])


def lines_changed(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    write(path, *change(path.read_text(encoding="utf-8").rstrip("\n").split("\n")))


def test_bad_data(data: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        read_corpus(data / "nowhere")
    segments = data / "ted2021.zh-en.mqm" / "segments.tsv"
    good = segments.read_bytes()
    changes: list[tuple[Callable[[list[str]], list[str]], str]] = [
        (lambda rows: [rows[0].replace("mqm", "score"), *rows[1:]], r"segments\.tsv:1: expected the columns"),
        (lambda rows: [*rows[:4], rows[4] + "\tmore", *rows[5:]], r"segments\.tsv:5: 9 fields, expected 8"),
        (lambda rows: [*rows[:4], rows[4].rpartition("\t")[0] + "\tNone", *rows[5:]], r":5: mqm is 'None'"),
        (lambda rows: [*rows[:4], rows[4].rpartition("\t")[0] + "\t3", *rows[5:]], r":5: mqm is '3'"),
        (lambda rows: [row for row in rows if not row.startswith("ref-B")], r"no row of ref-B"),
    ]
    for change, message in changes:
        lines_changed(segments, change)
        with pytest.raises(InputError, match=message):
            read_corpus(data)
        segments.write_bytes(good)
    lines_changed(data / "wmt22.zh-en" / "hyp" / "two.en", lambda rows: rows[:-1])
    with pytest.raises(AlignmentError, match=r"two\.en: 19 lines, where .*src\.zh has 20"):
        read_corpus(data)
    (data / "wmt22.zh-en" / "ref.B.en").unlink()
    with pytest.raises(InputError, match=r"ref\.B\.en: no such file"):
        read_corpus(data)


def test_a_talk_that_is_not_there(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no talk 'talk\.5' in the data; there are talk\.1"):
        main(["--data", str(data), "--output", str(tmp_path / "mini"), "test_talks=[talk.5]", *TINY])


def test_nothing_to_assess_with(data: Path, tmp_path: Path) -> None:
    """Said before the minutes of training, not after."""
    with pytest.raises(InputError, match="0 segments of talks are left out of training; expected two or more"):
        main(["--data", str(data), "--output", str(tmp_path / "mini"), "test_talks=[]", *TINY])
    assert not (tmp_path / "mini").exists()


def test_talks_are_read_as_they_are_meant(data: Path) -> None:
    corpus = read_corpus(data)
    assert corpus.talk_names() == ("talk.1", "talk.6", "talk.7")
    first = corpus.talks[0]
    assert first.systems == SYSTEMS  # the judged references are no systems
    assert first.hypotheses[0].startswith('"')  # \" is an escape
    assert "<v>" not in first.source
    assert first.references == ("A talk.1 0", "B 0")
    assert {segment.talk for segment in corpus.without_talks(["talk.6", "talk.7"])} == {"talk.1"}


class TestDamage:
    text = "Anna saw 40 ships near Oslo on Monday"
    stock = damage.WordStock.of(["He met Kari in Bergen"])

    def test_shares(self) -> None:
        rng = np.random.default_rng(0)
        assert len((damage.drop(self.text, 0.5, rng) or "").split()) == 4  # of 8 words
        assert damage.truncate(self.text, 0.5) == "Anna saw 40 ships"
        replaced = (damage.substitute(self.text, 0.25, self.stock, rng) or "").split()
        assert sum(one != other for one, other in zip(replaced, self.text.split(), strict=True)) == 2
        assert len((damage.repeat(self.text, 0.25, rng) or "").split()) == 10

    def test_numbers_and_names(self) -> None:
        rng = np.random.default_rng(0)
        changed = damage.wrong_number(self.text, rng) or ""
        assert changed != self.text
        assert len(changed) == len(self.text)
        named = damage.wrong_name(self.text, self.stock, rng) or ""
        assert named in {self.text.replace(old, new) for old in ("Oslo", "Monday") for new in ("Kari", "Bergen")}

    def test_where_there_is_no_place_for_it(self) -> None:
        rng = np.random.default_rng(0)
        assert damage.wrong_number("no number", rng) is None
        assert damage.wrong_name("no name", self.stock, rng) is None
        assert damage.drop("word", 0.5, rng) is None
        assert damage.shuffle("word", rng) is None
        assert damage.substitute("", 0.5, self.stock, rng) is None


class TestSpelling:
    def test_what_shares_letters_looks_alike(self) -> None:
        pieces = [
            "\u2581walk",
            "\u2581walked",
            "\u2581table",
            "\u2581of",
            "\u2581",
            "7",
            "8",
            "港",
            "a",
            "internationalization",
        ]
        vectors = spelled_vectors(pieces, 400, np.random.default_rng(1))
        lengths = np.linalg.norm(vectors, axis=1)
        walk, walked, table, of, nothing, seven, eight, character, letter, longest = range(len(pieces))
        assert vectors[walk] @ vectors[walked] > 5 * abs(vectors[walk] @ vectors[table])
        assert lengths.max() == lengths[longest] == pytest.approx(1)
        assert lengths[nothing] == 0
        assert lengths[letter] < lengths[of] < lengths[walk] < lengths[walked]
        # Digits and characters stand alone and count as much as a word of four or five letters.
        assert lengths[seven] == pytest.approx(lengths[character], rel=0.15)
        assert lengths[walk] == pytest.approx(lengths[seven], rel=0.3)
        assert abs(vectors[seven] @ vectors[eight]) < 0.3 * lengths[seven] * lengths[eight]
        assert (spelled_vectors(pieces, 400, np.random.default_rng(1)) == vectors).all()

    def test_averages_tell_chrf(self) -> None:
        """How near two averages are says nearly what chrF says of the texts. Seen: a correlation of .93."""
        rng = np.random.default_rng(5)
        words = sorted({"".join(rng.choice(list("abcdefghijklmnoprstuvw"), rng.integers(2, 10))) for _ in range(600)})
        vectors = dict(zip(words, spelled_vectors(words, 206, np.random.default_rng(1)), strict=True))
        pairs = []
        for _ in range(300):
            reference = list(rng.choice(words, 25))
            pairs.append(([word if rng.random() < 0.7 else rng.choice(words) for word in reference], reference))
        near = []
        for pair in pairs:
            one, other = (np.mean([vectors[word] for word in text], axis=0) for text in pair)
            near.append(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
        hypotheses, references = zip(*((" ".join(one), " ".join(other)) for one, other in pairs), strict=True)
        assert np.corrcoef(near, features.chrf(hypotheses, references))[0, 1] > 0.85


class TestFitting:
    @pytest.fixture
    def network(self) -> Network:
        shape = Shape(
            n_tokens=8, width=64, n_heads=4, feed_forward=16, n_positions=40, hidden_sizes=(8,), dropout=0.0
        )  # fmt: skip
        network = Network(shape, n_heads_out=2, seed=1)
        network.spell(["<s>", "<pad>", "</s>", "<unk>", "\u2581one", "\u2581two", "\u2581three", "四"], seed=1)
        return network

    def families(self) -> list[Family]:
        texts = ("四", "one two", "two three", "three", "one")
        return [
            Family(
                texts=texts, hypothesis=np.array([1, 2, 3, 4]), reference=np.array([2, 2, 2, 2]),
                kind=np.array([Kind.TRANSLATION, Kind.TRANSLATION, Kind.DAMAGED, Kind.FOREIGN]),
                label=np.array([0.8, 1.0, 0.5, 0.0]), chrf=np.array([0.4, 1.0, 0.6, 0.0]),
                origin=np.array([0, 1, 1, 3]),
            )
            for _ in range(5)
        ]  # fmt: skip

    def tokenizer(self, texts: list[str], **_: object) -> dict[str, list[list[int]]]:
        known = {"one": 4, "two": 5, "three": 6, "四": 7}
        return {"input_ids": [[0, *(known[word] for word in text.split()), 2] for text in texts]}

    tokenizer.model_max_length = 30  # type: ignore[attr-defined]

    def test_only_the_estimator_learns_and_words_alone_count_for_nothing(self, network: Network) -> None:
        before = network.state()
        recipe = Recipe(n_epochs=150, families_per_step=3, learning_rate=2e-3)
        fit_estimator(
            network, self.tokenizer, self.families()[:3], self.families()[3:], recipe, np.random.default_rng(1)
        )
        after = network.state()
        first = after["estimator.ff.0.weight"]
        for role in range(2):  # hypothesis and reference; 48 of the 64 dimensions are positions
            assert (first[:, 64 * role : 64 * role + 16] == 0).all()
            assert (first[:, 64 * role + 16 : 64 * role + 64] != 0).all()
        assert (first[:, 128:] != 0).all()
        moved = {name for name, weights in after.items() if not bool((weights == before[name]).all())}
        assert moved == {name for name in after if name.startswith("estimator.")}
        triples = [
            Triple(source="四", hypothesis=text, reference="two three") for text in ("two three", "three", "one")
        ]
        best, damaged, foreign = head_outputs(network, self.tokenizer, triples)[:, QUALITY]
        assert best > damaged > foreign

    def test_every_family_is_whole_and_had_once_an_epoch(self) -> None:
        ends = np.array([4, 9, 11, 20, 21])
        recipe = Recipe(n_epochs=3, families_per_step=2)
        batches = list(_batches(ends, recipe, np.random.default_rng(0)))
        assert len(batches) == 9
        for epoch in range(3):
            assert sorted(np.concatenate(batches[3 * epoch : 3 * epoch + 3])) == list(range(21))
        for batch in batches:
            assert (np.diff(batch) > 0).all()
            assert all(set(batch) >= set(range(s, e)) for s, e in zip((0, *ends), ends, strict=False) if s in batch)


def test_agreement_by_hand() -> None:
    # Two systems, two segments. Segment 1: scores order the pair as the MQM does; segment 2: the other way round.
    scores = np.array([[2.0, 1.0], [1.0, 2.0]])
    mqm = np.array([[0.0, 0.0], [-1.0, -3.0]])
    right, n_pairs = correlation.pairs_in_order(scores, mqm)
    assert right.tolist() == [1, 0]
    assert n_pairs.tolist() == [1, 1]
    # Equal scores count a half, equal MQM nothing.
    right, n_pairs = correlation.pairs_in_order(np.array([[1.0, 1.0], [1.0, 2.0]]), np.array([[0.0, 5.0], [-1.0, 5.0]]))
    assert right.tolist() == [0.5, 0]
    assert n_pairs.tolist() == [1, 0]
    # A score that is the length and nothing else has no partial correlation left; adding MQM brings it to 1.
    rng = np.random.default_rng(1)
    lengths, judged = rng.normal(size=50), rng.normal(size=(3, 50))
    assert correlation.partial_pearson(judged + 7 * lengths, judged, lengths) == pytest.approx(1)
    assert correlation.pearson(judged + 7 * lengths, judged) < 0.5
