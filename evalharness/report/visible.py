"""Characters that hide or reorder others, or command a terminal, as marks that can be seen."""

from __future__ import annotations

import re

_NAMED = {
    "\u061c": "ALM", "\u200e": "LRM", "\u200f": "RLM", "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF",
    "\u202d": "LRO", "\u202e": "RLO", "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI",
    "\ufeff": "BOM", "\u2028": "LS", "\u2029": "PS", "\u00ad": "SHY", "\u200b": "ZWSP", "\u2060": "WJ",
    "\u115f": "HCF", "\u1160": "HJF", "\u3164": "HF", "\uffa0": "HWHF",
}  # fmt: skip
# Controls but tab and newline, bidi controls, tags, surrogates, what is no character, and spaces, hyphens and letters
# that nobody sees. Joiners and variation selectors stay: they shape what stands beside them, and emoji and scripts need
# them; spaces of no width do where they part words, behind Thai, Lao, Burmese and Khmer. The page's web/src/visible.ts
# has the same.
HIDDEN = re.compile(
    "(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b|"
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\u3164"
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufffe\uffff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text with `␛` for an escape character, `[RLO]` for a right-to-left override and so on."""
    return HIDDEN.sub(lambda match: _mark(match.group()), text)


def _mark(character: str) -> str:
    if character in _NAMED:
        return f"[{_NAMED[character]}]"
    code_point = ord(character)
    if code_point < 0x20:
        return chr(0x2400 + code_point)
    return "\u2421" if code_point == 0x7F else f"[U+{code_point:04X}]"
