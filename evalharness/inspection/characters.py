"""What is wrong with one text, character by character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from evalharness.inspection.findings import Finding, Kind, Place, named

_LINE_SEPARATORS = "\x85\u2028\u2029"
# Zero width space, word joiner, invisible operators, soft hyphen, and what embeds or overrides a direction of writing.
# Joiners and direction marks are not here: scripts and emoji need them.
_INVISIBLE = "\xad\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069"
_SUSPECT = re.compile(
    f"[\x00-\x09\x0b-\x1f\x7f-\x9f{_INVISIBLE}{_LINE_SEPARATORS}\ufeff\ufffd"
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0xF0000, 0x10000))
    + "]"
)
_INVISIBLE_CHARACTER = re.compile(f"[{_INVISIBLE}]")
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff]")  # Thai, Lao, Tibetan, Myanmar, Khmer
_NOTHING_VISIBLE = re.compile(rf"[\s\ufeff{_INVISIBLE}]*")
# What a character of two or more bytes in UTF-8 looks like when it is read as Windows-1252 or -1251 (or Latin-1): a
# lead byte, then a continuation byte. Correct text has such pairs too, so what they mean is left to ftfy.
_MISREAD_PAIR = re.compile(
    "[Â-ôĂĹ√¬В-фΓ╨╤├┬][\x80-¿€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸЂЃѓЉЊЌЋЏђљњќћџЎўЈҐЁЄЇІіґё№єјЅѕїÇ-ÿ░-▟╡-╬]"
)
# UTF-8 read as GBK: written back in GBK it is UTF-8 again. Three characters in a row are no accident: of 3,900 lines of
# Chinese news and talks none has them.
_UTF8_OF_HAN = re.compile(rb"(?:[\xe3-\xe9][\x80-\xbf]{2}){3}")
_LOST_TWICE = "锟斤拷"  # U+FFFD in UTF-8, twice, read as GBK


def is_clean(text: str) -> bool:
    """Whether nothing can be wrong with a text, told as fast as it can be; most texts are."""
    if not text.isprintable() or not text or text[0] == " " or text[-1] == " ":
        return False
    return text.isascii() or (
        unicodedata.is_normalized("NFC", text)
        and "\ufffd" not in text
        and not _MISREAD_PAIR.search(text)
        and _misread_as_gbk(text) is None
    )


def findings_in(text: str, place: Place, *, tabs_part_fields: bool = False) -> Iterator[Finding]:
    """Everything that is wrong with a text, by kind, in the order of its characters. `place` is the text's own.

    `tabs_part_fields` says that tabs stand between texts here, and are none of their characters."""
    if is_clean(text):
        return

    def found(kind: Kind, index: int, said: str = "") -> Finding:
        code_point = ord(text[index])
        offset = place.column or 1
        where = Place(file=place.file, line=place.line, column=index + offset, field=place.field)
        return Finding(kind=kind, place=where, found=said or named(code_point), code_point=code_point)

    if _NOTHING_VISIBLE.fullmatch(text):
        said = "no text" if not text else f"nothing but {named(ord(text[0]))}"
        code_point = ord(text[0]) if text else None
        yield Finding(kind=Kind.empty_line, place=place, found=said, code_point=code_point)
    else:
        for index, side in ((0, "begins"), (len(text.rstrip()), "ends")):
            if index < len(text) and (text[index] == " " or unicodedata.category(text[index]) == "Zs"):
                yield found(Kind.surrounding_space, index, f"{side} with {named(ord(text[index]))}")
    for match in _SUSPECT.finditer(text):
        kind = _kind_of(match.group())
        if not (kind is Kind.tab and tabs_part_fields) and not _parts_words(text, match.start()):
            yield found(kind, match.start())
    if not unicodedata.is_normalized("NFC", text):
        index = _first_not_nfc(text)
        yield found(Kind.not_nfc, index, f"from {named(ord(text[index]))} on it differs from its normal form (NFC)")
    if (misread := _mojibake(text)) is not None:
        start, said = misread
        yield found(Kind.mojibake, start, f"{named(ord(text[start]))} begins {said}")


def _kind_of(character: str) -> Kind:
    """Of one that `_SUSPECT` matches."""
    code_point = ord(character)
    if character == "\t":
        return Kind.tab
    if character == "\r":
        return Kind.carriage_return
    if character in _LINE_SEPARATORS:
        return Kind.line_separator
    if character == "\0":
        return Kind.null
    if code_point < 0x20 or code_point == 0x7F:
        return Kind.control
    if code_point < 0xA0:
        return Kind.latin1_control
    if 0xD800 <= code_point <= 0xDFFF:
        return Kind.surrogate
    if character == "\ufeff":
        return Kind.inner_byte_order_mark
    if character == "\ufffd":
        return Kind.replacement
    if _INVISIBLE_CHARACTER.match(character):
        return Kind.invisible
    if code_point & 0xFFFE == 0xFFFE or 0xFDD0 <= code_point <= 0xFDEF:
        return Kind.noncharacter
    return Kind.private_use


def _parts_words(text: str, index: int) -> bool:
    """Whether a zero width space stands beside a letter of a script that parts words by it."""
    around = text[max(0, index - 1) : index + 2]
    return text[index] == "\u200b" and _UNSPACED.search(around) is not None


def _first_not_nfc(text: str) -> int:
    """Index of the character by which a text is no longer in composed form."""
    good, bad = 0, len(text)
    while bad - good > 1:
        middle = (good + bad) // 2
        if unicodedata.is_normalized("NFC", text[:middle]):
            good = middle
        else:
            bad = middle
    return bad - 1


def _mojibake(text: str) -> tuple[int, str] | None:
    """Where text that was read in a wrong encoding begins, and what it is; None where there is none."""
    if _MISREAD_PAIR.search(text):
        from ftfy.badness import BADNESS_RE

        if (match := BADNESS_RE.search(text)) is not None:
            pair = _MISREAD_PAIR.search(text, match.start())  # ftfy matches the letters before, too
            start = match.start() if pair is None else pair.start()
            return start, f"{text[start : start + 5]!r}, which is UTF-8 read in another encoding"
    return _misread_as_gbk(text)


def _misread_as_gbk(text: str) -> tuple[int, str] | None:
    if _LOST_TWICE in text:
        return text.index(_LOST_TWICE), f"{_LOST_TWICE!r}, which stands for lost characters, read as GBK"
    written = text.encode("gb18030", "replace")
    if (match := _UTF8_OF_HAN.search(written)) is None:
        return None
    start = len(written[: match.start()].decode("gb18030", "replace"))
    return start, f"{text[start : start + 5]!r}, which is UTF-8 read as GBK"
