"""`evalharness score`: the run, for those who think in sacreBLEU's flags."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from evalharness.cli.main import check_utf8, digits, print_error, shown_path, write_out
from evalharness.cli.progress import observer
from evalharness.config import build_experiment, compose_config, named_testset, option_names, set_values
from evalharness.errors import EXIT_DONE, ConfigError
from evalharness.report.table import RENDERERS
from evalharness.report.tables.systems import headings
from evalharness.runs.view import ScoreLine
from evalharness.textio import STANDARD_INPUT
from evalharness.workflows.evaluate import evaluate
from evalharness.workflows.report import Run, open_run

_DEFAULT_METRICS = ("bleu", "chrf", "chrfpp", "ter")  # those that need no source and hold for every language
_FORMATS = ("text", "json", "latex", "markdown", "tsv")
_STDIN_NAME = "stdin"
_EPILOG = """examples:
  evalharness score -s src.zh -r ref.A.en ref.B.en -m bleu chrf -l zh-en hyp/*.en
  evalharness score -t zhengzhou mine.en
  evalharness score -t sacrebleu://wmt22/zh-en mine.en
  translate < src.zh | evalharness score -r ref.en -l zh-en -m bleu -b
"""


def main(arguments: Sequence[str]) -> int:
    """Score files of hypotheses, write the record and print the scores; the exit code."""
    check_utf8(arguments)
    options = _parsed(arguments)
    experiment = build_experiment(_config(options))
    outcome = evaluate(experiment, observer=observer())
    run = open_run(outcome.paths.folder)
    decimals = options.width if options.width is not None else experiment.report.decimals
    if options.sentence_level:
        write_out(_segments_text(run, options, decimals))
    elif options.score_only:
        write_out("".join(f"{text}\n" for text in _bare_scores(run, decimals)))
    elif options.format == "json":
        write_out(_json_text(_json(run)))
    else:
        write_out(RENDERERS[options.format](run.table(decimals=options.width)))
    print(f"Record: {shown_path(outcome.paths.folder)}", file=sys.stderr)
    for problem in outcome.problems:
        print_error(problem)
    return max((problem.exit_code for problem in outcome.problems), default=EXIT_DONE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evalharness score",
        description="Score files of hypotheses (one segment a line) and write the same record as `evalharness run`.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "hypotheses", action=_InOrder, nargs="*", default=[], metavar="HYP",
        help="a file per system; none or - is standard input",
    )  # fmt: skip
    parser.add_argument("-i", "--input", action=_InOrder, nargs="+", metavar="HYP", help="the same, as a flag")
    parser.add_argument(
        "-t",
        "--test-set",
        metavar="NAME",
        help="instead of -s and -r an imported test set, or sacreBLEU's: sacrebleu://wmt22/zh-en",
    )
    parser.add_argument("-s", "--source", metavar="FILE")
    parser.add_argument("-r", "--references", action="extend", nargs="+", default=[], metavar="FILE")
    parser.add_argument("-l", "--language-pair", metavar="SRC-TGT", help="such as zh-en; decides BLEU's tokenizer")
    parser.add_argument(
        "-m", "--metrics", action=_InOrder, nargs="+", metavar="NAME", help=f"default: {' '.join(_DEFAULT_METRICS)}"
    )
    parser.add_argument("-tok", "--tokenize", help="BLEU's tokenizer, where it should not follow the target language")
    parser.add_argument("-lc", "--lowercase", action="store_true", help="case-insensitive BLEU")
    parser.add_argument("--model", help="checkpoint of the metric comet: a name on the hub, a folder or a file")
    parser.add_argument("--baseline", metavar="NAME", help="compare every system with this one, not all pairs")
    parser.add_argument("-f", "--format", choices=_FORMATS, default="text")
    parser.add_argument("-b", "--score-only", action="store_true", help="print bare numbers, a line each")
    parser.add_argument("-w", "--width", type=digits, help="digits after the point (0 to 15, default: 1)")
    parser.add_argument("-sl", "--sentence-level", action="store_true", help="print the score of every segment")
    parser.add_argument("--results", help="folder of the record (default: results)")
    parser.add_argument("--name", help="name of the record (default: the test set's)")
    parser.add_argument(
        "--set", action=_InOrder, nargs="+", metavar="KEY=VALUE", help="other settings of `evalharness run`"
    )
    return parser


class _InOrder(argparse.Action):
    """Keeps what several flags say in one list, as it stands on the command line."""

    def __call__(self, parser: object, options: argparse.Namespace, values: Any, flag: str | None = None) -> None:
        options.words.extend((self.dest, word) for word in values)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """`-m bleu mine.en` reads as two metrics, `--set cache=false mine.en` as two settings; a file that is neither was
    meant as hypotheses. These are in the order of the command line, as bare scores are printed."""
    options = _parser().parse_args(arguments, argparse.Namespace(words=[]))
    known = option_names("metrics")
    options.hypotheses, options.metrics, options.set = [], [], []
    for flag, word in options.words:
        if flag == "metrics" and (word in known or not Path(word).is_file()):
            options.metrics.append(word)
        elif flag == "set" and ("=" in word or word.startswith("~")):
            options.set.append(word)
        elif flag == "set" and word != STANDARD_INPUT and not Path(word).exists():
            raise ConfigError(f"--set {word}: is no KEY=VALUE, and there is no such file of hypotheses.")
        else:
            options.hypotheses.append(word)
    return options


def _config(options: argparse.Namespace) -> DictConfig:
    words = ["systems=[]", f"testset={'plain' if options.test_set is None else named_testset(options.test_set)[0]}"]
    if not any(word.startswith("metrics=") for word in options.set):
        words.append(f"metrics=[{','.join(options.metrics or _DEFAULT_METRICS)}]")
    of_metrics = {
        "-tok": ("bleu", "tokenize", options.tokenize),
        "-lc": ("bleu", "lowercase", True if options.lowercase else None),
        "--model": ("comet", "model", options.model),
    }
    flags = {"name": options.name, "results": options.results, "stats.baseline": options.baseline}
    flags |= {f"metrics.{metric}.{key}": value for metric, key, value in of_metrics.values()}
    # A flag that was not given leaves what --set says.
    given = {key: value for key, value in (flags | _testset_values(options)).items() if value is not None}
    _check_set_once(options, given)
    config = compose_config([*words, *options.set])
    for flag, (metric, key, _) in of_metrics.items():
        if f"metrics.{metric}.{key}" in given:
            _check_chosen(metric, config, flag)
    set_values(config, given)
    files = options.hypotheses or [STANDARD_INPUT]
    if STANDARD_INPUT in files and sys.stdin.isatty():
        print("reading hypotheses from standard input; Ctrl-D ends them, -- ends a list of files", file=sys.stderr)
    _check_standard_input([options.source, *options.references, *files])
    if _first_of_testset(options) == STANDARD_INPUT and config.testset.name is None:
        set_values(config, {"testset.name": _STDIN_NAME})
    # Numbered, so that two files of one name are told of as two systems of one name.
    with open_dict(config):
        config.systems = OmegaConf.create({f"file{number}": _file_option() for number, _ in enumerate(files)})
    for number, path in enumerate(files):
        name = _STDIN_NAME if path == STANDARD_INPUT else Path(path).stem
        set_values(config, {f"systems.file{number}.path": path, f"systems.file{number}.name": name})
    return config


def _check_set_once(options: argparse.Namespace, given: Mapping[str, Any]) -> None:
    """Refuse a --set of what a flag or the files say already; one of the two would be lost."""
    for word in options.set:
        key = word.partition("=")[0].lstrip("+~")
        if key == "systems" or key.startswith("systems."):
            raise ConfigError(f"--set {word}: systems are the files of hypotheses here; `evalharness run` takes {key}.")
        if key in given or (key == "metrics" and options.metrics):
            raise ConfigError(f"--set {word}: a flag sets {key} already. Leave one of the two out.")


def _check_chosen(metric: str, config: DictConfig, flag: str) -> None:
    chosen = [str(name) for name in config.get("metrics") or ()]
    if metric not in chosen:
        raise ConfigError(
            f"{flag}: is a setting of {metric}, which is not among the metrics ({', '.join(chosen) or 'none'}). Choose "
            f"it too, or leave {flag} out."
        )


def _file_option() -> dict[str, Any]:
    return {"_target_": "evalharness.systems.files.HypothesesFile", "path": None, "name": None}


def _testset_values(options: argparse.Namespace) -> dict[str, Any]:
    if options.test_set is not None:
        if options.source is not None or options.references:
            raise ConfigError("-t names a test set with sources and references of its own; leave -s and -r out.")
        return {**named_testset(options.test_set)[1], "testset.language_pair": options.language_pair}
    if options.source is None and not options.references:
        raise ConfigError("no test set: give -r FILE (and -s FILE), or -t NAME for an imported one.")
    if options.language_pair is None:
        raise ConfigError("no language pair: give -l SRC-TGT, such as -l zh-en; it decides BLEU's tokenizer.")
    return {
        "testset.language_pair": options.language_pair,
        "testset.source": options.source,
        "testset.references": options.references or None,
    }


def _first_of_testset(options: argparse.Namespace) -> str | None:
    """The file a test set of plain files is named after."""
    return options.source if options.source is not None else next(iter(options.references), None)


def _check_standard_input(paths: Sequence[str | None]) -> None:
    if (n_times := paths.count(STANDARD_INPUT)) > 1:
        raise ConfigError(
            f"{STANDARD_INPUT}: standard input is asked for {n_times} times among -s, -r and hypotheses (which come "
            "from there where no file is given), and it can be read once. Give files for the others."
        )


def _scored_metrics(run: Run) -> list[str]:
    """The metrics that have scores and a column, as given; one whose package or model is missing has none."""
    scored = {line.metric for line in run.score_lines}
    return [metric.name for metric in run.plan.metrics if metric.name in scored]


def _bare_scores(run: Run, decimals: int) -> Iterator[str]:
    """A figure for each metric of each system, as given: scripts count lines, so `nan` where there is none."""
    scores = {(line.system, line.metric): line.score for line in run.score_lines}
    for system in run.plan.systems:
        for metric in run.plan.metrics:
            yield _bare(scores.get((system.name, metric.name)), run, metric.name, decimals)


def _bare(score: float | None, run: Run, metric: str, decimals: int) -> str:
    return "nan" if score is None else f"{score * run.metric(metric).display_factor:.{decimals}f}"


def _json(run: Run) -> Any:
    """sacreBLEU's shapes, full precision, signatures always: an object a metric for one system (a list of them for
    several metrics), an object a system for several; null where a metric has no score."""
    heads = headings(run.plan.metrics)
    lines = {(line.system, line.metric): line for line in run.score_lines}

    def score(system: str, metric: str) -> dict[str, Any]:
        line = lines.get((system, metric))
        return _json_score(line) if line is not None else _json_no_score(run, metric)

    if len(run.plan.systems) == 1:
        (only,) = run.plan.systems
        objects = [{"name": heads[metric.name], **score(only.name, metric.name)} for metric in run.plan.metrics]
        return objects[0] if len(objects) == 1 else objects
    return [
        {
            "system": system.name,
            **{
                heads[metric.name]: {
                    **score(system.name, metric.name),
                    "p_value": _p_value(run, system.name, metric.name),
                }
                for metric in run.plan.metrics
            },
        }
        for system in run.plan.systems
    ]


def _json_no_score(run: Run, metric: str) -> dict[str, Any]:
    """Of a metric whose package or model is missing."""
    return {
        "score": None,
        "confidence_interval": None,
        "n_scored": 0,
        "n_missing": run.plan.testset.n_segments,
        "signature": run.metric(metric).signature,
    }


def _json_score(line: ScoreLine) -> dict[str, Any]:
    fields = dict(part.split(":", maxsplit=1) for part in line.signature.split("|"))
    interval = None if line.ci_low is None or line.ci_high is None else [line.ci_low, line.ci_high]
    return {
        "score": line.score,
        "confidence_interval": interval,
        "n_scored": line.n_scored,
        "n_missing": line.n_missing,
        "signature": line.signature,
        **fields,
    }


def _p_value(run: Run, system: str, metric: str) -> float | None:
    """The p-value against the baseline, where one was named; the corrected one, unless correction was turned off."""
    baseline = run.plan.settings["stats"]["baseline"]
    for comparison in run.comparison_lines:
        if (comparison.metric, comparison.system_a, comparison.system_b) == (metric, system, baseline):
            return comparison.decisive_p
    return None


def _json_text(content: Any) -> str:
    return json.dumps(_without_nan(content), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _without_nan(content: Any) -> Any:
    """JSON has no NaN and no infinity: null stands for them."""
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _segments_text(run: Run, options: argparse.Namespace, decimals: int) -> str:
    names = _scored_metrics(run)
    rows = list(_segment_rows(run, names)) if names else []
    if options.format == "json":
        return _json_text(rows)
    heads = [] if options.score_only else ["system", "segment"]
    lines = [] if options.score_only else [[*heads, *names]]
    lines += [[*(row[h] for h in heads), *(_bare(row[name], run, name, decimals) for name in names)] for row in rows]
    return "".join("\t".join(line) + "\n" for line in lines)


def _segment_rows(run: Run, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    columns = run.segment_columns(["system", "segment", *names])
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))
