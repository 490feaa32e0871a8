// What is printed of a list: its first blocks in plain flow, for paper does not scroll.

import { type JSX } from "preact";
import { flushSync } from "preact/compat";
import { useEffect, useState } from "preact/hooks";

import type { Content } from "../content";
import type { One } from "./block";
import type { Listing } from "./order";
import { useTexts } from "./reading";
import { PrintedUntil } from "./text";

export const MOST_PRINTED = 100; // blocks
const REST = 500; // ms that a list stands before texts are read for it
const TIME = 3_000; // ms in which texts are compared before they print plain

/** Whether the page is being printed: what follows from it is in the document before the browser lays it out. */
export function usePrinting(): boolean {
  const [isPrinting, setPrinting] = useState(() => matchMedia("print").matches);
  useEffect(() => {
    const media = matchMedia("print");
    const begin = (): void => flushSync(() => setPrinting(true));
    const end = (): void => flushSync(() => setPrinting(false));
    const change = (): void => (media.matches ? begin() : end());
    addEventListener("beforeprint", begin);
    addEventListener("afterprint", end);
    media.addEventListener("change", change);
    return () => {
      removeEventListener("beforeprint", begin);
      removeEventListener("afterprint", end);
      media.removeEventListener("change", change);
    };
  }, []);
  return isPrinting;
}

/** Texts of what would be printed, read ahead: browsers do not wait for them. */
export function usePrintedTexts(content: Content, listing: Listing | null): Map<number, One> {
  const [texts, load] = useTexts(content);
  const n = content.run.segments.id.length;
  useEffect(() => {
    if (listing === null) return undefined;
    const timer = setTimeout(() => load(Array.from(listing.places.subarray(0, MOST_PRINTED), (place) => place % n)), REST);
    return () => clearTimeout(timer);
  }, [listing, load, n]);
  return texts;
}

interface PrintedProps {
  /** How many are printed, of how many in the list. */
  count: number;
  total: number;
  noun: string;
  item: (at: number) => JSX.Element;
}

export function Printed({ count, total, noun, item }: PrintedProps): JSX.Element {
  const [until] = useState(() => performance.now() + TIME);
  return (
    <PrintedUntil.Provider value={until}>
      <div class="printed">
        {count < total && (
          <p>
            The first {count.toLocaleString("en")} of {total.toLocaleString("en")} {noun} are printed; filter to choose others.
          </p>
        )}
        {Array.from({ length: count }, (_, at) => (
          <article key={at}>{item(at)}</article>
        ))}
      </div>
    </PrintedUntil.Provider>
  );
}
