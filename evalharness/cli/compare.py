"""`evalharness compare`: systems of several runs, or of a table of segment scores, tested against each other."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

from evalharness.cli.main import check_utf8, digits, write_out
from evalharness.config import build_stats, recorded_metric
from evalharness.errors import EXIT_DONE, ConfigError, InputError
from evalharness.report.table import RENDERERS
from evalharness.report.tables import table_names
from evalharness.runs.scoretable import SUFFIXES, read_score_table
from evalharness.runs.view import ComparisonLine, write_delimited
from evalharness.stats.autorank import AutoRankRule
from evalharness.stats.clusters import ClusterRule
from evalharness.stats.settings import Correction, IntervalChoice, Method, StatsSettings, UnitKind
from evalharness.workflows.compare import compare_runs
from evalharness.workflows.compare_scores import compare_score_table, lone_score_table
from evalharness.workflows.comparison import Comparison

_FORMATS = ("text", "markdown", "latex", "csv", "tsv", "json")
_TABLES = ("systems", "comparisons")
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_EPILOG = """examples:
  evalharness compare results/monday-1a2b3c4d results/tuesday-5e6f7a8b
  evalharness compare results/latest --baseline mine --method bootstrap -f latex > differences.tex
  evalharness compare scores.tsv.gz --autorank wmt25 --table systems

The runs must be over the same test set. They are compared by the metrics that all of them have, whose signatures must
be the same. A system of the same name and other outputs in two runs is shown as NAME@RUN.
A table of scores has a row per system and segment: a column `system`, columns that say where the segment is (testset,
language_pair, domain, document, segment, paragraph, sentence, line, id, index or the like) and a column of numbers per
metric, which is averaged. Higher is better but for MetricX, TER, WER and CER that are not negative.
csv and tsv without --table hold the comparisons at full precision, as comparisons.csv of a run; json holds everything.
"""


def main(arguments: Sequence[str]) -> int:
    """Print the comparison; the exit code."""
    check_utf8(arguments)
    options = _parser().parse_args(arguments)
    if options.format == "json" and options.table is not None:
        raise ConfigError("--table: JSON holds everything; leave it out, or choose another format.")
    if options.width is not None and options.format == "json":
        raise ConfigError("--width: JSON has full precision; leave it out, or choose another format.")
    comparison = _compared(options)
    write_out(_rendered(comparison, options))
    return EXIT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evalharness compare",
        description="Compare systems across runs over the same test set, or in a table of segment scores. Nothing is "
        "written and nothing is scored again.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a record, or one TSV or CSV file of scores")
    parser.add_argument(
        "-m", "--metrics", action="extend", nargs="+", default=[], metavar="NAME", help="default: all they share"
    )
    parser.add_argument("--table", choices=table_names(), help=f"only this table (default: {' and '.join(_TABLES)})")
    parser.add_argument("-f", "--format", choices=_FORMATS, default="text")
    parser.add_argument("-w", "--width", type=digits, help="digits after the point of scores (0 to 15, default: 1)")
    stats = parser.add_argument_group(
        "statistics (the settings of `evalharness run` under stats.; of runs that were tested alike, theirs where none "
        "is given)"
    )
    stats.add_argument("--baseline", metavar="NAME", help="compare every system with this one, not all pairs")
    stats.add_argument("--method", choices=_names(Method), help="default: sign_flip")
    stats.add_argument("--unit", choices=_names(UnitKind), help="what is swapped or drawn whole (default: auto)")
    stats.add_argument("--correction", choices=_names(Correction), help="default: holm")
    stats.add_argument("--interval", choices=_names(IntervalChoice), help="default: auto")
    stats.add_argument("--clusters", choices=_names(ClusterRule), help="default: wmt24")
    stats.add_argument("--autorank", choices=_names(AutoRankRule), help="default: none")
    stats.add_argument(
        "--autorank-metrics", action="extend", nargs="+", metavar="NAME", help="what AutoRank averages (default: all)"
    )
    stats.add_argument(
        "--level", type=float, metavar="SHARE", help="of intervals; significant is p <= 1 - SHARE (default: 0.95)"
    )
    stats.add_argument("--n-draws", type=int, metavar="N", help="of the sign-flip test (default: 10000)")
    stats.add_argument("--n-resamples", type=int, metavar="N", help="of the bootstrap (default: 1000)")
    stats.add_argument("--seed", type=int, metavar="N", help="default: 12345")
    runs = parser.add_argument_group("runs")
    runs.add_argument("--config-dir", type=Path, metavar="FOLDER", help="with metric options of your own")
    scores = parser.add_argument_group("tables of scores")
    scores.add_argument("--system-column", metavar="NAME", help="default: system")
    scores.add_argument("--document-column", metavar="NAME", help="default: document, where there is one")
    scores.add_argument("--lower-is-better", action="extend", nargs="+", default=[], metavar="METRIC")
    scores.add_argument("--higher-is-better", action="extend", nargs="+", default=[], metavar="METRIC")
    return parser


def _names(kind: Any) -> list[str]:
    return [one.value for one in kind]


def _compared(options: argparse.Namespace) -> Comparison:
    names = [field.name for field in fields(StatsSettings) if hasattr(options, field.name)]
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    table_path = lone_score_table(options.runs)
    if table_path is None:
        of_tables = {
            "--system-column": options.system_column,
            "--document-column": options.document_column,
            "--lower-is-better": options.lower_is_better,
            "--higher-is-better": options.higher_is_better,
        }
        for flag, value in of_tables.items():
            if value:
                raise ConfigError(f"{flag}: is for a table of scores, and no RUN is a {', '.join(SUFFIXES)} file.")
        _check_folders(options.runs)
        build_metric = partial(recorded_metric, config_dir=options.config_dir)
        return compare_runs(
            options.runs, lambda shared: build_stats({**shared, **given}), build_metric, metrics=options.metrics
        )
    if options.config_dir is not None:
        raise ConfigError("--config-dir: is for runs; a table of scores needs no metric options.")
    table = read_score_table(
        table_path,
        metrics=options.metrics,
        system_column=options.system_column,
        document_column=options.document_column,
    )
    print(f"evalharness: {table_path}: {table.read_as}", file=sys.stderr)
    return compare_score_table(
        table, build_stats(given), lower_is_better=options.lower_is_better, higher_is_better=options.higher_is_better
    )


def _check_folders(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.is_file():
            raise InputError(
                f"{path}: is neither the folder of a record nor a table of scores ({', '.join(SUFFIXES)})."
            )


def _rendered(comparison: Comparison, options: argparse.Namespace) -> str:
    if options.format == "json":
        return _json(comparison)
    if options.format in _DELIMITERS and options.table is None:
        return _delimited(comparison, _DELIMITERS[options.format])
    render = RENDERERS[options.format]
    tables = [options.table] if options.table is not None else list(_TABLES)
    return "\n".join(render(comparison.table(name, decimals=options.width)) for name in tables)


def _delimited(comparison: Comparison, delimiter: str) -> str:
    """As `comparisons.csv` of a record."""
    text = io.StringIO()
    write_delimited(text, ComparisonLine, comparison.comparison_lines, delimiter=delimiter)
    return text.getvalue()


def _json(comparison: Comparison) -> str:
    """Everything at full precision, under the names of a record's files."""
    kinds: dict[str, Sequence[Any]] = {
        "scores": comparison.score_lines,
        "comparisons": comparison.comparison_lines,
        "ranks": comparison.rank_lines,
        "autorank": comparison.autorank_lines,
        "replicates": comparison.replicates_lines,
    }
    content = {
        "testset": asdict(comparison.plan.testset),
        **{name: [asdict(line) for line in lines] for name, lines in kinds.items()},
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
