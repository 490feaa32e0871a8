"""Where the folders that ship with the package are: beside it in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from evalharness.errors import InputError, MissingError, nearest

_PACKAGE = Path(__file__).resolve().parent
TESTSET_FILE = "testset.json"


def packaged_folder(name: str) -> Path:
    """The folder `configs` or `references` of this installation.

    Raises: MissingError where the installation lacks it."""
    for parent in (_PACKAGE, _PACKAGE.parent):
        if (parent / name).is_dir():
            return parent / name
    raise MissingError(f"the folder {name!r} that ships with evalharness is missing from {_PACKAGE}; reinstall it.")


def library_folder(name: str, *, library: str | None = None) -> Path:
    """The folder of the imported test set `name`: `references/NAME` here first, then those that ship with the package.

    Raises: InputError naming where it was looked for and the test sets there are."""
    parents = [Path(library)] if library is not None else [Path("references"), packaged_folder("references")]
    for parent in parents:
        if (parent / name / TESTSET_FILE).is_file():
            return parent / name
    known = sorted({path.parent.name for parent in parents for path in parent.glob(f"*/{TESTSET_FILE}")})
    raise InputError(
        f"test set {name!r}: no {TESTSET_FILE} under {' or '.join(str(parent / name) for parent in parents)}"
        f"{nearest(name, known)} Imported test sets are: {', '.join(known) or 'none'}. "
        "`evalharness import` writes one from files; sacreBLEU's are called such as sacrebleu://wmt22/zh-en."
    )
