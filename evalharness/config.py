"""Configuration: Hydra and OmegaConf come in here, and frozen dataclasses go out."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException, ValidationError
from yaml import YAMLError

from evalharness.errors import ConfigError, InputError, nearest
from evalharness.inspection.findings import InputSettings
from evalharness.launch.base import Launcher
from evalharness.metrics.base import Metric
from evalharness.outputs.settings import OutputSettings
from evalharness.packaged import packaged_folder
from evalharness.report.settings import ReportSettings
from evalharness.stats.settings import StatsSettings
from evalharness.systems.base import System, SystemGroup
from evalharness.testsets.base import Reader
from evalharness.testsets.sacrebleu_sets import PREFIX
from evalharness.testsets.selection import Selection
from evalharness.textio import read_text
from evalharness.workflows.preparation import Experiment

CONFIG_NAME = "config"
VERSION_BASE = "1.3"
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError)
"""What Hydra raises while it puts a configuration together; `explained` makes one of ours of it."""
_QUOTED = "'KEY=\"TEXT\"'"
_TARGET = "_target_"
_FILTER = "filter"
_OWN_PACKAGE = "evalharness"

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _TopLevel:
    """The settings of `config.yaml` that are not an option of a group."""

    name: str | None
    results: str
    cache: bool
    allow_targets: tuple[str, ...]


def compose_config(overrides: Sequence[str], *, config_dir: Path | None = None) -> DictConfig:
    """The configuration that `evalharness run` has with these overrides.

    Raises: ConfigError for whatever Hydra refuses."""
    own = packaged_folder("configs")
    extra = [f"hydra.searchpath=[file://{config_dir.resolve()}]"] if config_dir is not None else []
    try:
        with initialize_config_dir(version_base=VERSION_BASE, config_dir=str(own)):
            return compose(CONFIG_NAME, overrides=[*overrides, *extra])
    except COMPOSITION_ERRORS as err:
        if several := re.match("Ambiguous value for argument '([^']+)'", str(err)):
            raise ConfigError(
                f"{several.group(1)}: is several values; expected one. A list is written KEY=[A,B]; "
                f"text with a comma is quoted for Hydra and for the shell, as in {_QUOTED}."
            ) from err
        raise explained(err, overrides, config_dir=config_dir) from err


def build_experiment(config: DictConfig) -> Experiment:
    """The objects that a composed configuration stands for.

    Raises: ConfigError naming the key that is unknown, missing or of the wrong type."""
    own_keys = {field.name for field in dataclasses.fields(_TopLevel)}
    groups = {"testset", "systems", "metrics", "inputs", "outputs", "stats", "report", "launch"}
    for key in map(str, config):
        if key not in own_keys | groups:
            raise ConfigError(f"{key}: no such setting{nearest(key, own_keys | groups)}")
    # "allow_targets" has to be known before anything is built.
    top = _filled(_TopLevel, OmegaConf.masked_copy(config, sorted(own_keys)), where="")
    if isinstance(given := config.get("name"), (bool, float)):
        raise ConfigError(
            f"name={given}: Hydra reads it as a {type(given).__name__}, and the record would be called {top.name!r}; "
            "expected text. Quote it for Hydra and for the shell, as in 'name=\"1e5\"'."
        )
    allowed = (_OWN_PACKAGE, *top.allow_targets)
    reader, selection = build_testset(config, allowed=allowed)
    return Experiment(
        testset=reader,
        selection=selection,
        systems={
            name: cast("System | SystemGroup", build(config, f"systems.{name}", allowed=allowed))
            for name in _names(config, "systems")
        },
        metrics={
            name: cast("Metric", build(config, f"metrics.{name}", allowed=allowed))
            for name in _names(config, "metrics")
        },
        inputs=_of_type(build(config, "inputs", allowed=allowed), InputSettings, where="inputs"),
        outputs=_of_type(build(config, "outputs", allowed=allowed), OutputSettings, where="outputs"),
        stats=_of_type(build(config, "stats", allowed=allowed), StatsSettings, where="stats"),
        report=_of_type(build(config, "report", allowed=allowed), ReportSettings, where="report"),
        launcher=cast("Launcher", build(config, "launch", allowed=allowed)),
        name=top.name,
        results=Path(top.results),
        use_cache=top.cache,
        settings=cast("Mapping[str, Any]", OmegaConf.to_container(config, resolve=True)),
    )


def build_testset(config: DictConfig, *, allowed: Sequence[str] = (_OWN_PACKAGE,)) -> tuple[Reader, Selection]:
    """The reader that `testset` names, and what `testset.filter` selects of what it reads.

    Raises: ConfigError naming the key that is unknown, missing or of the wrong type."""
    reader = build(config, "testset", allowed=allowed, beside=(_FILTER,))
    if not isinstance(reader, Reader):
        raise ConfigError(f"testset.{_TARGET}: is a {type(reader).__name__}, which reads nothing.")
    selected = OmegaConf.select(config, f"testset.{_FILTER}")
    if not isinstance(selected, DictConfig):
        raise ConfigError(f"testset.{_FILTER}={selected}: expected settings, such as testset.{_FILTER}.domain=[news].")
    return reader, _filled(Selection, selected, where=f"testset.{_FILTER}.")


def named_testset(name: str) -> tuple[str, dict[str, str]]:
    """The option that reads a test set given by name, and its settings: an imported one, or sacrebleu://wmt22/zh-en."""
    if name.startswith(PREFIX):
        return "sacrebleu", {"testset.test_set": name}
    return "library", {"testset.name": name}


def build_stats(values: Mapping[str, Any]) -> StatsSettings:
    """The statistics settings with these values in place of defaults.

    Raises: ConfigError naming the setting that is unknown or of the wrong type."""
    config = compose_config([])
    known = [field.name for field in dataclasses.fields(StatsSettings)]
    for name in values:
        if name not in known:
            raise ConfigError(f"stats.{name}: no such setting{nearest(name, known)} Settings: {', '.join(known)}.")
    literal = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    set_values(config, {f"stats.{name}": value for name, value in literal.items()})
    return _of_type(build(config, "stats", allowed=(_OWN_PACKAGE,)), StatsSettings, where="stats")


def recorded_metric(name: str, recorded: object, *, config_dir: Path | None = None) -> Metric:
    """The metric of a record: the option of that name, with the values that the record's settings give.

    What to import comes from the option file, never from the record.
    Raises: ConfigError where there is no such option, or it is of another kind than the recorded one."""
    if not isinstance(recorded, Mapping):
        raise ConfigError(
            f"metric {name!r}: was given as an object in Python, and the record does not say how to make it again. "
            f"Leave it out with --metrics, or give it from Python: compare(..., metrics={{{name!r}: ...}})."
        )
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"--config-dir {config_dir}: no such folder (looked in {Path.cwd()}).")
    if name not in option_names("metrics", config_dir):
        raise ConfigError(
            f"metric {name!r}: there is no such option here; it is one of a folder of its own: add --config-dir FOLDER."
        )
    config = compose_config([f"metrics=[{name}]"], config_dir=config_dir)
    target = OmegaConf.select(config, f"metrics.{name}.{_TARGET}")
    if recorded.get(_TARGET) != target:
        raise ConfigError(
            f"metric {name!r}: the option is a {target} here, in the record a {recorded.get(_TARGET)}. Use the version "
            "that made the record."
        )
    set_values(config, {f"metrics.{name}.{key}": value for key, value in recorded.items() if key != _TARGET})
    allowed = (_OWN_PACKAGE,) if config_dir is None else (_OWN_PACKAGE, str(target).split(".")[0])
    return cast("Metric", build(config, f"metrics.{name}", allowed=allowed))


def build(config: DictConfig, key: str, *, allowed: Sequence[str], beside: Sequence[str] = ()) -> object:
    """The object that the option at `key` names in its `_target_`, built from the option's other entries.

    Args: allowed: packages that targets may come from. beside: entries that are none of the option's.
    Raises: ConfigError naming the key that is unknown, missing or of the wrong type."""
    try:
        option = OmegaConf.select(config, key)
        if not isinstance(option, DictConfig) or _TARGET not in option:
            raise ConfigError(f"{key}: expected an option with a {_TARGET}, found {option!r}.")
        target = str(option[_TARGET])
    except OmegaConfBaseException as err:
        raise ConfigError(f"{key}: is no option with a {_TARGET}: {str(err).splitlines()[0]}") from err
    cls = _imported(target, key, allowed)
    settings = OmegaConf.masked_copy(option, [str(name) for name in option if name not in (_TARGET, *beside)])
    settings._set_parent(option._get_parent())  # interpolations reach the rest of the configuration
    return _filled(cls, settings, where=f"{key}.")


def explained(
    err: HydraException | OmegaConfBaseException | YAMLError | UnicodeDecodeError,
    overrides: Sequence[str],
    *,
    config_dir: Path | None = None,
) -> ConfigError:
    """Hydra's error as one of ours: one line, the options there are, and the nearest name."""
    if isinstance(err, UnicodeDecodeError):
        return _not_utf8(err, config_dir)
    if isinstance(err, YAMLError):
        mark = getattr(err, "problem_mark", None)
        where = f"{mark.name}:{mark.line + 1}" if mark is not None else getattr(err, "name", "an option file")
        found = getattr(err, "problem", None) or str(err).splitlines()[0]
        return ConfigError(f"{where}: is not YAML: {found}.")
    if isinstance(err, OverrideParseException):
        return ConfigError(
            f"{err.override}: Hydra cannot read it: {str(err).splitlines()[0]}. Close what is open; text with "
            f"brackets, braces, commas or quotes in it is quoted for Hydra and for the shell, as in {_QUOTED}."
        )
    if isinstance(err, MissingConfigException) and err.missing_cfg_file:
        group, _, option = err.missing_cfg_file.rpartition("/")
        options = option_names(group, config_dir)
        return ConfigError(
            f"{group or 'config'}: no option {option!r}{nearest(option, options)} Options of {group!r}: "
            f"{', '.join(options) or 'none'}. A folder with options of your own is added with --config-dir."
        )
    not_there = re.search(r"Could not override '([^']+)'", str(err))
    if not_there:
        key = not_there.group(1)
        return ConfigError(f"{key}: no such setting{_nearest_key(key, overrides)}")
    causes = [str(err)] + ([str(err.__cause__)] if err.__cause__ is not None else [])
    return ConfigError(" ".join(line.strip() for cause in causes for line in cause.splitlines() if line.strip()))


def _not_utf8(err: UnicodeDecodeError, config_dir: Path | None) -> ConfigError:
    """The error for an option file that is no text; Hydra does not say which one it was reading."""
    for path in sorted(config_dir.rglob("*.yaml")) if config_dir is not None else []:
        try:
            read_text(path)
        except InputError as of_file:
            return ConfigError(str(of_file))
    return ConfigError(f"an option file: is not UTF-8: {err}. Convert it to UTF-8.")


def set_values(config: DictConfig, values: Mapping[str, Any]) -> None:
    """Set composed settings to values taken literally: no override grammar, no interpolation.

    Raises: ConfigError for a setting there is not."""
    for key, value in values.items():
        try:
            OmegaConf.update(config, key, _literal(value), merge=False)
        except OmegaConfBaseException as err:
            raise ConfigError(f"{key}: no such setting with the options that are chosen.") from err


def _literal(value: Any) -> Any:
    """A value, or list of values, that OmegaConf reads back unchanged, even where it looks like an interpolation."""
    if isinstance(value, list):
        return [_literal(element) for element in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"(\\*)\$\{", lambda match: match.group(1) * 2 + r"\${", value)


def option_names(group: str, config_dir: Path | None = None) -> list[str]:
    """The options of a group: those that ship with evalharness and those of one's own folder."""
    folders = [packaged_folder("configs"), *([config_dir] if config_dir is not None else [])]
    return sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})


def _nearest_key(key: str, overrides: Sequence[str]) -> str:
    """A suggestion from the keys there would be without the override that failed."""
    others = [text for text in overrides if text.lstrip("+~").split("=", maxsplit=1)[0] != key]
    if len(others) == len(overrides):
        return "."
    try:
        config = compose_config(others)
    except ConfigError:
        return "."
    parent, _, last = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not isinstance(node, DictConfig):
        group, _, option = parent.partition(".")
        if option in option_names(group, None) and isinstance(OmegaConf.select(config, group), DictConfig):
            return f"; the option {option!r} is not chosen: add it to the list {group}=[...,{option}]."
        return _nearest_key(parent, [f"{parent}=", *others]) if parent else "."
    options = option_names(parent) if parent else []
    if elsewhere := [name for name in options if last in _settings_of(parent, name)]:
        chosen = " or ".join(f"{parent}={name}" for name in elsewhere)
        return f" with the option that is chosen; it is one of {chosen}."
    known = [str(name) for name in node if name != _TARGET]
    return f"{nearest(last, known)} Settings of {parent or 'the configuration'}: {', '.join(known) or 'none'}."


def _settings_of(group: str, option: str) -> list[str]:
    """The settings of an option that ships with evalharness."""
    return [str(name) for name in OmegaConf.load(packaged_folder("configs") / group / f"{option}.yaml")]


def _names(config: DictConfig, group: str) -> list[str]:
    options = config.get(group)
    return [str(name) for name in options] if options is not None else []


def _imported(target: str, key: str, allowed: Sequence[str]) -> type:
    package, _, name = target.rpartition(".")
    if not any(target.startswith(f"{prefix}.") for prefix in allowed):
        raise ConfigError(
            f"{key}.{_TARGET}={target}: only targets of {', '.join(allowed)} are built. If you trust this one, add "
            f"allow_targets=[{target.split('.')[0]}]."
        )
    try:
        cls = getattr(importlib.import_module(package), name)
    except (ImportError, AttributeError) as err:
        raise ConfigError(f"{key}.{_TARGET}={target}: cannot be imported: {err}.") from err
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise ConfigError(f"{key}.{_TARGET}={target}: is not a dataclass of settings.")
    return cls


def _filled(cls: type[T], settings: DictConfig, *, where: str) -> T:
    """An object of a settings class, every value checked against the type of its field."""
    names = [field.name for field in dataclasses.fields(cast("Any", cls))]
    for key in map(str, settings):
        if key not in names:
            raise ConfigError(
                f"{where}{key}: no such setting{nearest(key, names)} Settings: {', '.join(names) or 'none'}."
            )
    schema = OmegaConf.structured(cls)
    OmegaConf.set_readonly(schema, False)  # frozen dataclasses arrive read-only
    values: dict[str, object] = {}
    for name in names:
        if name in settings:
            try:
                given = settings[name]
                schema[name] = _literal(
                    OmegaConf.to_container(given, resolve=True) if OmegaConf.is_config(given) else given
                )
            except (ValidationError, ConfigKeyError, OmegaConfBaseException) as err:
                if isinstance(schema._get_node(name), ListConfig):
                    raise ConfigError(
                        f"{where}{name}={settings._get_node(name)}: expected a list, such as "
                        f"'{where}{name}=[{settings._get_node(name)}]'."
                    ) from err
                raise ConfigError(f"{where}{name}={settings._get_node(name)}: {str(err).splitlines()[0]}") from err
        if OmegaConf.is_missing(schema, name):
            raise ConfigError(f"{where}{name}: has no value; set {where}{name}=...")
        value = schema[name]
        value = OmegaConf.to_container(value) if isinstance(value, DictConfig) else value
        values[name] = tuple(value) if isinstance(value, ListConfig) else value
    return cls(**values)


def _of_type(built: object, cls: type[T], *, where: str) -> T:
    if not isinstance(built, cls):
        raise ConfigError(f"{where}.{_TARGET}: is a {type(built).__name__}; expected {cls.__name__}.")
    return built
