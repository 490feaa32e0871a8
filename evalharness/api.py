"""The Python front: what `evalharness run` does, over objects and names, with frames at the end."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, MissingError
from evalharness.metrics.base import Metric
from evalharness.packaged import packaged_folder
from evalharness.records import TestSet
from evalharness.runs.paths import check_name
from evalharness.runs.view import RunView
from evalharness.systems.base import System, SystemGroup
from evalharness.systems.hypotheses import GivenTexts
from evalharness.testsets.base import Reader, check_testset, inspect_segments
from evalharness.textio import check_text
from evalharness.workflows.comparison import Comparison
from evalharness.workflows.report import Run, open_run


@dataclass(frozen=True, slots=True, kw_only=True)
class _GivenTestSet:
    """A reader for a test set that is there already."""

    testset: TestSet

    def read(self) -> TestSet:
        check_testset(self.testset)  # nothing can be looked at that is no text
        n_segments = len(self.testset.segments)
        inspect_segments(self.testset.segments, [f"test set {self.testset.name!r}:{n + 1}" for n in range(n_segments)])
        return self.testset


def evaluate(
    *,
    systems: Mapping[str, Sequence[str] | System | SystemGroup] | None = None,
    testset: str | TestSet | Reader = "zhengzhou",
    metrics: Sequence[str] | Mapping[str, Metric] = ("bleu", "chrf", "chrfpp", "ter"),
    overrides: Sequence[str] = (),
    results: str | Path | None = None,
    name: str | None = None,
) -> Run:
    """Score systems on a test set and return the run, as `evalharness run` would write it.

    Args:
        systems: by name, a list of texts in the order of the test set, or a system object; None takes the candidates
            that are kept beside an imported test set.
        testset: the name of an option or of an imported test set, or sacreBLEU's `sacrebleu://wmt22/zh-en`, or an
            object.
        metrics: names of options, or metric objects by the name their column gets.
        overrides: settings as on the command line, such as `"metrics.bleu.lowercase=true"`; none of what another
            argument gives as an object or path.
        results: the folder that holds records; None takes that of the settings, `results`.
        name: of the record; None takes the test set's.
    Raises: EvalHarnessError for bad input. MissingError, once the record is written, where a package or model that a
        metric needs is not there: `open_run` has what the other metrics gave."""
    from evalharness.config import build_experiment, compose_config, named_testset, set_values
    from evalharness.workflows.evaluate import evaluate as evaluate_experiment

    _check_systems(systems)
    _check_testset(testset)
    _check_metrics(metrics)
    _check_overrides(overrides)
    _check_record(results, name)
    named = named_testset(testset) if isinstance(testset, str) and not _is_option(testset) else None
    given_keys = {
        "systems": systems is not None,
        "metrics": isinstance(metrics, Mapping),
        "testset": not isinstance(testset, str),
        "results": results is not None,
        "name": name is not None,
    }
    _check_said_once(overrides, [key for key, given in given_keys.items() if given], named=named)

    words = [f"systems={'[]' if systems is not None else '[candidates]'}"]
    words.append("metrics=[]" if isinstance(metrics, Mapping) else f"metrics=[{','.join(metrics)}]")
    if isinstance(testset, str):
        words.append(f"testset={testset if named is None else named[0]}")
    config = compose_config([*words, *overrides])  # the last of two settings of one key holds
    if overrides and not isinstance(testset, str) and _reader_of(config) != _reader_of(compose_config(words)):
        raise ConfigError(
            f"overrides: {list(overrides)!r} change the test set, which the argument testset= gives already. Leave "
            "one of the two out."
        )
    if named is not None:
        set_values(config, named[1])
    experiment = build_experiment(config)
    replaced: dict[str, Any] = {}
    if results is not None:
        replaced["results"] = Path(results)
    if name is not None:
        replaced["name"] = name
    if systems is not None:
        replaced["systems"] = {key: _system(key, system) for key, system in systems.items()}
    if isinstance(metrics, Mapping):
        replaced["metrics"] = dict(metrics)
    if not isinstance(testset, str):
        replaced["testset"] = _GivenTestSet(testset=testset) if isinstance(testset, TestSet) else testset
    objects = {"systems": systems, "metrics": metrics, "testset": testset, "results": str(results), "name": name}
    described = {key: _described(objects[key]) for key, given in given_keys.items() if given}
    replaced["settings"] = {**experiment.settings, **described}
    outcome = evaluate_experiment(dataclasses.replace(experiment, **replaced))
    for problem in outcome.problems:
        if isinstance(problem, MissingError):
            raise type(problem)(f"{problem} The other metrics are in {outcome.paths.folder}.") from problem
    return open_run(outcome.paths.folder)


def compare(
    *runs: str | Path | RunView,
    metrics: Sequence[str] | Mapping[str, Metric] = (),
    **stats: Any,
) -> Comparison:
    """Compare systems across runs over the same test set, or in a table of segment scores, as `evalharness compare`
    does; nothing is written.

    Args:
        runs: records or their folders, or one TSV or CSV file of scores.
        metrics: names, where not all that the records share; by name also metric objects, for those that a run was
            given as objects.
        stats: settings of statistics, such as `baseline="mine"`, `method="bootstrap"`, `unit="segment"`; of runs that
            were tested alike, theirs where none is given.
    Raises: ConfigError where the runs are over different test sets or a metric has different signatures."""
    from evalharness.config import build_stats, recorded_metric
    from evalharness.runs.scoretable import read_score_table
    from evalharness.workflows.compare import compare_runs
    from evalharness.workflows.compare_scores import compare_score_table, lone_score_table

    for run in runs:
        if not isinstance(run, (str, Path, RunView)):
            raise ConfigError(f"runs: one is {_kind(run)}; expected runs or paths, each an argument of its own.")
    if isinstance(metrics, str):
        raise ConfigError(f"metrics={metrics!r}: expected a list of names, such as [{metrics!r}].")
    paths = [run.folder if isinstance(run, RunView) else Path(run) for run in runs]
    if (table := lone_score_table(paths)) is not None:
        return compare_score_table(read_score_table(table, metrics=list(metrics)), build_stats(stats))
    objects = metrics if isinstance(metrics, Mapping) else {}

    def build_metric(name: str, recorded: object) -> Metric:
        return objects[name] if name in objects else recorded_metric(name, recorded)

    return compare_runs(paths, lambda shared: build_stats({**shared, **stats}), build_metric, metrics=list(metrics))


def _check_systems(systems: object) -> None:
    if systems is None:
        return
    if not isinstance(systems, Mapping):
        raise ConfigError(f"systems: is {_kind(systems)}; expected a mapping from names to lists of texts.")
    for name, given in systems.items():
        if isinstance(given, str):
            raise ConfigError(f"system {name!r}: is one string; expected a list with a text for each segment.")
        if isinstance(given, Sequence) or (isinstance(given, SystemGroup) and not isinstance(given, type)):
            continue
        if (found := _unlike(given, System)) is not None:
            raise ConfigError(
                f"system {name!r}: is {found}; expected a list with a text for each segment, or a "
                "system. list(...) makes one of a pandas Series or a generator."
            )


def _check_testset(testset: object) -> None:
    if isinstance(testset, str):
        check_text(testset, where="testset")
    elif not isinstance(testset, (TestSet, Reader)) or isinstance(testset, type):
        raise ConfigError(
            f"testset: is {_kind(testset)}; expected a name, a TestSet or a reader, such as "
            "Delimited(path='set.tsv', language_pair='zh-en')."
        )


def _check_metrics(metrics: object) -> None:
    names_or_objects = "a list of names, such as ['bleu'], or a mapping from names to metric objects"
    if isinstance(metrics, Mapping):
        for name, metric in metrics.items():
            if (found := _unlike(metric, Metric)) is not None:
                raise ConfigError(f"metric {name!r}: is {found}; expected a metric object, such as Bleu().")
    elif isinstance(metrics, str):
        raise ConfigError(f"metrics={metrics!r}: expected a list of names, such as [{metrics!r}].")
    elif not isinstance(metrics, Sequence):
        raise ConfigError(
            f"metrics: is {_kind(metrics)}; expected {names_or_objects}. list(...) makes one of a generator."
        )
    else:
        for position, name in enumerate(metrics):
            if not isinstance(name, str):
                raise ConfigError(
                    f"metrics[{position}]: is {_kind(name)}; expected the name of an option. Objects go in a mapping "
                    "from the names of their columns."
                )
            check_text(name, where=f"metrics[{position}]")


def _check_overrides(overrides: object) -> None:
    example = "'metrics.bleu.lowercase=true'"
    if isinstance(overrides, str) or not isinstance(overrides, Sequence):
        raise ConfigError(f"overrides: is {_kind(overrides)}; expected a list of settings, such as [{example}].")
    for position, word in enumerate(overrides):
        if not isinstance(word, str):
            raise ConfigError(f"overrides[{position}]: is {_kind(word)}; expected a setting, such as {example}.")
        check_text(word, where=f"overrides[{position}]")


def _reader_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the test set's reader."""
    return {name: value for name, value in config["testset"].items() if name != "filter"}


def _check_record(results: str | Path | None, name: str | None) -> None:
    if results is not None:
        if not isinstance(results, (str, Path)):
            raise ConfigError(f"results: is {_kind(results)}; expected the path of a folder.")
        check_text(str(results), where="results")
    if name is not None:
        check_name(name, what="name of the run")


def _check_said_once(
    overrides: Sequence[str], given: Sequence[str], *, named: tuple[str, Mapping[str, str]] | None
) -> None:
    """Refuse an override of what an argument gives already; one of the two would be lost."""
    for word in overrides:
        key = re.split("[=@]", word.lstrip("+~"), maxsplit=1)[0]
        argument = key.split(".")[0]
        if key.startswith("testset.filter."):  # it selects from whatever test set there is
            continue
        if argument in given or (named is not None and key in ("testset", *named[1])):
            raise ConfigError(
                f"overrides: {word!r} is a setting of {argument}, which the argument {argument}= gives already. Leave "
                "one of the two out."
            )


def _kind(given: object) -> str:
    """What something is, for a message: `a list`, `the class Bleu`."""
    if isinstance(given, type):
        return f"the class {given.__name__}"
    name = type(given).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _unlike(given: object, protocol: type) -> str | None:
    """What something is that is not of the protocol, and what it lacks where it has some of it; None where it fits."""
    parts = sorted(part for part in {*protocol.__annotations__, *vars(protocol)} if not part.startswith("_"))
    missing = [part for part in parts if not hasattr(given, part)]
    if isinstance(given, type) or missing == parts:
        return _kind(given)
    return f"{_kind(given)} without {', '.join(missing)}" if missing else None


def _described(given: object) -> Any:
    """What the record's settings say of objects made in Python; what decides scores is in the signatures."""
    if isinstance(given, Mapping):
        return {name: _described(one) for name, one in given.items()}
    if isinstance(given, TestSet):
        return f"TestSet {given.name!r}, made in Python"
    if given is None or isinstance(given, str):
        return given
    return repr(given) if dataclasses.is_dataclass(given) else f"{type(given).__name__}, made in Python"


def _is_option(name: str) -> bool:
    return (packaged_folder("configs") / "testset" / f"{name}.yaml").is_file()


def _system(name: str, given: Sequence[str] | System | SystemGroup) -> System | SystemGroup:
    place = f"the given texts of system {name!r}"
    return GivenTexts(given=tuple(given), place=place) if isinstance(given, Sequence) else given
