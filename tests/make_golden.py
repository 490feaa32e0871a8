"""Makes evalharness/metrics/golden.json again, from sacreBLEU's and unbabel-comet's own code.

    python tests/make_golden.py

To be run when comet-mini or the segments below change; `evalharness doctor` holds every metric against that file.
"""

# ruff: noqa: E501  texts stand on one line each

from __future__ import annotations

import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent / "evalharness"
FILE = PACKAGE / "metrics" / "golden.json"
MINI = PACKAGE / "metrics" / "comet" / "mini"
EXACT = 1e-9  # rows of lexical metrics are whole numbers; only the last division rounds
# Of comet-mini, on a scale of about 0 to 1. Largest differences here with two checkpoints, measured 2026-11 on an AVX-512
# processor: fp32 9e-8, bf16 1.6e-4, int8 3.9e-3. Other processors round otherwise.
PRECISIONS = {"fp32": 2e-5, "bf16": 5e-3, "int8": 2e-2}
# Written for this purpose: (id, source, hypothesis, two references).
SEGMENTS = [
    (
        "perfect", "图书馆每天早上八点开门。", "The library opens at eight every morning.",
        ("The library opens at eight every morning.", "Every morning the library opens at eight o'clock."),
    ),
    (
        "good", "她把旧自行车修好了，送给了邻居。", "She fixed the old bike and gave it to her neighbour.",
        ("She repaired the old bicycle and gave it to a neighbour.", "She fixed up her old bike and gave it away."),
    ),
    (
        "numbers", "2019年，这座桥的维修费用为1,250万元。", "In 2018, repairs of the bridge cost 12.5 million dollars.",
        ("In 2019, repairing the bridge cost 12.5 million yuan.", "Repairs to the bridge cost 12.5 million yuan in 2019."),
    ),
    (
        "order", "老师批评了学生，因为他迟到了。", "Late he was because criticised the student the teacher.",
        ("The teacher criticised the student because he was late.", "The student was told off for being late."),
    ),
    (
        "short", "好。", "OK.", ("Good.", "All right."),
    ),
    (
        "untranslated", "昨天晚上下了一场大雪。", "昨天晚上下了一场大雪。",
        ("It snowed heavily last night.", "There was heavy snow yesterday evening."),
    ),
    (
        "long", "如果明天天气好，我们就去山上野餐；如果下雨，我们就待在家里，看一部老电影，再做一锅汤。",
        "If it is fine tomorrow we will go to the mountain for picnic; if rains, we will stay at home, see an old movie, "
        "and then make a pot of soup.",
        (
            "If the weather is fine tomorrow, we will have a picnic in the hills; if it rains, we will stay at home, watch "
            "an old film and make a pot of soup.",
            "We'll picnic on the mountain tomorrow if it's nice, and if it rains we'll stay in with an old film and soup.",
        ),
    ),
    (
        "unrelated", "请在出口处归还耳机。", "The price of rice has doubled since the spring.",
        ("Please return the headphones at the exit.", "Headphones are to be handed back at the exit."),
    ),
]  # fmt: skip


def made() -> dict[str, Any]:
    return {
        "language_pair": "zh-en",
        "segments": [
            {"id": name, "source": source, "hypothesis": hypothesis, "references": list(references)}
            for name, source, hypothesis, references in SEGMENTS
        ],
        "metrics": [*lexical(), comet_mini()],
    }


def lexical() -> list[dict[str, Any]]:
    from sacrebleu.metrics import BLEU, CHRF, TER

    hypotheses = [hypothesis for _, _, hypothesis, _ in SEGMENTS]
    references = [list(stream) for stream in zip(*(given for _, _, _, given in SEGMENTS), strict=True)]
    found = []
    for name, of_corpus, of_segments in (
        ("bleu", BLEU(), BLEU(effective_order=True)),
        ("chrf", CHRF(), CHRF()),
        ("chrfpp", CHRF(word_order=2), CHRF(word_order=2)),
        ("ter", TER(), TER()),
    ):
        found.append(
            {
                "metric": name,
                "made_by": f"sacreBLEU {version('sacrebleu')}",
                "sha256": None,
                "tolerances": {"exact": EXACT},
                "corpus_score": of_corpus.corpus_score(hypotheses, references).score,
                "segment_scores": [
                    of_segments.sentence_score(hypothesis, list(given)).score for _, _, hypothesis, given in SEGMENTS
                ],
            }
        )
    return found


def comet_mini() -> dict[str, Any]:
    """The mean of the scores with each reference, as evalharness does by default."""
    import comet

    os.chdir(MINI)  # its settings name the encoder relative to this folder
    weights = Path("checkpoints") / "model.ckpt"
    model = comet.load_from_checkpoint(str(weights), local_files_only=True)
    asked = [
        {"src": source, "mt": hypothesis, "ref": reference}
        for _, source, hypothesis, references in SEGMENTS
        for reference in references
    ]
    predicted = model.predict(asked, batch_size=1, gpus=0, progress_bar=False)["scores"]
    scores = [(first + second) / 2 for first, second in zip(predicted[::2], predicted[1::2], strict=True)]
    return {
        "metric": "comet_mini",
        "made_by": f"unbabel-comet {version('unbabel-comet')} predict, fp32, torch {version('torch')}",
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "tolerances": PRECISIONS,
        "corpus_score": sum(scores) / len(scores),
        "segment_scores": scores,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
