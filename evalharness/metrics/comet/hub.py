"""Folders of the hub's cache, downloaded if need be, with one clear message for each way that can fail."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from evalharness.errors import MissingDependencyError, MissingModelError

HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
"""Of a repository on the hub: `owner/name`, or `name` for the oldest ones, encoders such as xlm-roberta-large."""
_ETAG_TIMEOUT_S = 10


def hub_folder(name: str, *, revision: str | None, what: str, command: str, patterns: list[str] | None = None) -> Path:
    """The folder of the cache that holds a repository of the hub, downloaded if need be; `patterns` choose its files.

    Raises: MissingModelError that begins with `what` and, where the hub cannot be reached, names `command`."""
    try:
        from huggingface_hub import constants, snapshot_download
        from huggingface_hub import errors as hub
    except ImportError as err:
        raise MissingDependencyError(
            f"{what} is a name on the hub, and huggingface_hub cannot be imported: {err}. "
            "Install it with pip install huggingface_hub."
        ) from err
    get_it = (
        f"On a machine with a network, `{command}` puts it into the cache (HF_HOME names the cache); or point model at "
        "a folder that holds checkpoints/model.ckpt and hparams.yaml."
    )
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns, etag_timeout=_ETAG_TIMEOUT_S))
    except hub.GatedRepoError as err:
        raise MissingModelError(
            f"{what} is gated: accept its licence on its page on the hub, then log in with `huggingface-cli login` (or "
            "set HF_TOKEN)."
        ) from err
    except hub.RevisionNotFoundError as err:
        raise MissingModelError(f"{what}: the hub has no revision {revision!r} of it.") from err
    except hub.RepositoryNotFoundError as err:
        raise MissingModelError(
            f"{what}: not on the hub, or private. Check the name; for a private one log in with "
            "`huggingface-cli login`."
        ) from err
    except hub.LocalEntryNotFoundError as err:
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "the hub cannot be reached"
        raise MissingModelError(f"{what}: not in the cache {constants.HF_HUB_CACHE}, and {why}. {get_it}") from err
    except OSError as err:
        if err.errno == errno.ENOSPC:
            raise MissingModelError(
                f"{what}: no disk space left in {constants.HF_HUB_CACHE}. Free some or move the cache with HF_HOME; a "
                "download that was begun is continued."
            ) from err
        raise MissingModelError(f"{what}: cannot be downloaded: {err}. {get_it}") from err
