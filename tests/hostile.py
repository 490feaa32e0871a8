"""A test set of texts that careless code breaks, for what must bring them through unchanged."""

from __future__ import annotations

from evalharness.records import LanguagePair, Segment, TestSet

# What str.splitlines, universal newlines, strip, csv, json or a shell would do something to; each is data.
TEXTS = (
    "",
    "  spaces around  ",
    "\u3000ideographic space\u00a0",
    'say "this", or \'that\'; "',
    "back\\slash \\n \\t \\u0041",
    "lone\rreturn and \x0b \x0c \x1c \x85 \u2028 \u2029",
    "😀 👩\u200d🚀 e\u0301 郑州",
    "nul \x00 and bom \ufeff within",
    "# - = + @ | , ; NA null None NaN",
    "<seg>&amp;</seg> ${testset} {0} %s",
)
WITH_TABS = ("a\ttab", "\t")
WITH_LINE_ENDS = ("two\nlines", "\n", "paragraph\r\n\r\nparagraph", "ends in return\r", "\ufeffbom first")


def hostile_testset(*texts: str, n_references: int = 2, reference_names: tuple[str, ...] | None = None) -> TestSet:
    """Two documents of each domain; every text is a source and a reference once."""
    n = len(texts)
    return TestSet(
        name="hostile",
        language_pair=LanguagePair.parse("zh-en"),
        segments=tuple(
            Segment(
                id=str(position + 1),
                source=text,
                references=tuple(texts[(position + shift) % n] for shift in range(1, n_references + 1)),
                document=f"doc.{4 * position // n}",
                domain=("news", "social")[2 * position // n],
                original_language=("zh", "en")[position % 2],
            )
            for position, text in enumerate(texts)
        ),
        reference_names=reference_names,
    )
