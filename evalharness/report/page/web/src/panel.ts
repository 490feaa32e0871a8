// What the views share: columns of scores, and addresses within the page.

import { useEffect, useState } from "preact/hooks";

import type { Content, Run } from "./content";

/** A column once it is there; null until then, and for none. */
export function useColumn(content: Content, name: string | null): Float64Array | null {
  const [found, setFound] = useState<{ name: string; column: Float64Array } | null>(null);
  const [failure, setFailure] = useState<{ name: string; error: Error } | null>(null);
  useEffect(() => {
    let isCurrent = true;
    if (name !== null) {
      content.column(name).then(
        (column) => isCurrent && setFound({ name, column }),
        (error: unknown) =>
          isCurrent && setFailure({ name, error: error instanceof Error ? error : new Error(String(error)) }),
      );
    }
    return () => {
      isCurrent = false;
    };
  }, [content, name]);
  if (failure !== null && failure.name === name) throw failure.error;
  return found !== null && found.name === name ? found.column : null;
}

/** An address within the page. */
export function link(place: Record<string, string>): string {
  return `#${Object.entries(place)
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
    .join("&")}`;
}

/** Names as one value of an address. */
export function listOf(names: string[]): string {
  return names.map(encodeURIComponent).join(",");
}

export function segmentPlace(run: Run, at: number, systems: string[]): Record<string, string> {
  return { segment: run.segments.id[at] as string, systems: listOf(systems) };
}

export function segmentLink(run: Run, at: number, systems: string[]): string {
  return link(segmentPlace(run, at, systems));
}
