"""`evalharness export`: a test set, or a run, in another format."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from evalharness.cli.main import check_utf8, shown_path, write_out
from evalharness.config import build_testset, compose_config, named_testset, set_values
from evalharness.errors import EXIT_DONE, ConfigError
from evalharness.testsets.export import format_names
from evalharness.testsets.exportable import Exportable
from evalharness.workflows.export import exportable_run, write_export

_EPILOG = """formats:
  plain    src.zh ref.A.en documents.txt domains.txt original-languages.txt hyp/SYSTEM.en
  tsv      segments.tsv hypotheses.tsv
  jsonl    segments.jsonl hypotheses.jsonl
  evalset  a test set of mt-metrics-eval; of a run also system-outputs and metric-scores
  wmt25    wmt25-genmt.jsonl systems/SYSTEM.jsonl
  comet    comet.json, as comet-score --to_json writes it (of a run)

examples:
  evalharness export wmt22 --format plain --output wmt22-plain
  evalharness export sacrebleu://wmt22/zh-en --format jsonl --output wmt22-jsonl
  evalharness export results/latest --format evalset --output wmt22 --metrics bleu comet22

What a format cannot carry is refused, naming the first segment, before anything is written.
"""


def main(arguments: Sequence[str]) -> int:
    """Export, and print what was written; the exit code."""
    parser = argparse.ArgumentParser(
        prog="evalharness export",
        description="Write a test set, or a run with its outputs and scores, in another format.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", metavar="TESTSET|RUN", help="an imported test set, sacreBLEU's, or a record")
    parser.add_argument("--format", required=True, choices=format_names())
    parser.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="a new or empty folder")
    parser.add_argument(
        "--systems", action="extend", nargs="+", default=[], metavar="NAME", help="of a run (default: all)"
    )
    parser.add_argument(
        "--metrics", action="extend", nargs="+", default=[], metavar="NAME", help="of a run (default: all with scores)"
    )
    parser.add_argument("-l", "--language-pair", help="of a test set: the reverse turns the pairs round")
    check_utf8(arguments)
    options = parser.parse_args(arguments)
    written = write_export(_exportable(options), format_name=options.format, folder=options.output)
    write_out("".join(f"{shown_path(path)}\n" for path in written))
    return EXIT_DONE


def _exportable(options: argparse.Namespace) -> Exportable:
    folder = Path(options.what)
    if folder.is_dir() and ((folder / "plan.json").is_file() or len(folder.parts) > 1):
        if options.language_pair is not None:
            raise ConfigError("-l is for test sets; a run has the language pair it was scored in.")
        return exportable_run(folder, systems=options.systems, metrics=options.metrics)
    if options.systems or options.metrics:
        raise ConfigError(f"{options.what}: is no run record, and --systems and --metrics choose from one.")
    option, values = named_testset(options.what)
    config = compose_config([f"testset={option}", "systems=[]"])
    set_values(config, {**values, "testset.language_pair": options.language_pair})
    reader, _ = build_testset(config)
    return Exportable(testset=reader.read())
