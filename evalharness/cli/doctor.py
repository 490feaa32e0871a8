"""`evalharness doctor`: what is installed, and whether every metric gives the scores it should."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from evalharness.cli.main import write_out
from evalharness.cli.models import comet_options, models_text
from evalharness.errors import EXIT_DONE, WrongScoresError
from evalharness.metrics.comet.listing import ListedModel, listed
from evalharness.workflows.doctor import Counting, Folder, Machine, describe_machine
from evalharness.workflows.golden import GOLDEN_FILE, Check, Verdict, check_golden, read_golden

_N_SHOWN = 3
_EPILOG = """The stored scores come from sacreBLEU and unbabel-comet themselves, for a few segments written for this
purpose. Every metric of this installation is computed again for them, in every precision and on every device it can
use, and nothing is taken from a cache. What cannot be tried here is listed as skipped, with the reason.

exit codes: 0 every metric that was tried is right, 1 one is not (metric, segment, expected and found are said)
"""


def main(arguments: Sequence[str]) -> int:
    """Print the report; the exit code.

    Raises: WrongScoresError where a metric does not give its stored scores."""
    parser = argparse.ArgumentParser(
        prog="evalharness doctor",
        description="Say what is installed and what this machine has, and hold every metric against stored scores.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument("--golden", type=Path, default=GOLDEN_FILE, metavar="FILE", help="other stored scores")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER", help="default: results")
    options = parser.parse_args(arguments)
    golden = read_golden(options.golden)
    machine = describe_machine(options.results)
    models = [listed(option) for option in comet_options(None)]
    if options.format == "text":
        write_out(_machine_text(machine))
        write_out(f"\nModels\n{models_text(models)}\nStored scores\n")
    checks = []
    for check in check_golden(golden):
        checks.append(check)
        if options.format == "text":
            write_out(f"  {_check_text(check)}\n")
    if options.format == "json":
        write_out(_json_text(machine, models, checks))
    if wrong := [check for check in checks if check.verdict is Verdict.off]:
        raise WrongScoresError(
            f"{len(wrong)} of {len(checks)} checks are off: {' '.join(map(_wrong, wrong))} Scores of these metrics "
            "from this installation are not to be reported. Install evalharness again with the versions in its "
            "constraints.txt; where that does not help, report the output of `evalharness doctor --format json`."
        )
    return EXIT_DONE


def _wrong(check: Check) -> str:
    head = f"{check.metric} ({check.variant})"
    if not check.deviations:
        return f"{head}: {check.reason}"
    shown = "; ".join(
        f"segment {one.segment!r}: expected {one.expected!r}, found {one.found!r}"
        for one in check.deviations[:_N_SHOWN]
    )
    more = f"; and {len(check.deviations) - _N_SHOWN} more" if len(check.deviations) > _N_SHOWN else ""
    return f"{head}: {shown}{more} (tolerance {check.tolerance:g}, stored from {check.made_by})."


def _check_text(check: Check) -> str:
    head = f"{check.metric:<10}  {check.variant:<16}  {check.verdict.value:<7}"
    if check.reason is not None:
        return f"{head}  {check.reason}"
    return f"{head}  largest difference {check.largest_deviation:.1e} of {check.tolerance:g} ({check.made_by})"


def _machine_text(machine: Machine) -> str:
    return "".join(f"{line}\n" for line in _machine_lines(machine))


def _machine_lines(machine: Machine) -> Iterator[str]:
    yield "Versions"
    yield f"  {'python':<16}  {machine.python} ({machine.system})"
    for package, version in machine.versions.items():
        yield f"  {package:<16}  {version or 'NOT INSTALLED'}"
    processor = machine.processor
    instructions = [name for name, is_there in processor.instructions.items() if is_there]
    lacking = [name for name, is_there in processor.instructions.items() if not is_there]
    yield "\nMachine"
    yield f"  {'processor':<16}  {processor.name}, {processor.n_cores} cores, {processor.n_usable} for this process"
    if processor.torch_threads is not None:
        yield f"  {'torch':<16}  {processor.torch_threads} threads, {processor.torch_capability}"
        yield f"  {'instructions':<16}  {', '.join(instructions) or 'none'}; without {', '.join(lacking) or 'none'}"
    yield f"  {'counters':<16}  {_counting_text(machine.counting)}"
    yield f"  {'devices':<16}  {', '.join(machine.devices) or 'unknown: there is no torch'}"
    yield f"  {'memory':<16}  {_gigabytes(machine.memory_bytes)}, {_gigabytes(machine.free_memory_bytes)} available"
    yield "\nDisk"
    for folder in machine.folders:
        yield f"  {folder.purpose}: {folder.path}: {_folder_text(folder)}"


def _counting_text(counting: Counting) -> str:
    if counting.is_compiled:
        return "BLEU, chrF and TER in compiled code"
    return f"BLEU, chrF and TER by sacreBLEU: the same numbers, many times slower. {counting.reason}"


def _folder_text(folder: Folder) -> str:
    size = f"{folder.n_bytes / 1e6:.1f} MB" if folder.is_there else "not there yet"
    return f"{size}, {_gigabytes(folder.free_bytes)} free"


def _gigabytes(n_bytes: int | None) -> str:
    return "unknown" if n_bytes is None else f"{n_bytes / 1e9:.1f} GB"


def _json_text(machine: Machine, models: Sequence[ListedModel], checks: Sequence[Check]) -> str:
    content = {
        "machine": dataclasses.asdict(machine),
        "models": [{**dataclasses.asdict(model), "presence": model.presence.value} for model in models],
        "checks": [{**dataclasses.asdict(check), "verdict": check.verdict.value} for check in checks],
    }
    return json.dumps(_plain(content), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _plain(content: Any) -> Any:
    """JSON has no NaN and no infinity: null stands for them."""
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_plain(value) for value in content]
    if isinstance(content, Path):
        return str(content)
    return None if isinstance(content, float) and not math.isfinite(content) else content
