// What the pairwise view shows, read from the record: nothing is tested here.

import type { Comparison, Metric, Run, System } from "../content";
import { fixed, signed } from "./numbers";

/** What is compared: systems, and for runs of one system that system, in the order of the record. */
export function compared(run: Run): string[] {
  return [...new Set(run.systems.map((system) => system.group ?? system.name))];
}

/** The places, among all systems, of a system's runs; of one without runs its own. */
export function runsOf(run: Run, name: string): number[] {
  const places = run.systems.flatMap((system, place) => ((system.group ?? system.name) === name ? [place] : []));
  return places.length > 0 ? places : run.systems.flatMap((system, place) => (system.name === name ? [place] : []));
}

/** Metrics that some pair was compared by. */
export function comparedMetrics(run: Run): Metric[] {
  const names = new Set(run.comparisons.map((line) => line.metric));
  return run.metrics.filter((metric) => names.has(metric.name));
}

/** The places of all systems in the order of a metric, equal ones by name; without a score last, as they stand. */
export function placesBestFirst(run: Run, metric: Metric | undefined): number[] {
  const sign = metric?.higher_is_better === false ? 1 : -1;
  const scores = new Map(run.scores.filter((line) => line.metric === metric?.name).map((line) => [line.system, line.score]));
  const scoreOf = (place: number): number | null => scores.get((run.systems[place] as System).name) ?? null;
  const isBefore = (a: number, b: number): boolean => (run.systems[a] as System).name < (run.systems[b] as System).name;
  return [...run.systems.keys()].sort((a, b) => {
    const [ofA, ofB] = [scoreOf(a), scoreOf(b)];
    if (ofA === null || ofB === null) return Number(ofA === null) - Number(ofB === null) || a - b;
    return sign * (ofA - ofB) || (isBefore(a, b) ? -1 : 1);
  });
}

/** The metric that orders systems where none is chosen: the first that has scores. */
export function firstMetric(run: Run): Metric | undefined {
  return run.metrics.find((metric) => run.scores.some((line) => line.metric === metric.name));
}

/** In the order of a metric, equal ones by name; without a score last. */
export function bestFirst(run: Run, metric: Metric): string[] {
  const sign = metric.higher_is_better ? -1 : 1;
  const scores = new Map<string, number | null>();
  for (const name of compared(run)) {
    const own = run.scores.filter((line) => line.metric === metric.name && line.system === name);
    const lines =
      own.length > 0
        ? own
        : run.scores.filter(
            (line) => line.metric === metric.name && runsOf(run, name).some((at) => run.systems[at]?.name === line.system),
          );
    const known = lines.flatMap((line) => (line.score === null ? [] : [line.score]));
    scores.set(name, known.length === lines.length && known.length > 0 ? known.reduce((a, b) => a + b) / known.length : null);
  }
  const by = (name: string): number => {
    const score = scores.get(name) ?? null;
    return score === null ? Infinity : sign * score;
  };
  const last = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);
  return [...scores.keys()].sort((a, b) => last(by(a), by(b)) || (a < b ? -1 : a > b ? 1 : 0));
}

/** A comparison seen from its first or from its second system: A minus B. */
export function seenFrom(line: Comparison, a: string): Comparison {
  if (line.system_a === a) return line;
  const turned = (value: number | null) => (value === null ? null : 0 - value);
  return {
    ...line,
    system_a: line.system_b,
    system_b: line.system_a,
    delta: 0 - line.delta,
    ci_low: turned(line.ci_high),
    ci_high: turned(line.ci_low),
  };
}

/** The comparisons of a metric by pair, each from both sides. */
export function pairsOf(run: Run, metric: string): Map<string, Map<string, Comparison>> {
  const pairs = new Map<string, Map<string, Comparison>>();
  for (const line of run.comparisons) {
    if (line.metric !== metric) continue;
    for (const side of [line.system_a, line.system_b]) {
      const one = seenFrom(line, side);
      let row = pairs.get(one.system_a);
      if (row === undefined) pairs.set(one.system_a, (row = new Map()));
      row.set(one.system_b, one);
    }
  }
  return pairs;
}

/** The p-value that decides: the corrected one, where there is one. */
export function decisive(line: Comparison): number | null {
  return line.p_holm ?? line.p_bh ?? line.p;
}

export function correction(line: Comparison): string | null {
  return line.p_holm !== null ? "Holm" : line.p_bh !== null ? "Benjamini–Hochberg" : null;
}

/** 1 where A has the better score, -1 where B has, 0 where they are equal. */
export function better(line: Comparison, metric: Metric): number {
  return Math.sign(line.delta) * (metric.higher_is_better ? 1 : -1);
}

/** What the test says, in words. */
export function verdict(line: Comparison, metric: Metric): string {
  const p = decisive(line);
  if (line.is_significant) {
    const who = better(line, metric);
    return who === 0 ? "significantly different" : `${who > 0 ? line.system_a : line.system_b} is significantly better`;
  }
  if (p === null) return "no p-value: not decided";
  if (p <= 1 - line.level + 1e-12) return "not significant: runs of one system differ as much";
  return "not significant: may be equal, or the test set too small";
}

/** Differences are small beside scores: one decimal more. */
export function delta(value: number | null, metric: Metric): string {
  return value === null ? "–" : signed(value * metric.display_factor, metric.decimals + 1);
}

export function interval(line: Comparison, metric: Metric): string {
  if (line.ci_low === null || line.ci_high === null) return "–";
  const bound = (value: number) => fixed(value * metric.display_factor, metric.decimals + 1).replace("-", "−");
  return `[${bound(line.ci_low)}, ${bound(line.ci_high)}]`;
}

const METHODS: Record<string, string> = { sign_flip: "paired sign-flip test", bootstrap: "paired bootstrap test" };

export function method(line: Comparison): string {
  const draws = line.n_draws === null ? (line.method === "sign_flip" ? ", exact" : "") : `, ${line.n_draws.toLocaleString("en")} draws`;
  return (METHODS[line.method] ?? line.method) + draws;
}

/** Segment differences A - B; a system with several runs counts by the mean of theirs. NaN where one has no score. */
export function segmentDifferences(run: Run, column: Float64Array, a: string, b: string): Float64Array {
  const n = run.segments.id.length;
  const ofA = segmentScores(run, column, a);
  const ofB = segmentScores(run, column, b);
  return Float64Array.from({ length: n }, (_, at) => (ofA[at] as number) - (ofB[at] as number));
}

/** NaN where one of the runs has no score. */
export function segmentScores(run: Run, column: Float64Array, name: string): Float64Array {
  const n = run.segments.id.length;
  const places = runsOf(run, name);
  if (places.length === 1) return column.subarray((places[0] as number) * n, ((places[0] as number) + 1) * n);
  const sums = new Float64Array(n).fill(places.length === 0 ? NaN : 0);
  for (const place of places) for (let at = 0; at < n; at++) sums[at] = (sums[at] as number) + (column[place * n + at] as number);
  return sums.map((sum) => sum / places.length);
}
