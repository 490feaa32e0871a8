// What is listed and how: filters, orders, systems, differences.

import { type JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Run } from "../content";
import { visible } from "../visible";
import { isForList } from "./keys";
import { sortName } from "./naming";
import { bestSystems, comparable, type Kind, KINDS, nameOf, placesOf, type Query, sorts, systemsAtFirst } from "./query";

const PAUSE = 250; // ms without a key until a text is looked for
const KIND_NAMES: Record<Kind, string> = {
  document: "Document",
  domain: "Domain",
  original_language: "Original language",
  source_length: "Source length",
};

interface FilterProps {
  run: Run;
  query: Query;
  /** Asks for something else, in a new entry of the history or in place of this one. */
  set: (change: Partial<Query>, isSameEntry?: boolean) => void;
}

interface ControlsProps extends FilterProps {
  hasKeys: boolean;
  setKeys: (hasKeys: boolean) => void;
}

export function Controls({ run, query, set, hasKeys, setKeys }: ControlsProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(query.text);
  useEffect(() => setText(query.text), [query.text]);
  useEffect(() => {
    if (text === query.text) return;
    const timer = setTimeout(() => set({ text }, query.text !== ""), PAUSE);
    return () => clearTimeout(timer);
  }, [text, set, query.text]);
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.key !== "/" || !hasKeys || !isForList(event)) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [hasKeys]);
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
            set({ isByOutput, systems: systemsAtFirst(run, isByOutput), ...(query.sort.startsWith("delta:") ? { sort: "position", isDescending: false } : {}) });
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
          aria-keyshortcuts={hasKeys ? "/" : undefined}
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
            <Options names={run.flags.map((flag) => flag.name)} chosen={query.flag} />
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
            <Options names={bestSystems(run)} chosen={query.of} />
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
        in{" "}
        <select name="unit" value={query.unit} onChange={(event) => set({ unit: event.currentTarget.value as Query["unit"], segment: query.segment })}>
          <option value="auto">words or characters</option>
          <option value="words">words</option>
          <option value="characters">characters</option>
        </select>
      </label>
      <SystemsShown run={run} query={query} set={set} />
      <p class="note">
        {query.against !== "off" && (
          <>
            <ins>underlined</ins>: only in the output; <del>struck through</del>: missing in it.{" "}
          </>
        )}
        {query.sort === "disagreement" &&
          "Each metric ranks all outputs of the run from 0 (worst) to 1 (best); disagreement is the largest rank of an output less its smallest, of a segment the largest of the systems shown. "}
        {query.sort.startsWith("delta:") && first !== undefined && "Segments without a score of both systems stand last. "}
        <label>
          <input type="checkbox" name="keys" checked={hasKeys} onChange={(event) => setKeys(event.currentTarget.checked)} /> Keys
        </label>
        : <kbd>j</kbd> next, <kbd>k</kbd> previous, <kbd>/</kbd> text.
      </p>
    </form>
  );
}

/** Names, and what is chosen though it is none of them. */
function Options({ names, chosen }: { names: string[]; chosen: string | null }): JSX.Element {
  return (
    <>
      {[...new Set([...names, ...(chosen === null ? [] : [chosen])])].map((name) => (
        <option key={name} value={name}>
          {visible(name)}
        </option>
      ))}
    </>
  );
}

/** Runs are chosen one by one, those of a group too. */
function SystemsShown({ run, query, set }: FilterProps): JSX.Element {
  const shown = new Set(placesOf(run, query).map((place) => nameOf(run, place)));
  const all = bestSystems(run);
  return (
    <details>
      <summary>
        Systems: {shown.size} of {run.systems.length}
      </summary>
      <fieldset>
        <legend>Systems that are shown</legend>
        <button type="button" disabled={shown.size === run.systems.length} onClick={() => set({ systems: run.systems.map((one) => one.name) })}>
          All
        </button>
        {all.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={shown.has(name)}
              disabled={shown.has(name) && shown.size === 1}
              onChange={() => set({ systems: all.filter((one) => shown.has(one) !== (one === name)) })}
            />{" "}
            <bdi>{visible(name)}</bdi>
          </label>
        ))}
      </fieldset>
    </details>
  );
}

function KindFilter({ run, query, kind, set }: FilterProps & { kind: Kind }): JSX.Element | null {
  const values = useMemo(() => valuesOf(run, kind), [run, kind]);
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

/** In the order of the test set; lengths from the shortest on. */
function valuesOf(run: Run, kind: Kind): string[] {
  const values = [...new Set(run.segments[kind]?.filter((one) => one !== null) ?? [])];
  return kind === "source_length" ? values.sort((a, b) => parseInt(a) - parseInt(b)) : values;
}
