// Characters that would hide or reorder others are shown as marks, as in the tables (report/visible.py).

const NAMED: Record<string, string> = {
  "\u061c": "ALM", "\u200e": "LRM", "\u200f": "RLM", "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF",
  "\u202d": "LRO", "\u202e": "RLO", "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI",
  "\ufeff": "BOM", "\u2028": "LS", "\u2029": "PS", "\u00ad": "SHY", "\u200b": "ZWSP", "\u2060": "WJ",
  "\u115f": "HCF", "\u1160": "HJF", "\u3164": "HF", "\uffa0": "HWHF",
};
const HIDDEN =
  /(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b|[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufffe\uffff\u{e0000}-\u{e007f}]/gu;

export function visible(text: string): string {
  return text.replace(HIDDEN, mark);
}

function mark(character: string): string {
  const name = NAMED[character];
  if (name !== undefined) return `[${name}]`;
  const codePoint = character.codePointAt(0) as number;
  if (codePoint < 0x20) return String.fromCodePoint(0x2400 + codePoint);
  return codePoint === 0x7f ? "\u2421" : `[U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}]`;
}
