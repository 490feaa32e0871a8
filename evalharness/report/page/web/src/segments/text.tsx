// A text, alone or compared with another.

import { createContext, Fragment, type JSX } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";

import type { ErrorSpan } from "../content";
import { visible } from "../visible";
import { difference, type Part, type Unit } from "./difference";
import { inTurn } from "./turns";

const SHOWN = 2_000; // characters, until more are asked for

/** The time until which printed texts are compared; null on the screen. */
export const PrintedUntil = createContext<number | null>(null);

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
  const isPrinted = useContext(PrintedUntil) !== null;
  const parts = useDifference(against?.text, text, unit, language);
  const nCharacters = useMemo(() => length(text ?? ""), [text]);
  if (text == null) return <p class="text missing">{missing}</p>;
  if (text === "") return <p class="text missing">empty</p>;
  const all = parts ?? [{ text, kind: "same" }];
  const isCut = !isWhole && nCharacters > SHOWN;
  const isUncompared = parts === undefined && against?.text != null;
  return (
    <div>
      <p class="text" dir="auto" lang={language || undefined} aria-busy={(isUncompared && !isPrinted) || undefined}>
        <Parts parts={isCut ? startOf(all, SHOWN) : all} errors={errors} />
        {isCut && "…"}
      </p>
      {isCut && !isPrinted && (
        <button type="button" onClick={() => setWhole(true)}>
          Show all {nCharacters.toLocaleString("en")} characters
        </button>
      )}
      {isCut && isPrinted && (
        <p class="note">
          {SHOWN.toLocaleString("en")} of {nCharacters.toLocaleString("en")} characters.
        </p>
      )}
      {parts === null && <p class="note">Too long, or too different, to compare with {visible(against?.name ?? "")}.</p>}
      {isUncompared && isPrinted && <p class="note">Not compared: there is too much to print.</p>}
      {against !== null && against.text == null && <p class="note">Nothing to compare with: {visible(against.name)} has none.</p>}
    </div>
  );
}

/** The parts once they are found; undefined until then, and where there is nothing to compare; null for too long. */
function useDifference(from: string | null | undefined, to: string | null | undefined, unit: Unit, language: string): Part[] | null | undefined {
  const until = useContext(PrintedUntil);
  const asked = useMemo(
    () => (from == null || to == null ? null : () => difference(from, to, unit, language)),
    [from, to, unit, language],
  );
  const printed = useMemo(
    () => (asked !== null && until !== null && performance.now() < until ? asked() : undefined),
    [asked, until],
  );
  const [found, setFound] = useState<{ asked: typeof asked; parts: Part[] | null } | null>(null);
  useEffect(() => {
    if (asked === null || until !== null) return undefined;
    return inTurn(() => setFound({ asked, parts: asked() }));
  }, [asked, until]);
  if (until !== null) return printed;
  return found !== null && found.asked === asked ? found.parts : undefined;
}

function Parts({ parts, errors }: { parts: Part[]; errors: ErrorSpan[] }): JSX.Element {
  let before = 0;
  return (
    <>
      {parts.map(({ text, kind }, at) => {
        if (kind === "removed") return <del key={at}>{visible(text)}</del>;
        const content = marked(text, errors, before);
        before += length(text);
        return kind === "added" ? <ins key={at}>{content}</ins> : <Fragment key={at}>{content}</Fragment>;
      })}
    </>
  );
}

/** The parts with the first characters of a text, and as many of what is removed at a place at most. */
function startOf(parts: Part[], n: number): Part[] {
  let left = n;
  return parts.flatMap(({ text, kind }) => {
    if (left === 0) return [];
    const shown = firstCharacters(text, kind === "removed" ? n : left);
    if (kind !== "removed") left -= length(shown);
    return [{ text: shown, kind }];
  });
}

/** Characters are code points here, as everywhere in the record. */
function length(text: string): number {
  let n = 0;
  for (const _ of text) n++;
  return n;
}

function firstCharacters(text: string, n: number): string {
  let end = 0;
  for (let at = 0; at < n && end < text.length; at++) end += (text.codePointAt(end) as number) > 0xffff ? 2 : 1;
  return text.slice(0, end);
}

/** A part of a hypothesis, which has `before` code points before it. */
function marked(text: string, errors: ErrorSpan[], before: number): (JSX.Element | string)[] {
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
