// What the plots show, as the address says it, and back.

import type { Metric, Run } from "../content";
import { firstMetric, placesBestFirst, runsOf } from "../pairs/model";
import { listOf } from "../panel";
import { decoded } from "../segments/query";

export const FIRST_SYSTEMS = 12;
export const LENGTHS = [
  ["source_length", "Source"],
  ["hypothesis_length", "Hypothesis"],
] as const;
export type Length = (typeof LENGTHS)[number][0];

/** Names of metrics: of the box plots, of the scores against length, and of both axes of metric against metric. */
export interface Choice {
  metric: string;
  length_metric: string;
  length: Length;
  across: string;
  up: string;
}

/** What is drawn, and what the address asks for that there is not. */
export interface Chosen {
  choice: Choice;
  unknown: string[];
}

const METRICS = ["metric", "length_metric", "across", "up"] as const;

export function choiceOf(metrics: Metric[], place: URLSearchParams): Chosen {
  const choice = usual(metrics);
  const unknown: string[] = [];
  for (const key of METRICS) {
    const name = place.get(key);
    if (name === null) continue;
    if (metrics.some((metric) => metric.name === name)) choice[key] = name;
    else unknown.push(`metric ${name} with segment scores`);
  }
  const length = place.get("length");
  const known = LENGTHS.find(([name]) => name === length);
  if (known !== undefined) choice.length = known[0];
  else if (length !== null) unknown.push(`length ${length}`);
  return { choice, unknown };
}

/** The places of the systems that are shown, best first, and what the address asks for that there is not. */
export function systemsOf(run: Run, asked: string | null): { systems: number[]; unknown: string[] } {
  const order = placesBestFirst(run, firstMetric(run));
  if (asked === null) return { systems: order.slice(0, FIRST_SYSTEMS), unknown: [] };
  const names = asked.split(",").filter((part) => part !== "").map(decoded);
  const places = new Set(names.flatMap((name) => runsOf(run, name)));
  return {
    systems: order.filter((place) => places.has(place)),
    unknown: names.filter((name) => runsOf(run, name).length === 0).map((name) => `system ${name}`),
  };
}

/** The address; what is as it would be anyway is left out. */
export function placeOf(run: Run, metrics: Metric[], choice: Choice, systems: number[]): Record<string, string> {
  const place: Record<string, string> = { tab: "plots" };
  const others = usual(metrics);
  for (const key of [...METRICS, "length"] as const) if (choice[key] !== others[key]) place[key] = choice[key];
  const first = systemsOf(run, null).systems;
  if (systems.length !== first.length || first.some((one) => !systems.includes(one))) {
    place["systems"] = listOf(systems.map((one) => run.systems[one]?.name ?? ""));
  }
  return place;
}

function usual(metrics: Metric[]): Choice {
  const [first = "", second = first] = metrics.map((metric) => metric.name);
  return { metric: first, length_metric: first, length: "source_length", across: first, up: second };
}
