"""`evalharness import`: files become an imported test set."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evalharness.cli.main import check_utf8, shown_path
from evalharness.config import build_testset, compose_config, set_values
from evalharness.errors import EXIT_DONE, ConfigError
from evalharness.inspection.findings import InputSettings, OnError, collecting
from evalharness.records import TestSet
from evalharness.testsets.sacrebleu_sets import PREFIX
from evalharness.workflows.import_testset import import_testset

_FILES_SETTING = {
    **dict.fromkeys(
        ("interleaved", "tsv", "csv", "jsonl", "parquet", "evalset", "wmt", "wmt25", "huggingface"), "path"
    ),
    "plain": "source",
    "sacrebleu": "test_set",
}
_EPILOG = """examples:
  evalharness import pairs.txt --reader interleaved --name zhengzhou
  evalharness import src.zh ref.A.en ref.B.en --reader plain --language-pair zh-en --name wmt22
  evalharness import set.tsv --reader tsv --language-pair zh-en --set source_column=src 'reference_columns=[refA,refB]'
  evalharness import mt-metrics-eval-v2/wmt23 --reader evalset -l zh-en --name wmt23 --set 'references=[refA]'
  evalharness import wmt24-news-systems/txt --reader wmt -l en-zh --name wmt24
  evalharness import sacrebleu://wmt22/zh-en --name wmt22
  evalharness import openlanguagedata/flores_plus --reader huggingface -l zh-en --name flores --set split=devtest \\
      revision=COMMIT source_column=zh 'reference_columns=[en]'

With --reader plain the first file holds the sources and the others are references. The files that are read are kept
under raw/ beside the test set; of the hub's data sets, none.
"""


def main(arguments: Sequence[str]) -> int:
    """Import, and print where the test set is and its fingerprint; the exit code."""
    parser = argparse.ArgumentParser(
        prog="evalharness import",
        description="Turn files into an imported test set, references/NAME, with its raw files and fingerprint.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file, a folder, or the name of a test set")
    parser.add_argument(
        "--reader",
        choices=sorted(_FILES_SETTING),
        help="what format the files have; a name that begins with sacrebleu:// says it",
    )
    parser.add_argument("--name", required=True, help="name of the test set")
    parser.add_argument("-l", "--language-pair", help="for instance zh-en (interleaved: default zh-en)")
    parser.add_argument("--provenance", help="a sentence: where the text comes from")
    parser.add_argument("--license", default="unknown", help="under which licence the text is")
    parser.add_argument("--references", default="references", type=Path, help="folder of test sets")
    parser.add_argument(
        "--on-error",
        default="stop",
        choices=[one.value for one in OnError],
        help="what becomes of errors in the texts (default: stop; `evalharness lint` lists them)",
    )
    parser.add_argument(
        "--set", action="extend", nargs="+", default=[], metavar="KEY=VALUE", help="other settings of the reader"
    )
    check_utf8(arguments)
    options = parser.parse_args(arguments)
    if options.reader is None:
        if not options.files[0].startswith(PREFIX):
            raise ConfigError(
                f"no --reader: say what format {options.files[0]} has: {', '.join(sorted(_FILES_SETTING))}."
            )
        options.reader = "sacrebleu"
    settings = [f"testset.{word}" for word in options.set]
    config = compose_config([f"testset={options.reader}", "systems=[]", *settings])
    set_values(config, _values(options))
    reader, selection = build_testset(config)
    with collecting(InputSettings(on_error=OnError(options.on_error))):
        testset, folder = import_testset(
            reader,
            selection,
            files=list(map(Path, options.files)),
            references=options.references,
            license_note=options.license,
        )
    print(
        f"{shown_path(folder)}: {len(testset.segments)} segments, {testset.language_pair}, {_references(testset)}, "
        f"{_documents(testset)}"
    )
    print(f"Score systems on it: evalharness score -t {testset.name} HYP...")
    return EXIT_DONE


def _references(testset: TestSet) -> str:
    counts = sorted({len(segment.references) for segment in testset.segments})
    if counts == [0]:
        return "NO references (only reference-free metrics can score it)"
    shown = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{shown} reference{'' if counts == [1] else 's'} each"


def _documents(testset: TestSet) -> str:
    documents = {segment.document for segment in testset.segments} - {None}
    if not documents:
        return "no documents named"
    return f"{len(documents)} document{'' if len(documents) == 1 else 's'}"


def _values(options: argparse.Namespace) -> dict[str, Any]:
    first, *others = options.files
    values: dict[str, Any] = {f"testset.{_FILES_SETTING[options.reader]}": first, "testset.name": options.name}
    if options.reader == "plain":
        values["testset.references"] = others
    elif others:
        raise ConfigError(f"--reader {options.reader}: reads one file or folder, and {len(options.files)} were given.")
    if options.language_pair is not None:
        values["testset.language_pair"] = options.language_pair
    if options.provenance is not None:
        values["testset.provenance"] = options.provenance
    return values
