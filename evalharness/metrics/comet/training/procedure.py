"""Training from the data folder to the checkpoint folder, with a record of how it was done."""

from __future__ import annotations

import dataclasses
import logging
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from evalharness.errors import InputError
from evalharness.metrics.comet.training.assessment import Figures, Scorer, Triple, assess
from evalharness.metrics.comet.training.corpus import Corpus, Parallel, read_corpus
from evalharness.metrics.comet.training.damage import WordStock
from evalharness.metrics.comet.training.families import Family, Kind, build_families, joined
from evalharness.metrics.comet.training.fitting import CHRF, N_HEADS, QUALITY, fit_estimator
from evalharness.metrics.comet.training.folder import head_outputs, open_scorer, write_checkpoint
from evalharness.metrics.comet.training.network import Network, Shape
from evalharness.metrics.comet.training.note import note
from evalharness.metrics.comet.training.packages import imported
from evalharness.metrics.comet.training.recipe import Recipe
from evalharness.metrics.comet.training.robustness import CandidateMean, Robustness, damage_bundled, damage_talks
from evalharness.metrics.comet.training.teacher import fit_teacher
from evalharness.metrics.comet.training.vocabulary import train_tokenizer
from evalharness.packaged import packaged_folder
from evalharness.textio import write_json, write_text

RECORD = "training.json"
_PACKAGES = ("evalharness", "torch", "transformers", "tokenizers", "sentencepiece", "scikit-learn", "numpy")
_FAMILIES_MEASURED = 200
_POSITIONS_NOT_READ = 4  # two that XLM-R counts from, and two that unbabel-comet's encoder keeps back
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the written checkpoint does on the assessed talks and on the bundled test set."""

    assessed_talks: tuple[str, ...]
    agreement: tuple[Figures, ...]
    damage: tuple[Robustness, ...]
    bundled_damage: Robustness
    bundled_candidates: tuple[CandidateMean, ...]


def train(recipe: Recipe, *, data: Path, output: Path) -> Report:
    """Train, write the checkpoint folder `output` with `training.json` and a note, and assess what was written.

    Raises: InputError where the data or a talk of the recipe is missing, or the output folder is not empty;
    MissingDependencyError without the extra `train`."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output}: is not an empty folder. Name a new one; nothing is overwritten.")
    began = time.monotonic()
    corpus = read_corpus(data)
    talks = _training_talks(corpus, recipe)
    stock = WordStock.of([text for segment in (*corpus.news, *talks) for text in segment.references])
    with _reproducible(recipe.n_threads):
        network, tokenizer = _trained(recipe, corpus.news, talks, stock)
    output.mkdir(parents=True, exist_ok=True)
    write_checkpoint(output, network, tokenizer)
    minutes = (time.monotonic() - began) / 60
    _log.info("trained in %.1f minutes; assessing", minutes)
    report = _report(open_scorer(output), recipe, corpus, talks, stock)
    record = {
        "recipe": dataclasses.asdict(recipe),
        "data": dict(corpus.sha256_of_file),
        "minutes": round(minutes, 1),
        "threads": recipe.n_threads,
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": {name: _version(name) for name in _PACKAGES},
        "assessment": dataclasses.asdict(report),
    }
    write_json(output / RECORD, record)
    write_text(output / "README.md", note(recipe, report, minutes))
    return report


@contextmanager
def _reproducible(n_threads: int) -> Iterator[None]:
    """Torch in `n_threads` and without algorithms that give something else each time; as it was afterwards."""
    torch = imported("torch")
    threads, is_deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(n_threads)
    torch.use_deterministic_algorithms(True)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(is_deterministic)


def _training_talks(corpus: Corpus, recipe: Recipe) -> tuple[Parallel, ...]:
    """Raises: InputError for a talk that is not there, and where none is left to train on."""
    left_out = (*recipe.test_talks, *recipe.validation_talks)
    known = corpus.talk_names()
    if missing := [talk for talk in left_out if talk not in known]:
        raise InputError(f"there is no talk {missing[0]!r} in the data; there are {', '.join(known)}.")
    assessed = corpus.of_talks(recipe.validation_talks or recipe.test_talks)
    if len(assessed) < 2:
        raise InputError(
            f"{len(assessed)} segments of talks are left out of training; expected two or more to assess the model "
            "with. Name talks in test_talks or validation_talks."
        )
    talks = corpus.without_talks(left_out)
    if len(talks) < 2:
        raise InputError(f"without {', '.join(left_out)} {len(talks)} segments of talks are left to train on.")
    return talks


def _trained(
    recipe: Recipe, news: Sequence[Parallel], talks: Sequence[Parallel], stock: WordStock
) -> tuple[Network, Any]:
    """The network with the score as its only head, and its tokenizer."""
    rng = np.random.default_rng(recipe.seed)
    every = [*news, *talks]
    tokenizer = train_tokenizer(
        [segment.source for segment in every],
        [text for segment in every for text in (*segment.references, *segment.hypotheses)],
        n_pieces=recipe.n_pieces, n_characters=recipe.n_characters, max_tokens=recipe.n_positions - _POSITIONS_NOT_READ,
    )  # fmt: skip
    teacher = fit_teacher(talks, seed=recipe.seed)
    families = []
    for segments in (news, talks):
        longer = joined(segments, 2, recipe.n_joined_pairs, rng) + joined(segments, 3, recipe.n_joined_triples, rng)
        families.append(build_families([*segments, *longer], teacher, stock, judged_share=recipe.judged_share, rng=rng))
    shape = Shape(
        n_tokens=len(tokenizer), width=recipe.width, n_heads=recipe.n_heads, feed_forward=recipe.feed_forward,
        n_positions=recipe.n_positions, hidden_sizes=recipe.hidden_sizes, dropout=recipe.dropout,
    )  # fmt: skip
    network = Network(shape, n_heads_out=N_HEADS, seed=recipe.seed)
    network.spell(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))), seed=recipe.seed)
    of_news, of_talks = families
    fit_estimator(network, tokenizer, of_news, of_talks, recipe, rng)
    places = rng.choice(len(of_news), size=min(_FAMILIES_MEASURED, len(of_news)), replace=False)
    return _folded(network, tokenizer, [of_news[place] for place in places], recipe.chrf_share), tokenizer


def _folded(network: Network, tokenizer: Any, families: Sequence[Family], chrf_share: float) -> Network:
    """The network with one head: the quality head and a share of the chrF head, both in spreads over translations;
    scaled so that a reference as its own translation has 1 in the mean and a copy of the source 0."""
    given = [
        Triple(source=family.texts[0], hypothesis=family.texts[hypothesis], reference=family.texts[reference])
        for family in families
        for hypothesis, reference in zip(family.hypothesis, family.reference, strict=True)
    ]
    kind = np.concatenate([family.kind for family in families])
    is_own = np.concatenate([family.hypothesis == family.reference for family in families])
    outputs = head_outputs(network, tokenizer, given)
    is_translation = (kind == Kind.TRANSLATION) & ~is_own
    spread = outputs[is_translation].std(axis=0)
    weights = np.zeros(outputs.shape[1])
    weights[QUALITY], weights[CHRF] = 1.0, chrf_share * spread[QUALITY] / max(spread[CHRF], 1e-6)
    combined = outputs @ weights
    is_copy = np.concatenate([family.hypothesis == 0 for family in families])
    best, worst = combined[is_own].mean(), combined[is_copy].mean()
    return network.with_one_head(weights / (best - worst), -worst / (best - worst))


def _report(scorer: Scorer, recipe: Recipe, corpus: Corpus, talks: Sequence[Parallel], stock: WordStock) -> Report:
    assessed_talks = recipe.validation_talks or recipe.test_talks
    assessed = corpus.of_talks(assessed_talks)
    bundled, candidates = damage_bundled(scorer, packaged_folder("references") / "zhengzhou", stock, seed=recipe.seed)
    return Report(
        assessed_talks=assessed_talks,
        agreement=assess(scorer, assessed, talks, n_resamples=recipe.n_resamples, seed=recipe.seed),
        damage=tuple(damage_talks(scorer, assessed, stock, seed=recipe.seed)),
        bundled_damage=bundled,
        bundled_candidates=candidates,
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
