// The segment browser: sources, references and outputs side by side; or all outputs, one by one.

import { type JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Run } from "./content";
import type { PanelProps } from "./pairs";
import { link } from "./panel";
import { Block, type One } from "./segments/block";
import { Controls } from "./segments/controls";
import { Feed } from "./segments/feed";
import { useKeys } from "./segments/keys";
import { sortedBy } from "./segments/naming";
import type { Listing } from "./segments/order";
import { MOST_PRINTED, Printed, usePrintedTexts, usePrinting } from "./segments/printed";
import { isFiltered, nameOf, placeOf, placesOf, type Query, queryOf } from "./segments/query";
import { useColumns, useListing, useTexts } from "./segments/reading";
import { visible } from "./visible";

const PAGE = 50_000; // blocks in one list: browsers draw nothing beyond some ten million pixels

export function Segments({ content, place, go }: PanelProps): JSX.Element {
  const { run } = content;
  const address = place.toString();
  const { hash } = location;
  const query = useMemo(() => queryOf(run, new URLSearchParams(address), hash), [run, address, hash]);
  const [listing, failure] = useListing(content, query);
  const columns = useColumns(content);
  const flags = useMemo(() => flagsOf(run), [run]);
  const [texts, load] = useTexts(content);
  const printedTexts = usePrintedTexts(content, listing);
  const isPrinting = usePrinting();
  const [hasKeys, setKeys] = useKeys();
  const [page, setPage] = useState(0);
  const counted = useRef<HTMLParagraphElement>(null);
  const set = useCallback(
    (change: Partial<Query>, isSameEntry = false): void => {
      const asked = placeOf(run, { ...query, segment: null, ...change });
      if (isSameEntry) location.replace(link(asked));
      else go(asked);
    },
    [go, run, query],
  );

  const at = query.segment === null ? -1 : run.segments.id.indexOf(query.segment);
  const found = listing === null || at < 0 ? -1 : indexOf(run, query, listing.places, at);
  const notice = useNotice(run, query, at, listing !== null && at >= 0 && found < 0);
  const shownPage = listing === null ? 0 : Math.min(page, Math.max(0, Math.ceil(listing.places.length / PAGE) - 1));
  useEffect(() => setPage(found < 0 ? 0 : Math.floor(found / PAGE)), [listing, found]);
  const target = found >= 0 && Math.floor(found / PAGE) === shownPage ? found % PAGE : null;

  const n = run.segments.id.length;
  const first = shownPage * PAGE;
  const places = listing?.places.subarray(first, first + PAGE);
  const seen = useCallback(
    (from: number, to: number) => {
      if (places !== undefined) load(Array.from(places.subarray(from, to), (one) => one % n));
    },
    [listing, shownPage, load, n],
  );
  const systems = useMemo(() => placesOf(run, query), [run, query]);
  const alone = useMemo(() => run.systems.map((_, system) => [system]), [run]);
  const block = (place: number, known: One | undefined, waiting: string): JSX.Element => (
    <Block
      run={run}
      query={query}
      at={place % n}
      systems={query.isByOutput ? (alone[Math.floor(place / n)] ?? systems) : systems}
      texts={known}
      columns={columns}
      flags={flags}
      sortedBy={sortedBy(run, query, listing?.key?.[place])}
      elsewhere={listing?.elsewhere.get(place) ?? NOWHERE}
      waiting={waiting}
    />
  );
  const noun = query.isByOutput ? "outputs" : "segments";
  return (
    <section class="segments" aria-labelledby="segments-heading">
      <h2 id="segments-heading">Segments</h2>
      <Controls run={run} query={query} set={set} hasKeys={hasKeys} setKeys={setKeys} />
      {query.unknown.length > 0 && <p role="alert">The run has no {visible(query.unknown.join(", no "))}.</p>}
      <p role="status" class="count" tabIndex={-1} ref={counted}>
        {failure !== null
          ? failure
          : listing === null
            ? "Looking …"
            : `${listing.places.length.toLocaleString("en")} of ${listing.n.toLocaleString("en")} ${noun}.`}{" "}
        {visible(notice)}
      </p>
      {listing !== null && listing.places.length === 0 && (
        <p>
          Nothing fits these filters.{" "}
          <button
            type="button"
            onClick={() => {
              counted.current?.focus(); // the button goes
              set(NO_FILTERS);
            }}
          >
            Clear filters
          </button>
        </p>
      )}
      {listing !== null && listing.places.length > PAGE && (
        <Pages first={first} total={listing.places.length} turn={(by) => setPage(shownPage + by)} />
      )}
      {places !== undefined && places.length > 0 && (
        <Feed
          key={`${shownPage} ${identity(listing as Listing)}`}
          count={places.length}
          total={listing?.places.length ?? 0}
          first={first}
          label={query.isByOutput ? "Outputs" : "Segments"}
          isBusy={false}
          estimate={260 + (query.isByOutput ? 0 : 120 * Math.ceil(systems.length / 3))}
          target={target}
          hasKeys={hasKeys}
          seen={seen}
          labelOf={(index) => {
            const place = places[index] as number;
            const name = `Segment ${visible(run.segments.id[place % n] as string)}`;
            return query.isByOutput ? `${name}, ${visible(nameOf(run, Math.floor(place / n)))}` : name;
          }}
          item={(index) => {
            const place = places[index] as number;
            return block(place, texts.get(place % n), "Loading texts …");
          }}
        />
      )}
      {isPrinting && listing !== null && (
        <Printed
          count={Math.min(MOST_PRINTED, listing.places.length)}
          total={listing.places.length}
          noun={noun}
          item={(index) => {
            const place = listing.places[index] as number;
            return block(place, printedTexts.get(place % n) ?? texts.get(place % n), "Its texts were not loaded yet: print again.");
          }}
        />
      )}
    </section>
  );
}

/** Shows a segment that is linked to, whatever the filters, and says what had to be done for it. */
function useNotice(run: Run, query: Query, at: number, isHidden: boolean): string {
  const [notice, setNotice] = useState("");
  const wasFiltered = useRef(false);
  useEffect(() => {
    if (isHidden && isFiltered(query)) {
      wasFiltered.current = true;
      location.replace(link(placeOf(run, { ...query, ...NO_FILTERS })));
    }
  }, [isHidden, query, run]);
  useEffect(() => {
    if (query.segment !== null && at < 0) setNotice(`The run has no segment ${query.segment}.`);
    else if (query.segment !== null && wasFiltered.current && !isFiltered(query)) {
      setNotice(`Filters were cleared to show segment ${query.segment}.`);
    } else setNotice("");
    wasFiltered.current = isFiltered(query);
  }, [query, at]);
  return notice;
}

interface PagesProps {
  first: number;
  total: number;
  /** Goes some pages on. */
  turn: (by: number) => void;
}

function Pages({ first, total, turn }: PagesProps): JSX.Element {
  return (
    <p class="pages">
      <button type="button" disabled={first === 0} onClick={() => turn(-1)}>
        Earlier
      </button>{" "}
      {(first + 1).toLocaleString("en")} to {Math.min(first + PAGE, total).toLocaleString("en")}{" "}
      <button type="button" disabled={first + PAGE >= total} onClick={() => turn(1)}>
        Later
      </button>
    </p>
  );
}

const NOWHERE: number[] = [];
const NO_FILTERS: Partial<Query> = { text: "", equal: {}, flag: null };

/** Where a segment is in the list; -1 where it is not. */
function indexOf(run: Run, query: Query, places: Uint32Array, at: number): number {
  return query.isByOutput ? places.findIndex((one) => one % run.segments.id.length === at) : places.indexOf(at);
}

const identities = new WeakMap<Listing, number>();
let nListings = 0;

function identity(listing: Listing): number {
  if (!identities.has(listing)) identities.set(listing, nListings++);
  return identities.get(listing) as number;
}

/** By segment: who has which flag. */
function flagsOf(run: Run): Map<number, [number, number][]> {
  const flags = new Map<number, [number, number][]>();
  for (const [system, at, flag] of run.flagged) flags.set(at, [...(flags.get(at) ?? []), [system, flag]]);
  return flags;
}
