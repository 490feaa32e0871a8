// What the browser shows, once it is read: the list, columns of scores, texts.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import type { Content } from "../content";
import type { One } from "./block";
import { listed, type Listing } from "./order";
import { type Query, scoredMetrics } from "./query";

const MOST_KEPT = 3_000; // segments whose texts are kept

export function useListing(content: Content, query: Query): [Listing | null, string | null] {
  const [listing, setListing] = useState<Listing | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  // What the list does not depend on changes without a new one.
  const key = JSON.stringify([query.isByOutput, query.systems, query.sort, query.of, query.isDescending, query.text, query.equal, query.flag]);
  useEffect(() => {
    let isCurrent = true;
    setListing(null);
    setFailure(null);
    listed(content, query).then(
      (found) => isCurrent && setListing(found),
      (error: unknown) => isCurrent && setFailure(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      isCurrent = false;
    };
  }, [content, key]);
  return [listing, failure];
}

export function useColumns(content: Content): Map<string, Float64Array> {
  const [columns, setColumns] = useState(new Map<string, Float64Array>());
  const [failure, setFailure] = useState<Error | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const names = scoredMetrics(content.run).map((metric) => metric.name);
    Promise.all(names.map((name) => content.column(name))).then(
      (all) => isCurrent && setColumns(new Map(names.map((name, at) => [name, all[at] as Float64Array]))),
      (error: unknown) => isCurrent && setFailure(error instanceof Error ? error : new Error(String(error))),
    );
    return () => {
      isCurrent = false;
    };
  }, [content]);
  if (failure !== null) throw failure;
  return columns;
}

/** Texts of segments that were in sight, and how to ask for more. */
export function useTexts(content: Content): [Map<number, One>, (positions: number[]) => void] {
  const [texts, setTexts] = useState(new Map<number, One>());
  const [failure, setFailure] = useState<Error | null>(null);
  const asked = useRef(new Set<number>());
  const load = useCallback(
    (positions: number[]) => {
      const missing = [...new Set(positions)].filter((at) => !asked.current.has(at));
      if (missing.length === 0) return;
      if (asked.current.size > MOST_KEPT) {
        asked.current = new Set(positions);
        missing.splice(0, missing.length, ...asked.current);
      }
      for (const at of missing) asked.current.add(at);
      content.texts(missing).then(
        (all) =>
          setTexts((before) => {
            const after = new Map([...before].filter(([at]) => asked.current.has(at)));
            missing.forEach((at, place) => after.set(at, oneOf(all, place)));
            return after;
          }),
        (error: unknown) => setFailure(error instanceof Error ? error : new Error(String(error))),
      );
    },
    [content],
  );
  if (failure !== null) throw failure;
  return [texts, load];
}

function oneOf(all: One, place: number): One {
  const one: One = {
    sources: all.sources.slice(place, place + 1),
    references: all.references.slice(place, place + 1),
    hypotheses: all.hypotheses.map((of) => of.slice(place, place + 1)),
  };
  if (all.errors !== undefined) {
    one.errors = Object.fromEntries(
      Object.entries(all.errors).map(([metric, of]) => [metric, of.map((ofSystem) => ofSystem.slice(place, place + 1))]),
    );
  }
  return one;
}
