"""`evalharness comet`: checkpoints converted and trained."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from evalharness.cli.main import Verb, check_utf8, installed_version, shown_path, write_out
from evalharness.errors import EXIT_DONE

_ACTIONS: Mapping[str, Verb] = {
    "convert": Verb("evalharness.cli.comet", "put a checkpoint and its encoder's tokenizer into one folder"),
    "train": Verb("evalharness.cli.comet_train", "train comet-mini again from its data"),
}
_EPILOG = """examples:
  evalharness comet convert Unbabel/wmt22-comet-da --output comet22
  evalharness run 'metrics=[comet]' metrics.comet.model=comet22
  evalharness comet convert comet-mini --output mini --format ckpt      for comet.load_from_checkpoint

The folder needs no network and nothing outside it: it holds the weights, hparams.yaml, encoder/ (configuration and
tokenizer) and conversion.json (name, revision and SHA-256 of the original, and the SHA-256 of every file, held against
them when the folder is opened). Scores and signatures are those of the original.

--format safetensors (the default) is read by evalharness alone. --format ckpt is also read by unbabel-comet; its
settings name the folder encoder/ by its full path, so that comet.load_from_checkpoint opens it from any working
directory: convert again after moving it. Of a checkpoint with a MiniLM encoder unbabel-comet always looks for the
tokenizer of xlm-roberta-base in the cache.
"""


def main(arguments: Sequence[str]) -> int:
    """Do what the first word says; the exit code."""
    parser = argparse.ArgumentParser(
        prog="evalharness comet",
        usage="evalharness comet {convert,train} ...",
        description="Convert a COMET checkpoint for use without a network, or train one.",
        epilog="\n".join(f"  {name:<8}  {action.summary}" for name, action in _ACTIONS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=list(_ACTIONS), help="`evalharness comet ACTION --help` says more")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.action == "convert":
        return _convert(options.arguments)
    return int(importlib.import_module(_ACTIONS[options.action].module).main(options.arguments))


def _convert(arguments: Sequence[str]) -> int:
    from evalharness.metrics.comet.convert import WeightsFormat, convert

    parser = argparse.ArgumentParser(
        prog="evalharness comet convert",
        description="Put a checkpoint and the configuration and tokenizer of its encoder into one folder.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="owner/name on the hub, a folder, a file, or comet-mini")
    parser.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="a new folder")
    parser.add_argument(
        "--revision", metavar="COMMIT", help="of the hub: a commit, branch or tag (default: the newest)"
    )
    parser.add_argument(
        "--format", default="safetensors", choices=[one.value for one in WeightsFormat], help="default: safetensors"
    )
    check_utf8(arguments)
    options = parser.parse_args(arguments)
    converted = convert(
        options.model,
        output=options.output,
        revision=options.revision,
        weights_format=WeightsFormat(options.format),
        version=installed_version(),
    )
    origin = converted.conversion
    write_out(
        f"{shown_path(converted.folder)}: {origin.name}, revision {origin.revision}, SHA-256 {origin.sha256}, "
        f"{len(origin.files)} files, {converted.n_bytes / 1e6:.1f} MB\n"
        f"Score with it: evalharness run 'metrics=[comet]' metrics.comet.model={shown_path(converted.folder)}\n"
    )
    return EXIT_DONE
