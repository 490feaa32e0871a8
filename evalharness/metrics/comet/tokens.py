"""Texts as the token ids an encoder reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evalharness.errors import MissingDependencyError, MissingModelError
from evalharness.metrics.comet.settings import EncoderKind

_TOKENIZER_FILE = "tokenizer.json"
_CLASSES = {
    # The classes of transformers that unbabel-comet 2.2.7 opens tokenizers with.
    EncoderKind.bert: "BertTokenizerFast",
    EncoderKind.xlmr: "XLMRobertaTokenizerFast",
    EncoderKind.xlmr_xl: "XLMRobertaTokenizerFast",
    EncoderKind.minilm: "XLMRobertaTokenizerFast",
    EncoderKind.rembert: "RemBertTokenizerFast",
}
_TIDY = (
    # In this order, as transformers 4 does where a tokenizer's settings ask for it.
    *((f" {mark}", mark) for mark in (".", "?", "!", ",")),
    (" ' ", "'"),
    *((f" {ending}", ending) for ending in ("n't", "'m", "'s", "'ve", "'re")),
)


class Tokenizer:
    """The tokenizer of an encoder. `start_id` begins every text and `separator_id` ends it."""

    def __init__(
        self, tokenizer: Any, *, start_id: int, separator_id: int, pad_id: int, cleans_up_spaces: bool
    ) -> None:
        self._tokenizer = tokenizer
        self._cleans_up_spaces = cleans_up_spaces
        self.start_id = start_id
        self.separator_id = separator_id
        self.pad_id = pad_id
        tokenizer.no_truncation()
        tokenizer.no_padding()

    def content(self) -> str:
        """All that decides the token ids of a text, and what ids spell, in a form that `from_content` opens again."""
        ids = [self.start_id, self.separator_id, self.pad_id]
        return json.dumps([self._tokenizer.to_str(), *ids, self._cleans_up_spaces], ensure_ascii=False)

    @classmethod
    def from_content(cls, content: str) -> Tokenizer:
        from tokenizers import Tokenizer as FastTokenizer

        text, start_id, separator_id, pad_id, cleans_up_spaces = json.loads(content)
        return cls(
            FastTokenizer.from_str(text),
            start_id=start_id,
            separator_id=separator_id,
            pad_id=pad_id,
            cleans_up_spaces=cleans_up_spaces,
        )

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without special tokens, uncut."""
        encode = getattr(self._tokenizer, "encode_batch_fast", self._tokenizer.encode_batch)
        return [encoding.ids for encoding in encode(list(texts), add_special_tokens=False)]

    def offsets(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Where each token of each text begins and ends, in characters."""
        return [encoding.offsets for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        text = str(self._tokenizer.decode(list(ids), skip_special_tokens=False))
        if self._cleans_up_spaces:
            for spaced, tidy in _TIDY:
                text = text.replace(spaced, tidy)
        return text


def open_tokenizer(folder: Path, kind: EncoderKind, *, is_converted: bool) -> Tokenizer:
    """The tokenizer in a folder, as the class of transformers opens it that unbabel-comet uses: that can overrule the
    `tokenizer.json` beside it, in lower-casing for instance. A converted folder holds what came of it.

    Raises: MissingModelError where there is none, or it cannot be read."""
    return _open_file(folder) if is_converted else _open_by_transformers(folder, kind)


def _open_file(folder: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer as FastTokenizer
    except ImportError as err:
        raise MissingDependencyError(
            f"COMET needs the package tokenizers, which cannot be imported: {err}. pip install tokenizers"
        ) from err
    file = folder / _TOKENIZER_FILE
    try:
        tokenizer = FastTokenizer.from_file(str(file))
    except Exception as err:  # the package raises plain Exception
        raise MissingModelError(f"{file}: is no tokenizer ({err}). Get the file again.") from err
    names = _special_tokens(folder)
    found = {}
    for role, known in {"cls": ("<s>", "[CLS]"), "sep": ("</s>", "[SEP]"), "pad": ("<pad>", "[PAD]")}.items():
        candidates = [names[role]] if role in names else known
        ids = [token_id for name in candidates if (token_id := tokenizer.token_to_id(name)) is not None]
        if not ids:
            raise MissingModelError(f"{file}: has no token {' or '.join(candidates)}. Get the file again.")
        found[role] = ids[0]
    return Tokenizer(
        tokenizer,
        start_id=found["cls"],
        separator_id=found["sep"],
        pad_id=found["pad"],
        cleans_up_spaces=_read_json(folder / "tokenizer_config.json").get("clean_up_tokenization_spaces") is True,
    )


def _special_tokens(folder: Path) -> dict[str, str]:
    """The names of the start, separator and padding tokens, where the files beside a tokenizer give them."""
    names: dict[str, str] = {}
    for file in (folder / "tokenizer_config.json", folder / "special_tokens_map.json"):
        content = _read_json(file)
        for role in ("cls", "sep", "pad"):
            token = content.get(f"{role}_token")
            name = token.get("content") if isinstance(token, dict) else token
            if isinstance(name, str):
                names[role] = name
    return names


def _read_json(file: Path) -> dict[str, Any]:
    """Empty where there is no such file.

    Raises: MissingModelError where it is not a JSON object."""
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise MissingModelError(f"{file}: is not JSON ({err}). Get the file again.") from err
    if not isinstance(content, dict):
        raise MissingModelError(f"{file}: is not a JSON object. Get the file again.")
    return content


def load_by_transformers(folder: Path, kind: EncoderKind) -> Any:
    """The tokenizer as the class of transformers that unbabel-comet uses gives it.

    Raises: MissingModelError where there is none, or it cannot be read."""
    try:
        import transformers
    except ImportError as err:
        raise MissingDependencyError(
            f"{folder}: making a {_TOKENIZER_FILE} of this tokenizer needs the package transformers, which cannot be "
            f"imported: {err}. pip install 'transformers<5'"
        ) from err
    try:
        return getattr(transformers, _CLASSES[kind]).from_pretrained(str(folder), local_files_only=True)
    except Exception as err:  # of a damaged file whatever the first line of code meets that does not understand it
        what = str(err).splitlines()[0] if isinstance(err, (OSError, ValueError)) and str(err) else repr(err)
        raise MissingModelError(f"{folder}: holds no tokenizer that can be read: {what}. Get its files again.") from err


def _open_by_transformers(folder: Path, kind: EncoderKind) -> Tokenizer:
    made = load_by_transformers(folder, kind)
    return Tokenizer(
        made.backend_tokenizer,
        start_id=made.cls_token_id,
        separator_id=made.sep_token_id,
        pad_id=made.pad_token_id,
        cleans_up_spaces=made.clean_up_tokenization_spaces is True,
    )
