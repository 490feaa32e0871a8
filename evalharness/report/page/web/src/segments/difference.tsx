// A text, alone or compared with another.

import { diffArrays } from "diff";
import { Fragment, type JSX } from "preact";
import { useMemo, useState } from "preact/hooks";

import type { ErrorSpan } from "../content";
import { visible } from "../visible";

const LONGEST = 10_000; // characters that are compared
const MOST_EDITS = 800; // words or characters, 50 ms or so
const TIMEOUT = 400; // ms, on slow machines
const SHOWN = 2_000; // characters, until more are asked for
const WITHOUT_SPACES = new Set(["zh", "ja", "th", "km", "lo", "my"]);

export type Unit = "auto" | "words" | "characters";

interface Part {
  text: string;
  kind: "same" | "added" | "removed";
}

/** What of the first is missing in the second, and what the second has besides; null where they are too long. */
export function difference(from: string, to: string, unit: Unit, language: string): Part[] | null {
  if (from.length > LONGEST || to.length > LONGEST) return null;
  const isByCharacter = unit === "characters" || (unit === "auto" && WITHOUT_SPACES.has(language.split("-")[0] as string));
  const parts = diffArrays(tokens(from, isByCharacter, language), tokens(to, isByCharacter, language), {
    comparator: (a, b) => a.trim() === b.trim(),
    maxEditLength: MOST_EDITS,
    timeout: TIMEOUT,
  }) as { value: string[]; added?: boolean; removed?: boolean }[] | undefined;
  if (parts === undefined) return null;
  return parts.map((part) => ({
    text: part.value.join(""),
    kind: part.added ? "added" : part.removed ? "removed" : "same",
  }));
}

/** Words with the white space behind them. */
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

interface TextProps {
  text: string | null | undefined;
  language: string;
  missing: string;
  /** Marked parts of the text. */
  errors?: (ErrorSpan & { heading: string })[];
  against?: { name: string; text: string | null | undefined } | null;
  unit?: Unit;
}

/** Every text of the browser: isolated from what stands around it, cut where very long until all is asked for. */
export function Text({ text, language, missing, errors = [], against = null, unit = "auto" }: TextProps): JSX.Element {
  const [isWhole, setWhole] = useState(false);
  const isSame = against?.text == null || text == null;
  const parts = useMemo(
    () => (isSame ? undefined : difference(against?.text as string, text as string, unit, language)),
    [isSame, against?.text, text, unit, language],
  );
  if (text == null) return <p class="text missing">{missing}</p>;
  if (text === "") return <p class="text missing">empty</p>;
  const isCut = !isWhole && text.length > SHOWN;
  const end = isCut ? cutAt(text) : text.length;
  let left = end;
  let before = 0;
  return (
    <div>
      <p class="text" dir="auto" lang={language || undefined}>
        {parts == null
          ? marked(text.slice(0, end), errors)
          : parts.map((part, at) => {
              if (isCut && left <= 0) return null;
              const shown = isCut ? part.text.slice(0, part.kind === "removed" ? SHOWN : left) : part.text;
              if (part.kind === "removed") return <del key={at}>{visible(shown)}</del>;
              const content = marked(shown, errors, before);
              left -= part.text.length;
              before += [...part.text].length;
              return part.kind === "added" ? <ins key={at}>{content}</ins> : <Fragment key={at}>{content}</Fragment>;
            })}
        {isCut && "…"}
      </p>
      {isCut && (
        <button type="button" onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString("en")} characters
        </button>
      )}
      {parts === null && <p class="note">Too long, or too different, to compare with {visible(against?.name ?? "")}.</p>}
      {against !== null && against.text == null && <p class="note">Nothing to compare with: {visible(against.name)} has none.</p>}
    </div>
  );
}

/** Before a character, not within one. */
function cutAt(text: string): number {
  const code = text.charCodeAt(SHOWN);
  return code >= 0xdc00 && code <= 0xdfff ? SHOWN - 1 : SHOWN;
}

/** A part of a hypothesis, which has `before` code points before it. */
function marked(text: string, errors: ErrorSpan[], before = 0): (JSX.Element | string)[] {
  if (errors.length === 0) return [visible(text)];
  const characters = [...text];
  const ends = new Set([0, characters.length]);
  for (const { start, end } of errors)
    for (const place of [start - before, end - before]) if (place > 0 && place < characters.length) ends.add(place);
  const places = [...ends].sort((a, b) => a - b);
  return places.slice(0, -1).map((from, at) => {
    const to = places[at + 1] as number;
    const part = visible(characters.slice(from, to).join(""));
    const here = errors.filter((one) => one.start <= from + before && to + before <= one.end);
    return here.length === 0 ? part : <mark key={from} class={here.some((one) => one.severity !== "minor") ? "worse" : "minor"}>{part}</mark>;
  });
}
