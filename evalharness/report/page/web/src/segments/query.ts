// What is asked of the segment browser, as the address says it, and back.

import type { Metric, Run } from "../content";
import { bestFirst, compared, runsOf } from "../pairs/model";
import { segmentPlace } from "../panel";

export const KINDS = ["document", "domain", "original_language", "source_length"] as const;
export type Kind = (typeof KINDS)[number];

export interface Query {
  /** One row per output of a system, rather than a block per segment. */
  isByOutput: boolean;
  /** Names of the address that the run has: systems, or groups of runs. */
  systems: string[];
  /** `position`, `length`, `disagreement`, `score:METRIC`, `delta:METRIC`. */
  sort: string;
  /** The system whose scores sort segments. */
  of: string | null;
  isDescending: boolean;
  text: string;
  equal: Partial<Record<Kind, string>>;
  flag: string | null;
  /** `reference:1`, `system:NAME`, `off`. */
  against: string;
  unit: "auto" | "words" | "characters";
  segment: string | null;
  /** What the address asks for that the run does not have. */
  unknown: string[];
}

const N_SHOWN = 3; // systems side by side, unless chosen

export function scoredMetrics(run: Run): Metric[] {
  return run.metrics.filter((metric) => run.columns.includes(metric.name));
}

const best = new WeakMap<Run, string[]>();

/** Names of what is compared, the best by the first metric that has scores first. */
function ranked(run: Run): string[] {
  const known = best.get(run);
  if (known !== undefined) return known;
  const metric = run.metrics.find(({ name }) => run.scores.some((line) => line.metric === name && line.score !== null));
  const names = metric === undefined ? compared(run) : bestFirst(run, metric);
  best.set(run, names);
  return names;
}

/** Names of all systems, the best first, the runs of one together. */
export function bestSystems(run: Run): string[] {
  return ranked(run).flatMap((name) => runsOf(run, name).map((place) => nameOf(run, place)));
}

/** Those shown unless others are chosen: of several runs of one system the first. */
export function systemsAtFirst(run: Run, isByOutput: boolean): string[] {
  if (isByOutput) return bestSystems(run);
  return ranked(run)
    .slice(0, N_SHOWN)
    .map((name) => nameOf(run, runsOf(run, name)[0] as number));
}

export function nameOf(run: Run, place: number): string {
  return run.systems[place]?.name ?? "";
}

/** Places of the systems of a query. */
export function placesOf(run: Run, query: Query): number[] {
  return [...new Set(query.systems.flatMap((name) => runsOf(run, name)))];
}

/** The address may be written by hand: `a+b` is that, where the run has it, and else `a b`. */
function segmentOf(run: Run, place: URLSearchParams, hash: string): string | null {
  const byHand = new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B")).get("segment");
  return byHand !== null && run.segments.id.includes(byHand) ? byHand : place.get("segment");
}

/** What an address asks for, read (`place`) and as it is written (`hash`). */
export function queryOf(run: Run, place: URLSearchParams, hash: string): Query {
  const isByOutput = place.get("list") === "outputs";
  const asked = (place.get("systems") ?? "").split(",").filter((part) => part !== "").map(decoded);
  const systems = asked.filter((name) => runsOf(run, name).length > 0);
  const unknown = asked.filter((name) => !systems.includes(name)).map((name) => `system ${name}`);
  const shown = systems.length > 0 ? systems : systemsAtFirst(run, isByOutput);
  const sort = place.get("sort") ?? "position";
  const isSort = sorts(run, isByOutput, shown).includes(sort);
  if (!isSort) unknown.push(`order ${sort}`);
  const chosenSort = isSort ? sort : "position";
  const of = place.get("of");
  const isOf = of !== null && runsOf(run, of).length > 0;
  if (of !== null && !isOf) unknown.push(`system ${of}`);
  const against = place.get("against");
  const isAgainst = against !== null && comparable(run).includes(against);
  if (against !== null && !isAgainst) unknown.push(`comparison with ${against}`);
  const unit = place.get("unit");
  const flag = place.get("flag");
  const equal: Query["equal"] = {};
  for (const kind of KINDS) {
    const value = place.get(kind);
    if (value !== null) equal[kind] = value;
  }
  return {
    isByOutput,
    systems: shown,
    sort: chosenSort,
    of: isOf ? of : (shown[0] ?? null),
    isDescending: place.has("order") ? place.get("order") === "descending" : chosenSort !== "position",
    text: place.get("filter") ?? "",
    equal,
    flag,
    against: isAgainst ? against : (comparable(run)[1] ?? "off"),
    unit: unit === "words" || unit === "characters" ? unit : "auto",
    segment: segmentOf(run, place, hash),
    unknown,
  };
}

/** The orders there are. */
export function sorts(run: Run, isByOutput: boolean, systems: string[]): string[] {
  const names = scoredMetrics(run).map((metric) => metric.name);
  return [
    "position",
    "length",
    ...names.map((name) => `score:${name}`),
    ...(!isByOutput && systems.length > 1 ? names.map((name) => `delta:${name}`) : []),
    ...(names.length > 1 ? ["disagreement"] : []),
  ];
}

/** What outputs can be compared with. */
export function comparable(run: Run): string[] {
  const n = run.testset.n_references ?? 1; // null: not as many for all
  return [
    "off",
    ...Array.from({ length: n }, (_, at) => `reference:${at + 1}`),
    ...run.systems.map((system) => `system:${system.name}`),
  ];
}

export function isFiltered(query: Query): boolean {
  return query.text !== "" || query.flag !== null || Object.keys(query.equal).length > 0;
}

/** The address of a query; what is as it would be anyway is left out. */
export function placeOf(run: Run, query: Query): Record<string, string> {
  const place: Record<string, string> = { tab: "segments" };
  if (query.isByOutput) place["list"] = "outputs";
  if (query.systems.join("\n") !== systemsAtFirst(run, query.isByOutput).join("\n")) {
    place["systems"] = query.systems.map(encodeURIComponent).join(",");
  }
  if (query.sort !== "position") place["sort"] = query.sort;
  if (query.sort.startsWith("score:") && !query.isByOutput && query.of !== null && query.of !== query.systems[0]) place["of"] = query.of;
  if (query.isDescending !== (query.sort !== "position")) place["order"] = query.isDescending ? "descending" : "ascending";
  if (query.text !== "") place["filter"] = query.text;
  Object.assign(place, query.equal);
  if (query.flag !== null) place["flag"] = query.flag;
  if (query.against !== (comparable(run)[1] ?? "off")) place["against"] = query.against;
  if (query.unit !== "auto") place["unit"] = query.unit;
  if (query.segment !== null) place["segment"] = query.segment;
  return place;
}

/** The address of one segment, for whom it is sent to. */
export function placeOfSegment(run: Run, at: number, query: Query): Record<string, string> {
  const place = segmentPlace(run, at, query.isByOutput ? systemsAtFirst(run, false) : query.systems);
  if (query.against !== (comparable(run)[1] ?? "off")) place["against"] = query.against;
  if (query.unit !== "auto") place["unit"] = query.unit;
  return place;
}

export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not one that a page made
  }
}
