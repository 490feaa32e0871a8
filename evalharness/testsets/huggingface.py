"""Data sets of the Hugging Face hub, or local ones, through the package `datasets`; code of a data set is never run."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, InputError, MissingError
from evalharness.rows import Row
from evalharness.testsets.columns import Columns
from evalharness.textio import check_text, read_json, read_objects

_log = logging.getLogger(__name__)

_BUILDERS = {".json": "json", ".jsonl": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
_COMMIT = re.compile("[0-9a-f]{40}")
# pandas takes NA, null and None for missing, and leaves blank lines out, unless told otherwise.
_CSV_AS_IT_IS = {"keep_default_na": False, "na_filter": False, "skip_blank_lines": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class HuggingFace(Columns):
    """`path` is a name on the hub, or a local folder or file (.json, .jsonl, .csv, .tsv, .parquet).

    `revision` is a commit, tag or branch on the hub; which commit it was is in the provenance, and without one that is
    also said. With `streaming` nothing is stored, and no more is downloaded than is read. `limit` takes the first rows.

    CSV is read by pandas, which pads rows that are short and takes a lone `\\r` for a line end; the reader `csv` is
    strict."""

    split: str = "test"
    config_name: str | None = None
    revision: str | None = None
    streaming: bool = False
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise ConfigError(
                f"testset.limit={self.limit}: expected how many rows to take, at least 1; null takes all."
            )
        if self._is_local() and self.revision is not None:
            raise ConfigError(f"testset.revision={self.revision}: {self.path} is not on the hub and has no revisions.")

    def files(self) -> tuple[Path, ...]:
        """A local file; of anything else no copy is kept."""
        return (Path(self.path),) if Path(self.path).is_file() else ()

    def _is_local(self) -> bool:
        return Path(self.path).exists()

    def _provenance(self) -> str:
        what = Path(self.path).name if self._is_local() else f"{self.path} of the Hugging Face hub"
        parts = [what, *([f"configuration {self.config_name}"] if self.config_name is not None else [])]
        parts.append(f"split {self.split}")
        if not self._is_local():
            parts.append(f"revision {self._commit()}")
        if self.limit is not None:
            parts.append(f"the first {self.limit} rows")
        return "; ".join([*([self.provenance] if self.provenance else []), ", ".join(parts)])

    def _rows(self, columns: list[str]) -> Iterator[Row]:
        loaded = self._loaded()
        rows = iter(loaded if self.limit is None else islice(loaded, self.limit))
        number = 0
        while True:
            try:
                values = next(rows, None)
            except Exception as err:  # of datasets, pyarrow, pandas, fsspec and the network
                raise self._unreadable(err, f" after row {number}") from err
            if values is None:
                return
            number += 1
            yield f"{self.path}:row {number}", values

    def _loaded(self) -> Iterable[Mapping[str, Any]]:
        """The rows; what is no row yet is read while going through them."""
        from datasets import load_dataset, load_dataset_builder

        where: dict[str, Any] = {"path": self.path, "name": self.config_name}
        for path in self._json_files():
            _check_json(path)
        if Path(self.path).is_file():
            where = self._builder_of_file()
        elif self._is_local():
            where["path"] = str(Path(self.path).resolve())
        else:
            where["revision"] = self._commit()
        try:
            reads_csv = hasattr(load_dataset_builder(**where).config, "keep_default_na")
            as_it_is = _CSV_AS_IT_IS if reads_csv else {}
            loaded: Iterable[Mapping[str, Any]] = load_dataset(
                **where, split=self.split, streaming=self.streaming, **as_it_is
            )
        except Exception as err:  # of datasets, pyarrow, pandas, fsspec and the network
            if isinstance(err, ConnectionError):
                raise _unreachable(self.path, err) from err
            raise self._unreadable(err, "") from err
        return loaded

    def _json_files(self) -> list[Path]:
        """The local ones among what is read."""
        given = Path(self.path)
        files = sorted(given.rglob("*")) if given.is_dir() else [given]
        return [path for path in files if path.is_file() and _BUILDERS.get(path.suffix.lower()) == "json"]

    def _builder_of_file(self) -> dict[str, Any]:
        suffix = Path(self.path).suffix.lower()
        if suffix not in _BUILDERS:
            raise InputError(f"{self.path}: its ending says no format; expected one of {', '.join(_BUILDERS)}.")
        split = self.split.partition("[")[0]
        settings = {"path": _BUILDERS[suffix], "data_files": {split: self.path}}
        return {**settings, "sep": "\t"} if suffix == ".tsv" else settings

    def _commit(self) -> str:
        return _commit(self.path, self.revision)

    def _unreadable(self, err: Exception, where: str) -> InputError:
        return InputError(f"{self.path}: cannot be read as a data set{where}: {_said(err)}")


def _check_texts(found: object, *, where: str) -> None:
    """Refuse an unpaired surrogate in any text, of which `datasets` makes an empty one.

    Raises: InputError saying where it stands."""
    if isinstance(found, str):
        check_text(found, where=where)
    elif isinstance(found, dict):
        for name, value in found.items():
            _check_texts(value, where=f"{where}: {name}")
    elif isinstance(found, list):
        for value in found:
            _check_texts(value, where=where)


def _check_json(path: Path) -> None:
    """Refuse a file that is neither objects a line nor one document: the JSON reader of pyarrow, on which `datasets`
    builds, ends the process at a null where it expects an object (pyarrow 25).

    Raises: InputError naming the line."""
    try:
        found: list[tuple[str, object]] = [(f"{path}:{number}", values) for number, values in read_objects(path)]
    except InputError as err:
        try:
            document = read_json(path)
        except InputError:
            raise err from None
        if document is None:
            raise
        found = [(str(path), document)]
    for where, values in found:
        _check_texts(values, where=where)


@functools.cache  # asked for when rows are read and again for the provenance; a branch can move in between
def _commit(path: str, revision: str | None) -> str:
    """The commit that a revision stands for.

    Raises: MissingError where the hub cannot be reached, InputError where it has no such data set or revision."""
    from datasets import config
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    try:
        if config.HF_HUB_OFFLINE:
            raise ConnectionError("offline mode is set (HF_HUB_OFFLINE or HF_DATASETS_OFFLINE)")
        commit = HfApi().dataset_info(path, revision=revision).sha
    except RevisionNotFoundError as err:
        raise InputError(f"{path}: the data set has no revision {revision!r} on the Hugging Face hub.") from err
    except RepositoryNotFoundError as err:
        raise InputError(
            f"{path}: is no file or folder here (looked in {Path.cwd()}) and no data set of the Hugging Face hub that "
            "may be read. Check the name; of one that is private, log in with `hf auth login`."
        ) from err
    except (OSError, ValueError) as err:  # what requests raises is an OSError
        raise _unreachable(path, err) from err
    if revision is None:
        _log.warning("%s: no revision is given; pin this one with testset.revision=%s.", path, commit)
    return str(commit)


def _unreachable(path: str, err: Exception) -> MissingError:
    return MissingError(
        f"{path}: is no file or folder here (looked in {Path.cwd()}), and the Hugging Face hub cannot be reached: "
        f"{_said(err)} Where the data set is in the cache already, testset.revision=COMMIT finds it there."
    )


def _said(err: Exception) -> str:
    """What an error and its cause say, in a line."""
    causes = [one for one in (err, err.__cause__) if one is not None and str(one)]
    first_lines = dict.fromkeys(str(one).strip().splitlines()[0].rstrip(".") for one in causes)
    return f"{'; '.join(first_lines) or type(err).__name__}."
