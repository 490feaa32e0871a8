"""The tokenizer of comet-mini: unigram pieces for English; Chinese characters and digits one by one.

Chinese needs no pieces longer than a character, as nothing here understands any; the room goes to English, where words
that were never seen fall into pieces that were. The pieces come from sentencepiece with one thread: the trainer of the
package tokenizers gave other pieces each time (0.22.2)."""

from __future__ import annotations

import io
import logging
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evalharness.errors import InputError
from evalharness.metrics.comet.training.packages import imported
from evalharness.records import Array

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")  # with the ids of XLM-R: 0, 1, 2, 3
BOS_ID, PAD_ID, EOS_ID, UNK_ID = range(4)
_ALONE = r"[\p{Han}\p{Nd}]"
_log = logging.getLogger(__name__)


def train_tokenizer(
    sources: Sequence[str], translations: Sequence[str], *, n_pieces: int, n_characters: int, max_tokens: int
) -> Any:
    """An `XLMRobertaTokenizerFast` that reads `max_tokens` of a text.

    `n_pieces` are trained on the translations; the `n_characters` most frequent characters of the sources that are no
    pieces are added.

    Raises: InputError where the translations are too few for as many pieces."""
    tokenizers, transformers = imported("tokenizers"), imported("transformers")
    pieces = _pieces(translations, n_pieces)
    known = dict(pieces)
    counts = Counter(character for text in sources for character in unicodedata.normalize("NFKC", text))
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    added = [character for character in ranked if character not in known and not character.isspace()][:n_characters]
    lowest = min(known.values())
    vocabulary = [*((token, 0.0) for token in SPECIAL_TOKENS), *pieces, *((character, lowest) for character in added)]
    regex, normalizers, splitters = tokenizers.Regex, tokenizers.normalizers, tokenizers.pre_tokenizers
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram(vocabulary, UNK_ID, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = splitters.Sequence([splitters.Metaspace(), splitters.Split(regex(_ALONE), "isolated")])
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", BOS_ID), ("</s>", EOS_ID)]
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        tokenizer.save(str(path), pretty=False)
        fast = transformers.XLMRobertaTokenizerFast(tokenizer_file=str(path), model_max_length=max_tokens)
    _log.info("%d pieces, %d further characters of the sources", len(pieces), len(added))
    return fast


def token_ids_of(texts: Sequence[str], tokenizer: Any) -> list[Array]:
    """Ids with the special tokens around them, as unbabel-comet's encoder cuts them; [T tokens] each."""
    encoded = tokenizer(list(texts), truncation=True, max_length=tokenizer.model_max_length)["input_ids"]
    return [np.array(ids, dtype=np.int64) for ids in encoded]


def _pieces(texts: Sequence[str], n_pieces: int) -> list[tuple[str, float]]:
    """Pieces with their log probabilities, the likeliest first."""
    sentencepiece = imported("sentencepiece")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sorted({" ".join(text.split()) for text in texts})),
            model_writer=model,
            model_type="unigram",
            vocab_size=n_pieces + 1,  # its own unknown token is left out below
            character_coverage=1.0,
            split_digits=True,
            normalization_rule_name="nfkc",
            num_threads=1,
            bos_id=-1,
            eos_id=-1,
            unk_id=0,
            max_sentence_length=1 << 16,
            minloglevel=2,
        )
    except RuntimeError as err:
        reason = " ".join(str(err).split())
        raise InputError(
            f"{len(texts)} translations give no {n_pieces} pieces: {reason} Give more text, or set n_pieces lower."
        ) from err
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    found = [(processor.id_to_piece(place), processor.get_score(place)) for place in range(1, len(processor))]
    return sorted(found, key=lambda entry: (-entry[1], entry[0]))
