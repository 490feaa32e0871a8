"""`evalharness comet train`: the checkpoint comet-mini made again from its data."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from evalharness.cli.main import check_utf8, shown_path, write_out
from evalharness.errors import EXIT_DONE
from evalharness.metrics.comet.training.recipe import read_recipe
from evalharness.packaged import packaged_folder

_RECIPE = Path("training") / "comet_mini.yaml"
_EPILOG = """examples:
  evalharness comet train --data data --output mini
  evalharness comet train --data data --output try seed=2 n_epochs=4 'validation_talks=[talk.9]'

The data folder holds wmt22.zh-en (src.zh, ref.A.en, ref.B.en, hyp/*.en) and ted2021.zh-en.mqm/segments.tsv. The output
folder is one that COMET opens, with training.json (settings, digests of the data, figures) and a note beside it.
Needs the extra: pip install 'evalharness[train]'
"""


def main(arguments: Sequence[str]) -> int:
    """Train, and print where the checkpoint is and how it agrees with MQM; the exit code."""
    parser = argparse.ArgumentParser(
        prog="evalharness comet train",
        description="Train comet-mini, the COMET checkpoint that ships with evalharness, from the data it came from.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", required=True, type=Path, metavar="FOLDER", help="what to train on")
    parser.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="a new folder for the checkpoint")
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"settings (default: configs/{_RECIPE.as_posix()})")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="single settings, over those of the file")
    check_utf8(arguments)
    options = parser.parse_args(arguments)
    recipe = read_recipe(options.config or packaged_folder("configs") / _RECIPE, options.settings)
    from evalharness.metrics.comet.training.procedure import train

    with _progress_on_stderr():
        report = train(recipe, data=options.data, output=options.output)
    for figures in report.agreement:
        write_out(
            f"{figures.reference}, {', '.join(report.assessed_talks)}: Pearson {figures.model.pearson:.3f} "
            f"(chrF {figures.chrf.pearson:.3f}, ridge {figures.ridge.pearson:.3f}), Kendall "
            f"{figures.model.kendall:.3f} (chrF {figures.chrf.kendall:.3f}, ridge {figures.ridge.kendall:.3f})\n"
        )
    write_out(f"{shown_path(options.output)}: comet-mini. Score with it: metrics.comet.model={options.output}\n")
    return EXIT_DONE


@contextmanager
def _progress_on_stderr() -> Iterator[None]:
    """Training takes minutes; what it logs at level INFO is shown while it lasts."""
    logger = logging.getLogger("evalharness.metrics.comet.training")
    level, handler = logger.level, logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("evalharness: %(message)s"))
    handler.addFilter(lambda record: record.levelno == logging.INFO)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
