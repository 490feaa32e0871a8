// How orders and metrics are called.

import type { Run } from "../content";
import { fixed, signed } from "../pairs/numbers";
import { visible } from "../visible";
import type { Query } from "./query";

export function headingOf(run: Run, name: string): string {
  return run.metrics.find((metric) => metric.name === name)?.heading ?? name;
}

export function sortName(run: Run, sort: string, query: Query): string {
  const [kind, ...rest] = sort.split(":");
  const heading = headingOf(run, rest.join(":"));
  if (kind === "score") return heading;
  if (kind === "delta") return `Δ ${heading}: ${visible(query.systems[0] ?? "")} − ${visible(query.systems[1] ?? "")}`;
  if (sort === "length") return query.isByOutput ? "Length of the output" : "Length of the source";
  return sort === "disagreement" ? "Disagreement of metrics" : "Order of the test set";
}

export function sortedBy(run: Run, query: Query, key: number | undefined): string | null {
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
