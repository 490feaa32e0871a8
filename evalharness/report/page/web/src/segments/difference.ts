// What two texts share and where they differ, in parts that spell both.

import { type ChangeObject, diffArrays } from "diff";

const LONGEST = 10_000; // code units that are compared
const MOST_EDITS = 800; // words or characters
const TIMEOUT = 50; // ms
const WITHOUT_SPACES = new Set(["zh", "ja", "th", "km", "lo", "my"]);

export type Unit = "auto" | "words" | "characters";

export interface Part {
  text: string;
  kind: "same" | "added" | "removed";
}

/**
 * What of the first is missing in the second, and what the second has besides: all parts but the added spell the first,
 * all but the removed the second. Null where they are too long, or too different.
 */
export function difference(from: string, to: string, unit: Unit, language: string): Part[] | null {
  if (from.length > LONGEST || to.length > LONGEST) return null;
  const isByCharacter = unit === "characters" || (unit === "auto" && WITHOUT_SPACES.has(language.split("-")[0] as string));
  const [ofFrom, ofTo] = [tokens(from, isByCharacter, language), tokens(to, isByCharacter, language)];
  const numbers = new Map<string, number>(); // compared sooner than texts
  const changes = diffArrays(numbered(ofFrom, numbers), numbered(ofTo, numbers), { maxEditLength: MOST_EDITS, timeout: TIMEOUT });
  return changes === undefined ? null : spelled(changes, ofFrom, ofTo);
}

/** A number for each token, the same for tokens that differ in white space only. */
function numbered(all: string[], numbers: Map<string, number>): number[] {
  return all.map((token) => {
    const word = token.trim();
    const known = numbers.get(word) ?? numbers.size;
    numbers.set(word, known);
    return known;
  });
}

/** Parts with all their white space, which was not compared: what differs behind a word of both is removed and added. */
function spelled(changes: ChangeObject<number[]>[], ofFrom: string[], ofTo: string[]): Part[] {
  const parts: Part[] = [];
  const changed = { removed: "", added: "" };
  const flush = (): void => {
    for (const kind of ["removed", "added"] as const) {
      if (changed[kind] !== "") parts.push({ kind, text: changed[kind] });
      changed[kind] = "";
    }
  };
  const share = (text: string): void => {
    if (text === "") return;
    flush();
    const last = parts.at(-1);
    if (last?.kind === "same") last.text += text;
    else parts.push({ kind: "same", text });
  };
  let [atFrom, atTo] = [0, 0];
  for (const { count, removed, added } of changes) {
    const a = added ? [] : ofFrom.slice(atFrom, (atFrom += count));
    const b = removed ? [] : ofTo.slice(atTo, (atTo += count));
    for (let at = 0; at < count; at++) {
      const [one, other] = [a[at] ?? "", b[at] ?? ""];
      const end = sharedStart(one, other);
      share(one.slice(0, end));
      changed.removed += one.slice(end);
      changed.added += other.slice(end);
    }
  }
  flush();
  return parts;
}

function sharedStart(a: string, b: string): number {
  let end = 0;
  while (end < a.length && a[end] === b[end]) end++;
  return end;
}

/** Words or characters, each with the white space behind it. */
function tokens(text: string, isByCharacter: boolean, language: string): string[] {
  const found: string[] = [];
  for (const { segment } of segmenter(isByCharacter, language).segment(text)) {
    if (found.length > 0 && segment.trim() === "") found[found.length - 1] += segment;
    else found.push(segment);
  }
  return found;
}

const segmenters = new Map<string, Intl.Segmenter>();

function segmenter(isByCharacter: boolean, language: string): Intl.Segmenter {
  const key = `${isByCharacter} ${language}`;
  let known = segmenters.get(key);
  if (known === undefined) {
    const granularity = isByCharacter ? "grapheme" : "word";
    try {
      known = new Intl.Segmenter(language || undefined, { granularity });
    } catch {
      known = new Intl.Segmenter(undefined, { granularity }); // a language that browsers do not know
    }
    segmenters.set(key, known);
  }
  return known;
}
