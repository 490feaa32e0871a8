"""Hypotheses in another script or language than the target's, and parts of them left in the source's.

Script is checked first, since it costs next to nothing and decides for most pairs of languages. Where several languages
share the target's script, a hypothesis is in doubt unless many of its words occur in the references of the test set; of
those in doubt, lingua says the language, at first from trigrams alone (quick, and wrong for one human text in twenty),
and for those it calls foreign once more with all its models of the target language and the one it named.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalharness.outputs.examined import Examined, TestSetTexts
from evalharness.outputs.flags import UNTRANSLATED, WRONG_LANGUAGE, WRONG_SCRIPT
from evalharness.outputs.settings import OutputSettings
from evalharness.outputs.words import folded, words
from evalharness.records import LanguagePair, base_language
from evalharness.scripts import HAN, KANA, LATIN, script_of, script_weights, scripts_of

if TYPE_CHECKING:
    from lingua import Language, LanguageDetector

_log = logging.getLogger(__name__)

# Of the references' letters, for a script to be one that the target is written in, whatever its code says.
_SHARE_OF_REFERENCES = 0.2
_MOSTLY = 0.75  # of a hypothesis; with less something of it may be translated
# Names and terms in Latin letters are at home in every script; other letters are not.
_FEWEST_LETTERS = {LATIN: 20}
_KANA_OF_JAPANESE = 0.15  # at least, of kana and Han characters; quotations in Chinese stay below
_FEWEST_HAN_OF_CHINESE = 10  # without any kana; shorter Japanese texts often have none
_CHINESE_WORDS = frozenset("的了吗嗎呢们們这這那没沒您你她它妳很吧啊哪么麼让讓说說還过過给")
_FEWEST_UNTRANSLATED_WORDS = 6  # shorter phrases are quoted

_LOWER_CASE_RUNS = re.compile(rf"(?<!\w)[a-zß-öø-ÿ]+(?: [a-zß-öø-ÿ]+){{{_FEWEST_UNTRANSLATED_WORDS - 1},}}")

# Of the letters of a hypothesis, in words that are known: below, lingua is asked, as of 0.1 % of those of WMT22.
_KNOWN_WORDS = 0.5
_DOUBT = 0.01  # confidence of lingua's trigrams in the target language, below which a text may be in another
_PART_CHARACTERS = 80
_FOREIGN_PARTS = 0.75  # of a text's letters, in parts whose language is not the target
# Nobody translates into these by mistake, and terms of science look like them.
_UNLIKELY = frozenset({"la", "eo"})
_SHARED_SCRIPTS = (LATIN, "CYRILLIC", "ARABIC", "DEVANAGARI")
# Codes of languages, and of their standard varieties in FLORES, that lingua knows by another.
_OTHER_CODES: Mapping[str, frozenset[str]] = {
    code: frozenset(names.split())
    for code, names in (
        *(("no", "nb nn"), ("nor", "nb nn"), ("sh", "hr bs sr"), ("hbs", "hr bs sr"), ("lvs", "lv"), ("ekk", "et")),
        *((code, "ar") for code in ("arb", "arz", "ary", "apc", "acm", "acq", "aeb", "ajp", "ars")),
        *(("pes", "fa"), ("prs", "fa"), ("swh", "sw"), ("khk", "mn"), ("azj", "az"), ("als", "sq"), ("zsm", "ms")),
        *(("npi", "ne"), ("fil", "tl"), ("iw", "he"), ("in", "id"), ("gsw", "de"), ("mo", "ro")),
    )
}
# Languages that lingua, and often readers, cannot tell apart in a sentence.
_ALIKE = (
    frozenset({"no", "nb", "nn", "da", "nob", "nno", "nor", "dan"}),
    frozenset({"hr", "bs", "sr", "sh", "hrv", "bos", "srp", "hbs"}),
    frozenset({"id", "ms", "ind", "msa", "zsm"}),
    frozenset({"zu", "xh", "zul", "xho"}),
    frozenset({"st", "tn", "nso", "sot", "tsn"}),
    frozenset({"hi", "mr", "ne", "bho", "mai", "hin", "mar", "nep", "npi"}),
)


def wrong_scripts(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    """Hypotheses most of whose letters are of scripts that neither the target language nor its references have."""
    expected = _expected_scripts(testset)
    for position, one in enumerate(examined):
        if one.text.isascii() and LATIN in expected:
            continue
        foreign = _mostly_of(script_weights(one.text), expected)
        if foreign is not None and not any(
            _mostly_of(script_weights(reference), expected) == foreign for reference in one.segment.references
        ):
            yield position, WRONG_SCRIPT


def wrong_languages(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    """Hypotheses in another language that is written in the target's script."""
    target = base_language(testset.language_pair.target)
    if HAN in (expected := scripts_of(testset.language_pair.target)):
        is_japanese = bool(expected & KANA)
        for position, one in enumerate(examined):
            if _is_other_han(one, is_japanese=is_japanese):
                yield position, WRONG_LANGUAGE
        return
    if not expected & set(_SHARED_SCRIPTS):
        return
    doubtful = _in_doubt(examined, testset, settings.language_letters)
    if not doubtful:
        return
    texts = [examined[position].text for position in doubtful]
    for position, is_foreign in zip(doubtful, _are_foreign(texts, target, expected, testset), strict=True):
        if is_foreign:
            yield position, WRONG_LANGUAGE


def untranslated(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    """Hypotheses with letters of the source's script that the target has not and no reference has; of Latin letters,
    which names keep everywhere, with a phrase of the source in lower case."""
    lp = testset.language_pair
    foreign = scripts_of(lp.source) - _expected_scripts(testset)
    source, target = base_language(lp.source), base_language(lp.target)
    is_alike = source == target or any({source, target} <= codes for codes in _ALIKE)
    may_keep_phrases = LATIN in scripts_of(lp.source) and not is_alike
    for position, one in enumerate(examined):
        if foreign - {LATIN} and not one.text.isascii():
            in_references = {character for reference in one.segment.references for character in reference}
            if any(script_of(character) in foreign - {LATIN} for character in set(one.text) - in_references):
                yield position, UNTRANSLATED
        if may_keep_phrases and one.segment.source is not None and _has_phrase_of(one):
            yield position, UNTRANSLATED


def _expected_scripts(testset: TestSetTexts) -> frozenset[str]:
    """Of the target language, and what the references are written in in earnest."""
    weights = testset.scripts_of_references
    total = sum(weights.values())
    found = {script for script, weight in weights.items() if weight >= _SHARE_OF_REFERENCES * total}
    return scripts_of(testset.language_pair.target) | found


def _mostly_of(weights: dict[str, int], expected: frozenset[str]) -> str | None:
    """The foreign script that most of a text is in, where nearly all of it is in foreign scripts."""
    foreign = {script: weight for script, weight in weights.items() if script not in expected}
    if not foreign or sum(foreign.values()) < _MOSTLY * sum(weights.values()):
        return None
    largest = max(foreign, key=lambda script: (foreign[script], script))
    return largest if foreign[largest] >= _FEWEST_LETTERS.get(largest, 1) else None


def _has_phrase_of(one: Examined) -> bool:
    """Whether some words in lower case stand in the hypothesis as in the source, and in no reference."""
    runs = _LOWER_CASE_RUNS.findall(one.text)
    if not runs:
        return False
    source = f" {folded(one.segment.source or '')} "
    references = [f" {folded(reference)} " for reference in one.segment.references]
    for run in runs:
        of_run = run.split()
        for start in range(len(of_run) - _FEWEST_UNTRANSLATED_WORDS + 1):
            phrase = f" {' '.join(of_run[start : start + _FEWEST_UNTRANSLATED_WORDS])} "
            if phrase in source and not any(phrase in reference for reference in references):
                return True
    return False


def _is_other_han(one: Examined, *, is_japanese: bool) -> bool:
    """Whether a text for Japanese is in Chinese, or one for Chinese in Japanese."""
    n_han, n_kana = _han_and_kana(one.text)
    of_references = [_han_and_kana(reference) for reference in one.segment.references]
    if is_japanese:  # names of offices and laws often have no kana, but no Chinese words either
        is_chinese = n_han >= _FEWEST_HAN_OF_CHINESE and n_kana == 0 and _is_chinese(one.text)
        return is_chinese and not any(map(_is_chinese, one.segment.references))
    is_kana_rich = [
        kana >= 3 and kana >= _KANA_OF_JAPANESE * (kana + han) for han, kana in [(n_han, n_kana), *of_references]
    ]
    return is_kana_rich[0] and not any(is_kana_rich[1:])


def _is_chinese(text: str) -> bool:
    """Whether a text has words that Japanese has not, or characters in none of its character sets: simplified ones."""
    return not _CHINESE_WORDS.isdisjoint(text) or any(
        script_of(character) == HAN and not character.encode("cp932", "ignore") for character in text
    )


def _han_and_kana(text: str) -> tuple[int, int]:
    scripts = [script_of(character) for character in text if not character.isascii()]
    return scripts.count(HAN), sum(script in KANA for script in scripts)


def _in_doubt(examined: Sequence[Examined], testset: TestSetTexts, language_letters: int) -> list[int]:
    """Where texts are that are long enough to tell the language of, and many of whose words no reference of the test
    set has. Other systems do not vouch for them: they may be in the same wrong language."""
    known = testset.words_of_references
    return [
        position
        for position, one in enumerate(examined)
        if _is_strange(one.text, known, language_letters) and _is_more_than_names(one.text, language_letters)
    ]


def _is_strange(text: str, known: frozenset[str], language_letters: int) -> bool:
    of_text = list(filter(str.isalpha, words(text)))
    n_letters = len("".join(of_text))
    n_known = len("".join(filter(known.__contains__, of_text)))
    return n_letters >= language_letters and n_known < _KNOWN_WORDS * n_letters


def _is_more_than_names(text: str, language_letters: int) -> bool:
    """Whether enough letters stand in words without a capital; names of people are in the language of these."""
    return text.isupper() or sum(_n_letters(word) for word in text.split() if word == word.lower()) >= language_letters


def _are_foreign(texts: Sequence[str], target: str, expected: frozenset[str], testset: TestSetTexts) -> list[bool]:
    """Whether lingua is sure that a text is not in the target language; nothing is where it does not know that."""
    known = detectors(target, expected, testset.language_pair)
    if known is None:
        return [False] * len(texts)
    suspects = {
        position: found
        for position, found in enumerate(_confident(known.quick, texts, known.alike))
        if found is not None and found[1] < _DOUBT
    }
    is_foreign = [False] * len(texts)
    for position, (other, _) in suspects.items():
        parts = _parts(texts[position])
        found = _confident(known.thorough(other), parts, known.alike)
        n_foreign = sum(_n_letters(part) for part, one in zip(parts, found, strict=True) if one is not None)
        is_foreign[position] = n_foreign >= _FOREIGN_PARTS * sum(map(_n_letters, parts))
    return is_foreign


@dataclass(frozen=True, kw_only=True)
class Detectors:
    """Lingua's for one target language: `quick` of all languages in its script; `alike` are those that pass for it."""

    quick: LanguageDetector
    alike: set[Language]
    _thorough: dict[Language, LanguageDetector] = field(default_factory=dict)

    def thorough(self, other: Language) -> LanguageDetector:
        """One that tells another language from the target. With all models of all 75 languages in Latin script lingua
        takes 0.9 GB and 5 s (2.1)."""
        from lingua import LanguageDetectorBuilder

        if other not in self._thorough:
            self._thorough[other] = LanguageDetectorBuilder.from_languages(*self.alike, other).build()
        return self._thorough[other]


@functools.lru_cache(maxsize=1)
def detectors(target: str, expected: frozenset[str], lp: LanguagePair) -> Detectors | None:
    """None, which is said, where lingua does not know the target language."""
    from lingua import Language, LanguageDetectorBuilder

    of_script = {
        LATIN: Language.all_with_latin_script,
        "CYRILLIC": Language.all_with_cyrillic_script,
        "ARABIC": Language.all_with_arabic_script,
        "DEVANAGARI": Language.all_with_devanagari_script,
    }
    candidates = {language for script, languages in of_script.items() if script in expected for language in languages()}
    wanted = {target, base_language(lp.source)}
    candidates = {one for one in candidates if not _codes(one) & _UNLIKELY or _codes(one) & wanted}
    names = _OTHER_CODES.get(target, frozenset({target}))
    own = {language for language in candidates if names & _codes(language)}
    if not own:
        _log.warning(
            "language: lingua does not know %s, so no hypothesis is checked for being in another language that is "
            "written alike.",
            lp.target,
        )
        return None
    families = [codes for codes in _ALIKE if any(_codes(language) & codes for language in own)]
    alike = own | {language for language in candidates if any(_codes(language) & codes for codes in families)}
    quick = LanguageDetectorBuilder.from_languages(*candidates).with_low_accuracy_mode().build()
    return Detectors(quick=quick, alike=alike)


def _n_letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _parts(text: str) -> list[str]:
    """The text in parts of some length: of a long text lingua takes a few odd words for all of it, and is sure."""
    parts = [""]
    for word in text.split():
        if len(parts[-1]) >= _PART_CHARACTERS:
            parts.append("")
        parts[-1] = f"{parts[-1]} {word}".strip()
    return parts if len(parts) == 1 or len(parts[-1]) >= _PART_CHARACTERS // 2 else parts[:-1]


def _confident(
    detector: LanguageDetector, texts: Sequence[str], own: set[Language]
) -> list[tuple[Language, float] | None]:
    """The language of each text that is none of our own, and the confidence that it is one of ours; else None."""
    found: list[tuple[Language, float] | None] = []
    for values in detector.compute_language_confidence_values_in_parallel(list(texts)):
        if not values or not values[0].value or values[0].language in own:
            found.append(None)
        else:
            found.append((values[0].language, sum((one.value for one in values if one.language in own), 0.0)))
    return found


def _codes(language: Language) -> frozenset[str]:
    return frozenset({language.iso_code_639_1.name.lower(), language.iso_code_639_3.name.lower()})
