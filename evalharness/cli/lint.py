"""`evalharness lint`: what is wrong with files of texts."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evalharness.cli.main import check_utf8, write_out
from evalharness.errors import EXIT_BAD_INPUT, EXIT_DONE
from evalharness.inspection.findings import KINDS, Finding, Severity, named
from evalharness.workflows.lint import Linted, lint

_EPILOG = """what is looked for:
{kinds}

Plain files have a text a line; the lines of .tsv files have fields, as many as the first line; of .jsonl, .csv and
.parquet files the texts of each row are looked at. Files may be gzipped. Plain files that are named, sources first, and
those of folders beside them are also held against each other, line by line; --not-aligned leaves that out.

examples:
  evalharness lint src.zh ref.A.en ref.B.en hyp/*.en
  evalharness lint src.zh ref.en hyp/ -f json
"""


def main(arguments: Sequence[str]) -> int:
    """Print findings as they are made, then their number; the exit code."""
    width = max(map(len, KINDS))
    kinds = "\n".join(f"  {kind.severity.value:<7}  {name:<{width}}  {kind.done}" for name, kind in KINDS.items())
    parser = argparse.ArgumentParser(
        prog="evalharness lint",
        description="Say what is wrong with files of texts, without scoring anything. Exits with 2 where there is an "
        "error, with 0 where there are warnings only.",
        epilog=_EPILOG.format(kinds=kinds),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files or folders of files; - is stdin")
    parser.add_argument("-f", "--format", default="text", choices=("text", "json"), help="default: text")
    parser.add_argument(
        "--most", type=int, default=20, metavar="N", help="findings shown a kind and file (default: 20; 0: all)"
    )
    parser.add_argument(
        "--ignore", action="extend", nargs="+", default=[], metavar="KIND", help="kinds that are not looked for"
    )
    parser.add_argument("--not-aligned", action="store_true", help="the files are not aligned line by line")
    check_utf8(arguments)
    options = parser.parse_args(arguments)
    shown: list[Finding] = []

    def tell(finding: Finding, n_so_far: int) -> None:
        if options.most and n_so_far > options.most:
            return
        if options.format == "json":
            shown.append(finding)
        else:
            write_out(f"{_as_line(finding)}\n")

    linted = lint(options.files, ignored=options.ignore, are_aligned=not options.not_aligned, tell=tell)
    counts = Counter[Severity]()
    for tally in linted.tallies:
        counts[tally.first.kind.severity] += tally.n
    if options.format == "json":
        write_out(json.dumps(_as_json(linted, shown, counts), ensure_ascii=False, indent=1) + "\n")
    else:
        write_out(_summary(linted, counts, options.most))
    return EXIT_BAD_INPUT if counts[Severity.error] else EXIT_DONE


def _as_line(finding: Finding) -> str:
    kind = finding.kind
    return f"{finding.place}: {kind.severity.value}: {kind.title}: {finding.found} ({kind.done})"


def _summary(linted: Linted, counts: Counter[Severity], most: int) -> str:
    lines = [
        f"{tally.first.place.file}: {tally.n - most} more of {tally.first.kind.title} (--most 0 shows all)"
        for tally in linted.tallies
        if most and tally.n > most
    ]
    lines += [f"{file}: too long to be held against the others" for file in linted.not_compared]
    numbers = ((linted.n_files, "file"), (linted.n_lines, "line"), *((counts[one], one.value) for one in Severity))
    n_files, n_lines, n_errors, n_warnings = (f"{n:,} {noun}{'' if n == 1 else 's'}" for n, noun in numbers)
    return "\n".join([*lines, f"{n_files}, {n_lines}: {n_errors}, {n_warnings}"]) + "\n"


def _as_json(linted: Linted, shown: Sequence[Finding], counts: Counter[Severity]) -> dict[str, Any]:
    return {
        "n_files": linted.n_files,
        "n_lines": linted.n_lines,
        "n_errors": counts[Severity.error],
        "n_warnings": counts[Severity.warning],
        "not_compared": list(linted.not_compared),
        "counts": [
            {"file": tally.first.place.file, "kind": tally.first.kind.title, "n": tally.n} for tally in linted.tallies
        ],
        "findings": [
            {
                "file": finding.place.file,
                "line": finding.place.line,
                "column": finding.place.column,
                "field": finding.place.field,
                "severity": finding.kind.severity.value,
                "kind": finding.kind.title,
                "code_point": None if finding.code_point is None else named(finding.code_point),
                "found": finding.found,
                "done": finding.kind.done,
            }
            for finding in shown
        ],
    }
