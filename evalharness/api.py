"""The Python front: what `evalharness run` does, over objects and names, with frames at the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, MissingError
from evalharness.metrics.base import Metric
from evalharness.packaged import packaged_folder
from evalharness.records import TestSet
from evalharness.systems.base import System, SystemGroup
from evalharness.systems.hypotheses import GivenTexts
from evalharness.testsets.base import Reader
from evalharness.workflows.report import Run, open_run


@dataclass(frozen=True, slots=True, kw_only=True)
class _GivenTestSet:
    """A reader for a test set that is there already."""

    testset: TestSet

    def read(self) -> TestSet:
        return self.testset


def evaluate(
    *,
    systems: Mapping[str, Sequence[str] | System | SystemGroup] | None = None,
    testset: str | TestSet | Reader = "zhengzhou",
    metrics: Sequence[str] | Mapping[str, Metric] = ("bleu", "chrf", "chrfpp", "ter"),
    overrides: Sequence[str] = (),
    results: str | Path = "results",
    name: str | None = None,
) -> Run:
    """Score systems on a test set and return the run, as `evalharness run` would write it.

    Args:
        systems: by name, a list of texts in the order of the test set, or a system object; None takes the candidates
            that are kept beside an imported test set.
        testset: the name of an option or of an imported test set, or an object.
        metrics: names of options, or metric objects by the name their column gets.
        overrides: settings as on the command line, such as `"metrics.bleu.lowercase=true"`.
    Raises: EvalHarnessError for bad input. MissingError, once the record is written, where a package or model that a
        metric needs is not there: `open_run` has what the other metrics gave."""
    from evalharness.config import build_experiment, compose_config, set_values
    from evalharness.workflows.evaluate import evaluate as evaluate_experiment

    words = [f"systems={'[]' if systems is not None else '[candidates]'}"]
    if systems is not None and not isinstance(systems, Mapping):
        raise ConfigError(f"systems: is a {type(systems).__name__}; expected a mapping from names to lists of texts.")
    if isinstance(metrics, str):
        raise ConfigError(f"metrics={metrics!r}: expected a list of names, such as [{metrics!r}].")
    words.append("metrics=[]" if isinstance(metrics, Mapping) else f"metrics=[{','.join(metrics)}]")
    in_library = isinstance(testset, str) and not _is_option(testset)
    if isinstance(testset, str):
        words.append(f"testset={'library' if in_library else testset}")
    config = compose_config([*words, *overrides])  # the last of two settings of one key holds
    if in_library:
        set_values(config, {"testset.name": testset})
    experiment = build_experiment(config)
    replaced: dict[str, Any] = {"results": Path(results), "name": name if name is not None else experiment.name}
    if systems is not None:
        replaced["systems"] = {key: _system(system, key) for key, system in systems.items()}
    if isinstance(metrics, Mapping):
        replaced["metrics"] = dict(metrics)
    if not isinstance(testset, str):
        replaced["testset"] = _GivenTestSet(testset=testset) if isinstance(testset, TestSet) else testset
    given = {"name": replaced["name"], "results": str(results)}
    given |= {
        group: _described(objects)
        for group, objects in (("systems", systems), ("metrics", metrics), ("testset", testset))
        if isinstance(objects, Mapping) or (group == "testset" and not isinstance(objects, str))
    }
    replaced["settings"] = {**experiment.settings, **given}
    outcome = evaluate_experiment(dataclasses.replace(experiment, **replaced))
    for problem in outcome.problems:
        if isinstance(problem, MissingError):
            raise type(problem)(f"{problem} The other metrics are in {outcome.paths.folder}.") from problem
    return open_run(outcome.paths.folder)


def _described(given: object) -> Any:
    """What the record's settings say of objects made in Python; what decides scores is in the signatures."""
    if isinstance(given, Mapping):
        return {name: _described(one) for name, one in given.items()}
    if isinstance(given, TestSet):
        return f"TestSet {given.name!r}, made in Python"
    return repr(given) if dataclasses.is_dataclass(given) else f"{type(given).__name__}, made in Python"


def _is_option(name: str) -> bool:
    return (packaged_folder("configs") / "testset" / f"{name}.yaml").is_file()


def _system(given: Sequence[str] | System | SystemGroup, name: str) -> System | SystemGroup:
    if isinstance(given, str):
        raise ConfigError(f"system {name!r}: is one string; expected a list with a text for each segment.")
    if isinstance(given, Sequence):
        return GivenTexts(texts=tuple(given))
    if not hasattr(given, "translate") and not isinstance(given, SystemGroup):
        raise ConfigError(
            f"system {name!r}: is a {type(given).__name__}; expected a list with a text for each segment, or a system. "
            "list(...) makes one of a pandas Series or a generator."
        )
    return given
