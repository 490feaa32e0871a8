"""Short names for content: the same text and settings give the same name on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from evalharness.records import TestSet

_DIGEST_BYTES = 16


def fingerprint(parts: Iterable[str | None]) -> str:
    """32 hex digits that depend on every part, on their order, and on what is None and what is empty.

    Each part is preceded by its length in bytes, so that no two different sequences run together."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        if part is None:
            digest.update(b"-;")
        else:
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(b"%d;" % len(encoded))
            digest.update(encoded)
    return digest.hexdigest()


def fingerprint_testset(testset: TestSet) -> str:
    """The fingerprint of everything in a test set that a score can depend on: not its name or provenance."""
    parts: list[str | None] = [str(testset.language_pair)]
    for segment in testset.segments:
        n_references = str(len(segment.references))
        if segment.original_language is not None:  # in this way test sets without it keep the fingerprint they had
            n_references += f" of {segment.original_language}"
        parts += [segment.id, segment.source, segment.document, segment.domain, n_references]
        parts += segment.references
    return fingerprint(parts)
