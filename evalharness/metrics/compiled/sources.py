"""The names that the build of the compiled counters and their users agree on. Standard library only."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent


def library_name(platform: str) -> str:
    """The file of the library on a platform, which `sys.platform` or a wheel's platform tag names."""
    is_mac = platform.startswith(("darwin", "macosx"))
    return "counters" + (".dll" if platform.startswith("win") else ".dylib" if is_mac else ".so")


def fingerprint_of_sources() -> str:
    """What a library carries of the sources it was made from, so that one that is out of date is told."""
    digest = sha256()
    for path in sorted((*FOLDER.glob("*.c"), *FOLDER.glob("*.h"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
