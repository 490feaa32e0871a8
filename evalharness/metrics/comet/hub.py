"""Folders of the hub's cache, downloaded if need be, with one clear message for each way that can fail."""

from __future__ import annotations

import errno
import functools
import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evalharness.errors import MissingDependencyError, MissingModelError

HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
"""Of a repository on the hub: `owner/name`, or `name` for the oldest ones, encoders such as xlm-roberta-large."""
_ETAG_TIMEOUT_S = 10
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOBS = "blobs"


def download_command(name: str, revision: str | None, files: Sequence[str] = (), patterns: Sequence[str] = ()) -> str:
    """What puts files of a repository into the cache, for a shell."""
    words = ["hf", "download", name, *files]
    words += ["--include", *(f"'{pattern}'" for pattern in patterns)] if patterns else []
    words += ["--revision", revision] if revision is not None else []
    return " ".join(words)


def hub_folder(
    name: str, *, revision: str | None, what: str, command: str, patterns: Sequence[str], is_offline: bool = False
) -> Path:
    """The folder of the cache that holds a repository of the hub, its files that `patterns` choose downloaded if need
    be; the folder's name is the commit. With `is_offline` the hub is not asked.

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
        f"On a machine with a network, `{command}` puts it into the cache (HF_HOME names the cache). Or make one "
        "folder there that holds all a checkpoint needs, its encoder's tokenizer too, with "
        "`evalharness comet convert`, bring it here, and give it as the model."
    )
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=list(patterns),
                etag_timeout=_ETAG_TIMEOUT_S,
                local_files_only=is_offline,
                tqdm_class=_bars(),
            )
        )
    except hub.GatedRepoError as err:
        raise MissingModelError(
            f"{what} is gated: accept its licence on {constants.ENDPOINT}/{name}, then log in with `hf auth login` (or "
            "set HF_TOKEN) as the user who did."
        ) from err
    except hub.RevisionNotFoundError as err:
        raise MissingModelError(
            f"{what}: the hub has no revision {revision!r} of it; expected a commit, branch or tag that "
            f"{constants.ENDPOINT}/{name}/commits/main lists."
        ) from err
    except hub.RepositoryNotFoundError as err:
        raise MissingModelError(
            f"{what}: not on the hub, or private. Check the name; for a private one log in with `hf auth login`."
        ) from err
    except hub.HFValidationError as err:
        raise MissingModelError(
            f"{what}: is no name that a repository on the hub can have: {_first_line(err)}"
        ) from err
    except hub.LocalEntryNotFoundError as err:
        why = "" if is_offline else f", and {_why_not_reached(err, constants)}"
        raise MissingModelError(f"{what}: not in the cache {constants.HF_HUB_CACHE}{why}. {get_it}") from err
    except (OSError, RuntimeError) as err:
        if _is_disk_full(err):
            raise MissingModelError(
                f"{what}: no disk space left in {constants.HF_HUB_CACHE}. Free some or move the cache with HF_HOME; a "
                "download that was begun is continued."
            ) from err
        if _status(err) == 401:
            raise MissingModelError(
                f"{what}: the hub refuses the token it was given (status 401). Log in again with `hf auth login`, or "
                "set or unset HF_TOKEN."
            ) from err
        raise _cut_short(what, err, get_it) from err
    except _transport_errors() as err:
        raise _cut_short(what, err, get_it) from err


def blob_sha256(file: Path) -> str | None:
    """The SHA-256 that the hub names a large file by, which is its name in the cache; None for any other file."""
    blob = file.resolve()
    return blob.name if blob.parent.name == _BLOBS and _SHA256.fullmatch(blob.name) else None


def _is_disk_full(err: OSError | RuntimeError) -> bool:
    """Also of what hf_xet, which loads most files of the hub, raises: a RuntimeError with words of the system's."""
    if isinstance(err, OSError):
        return err.errno == errno.ENOSPC
    return f"(os error {errno.ENOSPC})" in str(err) or os.strerror(errno.ENOSPC).lower() in str(err).lower()


def _cut_short(what: str, err: BaseException, get_it: str) -> MissingModelError:
    return MissingModelError(
        f"{what}: cannot be downloaded: {_first_line(err)} What was loaded is kept, and the same command goes on from "
        f"there. {get_it}"
    )


def _why_not_reached(err: BaseException, constants: Any) -> str:
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    status = _status(err.__cause__)
    answered = f" (it answers with status {status})" if status is not None else ""
    return f"the hub {constants.ENDPOINT} cannot be reached{answered}"


def _status(err: BaseException | None) -> int | None:
    """What the server answered, where it did."""
    return getattr(getattr(err, "response", None), "status_code", None)


def _first_line(err: BaseException) -> str:
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    first = lines[0] if lines else type(err).__name__
    return first if first.endswith(".") else f"{first}."


def _transport_errors() -> tuple[type[BaseException], ...]:
    """What huggingface_hub 1 lets through from httpx, which knows no OSError; version 0 has requests, which does."""
    try:
        return (importlib.import_module("httpx").HTTPError,)
    except ImportError:
        return ()


@functools.cache
def _bars() -> Any:
    """Progress bars on a terminal, none elsewhere; huggingface_hub draws that of a folder into any file."""
    base: Any = importlib.import_module("huggingface_hub.utils").tqdm

    class Bars(base):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            settings["disable"] = settings.get("disable") or not sys.stderr.isatty()
            super().__init__(*arguments, **settings)

    return Bars
