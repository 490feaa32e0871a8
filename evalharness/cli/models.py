"""`evalharness models`: the COMET checkpoints that options name, and which of them are here."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from yaml import YAMLError

from evalharness.cli.main import check_utf8, write_out
from evalharness.errors import EXIT_DONE, ConfigError
from evalharness.metrics.comet.listing import ListedModel, ModelOption, Presence, listed
from evalharness.metrics.comet.metric import Comet
from evalharness.packaged import packaged_folder
from evalharness.textio import read_text

_TARGET = f"{Comet.__module__}.{Comet.__qualname__}"
_EPILOG = """Nothing is downloaded and no network is used. A checkpoint that is not here is downloaded by the first run
that needs it, or by the command that is shown; both put it into the cache of the hub, which HF_HOME moves. A checkpoint
whose licence has to be accepted needs `hf auth login` first.
`evalharness comet convert MODEL --output FOLDER` makes a folder of one that works without a network.
"""


def main(arguments: Sequence[str]) -> int:
    """Print a line for each option, and what gets those that are not here; the exit code."""
    parser = argparse.ArgumentParser(
        prog="evalharness models",
        description="List the options of COMET, their checkpoints, licences and scales, and say which are here.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config-dir", type=Path, metavar="DIR", help="a folder with options of your own")
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text", help="default: text")
    check_utf8(arguments)
    options = parser.parse_args(arguments)
    if options.config_dir is not None and not options.config_dir.is_dir():
        raise ConfigError(f"--config-dir {options.config_dir}: no such folder.")
    models = [listed(option) for option in comet_options(options.config_dir)]
    if options.format == "json":
        content = [{**dataclasses.asdict(model), "presence": model.presence.value} for model in models]
        write_out(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    else:
        write_out(models_text(models))
    return EXIT_DONE


def comet_options(config_dir: Path | None) -> list[ModelOption]:
    """The options under `metrics/` that are COMET with a checkpoint, by name.

    Raises: ConfigError for an option file that cannot be read."""
    folders = [packaged_folder("configs"), *([config_dir] if config_dir is not None else [])]
    files: dict[str, Path] = {}
    for folder in folders:
        for path in (folder / "metrics").glob("*.yaml"):
            files.setdefault(path.stem, path)  # as Hydra does, which looks into the packaged folder first
    found = [_read_option(name, path) for name, path in sorted(files.items())]
    return [option for option in found if option is not None]


def models_text(models: Sequence[ListedModel]) -> str:
    """A line for each, under it what is missing and how to get it."""
    rows = [
        (
            model.option,
            model.heading,
            model.model,
            _state(model),
            model.licence or "-",
            model.scale or "-",
        )
        for model in models
    ]
    heads = ("option", "metric", "checkpoint", "here", "licence", "scale")
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(heads, widths, strict=True)).rstrip()]
    for row, model in zip(rows, models, strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if model.command is not None:
            lines.append(f"    get it with: {model.command}")
        elif model.reason is not None:
            lines.append(f"    {model.reason}")
    return "".join(f"{line}\n" for line in lines)


def _state(model: ListedModel) -> str:
    if model.presence is Presence.missing:
        return "not here"
    size = f"{(model.n_bytes or 0) / 1e6:.0f} MB"
    if model.presence is Presence.bundled:
        return f"bundled, {size}"
    state = f"{(model.revision or '')[:12]}, {size}"
    lacking = {Presence.incomplete: ", WITHOUT TOKENIZER", Presence.unusable: ", UNUSABLE"}
    return state + lacking.get(model.presence, "")


def _read_option(name: str, path: Path) -> ModelOption | None:
    text = read_text(path)
    try:
        settings: Any = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    except YAMLError as err:
        raise ConfigError(f"{path}: is not YAML: {str(err).splitlines()[0]}.") from err
    if not isinstance(settings, dict) or settings.get("_target_") != _TARGET:
        return None
    comment: list[str] = []
    for line in text.splitlines()[1:]:
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# ").strip())
    return ModelOption(
        name=name,
        model=str(settings.get("model", Comet().model)),
        revision=settings.get("revision"),
        comment=" ".join(comment),
    )
