"""Which of the checkpoints that options name are here; no network is used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from evalharness.errors import EvalHarnessError
from evalharness.metrics.comet.checkpoint import (
    MINI,
    Checkpoint,
    command_that_gets,
    command_that_gets_encoder,
    encoder_files,
    is_on_hub,
    locate,
)
from evalharness.metrics.comet.metric import Comet
from evalharness.metrics.comet.settings import read_settings

_LICENCE, _SCALE = "Licence: ", "; "


class Presence(Enum):
    """`incomplete`: the checkpoint is here, its encoder's tokenizer or configuration is not; `unusable`: its settings
    are damaged or ask for what is not known."""

    bundled = "bundled"
    here = "here"
    incomplete = "incomplete"
    unusable = "unusable"
    missing = "not here"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOption:
    """An option file of COMET: its name, its checkpoint, and the comment at its top in one line."""

    name: str
    model: str
    revision: str | None
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """`licence` and `scale` are as the option's comment says, None where it does not; `revision` and `n_bytes` are of
    what is here. `reason` and `command` say what is missing and what gets it."""

    option: str
    heading: str
    model: str
    licence: str | None
    scale: str | None
    presence: Presence
    revision: str | None = None
    n_bytes: int | None = None
    reason: str | None = None
    command: str | None = None


def listed(option: ModelOption) -> ListedModel:
    """What is known of an option's checkpoint, and whether it is here with all that it needs."""
    licence, scale = _licence_and_scale(option.comment)
    heading = Comet(model=option.model).heading

    def with_state(
        presence: Presence,
        checkpoint: Checkpoint | None = None,
        reason: EvalHarnessError | None = None,
        command: str | None = None,
    ) -> ListedModel:
        return ListedModel(
            option=option.name,
            heading=heading,
            model=option.model,
            licence=licence,
            scale=scale,
            presence=presence,
            revision=checkpoint.revision if checkpoint is not None else None,
            n_bytes=checkpoint.weights.stat().st_size if checkpoint is not None else None,
            reason=str(reason) if reason is not None else None,
            command=command,
        )

    try:
        checkpoint = locate(option.model, option.revision, is_offline=True)
    except EvalHarnessError as err:
        command = command_that_gets(option.model, option.revision) if is_on_hub(option.model) else None
        return with_state(Presence.missing, reason=err, command=command)
    try:
        settings = read_settings(checkpoint.settings(), checkpoint.settings_file)
    except EvalHarnessError as err:
        return with_state(Presence.unusable, checkpoint, reason=err)
    try:
        encoder_files(checkpoint, settings, is_offline=True)
    except EvalHarnessError as err:
        command = command_that_gets_encoder(settings.pretrained_model)
        return with_state(Presence.incomplete, checkpoint, reason=err, command=command)
    return with_state(Presence.bundled if option.model == MINI else Presence.here, checkpoint)


def _licence_and_scale(comment: str) -> tuple[str | None, str | None]:
    """From `NAME: what it reads; scale. Licence: licence.`"""
    about, found, licence = comment.partition(_LICENCE)
    if not found:
        return None, None
    scale = about.strip().rstrip(".").rpartition(_SCALE)[2]
    return licence.strip().rstrip("."), scale
