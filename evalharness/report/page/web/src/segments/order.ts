// Which segments or outputs are listed, and in what order: in steps, between which the browser can draw.

import { breath, type Content, type Run } from "../content";
import { segmentScores } from "../pairs/model";
import { KINDS, placesOf, type Query, scoredMetrics } from "./query";

const RUN = 4096;
const STEP = 1 << 17;

export interface Listing {
  /** Places of segments, or of outputs: system * N + segment. */
  places: Uint32Array;
  /** How many there are without filters. */
  n: number;
  /** What they are sorted by, for each place; null in the order of the test set. */
  key: Float64Array | null;
  /** By segment, the systems not shown in whose outputs the text is found that nothing shown holds. */
  elsewhere: Map<number, number[]>;
}

/** Places by their keys; equal ones in their order, those without a key last. */
export async function sorted(places: Uint32Array, key: Float64Array, isDescending: boolean): Promise<Uint32Array> {
  const sign = isDescending ? -1 : 1;
  const compared = (a: number, b: number): number => {
    const [x, y] = [key[a] as number, key[b] as number];
    if (x === y) return a - b;
    if (Number.isNaN(x)) return Number.isNaN(y) ? a - b : 1;
    return Number.isNaN(y) ? -1 : sign * (x - y);
  };
  let from = places.slice();
  for (let start = 0; start < from.length; start += RUN) {
    from.subarray(start, start + RUN).sort(compared);
    await breath();
  }
  let to = new Uint32Array(from.length);
  for (let width = RUN; width < from.length; width *= 2) {
    for (let start = 0; start < from.length; start += 2 * width) {
      const [middle, end] = [Math.min(start + width, from.length), Math.min(start + 2 * width, from.length)];
      let [left, right] = [start, middle];
      for (let at = start; at < end; at++) {
        const isLeft = left < middle && (right >= end || compared(from[left] as number, from[right] as number) <= 0);
        to[at] = from[isLeft ? left++ : right++] as number;
        if (at % STEP === STEP - 1) await breath();
      }
    }
    [from, to] = [to, from];
    await breath();
  }
  return from;
}

export async function listed(content: Content, query: Query): Promise<Listing> {
  const { run } = content;
  const n = run.segments.id.length;
  const systems = placesOf(run, query).sort((a, b) => a - b);
  const search = query.text === "" ? null : await searched(content, query, systems);
  const isIn = filter(run, query, search);
  const places = new Uint32Array(query.isByOutput ? systems.length * n : n);
  let kept = 0;
  for (const system of query.isByOutput ? systems : [0]) {
    for (let at = 0; at < n; at++) if (isIn(system, at)) places[kept++] = query.isByOutput ? system * n + at : at;
    if (kept > 0 && query.isByOutput) await breath();
  }
  const key = await keyOf(content, query, systems);
  const found = places.slice(0, kept);
  const listing = { n: places.length, key, elsewhere: search?.elsewhere ?? new Map<number, number[]>() };
  if (key !== null) return { ...listing, places: await sorted(found, key, query.isDescending) };
  return { ...listing, places: query.isDescending ? found.reverse() : found };
}

type Test = (system: number, at: number) => boolean;

function filter(run: Run, query: Query, search: Search | null): Test {
  const tests: Test[] = search === null ? [] : [search.test];
  for (const kind of KINDS) {
    const wanted = query.equal[kind];
    if (wanted !== undefined) tests.push((_, at) => run.segments[kind]?.[at] === wanted);
  }
  const flag = query.flag;
  if (flag !== null) {
    const of = flaggedBy(run, run.flags.findIndex((one) => one.name === flag), query.isByOutput);
    tests.push((system, at) => of.has(query.isByOutput ? system * run.segments.id.length + at : at));
  }
  return (system, at) => tests.every((test) => test(system, at));
}

interface Search {
  test: Test;
  elsewhere: Map<number, number[]>;
}

/** Outputs that hold the text, or whose segment does; segments that hold it anywhere, in an output not shown too. */
async function searched(content: Content, query: Query, systems: number[]): Promise<Search> {
  const found = await content.search(query.text);
  const wanted = query.text.normalize("NFC").toLowerCase();
  const ofAll = new Set([...found.sources, ...found.references]);
  content.run.segments.id.forEach((id, at) => id.normalize("NFC").toLowerCase().includes(wanted) && ofAll.add(at));
  const bySystem = found.hypotheses.map((places) => new Set(places));
  const elsewhere = new Map<number, number[]>();
  if (query.isByOutput) return { test: (system, at) => ofAll.has(at) || bySystem[system]?.has(at) === true, elsewhere };
  const shown = new Set(systems.flatMap((system) => found.hypotheses[system] ?? []));
  found.hypotheses.forEach((places, system) => {
    for (const at of places) if (!ofAll.has(at) && !shown.has(at)) elsewhere.set(at, [...(elsewhere.get(at) ?? []), system]);
  });
  return { test: (_, at) => ofAll.has(at) || shown.has(at) || elsewhere.has(at), elsewhere };
}

function flaggedBy(run: Run, flag: number, isByOutput: boolean): Set<number> {
  const n = run.segments.id.length;
  return new Set(run.flagged.filter((one) => one[2] === flag).map(([system, at]) => (isByOutput ? system * n + at : at)));
}

async function keyOf(content: Content, query: Query, systems: number[]): Promise<Float64Array | null> {
  const { run } = content;
  if (query.sort === "position") return null;
  if (query.sort === "length") return content.column(query.isByOutput ? "hypothesis_length" : "source_length");
  if (query.sort === "disagreement") return disagreement(content, query.isByOutput ? null : systems);
  const [kind, ...rest] = query.sort.split(":");
  const column = await content.column(rest.join(":"));
  if (query.isByOutput) return column;
  if (kind === "score") return segmentScores(run, column, query.of as string);
  const [a, b] = [query.systems[0] as string, query.systems[1] as string];
  const [ofA, ofB] = [segmentScores(run, column, a), segmentScores(run, column, b)];
  return ofA.map((value, at) => value - (ofB[at] as number));
}

/**
 * How far metrics rank an output apart: each ranks all outputs from 0 (worst) to 1 (best), equal scores sharing the mean,
 * and the spread is the largest rank less the smallest; of systems, the largest spread among theirs, by segment. NaN
 * where fewer than two metrics have a score.
 */
async function disagreement(content: Content, systems: number[] | null): Promise<Float64Array> {
  const { run } = content;
  const n = run.segments.id.length;
  const size = run.systems.length * n;
  const low = new Float64Array(size).fill(Infinity);
  const high = new Float64Array(size).fill(-Infinity);
  const nRanked = new Uint8Array(size);
  const all = Uint32Array.from({ length: size }, (_, at) => at);
  for (const metric of scoredMetrics(run)) {
    const column = await content.column(metric.name);
    const order = await sorted(all, column, !metric.higher_is_better);
    let nScored = size;
    while (nScored > 0 && Number.isNaN(column[order[nScored - 1] as number])) nScored--;
    for (let start = 0, end = 0; start < nScored; start = end) {
      while (end < nScored && column[order[end] as number] === column[order[start] as number]) end++;
      const rank = nScored > 1 ? (start + end - 1) / 2 / (nScored - 1) : 0.5;
      for (let at = start; at < end; at++) {
        const place = order[at] as number;
        low[place] = Math.min(low[place] as number, rank);
        high[place] = Math.max(high[place] as number, rank);
        nRanked[place] = Math.min(2, (nRanked[place] as number) + 1);
      }
    }
    await breath();
  }
  // Rounded so that what is equal is not sorted by the last bit of a float.
  const spread = high.map((value, place) =>
    (nRanked[place] as number) > 1 ? Math.round((value - (low[place] as number)) * 1e9) / 1e9 : NaN,
  );
  if (systems === null) return spread;
  return Float64Array.from({ length: n }, (_, at) => {
    const values = systems.map((system) => spread[system * n + at] as number).filter((value) => !Number.isNaN(value));
    return values.length === 0 ? NaN : Math.max(...values);
  });
}
