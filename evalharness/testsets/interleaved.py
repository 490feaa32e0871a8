"""One file that holds both sides, a line of one language followed by its line of the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evalharness.errors import InputError
from evalharness.inspection.lines import read_texts
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.testsets.scripts import ScriptSplitter


@dataclass(frozen=True, slots=True, kw_only=True)
class Interleaved:
    """Pairs of lines; which of the two is the source is decided by script, pair by pair, never by position."""

    path: str
    language_pair: str = "zh-en"
    name: str | None = None
    provenance: str = ""

    def read(self) -> TestSet:
        lp = LanguagePair.parse(self.language_pair)
        splitter = ScriptSplitter(lp)
        lines = read_texts(self.path)
        languages = [self._language(splitter, line, number) for number, line in enumerate(lines, start=1)]
        segments: list[Segment] = []
        for start in range(0, len(lines), 2):
            if languages[start : start + 2] == [languages[start]] * 2:
                raise InputError(
                    f"{self.path}:{start + 2}: this line and the one before it are both {languages[start]!r}; expected "
                    f"a pair of one {lp.source!r} and one {lp.target!r} line. A line of the other language is missing."
                )
            if start + 1 == len(lines):
                raise InputError(
                    f"{self.path}:{start + 1}: the last line ({languages[start]!r}) has no partner: {len(lines)} lines "
                    "do not make pairs. Add its translation or remove it."
                )
            pair = dict(zip(languages[start : start + 2], lines[start : start + 2], strict=True))
            segments.append(Segment(id=str(len(segments) + 1), source=pair[lp.source], references=(pair[lp.target],)))
        return TestSet(
            name=self.name or Path(self.path).stem,
            language_pair=lp,
            segments=tuple(segments),
            provenance=self.provenance or f"interleaved lines of {Path(self.path).name}",
        )

    def _language(self, splitter: ScriptSplitter, line: str, number: int) -> str:
        if not line.strip():
            raise InputError(f"{self.path}:{number}: the line is blank; expected a segment on every line. Remove it.")
        language = splitter.language(line)
        if language is None:
            raise InputError(
                f"{self.path}:{number}: cannot tell by script which side of {self.language_pair} this line is: "
                f"{line[:40]!r}. Use the reader 'plain' with one file a side."
            )
        return language
