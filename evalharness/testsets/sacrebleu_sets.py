"""The test sets that sacreBLEU knows by name, from its cache or else downloaded by it."""

from __future__ import annotations

import copy
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalharness.errors import AlignmentError, ConfigError, InputError, MissingError, nearest
from evalharness.records import LanguagePair, TestSet
from evalharness.scripts import scripts_of
from evalharness.testsets.aligned import Lines, aligned_segments, chosen_references
from evalharness.testsets.scripts import ScriptSplitter
from evalharness.textio import read_text

_log = logging.getLogger(__name__)

PREFIX = "sacrebleu://"
"""What a test set's name begins with, where names of imported test sets are taken too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SacrebleuSet:
    """`test_set` is `wmt22/zh-en`, or `wmt22` with `language_pair` beside it; `sacrebleu://` may stand before it.

    `references` names those to use (A, B); none named: those that `sacrebleu -t` uses. The environment variable
    SACREBLEU names the folder of the cache, as it does for sacreBLEU. Segment ids are line numbers."""

    test_set: str
    language_pair: str | None = None
    references: tuple[str, ...] = field(default=())
    name: str | None = None
    provenance: str = ""

    def read(self) -> TestSet:
        located = self._located()
        segments = aligned_segments(
            source=located.source,
            references=[lines for _, lines in located.references],
            documents=located.documents,
            domains=located.domains,
            original_languages=located.original_languages,
        )
        names = tuple(name for name, _ in located.references)
        return TestSet(
            name=self.name or f"{located.test.replace('/', '_')}.{located.lp}",
            language_pair=located.lp,
            segments=segments,
            provenance=self.provenance
            or f"sacreBLEU's test set {located.test}/{located.lp}, reference{'s' if len(names) > 1 else ''} "
            f"{', '.join(names)}",
            reference_names=None if names == ("ref",) else names,
        )

    def files(self) -> tuple[Path, ...]:
        return self._located().files()

    def _located(self) -> _Located:
        test, lp = self._named()
        dataset = _dataset(test, lp)
        folder = Path(dataset._outdir)
        fields = _cached(dataset, lp)
        wanted = [f"ref-{name}" if name != "ref" else name for name in self.references] or _own_references(dataset, lp)
        if "src" not in fields or not wanted or any(name not in fields for name in wanted):
            _process(dataset, lp)
            fields = _cached(dataset, lp)
        if "src" not in fields:
            raise InputError(f"{folder}: sacreBLEU made no file of sources for {lp}. {_remove(folder)}")
        present = {name.removeprefix("ref-"): path for name, path in fields.items() if name.split("-")[0] == "ref"}
        names = chosen_references(
            [name.removeprefix("ref-") for name in wanted], list(present), where=f"sacreBLEU's {test}/{lp}"
        )
        located = _Located(
            test=test,
            lp=lp,
            source=Lines.read(_whole(fields["src"], folder)),
            references=tuple((name, Lines.read(_whole(present[name], folder))) for name in names),
            documents=_optional(fields, ("docid",), folder),
            domains=_optional(fields, ("domain", "genre"), folder),
            original_languages=_optional(fields, ("origlang",), folder),
        )
        _check_fresh(located, folder)
        return located

    def _named(self) -> tuple[str, LanguagePair]:
        given = self.test_set.removeprefix(PREFIX).strip("/")
        lp = None if self.language_pair is None else LanguagePair.parse(self.language_pair)
        if given in _datasets():
            if lp is None:
                raise ConfigError(f"test set {given!r} of sacreBLEU: no language pair; write {PREFIX}{given}/zh-en.")
            return given, lp
        test, _, pair = given.rpartition("/")
        if not test:
            raise _unknown(given)
        named = LanguagePair.parse(pair)
        if lp is not None and lp != named:
            raise ConfigError(f"test set {self.test_set!r}: is {named}, and the language pair given beside it is {lp}.")
        return test, named


@dataclass(frozen=True, slots=True, kw_only=True)
class _Located:
    """The lines of each of sacreBLEU's files that are wanted; references with their names."""

    test: str
    lp: LanguagePair
    source: Lines
    references: tuple[tuple[str, Lines], ...]
    documents: Lines | None
    domains: Lines | None
    original_languages: Lines | None

    def texts(self) -> tuple[Lines, ...]:
        return (self.source, *(lines for _, lines in self.references))

    def all(self) -> tuple[Lines, ...]:
        labels = (self.documents, self.domains, self.original_languages)
        return (*self.texts(), *(lines for lines in labels if lines is not None))

    def files(self) -> tuple[Path, ...]:
        return tuple(Path(lines.path) for lines in self.all())


def _datasets() -> dict[str, Any]:
    from sacrebleu.dataset import DATASETS

    return dict(DATASETS)


def _dataset(test: str, lp: LanguagePair) -> Any:
    """sacreBLEU's object for a test set, with the cache where SACREBLEU says now; sacreBLEU reads that once, at import.

    Raises: InputError where there is no such test set or language pair."""
    known = _datasets()
    if test not in known:
        raise _unknown(test)
    dataset = copy.copy(known[test])
    pairs = sorted(dataset.langpairs)
    if str(lp) not in pairs:
        raise InputError(
            f"test set {test!r} of sacreBLEU: has no language pair {lp}{nearest(str(lp), pairs)} It has: "
            f"{', '.join(pairs)}."
        )
    cache = os.environ.get("SACREBLEU", str(Path.home() / ".sacrebleu"))
    dataset._outdir = str(Path(cache) / test)
    dataset._rawdir = str(Path(cache) / test / "raw")
    return dataset


def _unknown(test: str) -> InputError:
    known = sorted(_datasets())
    return InputError(
        f"test set {test!r}: sacreBLEU has none of this name{nearest(test, known)} `sacrebleu --list` lists them."
    )


def _cached(dataset: Any, lp: LanguagePair) -> dict[str, Path]:
    """The files of texts that sacreBLEU has made already, by field: src, ref-A, docid, and those of systems."""
    beginning = f"{dataset.name.replace('/', '_')}.{lp}."
    folder = Path(dataset._outdir)
    files = folder.glob("*") if folder.is_dir() else []
    return {path.name.removeprefix(beginning): path for path in files if path.name.startswith(beginning)}


def _own_references(dataset: Any, lp: LanguagePair) -> list[str]:
    """The fields of the references that `sacrebleu -t` scores against."""
    if hasattr(dataset, "_get_langpair_allowed_refs"):
        fields = dataset._get_langpair_allowed_refs(str(lp))
    else:
        fields = [name for name in dataset.fieldnames(str(lp)) if name.split(":")[0] == "ref"]
    return [name.replace(":", "-") for name in fields]


def _process(dataset: Any, lp: LanguagePair) -> None:
    """Have sacreBLEU download the test set and make its files of texts.

    Raises: MissingError where it cannot."""
    try:
        dataset.process_to_text(str(lp))
    except (Exception, SystemExit) as err:  # it raises whatever it met, Exception itself too, and exits on a wrong MD5
        said = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise MissingError(
            f"test set {dataset.name}/{lp}: is not in sacreBLEU's cache {dataset._outdir}, and sacreBLEU could not "
            f"get it: {said}. Where there is a network, `sacrebleu -t {dataset.name} -l {lp} --echo src` puts it "
            "there; the folder can be copied, and SACREBLEU names another cache."
        ) from err


def _whole(path: Path, folder: Path) -> Path:
    """Raises: InputError where the file does not end as sacreBLEU ends it."""
    if not read_text(path).endswith("\n"):
        raise InputError(f"{path}: ends within a line, so it was not written to its end. {_remove(folder)}")
    return path


def _optional(fields: dict[str, Path], names: tuple[str, ...], folder: Path) -> Lines | None:
    """None where there is no such file, or it says nothing: sacreBLEU writes empty lines for what is not known."""
    name = next((name for name in names if name in fields), None)
    lines = None if name is None else Lines.labels(_whole(fields[name], folder))
    return lines if lines is not None and any(lines.texts) else None


def _check_fresh(located: _Located, folder: Path) -> None:
    """Refuse a cache that an interrupted or older sacreBLEU left (its issue 172: English as the Chinese source).

    Raises: AlignmentError or InputError saying what to remove."""
    first, *others = located.all()
    for lines in others:
        if len(lines.texts) != len(first.texts):
            raise AlignmentError(
                f"{lines.path}: {len(lines.texts)} lines, but {first.path} has {len(first.texts)}: sacreBLEU's cache "
                f"is incomplete or of another version. {_remove(folder)}"
            )
    for lines in located.texts()[1:]:
        if lines.texts == located.source.texts:
            raise InputError(f"{located.source.path}: is the same as {lines.path}. {_remove(folder)}")
    if scripts_of(located.lp.source) & scripts_of(located.lp.target):
        return
    splitter = ScriptSplitter(located.lp)
    for lines, language in zip(
        located.texts(), (located.lp.source, *[located.lp.target] * len(located.references)), strict=True
    ):
        written_in = [splitter.language(text) for text in lines.texts]
        n_right = written_in.count(language)
        n_wrong = len(written_in) - n_right - written_in.count(None)
        if n_wrong > n_right:
            raise InputError(
                f"{lines.path}: {n_wrong} of {len(written_in)} lines are not in the script of {language!r}, so this is "
                f"another text than its name says. {_remove(folder)}"
            )


def _remove(folder: Path) -> str:
    return f"Remove {folder} (rm -r) and give the command again: sacreBLEU downloads it anew."
