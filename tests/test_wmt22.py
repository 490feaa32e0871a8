"""WMT22 zh-en, twelve systems, through `evalharness run`: the published scores, and sacreBLEU's for every sentence."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from conftest import Finished
from data_folder import wmt22
from sacrebleu.metrics import BLEU, CHRF

pytestmark = pytest.mark.slow
REFERENCES = {"A": ["ref.A.en"], "B": ["ref.B.en"], "all": ["ref.A.en", "ref.B.en"]}
# chrF with both references is left out: multi-reference chrF changed between sacreBLEU versions, so that 2.6.0 gives
# 57.2103 for NiuTrans where 57.2099 was published.
PUBLISHED = [("bleu", "A"), ("bleu", "B"), ("bleu", "all"), ("chrf", "A"), ("chrf", "B")]


@pytest.mark.parametrize("which", REFERENCES)
def test_scores_are_the_published_ones(command: Callable[..., Finished], which: str) -> None:
    folder = wmt22()
    references = ",".join(str(folder / name) for name in REFERENCES[which])
    finished = command(
        "run", "name=wmt22", "testset=plain", "testset.language_pair=zh-en", f"testset.source={folder / 'src.zh'}",
        f"testset.references=[{references}]", "systems=[folder]", f"systems.folder.path={folder / 'hyp'}",
        "metrics=[bleu,chrf]", "stats.n_draws=1000",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    record = Path("results/latest")

    # Published with the WMT22 general task (wmt22-news-systems), at full precision.
    with open(folder / "official-scores.tsv", encoding="utf-8") as file:
        official = {
            (line["system"], line["metric"]): float(line["score"]) for line in csv.DictReader(file, delimiter="\t")
        }
    with open(record / "scores.csv", encoding="utf-8") as file:
        scores = {(line["system"], line["metric"]): float(line["score"]) for line in csv.DictReader(file)}
    systems = sorted({system for system, _ in scores})
    assert len(systems) == 12
    checked = [metric for metric, references_of in PUBLISHED if references_of == which]
    for metric in checked:
        for system in systems:
            assert scores[system, metric] == pytest.approx(official[system, f"{metric}-{which}"], abs=1e-9)

    frame = pandas.read_parquet(record / "segments.parquet")
    assert len(frame) == 12 * 1875
    sentence_bleu, sentence_chrf = BLEU(effective_order=True), CHRF()
    for row in frame.iloc[:: 7 if which == "all" else 29].itertuples():
        given = row.hypothesis, list(row.references)
        assert row.bleu == pytest.approx(sentence_bleu.sentence_score(*given).score, abs=1e-9)
        assert row.chrf == pytest.approx(sentence_chrf.sentence_score(*given).score, abs=1e-9)
