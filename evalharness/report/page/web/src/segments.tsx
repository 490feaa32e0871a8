// The segment browser: sources, references and outputs side by side; or all outputs, one by one.

import { type JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Content, Run } from "./content";
import type { PanelProps } from "./pairs";
import { runsOf } from "./pairs/model";
import { fixed, signed } from "./pairs/numbers";
import { link } from "./panel";
import { Block, type One } from "./segments/block";
import { Feed, isTyped } from "./segments/feed";
import { listed, type Listing } from "./segments/order";
import { comparable, isFiltered, type Kind, KINDS, placeOf, type Query, queryOf, scoredMetrics, sorts } from "./segments/query";
import { visible } from "./visible";

const PAGE = 50_000; // blocks in one list: browsers draw nothing beyond some ten million pixels
const PAUSE = 250; // ms without a key until a text is looked for
const MOST_KEPT = 3_000; // segments whose texts are kept
const KIND_NAMES: Record<Kind, string> = { document: "Document", domain: "Domain", original_language: "Original language" };

export function Segments({ content, place, go }: PanelProps): JSX.Element {
  const { run } = content;
  const address = place.toString();
  const query = useMemo(() => queryOf(run, new URLSearchParams(address)), [run, address]);
  const [listing, failure] = useListing(content, query);
  const columns = useColumns(content);
  const flags = useMemo(() => flagsOf(run), [run]);
  const [texts, load] = useTexts(content);
  const [notice, setNotice] = useState("");
  const [page, setPage] = useState(0);
  const wasFiltered = useRef(false);
  const set = useCallback(
    (change: Partial<Query>): void => go(placeOf(run, { ...query, segment: null, ...change })),
    [go, run, query],
  );

  const at = query.segment === null ? -1 : run.segments.id.indexOf(query.segment);
  const isHidden = query.segment !== null && at >= 0 && listing !== null && indexOf(run, query, listing.places, at) < 0;
  useEffect(() => {
    // A link to a segment shows it, whatever the filters.
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

  const shownPage = listing === null ? 0 : Math.min(page, Math.max(0, Math.ceil(listing.places.length / PAGE) - 1));
  const found = listing === null || at < 0 ? -1 : indexOf(run, query, listing.places, at);
  useEffect(() => setPage(found < 0 ? 0 : Math.floor(found / PAGE)), [listing, found]);
  const target = useMemo(() => (found < 0 ? null : { at: found % PAGE, of: {} }), [listing, found]);

  const n = run.segments.id.length;
  const first = shownPage * PAGE;
  const places = listing?.places.subarray(first, first + PAGE);
  const positionOf = (index: number): number => ((places?.[index] as number) ?? 0) % n;
  const seen = useCallback(
    (from: number, to: number) => {
      if (places !== undefined) load(Array.from(places.subarray(from, to), (one) => one % n));
    },
    [listing, shownPage, load, n],
  );
  const systems = useMemo(() => [...new Set(query.systems.flatMap((name) => runsOf(run, name)))], [run, query]);
  const noun = query.isByOutput ? "outputs" : "segments";
  return (
    <section class="segments" aria-labelledby="segments-heading">
      <h2 id="segments-heading">Segments</h2>
      <Controls run={run} query={query} set={set} />
      {query.unknown.length > 0 && <p role="alert">The run has no {visible(query.unknown.join(", no "))}.</p>}
      <p role="status" class="count">
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
          <button type="button" onClick={() => set(NO_FILTERS)}>
            Clear filters
          </button>
        </p>
      )}
      {listing !== null && listing.places.length > PAGE && (
        <p class="pages">
          <button type="button" disabled={shownPage === 0} onClick={() => setPage(shownPage - 1)}>
            Earlier
          </button>{" "}
          {(first + 1).toLocaleString("en")} to {Math.min(first + PAGE, listing.places.length).toLocaleString("en")}{" "}
          <button type="button" disabled={first + PAGE >= listing.places.length} onClick={() => setPage(shownPage + 1)}>
            Later
          </button>
        </p>
      )}
      {places !== undefined && places.length > 0 && (
        <Feed
          key={`${shownPage} ${identity(listing as Listing)}`}
          count={places.length}
          total={listing?.places.length ?? 0}
          first={first}
          label={query.isByOutput ? "Outputs" : "Segments"}
          isBusy={false}
          estimate={query.isByOutput ? 260 : 380}
          target={target}
          seen={seen}
          labelOf={(index) => {
            const name = `Segment ${visible(run.segments.id[positionOf(index)] as string)}`;
            return query.isByOutput ? `${name}, ${visible(run.systems[Math.floor((places[index] as number) / n)]?.name ?? "")}` : name;
          }}
          item={(index) => (
            <Block
              run={run}
              query={query}
              at={positionOf(index)}
              systems={query.isByOutput ? [Math.floor((places[index] as number) / n)] : systems}
              texts={texts.get(positionOf(index))}
              columns={columns}
              flags={flags}
              sortedBy={sortedBy(run, query, listing?.key?.[places[index] as number])}
            />
          )}
        />
      )}
    </section>
  );
}

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

function headingOf(run: Run, name: string): string {
  return run.metrics.find((metric) => metric.name === name)?.heading ?? name;
}

function sortName(run: Run, sort: string, query: Query): string {
  const [kind, ...rest] = sort.split(":");
  const heading = headingOf(run, rest.join(":"));
  if (kind === "score") return heading;
  if (kind === "delta") return `Δ ${heading}: ${visible(query.systems[0] ?? "")} − ${visible(query.systems[1] ?? "")}`;
  return { position: "Order of the test set", length: query.isByOutput ? "Length of the output" : "Length of the source", disagreement: "Disagreement of metrics" }[sort] ?? sort;
}

function sortedBy(run: Run, query: Query, key: number | undefined): string | null {
  if (query.sort === "position" || key === undefined) return null;
  const [kind, ...rest] = query.sort.split(":");
  const metric = run.metrics.find((one) => one.name === rest.join(":"));
  if (kind === "score" && query.isByOutput) return null; // stands below the output
  const name = kind === "score" ? `${sortName(run, query.sort, query)} of ${visible(query.of ?? "")}` : sortName(run, query.sort, query);
  if (Number.isNaN(key)) return `${name}: –`;
  if (metric === undefined) return `${name}: ${query.sort === "length" ? key.toLocaleString("en") : fixed(key, 2)}`;
  const value = key * metric.display_factor;
  return `${name}: ${kind === "delta" ? signed(value, metric.decimals) : fixed(value, metric.decimals)}`;
}

interface ControlsProps {
  run: Run;
  query: Query;
  set: (change: Partial<Query>) => void;
}

function Controls({ run, query, set }: ControlsProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(query.text);
  useEffect(() => setText(query.text), [query.text]);
  useEffect(() => {
    if (text === query.text) return;
    const timer = setTimeout(() => set({ text }), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyped(event.target)) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  const [first] = query.systems;
  return (
    <form class="controls" role="search" aria-label="Segments" onSubmit={(event) => event.preventDefault()}>
      <label>
        List{" "}
        <select
          name="list"
          value={query.isByOutput ? "outputs" : "segments"}
          onChange={(event) => {
            const isByOutput = event.currentTarget.value === "outputs";
            const shown = isByOutput ? run.systems : run.systems.slice(0, 3);
            set({ isByOutput, systems: shown.map((system) => system.name), ...(query.sort.startsWith("delta:") ? { sort: "position", isDescending: false } : {}) });
          }}
        >
          <option value="segments">segments</option>
          <option value="outputs">outputs, one by one</option>
        </select>
      </label>
      <label>
        Text{" "}
        <input
          ref={input}
          type="search"
          name="filter"
          value={text}
          aria-keyshortcuts="/"
          placeholder="in any text or id"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {KINDS.map((kind) => (
        <KindFilter key={kind} run={run} query={query} kind={kind} set={set} />
      ))}
      {(run.flags.length > 0 || query.flag !== null) && (
        <label>
          Flag{" "}
          <select name="flag" value={query.flag ?? ""} onChange={(event) => set({ flag: event.currentTarget.value || null })}>
            <option value="">any</option>
            {[...new Set([...run.flags.map((flag) => flag.name), ...(query.flag === null ? [] : [query.flag])])].map((name) => (
              <option key={name} value={name}>
                {visible(name)}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        Sort by{" "}
        <select
          name="sort"
          value={query.sort}
          onChange={(event) => set({ sort: event.currentTarget.value, isDescending: event.currentTarget.value !== "position" })}
        >
          {sorts(run, query.isByOutput, query.systems).map((sort) => (
            <option key={sort} value={sort}>
              {sortName(run, sort, query)}
            </option>
          ))}
        </select>
      </label>
      {!query.isByOutput && query.sort.startsWith("score:") && (
        <label>
          of{" "}
          <select name="of" value={query.of ?? ""} onChange={(event) => set({ of: event.currentTarget.value })}>
            {[...new Set([...run.systems.map((system) => system.name), ...(query.of === null ? [] : [query.of])])].map((name) => (
              <option key={name} value={name}>
                {visible(name)}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        Order{" "}
        <select
          name="order"
          value={query.isDescending ? "descending" : "ascending"}
          onChange={(event) => set({ isDescending: event.currentTarget.value === "descending" })}
        >
          <option value="ascending">{query.sort === "position" ? "first to last" : "smallest first"}</option>
          <option value="descending">{query.sort === "position" ? "last to first" : "largest first"}</option>
        </select>
      </label>
      <label>
        Differences from{" "}
        <select name="against" value={query.against} onChange={(event) => set({ against: event.currentTarget.value, segment: query.segment })}>
          {comparable(run).map((one) => (
            <option key={one} value={one}>
              {one === "off" ? "nothing" : one.startsWith("system:") ? visible(one.slice(7)) : one.replace(":", " ")}
            </option>
          ))}
        </select>
      </label>
      <label>
        by{" "}
        <select name="unit" value={query.unit} onChange={(event) => set({ unit: event.currentTarget.value as Query["unit"], segment: query.segment })}>
          <option value="auto">the language</option>
          <option value="words">words</option>
          <option value="characters">characters</option>
        </select>
      </label>
      <details>
        <summary>
          Systems: {query.systems.length} of {run.systems.length}
        </summary>
        <fieldset>
          <legend>Systems that are shown</legend>
          {run.systems.map(({ name }) => {
            const isShown = query.systems.some((one) => one === name);
            return (
              <label key={name}>
                <input
                  type="checkbox"
                  checked={isShown}
                  disabled={isShown && query.systems.length === 1}
                  onChange={() => set({ systems: isShown ? query.systems.filter((one) => one !== name) : [...query.systems, name] })}
                />{" "}
                <bdi>{visible(name)}</bdi>
              </label>
            );
          })}
        </fieldset>
      </details>
      <p class="note">
        {query.against !== "off" && (
          <>
            <ins>underlined</ins>: only in the output; <del>struck through</del>: missing in it.{" "}
          </>
        )}
        {query.sort === "disagreement" &&
          "Each metric ranks all outputs of the run from 0 (worst) to 1 (best); disagreement is the largest rank of an output less its smallest, of a segment the largest of the systems shown. "}
        {query.sort.startsWith("delta:") && first !== undefined && "Segments without a score of both systems stand last. "}
        Keys: <kbd>j</kbd> next, <kbd>k</kbd> previous, <kbd>/</kbd> text.
      </p>
    </form>
  );
}

function KindFilter({ run, query, kind, set }: ControlsProps & { kind: Kind }): JSX.Element | null {
  const values = useMemo(() => [...new Set(run.segments[kind]?.filter((one) => one !== null) ?? [])], [run, kind]);
  const chosen = query.equal[kind];
  if (values.length === 0 && chosen === undefined) return null;
  const options = chosen === undefined || values.includes(chosen) ? values : [...values, chosen];
  const { [kind]: _, ...others } = query.equal;
  return (
    <label>
      {KIND_NAMES[kind]}{" "}
      <select
        name={kind}
        value={chosen === undefined ? -1 : options.indexOf(chosen)}
        onChange={(event) => {
          const value = options[Number(event.currentTarget.value)];
          set({ equal: value === undefined ? others : { ...others, [kind]: value } });
        }}
      >
        <option value={-1}>any</option>
        {options.map((value, at) => (
          <option key={value} value={at}>
            {visible(value)}
          </option>
        ))}
      </select>
    </label>
  );
}

function useListing(content: Content, query: Query): [Listing | null, string | null] {
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

function useColumns(content: Content): Map<string, Float64Array> {
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
function useTexts(content: Content): [Map<number, One>, (positions: number[]) => void] {
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

/** By segment: who has which flag. */
function flagsOf(run: Run): Map<number, [number, number][]> {
  const flags = new Map<number, [number, number][]>();
  for (const [system, at, flag] of run.flagged) flags.set(at, [...(flags.get(at) ?? []), [system, flag]]);
  return flags;
}
