"""The names of what can be wrong with a hypothesis, and what each says."""

from __future__ import annotations

from collections.abc import Mapping

NO_HYPOTHESIS = "no-hypothesis"
EMPTY_HYPOTHESIS = "empty-hypothesis"
COPY_OF_SOURCE = "copy-of-source"
COPY_OF_REFERENCE = "copy-of-reference"
WRONG_SCRIPT = "wrong-script"
WRONG_LANGUAGE = "wrong-language"
UNTRANSLATED = "untranslated"
REPETITION = "repetition"
TOO_LONG = "too-long"
TOO_SHORT = "too-short"
LONGER_THAN_OTHERS = "longer-than-others"
SHORTER_THAN_OTHERS = "shorter-than-others"
NUMBERS_MISSING = "numbers-missing"
NUMBERS_INVENTED = "numbers-invented"
LLM_REFUSAL = "llm-refusal"
LLM_RESIDUE = "llm-residue"
MARKUP = "markup"
ALL_CAPITALS = "all-capitals"

MEANINGS: Mapping[str, str] = {
    NO_HYPOTHESIS: "the system gave no text",
    EMPTY_HYPOTHESIS: "nothing that can be read, or a word of programs for nothing, such as nan",
    COPY_OF_SOURCE: "the source, or nearly, where no reference is so",
    LLM_REFUSAL: "a language model declines to translate",
    REPETITION: "a word, phrase or character over and over, as source and references do not",
    WRONG_SCRIPT: "most letters are of a script that the target language is not written in",
    WRONG_LANGUAGE: "another language than the target",
    UNTRANSLATED: "characters or phrases left in the source's language, which no reference has",
    TOO_LONG: "far longer than every reference, or everything twice",
    TOO_SHORT: "far shorter than every reference",
    LONGER_THAN_OTHERS: "far longer than most other systems' hypotheses",
    SHORTER_THAN_OTHERS: "far shorter than most other systems' hypotheses",
    NUMBERS_MISSING: "lacks a number that the source and every reference have",
    NUMBERS_INVENTED: "has a number that neither the source nor a reference has",
    LLM_RESIDUE: "words of a language model about its translation, or marks of its prompt",
    MARKUP: "tags or Markdown that neither the source nor a reference has",
    ALL_CAPITALS: "in capitals throughout, as no reference is",
    COPY_OF_REFERENCE: "a reference word for word, of 10 words or more",
}
"""Every flag, in the order that tables show them."""

UNUSABLE = (EMPTY_HYPOTHESIS, COPY_OF_SOURCE, LLM_REFUSAL, REPETITION, WRONG_SCRIPT, WRONG_LANGUAGE)
"""What leaves nothing of a translation, unless settings say otherwise."""
