"""The SHA-256 of a checkpoint's files, and whether they are as they were written."""

from __future__ import annotations

import functools
import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evalharness.errors import MissingModelError
from evalharness.fingerprint import fingerprint
from evalharness.folders import cache_folder
from evalharness.textio import write_json

_BLOCK = 1 << 22
_LARGE = 64 << 20
"""Bytes from which a file's SHA-256 is kept for later runs; a smaller one is read again in a tenth of a second."""


def sha256_of(file: Path, *, with_parts: bool = True) -> str:
    """64 hex digits of the whole file, after a check that nothing in it is damaged as far as the file can tell.

    Files that torch has written since 1.6 carry a checksum of every part, which need not be held against them
    (`with_parts`) where the caller knows the SHA-256. A large file is read once in its life: what was found is kept in
    the cache folder under its path, size, times and inode, and holds while these do.

    Raises: MissingModelError where a checksum does not fit."""
    return _checked_sha256(file, with_parts, file_state(file))


@functools.lru_cache(maxsize=64)
def _checked_sha256(file: Path, with_parts: bool, state: tuple[int, ...]) -> str:
    def compute() -> str:
        with ThreadPoolExecutor(max_workers=1) as pool:  # both let go of the interpreter's lock: two cores, one reading
            digest = pool.submit(_sha256, file)
            if with_parts:
                _check_parts(file)
            return digest.result()

    if state[0] < _LARGE:
        return compute()
    return remembered(["sha256", str(file.resolve()), str(with_parts)], [str(one) for one in state], compute)


def file_state(file: Path) -> tuple[int, ...]:
    """What changes when a file is written: size, times and inode."""
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def remembered(what: Sequence[str], state: Sequence[str], compute: Callable[[], str]) -> str:
    """What `compute` gives, kept in the cache folder under `what` for as long as `state` is the same."""
    kept = cache_folder() / "checked" / f"{fingerprint(what)[:32]}.json"
    try:
        content = json.loads(kept.read_text(encoding="utf-8"))
        if content["state"] == list(state):
            return str(content["found"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    found = compute()
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(kept, {"state": list(state), "found": found})
    except OSError:
        pass  # only time is lost
    return found


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    for block in _blocks(file, 0, file.stat().st_size):
        digest.update(block)
    return digest.hexdigest()


def _check_parts(file: Path) -> None:
    """Hold every part of a zip archive against its checksum.

    Raises: MissingModelError naming the first that does not fit."""
    try:
        if not zipfile.is_zipfile(file):
            return
        with zipfile.ZipFile(file) as archive, open(file, "rb") as raw:
            for part in archive.infolist():
                with archive.open(part):  # compares the part's own header with the table at the end
                    pass
                raw.seek(part.header_offset + 26)
                n_name, n_extra = (int.from_bytes(raw.read(2), "little") for _ in range(2))
                start = part.header_offset + 30 + n_name + n_extra
                checksum = 0
                for block in _blocks(file, start, part.compress_size):
                    checksum = zlib.crc32(block, checksum)
                if part.compress_type != zipfile.ZIP_STORED or checksum != part.CRC:
                    raise MissingModelError(
                        f"{file}: is damaged: the checksum of {part.filename} does not fit. Get the checkpoint again."
                    )
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as err:
        raise damaged(file, err) from err


def _blocks(file: Path, start: int, size: int) -> Iterator[memoryview]:
    block = memoryview(bytearray(_BLOCK))
    with open(file, "rb", buffering=0) as raw:
        raw.seek(start)
        while size > 0 and (n_read := raw.readinto(block[: min(_BLOCK, size)])):
            yield block[:n_read]
            size -= n_read


def damaged(file: Path, err: Exception) -> MissingModelError:
    """What to raise for a file that cannot be read as what it should be."""
    what = str(err).splitlines()[0] if str(err) else type(err).__name__
    return MissingModelError(f"{file}: is damaged or is no COMET checkpoint ({what}). Get it again.")
