// Pictures of segment scores: how they lie, against length, and one metric against another.

import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";

import { axis, Chart, type Drawing, type Palette, type Point } from "./chart";
import type { Content, Metric, Run } from "./content";
import type { PanelProps } from "./pairs";
import { count, fixed } from "./pairs/numbers";
import { firstMetric, placesBestFirst } from "./pairs/model";
import { link, listOf, segmentLink, segmentPlace, useColumn } from "./panel";
import { type Choice, choiceOf, FIRST_SYSTEMS, LENGTHS, placeOf, systemsOf } from "./plots/choice";
import { correlation, type Correlation, SHARES, type Spread, spread, Turns } from "./plots/numbers";
import { look, Swatch } from "./plots/style";
import { visible } from "./visible";

const MOST_POINTS = 40_000;
const FEWEST_FOR_DENSITY = 20;
const FAR = 20; // times the median: beyond it a straight axis of lengths would squeeze most points into one column

export function Plots({ content, place, go }: PanelProps): JSX.Element {
  const run = content.run;
  const metrics = useMemo(() => run.metrics.filter((metric) => metric.has_segments), [run]);
  const all = useMemo(() => placesBestFirst(run, firstMetric(run)), [run]);
  const asked = place.get("systems");
  const { systems, unknown } = useMemo(() => systemsOf(run, asked), [run, asked]);
  if (metrics.length === 0) {
    return (
      <section class="plots" aria-labelledby="plots-heading">
        <h2 id="plots-heading">Plots</h2>
        <p>No metric of this run has segment scores, so there is nothing to draw.</p>
      </section>
    );
  }
  const chosen = choiceOf(metrics, place);
  const lacking = [...unknown, ...chosen.unknown];
  const show = (shown: number[]): void => go(placeOf(run, metrics, chosen.choice, shown));
  const choose = (change: Partial<Choice>): void => go(placeOf(run, metrics, { ...chosen.choice, ...change }, systems));
  const common = { content, metrics, systems, choice: chosen.choice, choose, go };
  return (
    <section class="plots" aria-labelledby="plots-heading">
      <h2 id="plots-heading">Plots of segment scores</h2>
      {lacking.length > 0 && <p role="alert">The run has no {visible(lacking.join(", no "))}.</p>}
      <fieldset class="systems">
        <legend>Systems</legend>
        <p>
          <button type="button" onClick={() => show(all)}>
            All
          </button>{" "}
          <button type="button" onClick={() => show([])}>
            None
          </button>
          {run.systems.length > FIRST_SYSTEMS && ` ${systems.length} of ${run.systems.length} are shown.`}
        </p>
        {all.map((one) => (
          <label key={one}>
            <input
              type="checkbox"
              checked={systems.includes(one)}
              onChange={() => show(systems.includes(one) ? systems.filter((other) => other !== one) : [...systems, one])}
            />
            <Swatch place={one} /> <bdi>{systemName(run, one)}</bdi>
          </label>
        ))}
      </fieldset>
      <Distributions {...common} />
      <AgainstLength {...common} />
      {metrics.length > 1 && <MetricByMetric {...common} />}
    </section>
  );
}

interface PlotProps {
  content: Content;
  metrics: Metric[];
  /** Best first. */
  systems: number[];
  choice: Choice;
  choose: (change: Partial<Choice>) => void;
  go: PanelProps["go"];
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  choose: (value: T) => void;
}

function Select<T extends string>({ label, value, options, choose }: SelectProps<T>): JSX.Element {
  return (
    <label>
      {label}{" "}
      <select value={value} onChange={(event) => choose(event.currentTarget.value as T)}>
        {options.map(([name, shown]) => (
          <option key={name} value={name}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  );
}

function named(metrics: Metric[], name: string): Metric {
  return metrics.find((metric) => metric.name === name) ?? (metrics[0] as Metric);
}

function headings(metrics: Metric[]): [string, string][] {
  return metrics.map((metric) => [metric.name, metric.heading]);
}

function titled(metric: Metric): string {
  return `${metric.heading} (${metric.higher_is_better ? "higher is better →" : "← lower is better"})`;
}

function titledUp(metric: Metric): string {
  return `${metric.heading} (${metric.higher_is_better ? "higher" : "lower"} is better)`;
}

/** Where the segments stand in the order of a system's scores. */
function scoresPlace(system: string, metric: Metric): Record<string, string> {
  return { tab: "segments", systems: listOf([system]), sort: `score:${metric.name}` };
}

function systemName(run: Run, place: number): string {
  return visible(run.systems[place]?.name ?? "");
}

/** The answer of some work, null while it is under way. */
function useWork<T>(work: (turns: Turns) => Promise<T | null>, of: readonly unknown[]): T | null {
  const [found, setFound] = useState<{ of: readonly unknown[]; answer: T } | null>(null);
  useEffect(() => {
    const turns = new Turns();
    void work(turns).then((answer) => {
      if (answer !== null) setFound({ of, answer });
    });
    return () => turns.stop();
  }, of);
  return found !== null && found.of.every((one, at) => one === of[at]) ? found.answer : null;
}

// How the scores lie

function Distributions({ content, metrics, systems, choice, choose, go }: PlotProps): JSX.Element {
  const run = content.run;
  const metric = named(metrics, choice.metric);
  const column = useColumn(content, metric.name);
  const n = run.segments.id.length;
  const spreads = useWork(
    async (turns) => {
      if (column === null) return null;
      const found = new Map<number, Spread>();
      for (const place of systems) {
        if (!(await turns.next())) return null;
        found.set(place, spread(column.subarray(place * n, (place + 1) * n)));
      }
      return found;
    },
    [column, systems, n],
  );
  const draw = useMemo(
    () => (spreads === null ? null : (palette: Palette) => ridges(run, metric, systems, spreads, palette)),
    [run, metric, systems, spreads],
  );
  const missing = spreads === null ? 0 : [...spreads.values()].reduce((sum, one) => sum + one.missing, 0);
  const shown = (value: number): string => (Number.isNaN(value) ? "–" : fixed(value * metric.display_factor, metric.decimals));
  const extreme = (value: number, at: number, place: number): JSX.Element | string =>
    at < 0 ? "–" : <a href={segmentLink(run, at, [run.systems[place]?.name ?? ""])}>{shown(value)}</a>;
  return (
    <figure class="plot" id="plot-distributions" aria-labelledby="plot-distributions-heading">
      <h3 id="plot-distributions-heading">How the scores lie</h3>
      <p class="choices">
        <Select label="Metric" value={metric.name} options={headings(metrics)} choose={(name) => choose({ metric: name })} />
      </p>
      {systems.length === 0 ? (
        <p>Choose a system above.</p>
      ) : spreads === null || draw === null ? (
        <p role="status">Reading segment scores …</p>
      ) : [...spreads.values()].every((one) => one.n === 0) ? (
        <p>The chosen systems have no segment scores by {metric.heading}.</p>
      ) : (
        <Chart
          draw={draw}
          height={70 + 44 * systems.length}
          label={`Distribution of ${metric.heading} segment scores of ${count(systems.length, "system")}; the numbers follow in a table.`}
          hover={({ at }) => {
            const place = systems[at] as number;
            const one = spreads.get(place);
            if (one === undefined) return [];
            return [
              systemName(run, place),
              `Median ${shown(one.quantiles[2] as number)}, middle half ${shown(one.quantiles[1] as number)} to ${shown(one.quantiles[3] as number)}`,
              `5 % below ${shown(one.quantiles[0] as number)}, 5 % above ${shown(one.quantiles[4] as number)}`,
            ];
          }}
          open={({ at }) => go(scoresPlace(run.systems[systems[at] as number]?.name ?? "", metric))}
        />
      )}
      <figcaption>
        Segment scores by system: box from the first to the third quartile with the median, whiskers to the 5th and 95th
        percentile{n >= FEWEST_FOR_DENSITY && ", and behind them how densely scores lie (Gaussian kernel, Silverman’s rule)"}. A box, and
        the system’s name in the table, lead to its segments in the order of their scores.{" "}
        {missing > 0 && `${count(missing, "score")} of ${(systems.length * n).toLocaleString("en")} left out: could not be computed. `}
        {spreads !== null && systems.length > 0 && (
          <div class="scroll" role="region" aria-label="Quantiles by system" tabIndex={0}>
            <table class="quantiles">
              <caption>{titledUp(metric)}: quantiles of segment scores</caption>
              <thead>
                <tr>
                  <th scope="col">System</th>
                  <th scope="col">n</th>
                  <th scope="col">Missing</th>
                  <th scope="col">Mean</th>
                  <th scope="col">Lowest</th>
                  {SHARES.map((share) => (
                    <th key={share} scope="col">
                      {share === 0.5 ? "Median" : `${fixed(100 * share, 0)}%`}
                    </th>
                  ))}
                  <th scope="col">Highest</th>
                </tr>
              </thead>
              <tbody>
                {systems.map((place) => {
                  const one = spreads.get(place);
                  if (one === undefined) return null;
                  return (
                    <tr key={place}>
                      <th scope="row">
                        <a href={link(scoresPlace(run.systems[place]?.name ?? "", metric))}>
                          <bdi>{systemName(run, place)}</bdi>
                        </a>
                      </th>
                      <td class="number">{one.n.toLocaleString("en")}</td>
                      <td class="number">{one.missing}</td>
                      <td class="number">{shown(one.mean)}</td>
                      <td class="number">{extreme(one.low, one.lowest, place)}</td>
                      {one.quantiles.map((value, at) => (
                        <td key={SHARES[at]} class="number">
                          {shown(value)}
                        </td>
                      ))}
                      <td class="number">{extreme(one.high, one.highest, place)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
      </figcaption>
    </figure>
  );
}

interface Canvas {
  coord: (point: [number, number]) => [number, number];
  size: (span: [number, number]) => [number, number];
}

function ridges(run: Run, metric: Metric, systems: number[], spreads: Map<number, Spread>, palette: Palette): Drawing {
  const factor = metric.display_factor;
  const of = (at: number): Spread => spreads.get(systems[at] as number) as Spread;
  const hasDensity = run.segments.id.length >= FEWEST_FOR_DENSITY;
  return {
    grid: { left: 8, right: 24, top: 8, bottom: 48, containLabel: true },
    xAxis: axis(titled(metric), palette, {
      axisLabel: { color: palette.text, hideOverlap: true, formatter: (value: number) => String(Number(value.toFixed(metric.decimals))) },
    }),
    yAxis: axis("", palette, {
      type: "category",
      inverse: true,
      data: systems.map((place) => systemName(run, place)),
      axisLabel: { color: palette.text, width: 130, overflow: "truncate", interval: 0 },
    }),
    series: [
      {
        type: "custom",
        encode: { x: [0, 2], y: 1 }, // the axis goes from the lowest to the highest score
        data: hasDensity ? systems.map((_, at) => [of(at).low * factor, at, of(at).high * factor]) : [],
        renderItem: (_: object, api: Canvas & { value: (dimension: number) => number }) => {
          const at = api.value(1);
          const one = of(at);
          const step = one.density.length > 1 ? (one.high - one.low) / (one.density.length - 1) : 0;
          const half = (api.size([0, 1])[1] as number) * 0.46;
          const points = one.density.map((thick, bin) => {
            const [x, y] = api.coord([(one.low + bin * step) * factor, at]);
            return [x, y, thick * half] as const;
          });
          if (points.length < 2) return undefined;
          const outline = [...points.map(([x, y, h]) => [x, y - h]), ...points.reverse().map(([x, y, h]) => [x, y + h])];
          const { colour } = look(systems[at] as number);
          return { type: "polygon", shape: { points: outline }, style: { fill: colour, opacity: 0.35, stroke: colour } };
        },
      },
      {
        type: "boxplot",
        boxWidth: [8, 14],
        itemStyle: { color: palette.surface, borderColor: palette.text, borderWidth: 1.5 },
        data: systems.map((_, at) => (of(at).n === 0 ? "-" : of(at).quantiles.map((value) => value * factor))),
      },
    ],
  };
}

// Scatter plots

interface Axis {
  title: string;
  column: Float64Array;
  /** Whether every system has its own values, or all share those of the source. */
  isOfSystem: boolean;
  factor: number;
  decimals: number;
  isLogarithmic: boolean;
  /** Where the segments of a system stand in the order of the values, and the name of that order. */
  order: string;
  inOrder: (system: string) => Record<string, string>;
}

interface Cloud {
  systems: number[];
  /** By system of `systems`: the places of the points among the segments, and x and y of each. */
  places: Int32Array[];
  points: Float64Array[];
  missing: number;
  every: number;
}

/** The points to draw: all, or those of every k-th segment, the same of all systems. */
async function cloud(turns: Turns, systems: number[], n: number, x: Axis, y: Axis): Promise<Cloud | null> {
  const every = Math.max(1, Math.ceil((systems.length * n) / MOST_POINTS));
  const found: Cloud = { systems, places: [], points: [], missing: 0, every };
  for (const place of systems) {
    if (!(await turns.next())) return null;
    const [xs, ys] = [valuesOf(x, place, n), valuesOf(y, place, n)];
    const kept: number[] = [];
    for (let at = 0; at < n; at++) {
      if (Number.isNaN(xs[at] as number) || Number.isNaN(ys[at] as number)) found.missing += 1;
      else if (at % every === 0) kept.push(at);
    }
    const points = new Float64Array(2 * kept.length);
    kept.forEach((at, index) => {
      points[2 * index] = drawn(xs[at] as number, x);
      points[2 * index + 1] = drawn(ys[at] as number, y);
    });
    found.places.push(Int32Array.from(kept));
    found.points.push(points);
  }
  return found;
}

/** A logarithmic axis has no 0; it is for counts, whose next is 1. */
function drawn(value: number, axis: Axis): number {
  return axis.isLogarithmic ? Math.max(1, value) : value * axis.factor;
}

function valuesOf(axis: Axis, place: number, n: number): Float64Array {
  return axis.isOfSystem ? axis.column.subarray(place * n, (place + 1) * n) : axis.column;
}

function scattered(found: Cloud, x: Axis, y: Axis, palette: Palette): Drawing {
  const isSparse = found.points.reduce((sum, points) => sum + points.length / 2, 0) <= 1000;
  return {
    grid: { left: 64, right: 24, top: 16, bottom: 52 },
    xAxis: axis(x.title, palette, x.isLogarithmic ? { type: "log" } : {}),
    yAxis: axis(y.title, palette, { nameGap: 44 }),
    series: found.systems.map((place, at) => {
      const { colour, shape } = look(place);
      return {
        type: "scatter",
        z: 2 + found.systems.length - at, // the best, first in the list, over the others
        symbol: shape,
        symbolSize: isSparse ? 11 : 6,
        large: (found.points[at] as Float64Array).length > 0, // echarts 6.1 fails to paint a large series of no points
        largeThreshold: 0,
        progressive: 400, // of one turn; at once a picture of 22,500 points takes 200 ms (2 cores, Chromium)
        // With more points than this a series has a canvas of its own: 180 MB for two pictures of 12 systems.
        progressiveThreshold: (found.points[at] as Float64Array).length / 2,
        itemStyle: { color: colour, opacity: isSparse ? 0.9 : 0.6 },
        dimensions: ["x", "y"],
        data: found.points[at],
      };
    }),
  };
}

interface ScatterProps {
  run: Run;
  id: string;
  systems: number[];
  x: Axis | null;
  y: Axis | null;
  label: string;
  go: PanelProps["go"];
}

function Scatter({ run, id, systems, x, y, label, go }: ScatterProps): JSX.Element {
  const n = run.segments.id.length;
  const found = useWork(async (turns) => (x === null || y === null ? null : cloud(turns, systems, n, x, y)), [systems, n, x, y]);
  const numbers = useWork(
    async (turns) => {
      if (x === null || y === null) return null;
      const rows: [number, Correlation][] = [];
      for (const place of systems) {
        if (!(await turns.next())) return null;
        rows.push([place, correlation(valuesOf(x, place, n), valuesOf(y, place, n))]);
      }
      return rows;
    },
    [systems, n, x, y],
  );
  const draw = useMemo(
    () => (found === null || x === null || y === null ? null : (palette: Palette) => scattered(found, x, y, palette)),
    [found, x, y],
  );
  if (systems.length === 0) return <p>Choose a system above.</p>;
  if (found === null || draw === null || x === null || y === null) return <p role="status">Reading segment scores …</p>;
  if (found.points.every((points) => points.length === 0)) return <p>No output of the chosen systems has both values.</p>;
  const segment = ({ series, at }: Point): number => found.places[series]?.[at] as number;
  const value = (number: number): string => (Number.isNaN(number) ? "–" : fixed(number, 2).replace("-", "−"));
  return (
    <>
      <Chart
        draw={draw}
        height={420}
        label={`${label} of ${count(systems.length, "system")}; correlations follow in a table.`}
        hover={(point) => {
          const place = found.systems[point.series] as number;
          const said = (of: Axis): string =>
            `${of.title}: ${fixed((valuesOf(of, place, n)[segment(point)] as number) * of.factor, of.decimals)}`;
          return [systemName(run, place), `Segment ${visible(run.segments.id[segment(point)] ?? "")}`, said(x), said(y)];
        }}
        open={(point) =>
          go(segmentPlace(run, segment(point), [run.systems[found.systems[point.series] as number]?.name ?? ""]))
        }
      />
      <figcaption>
        A point is one output of a system; click it to open the segment. Without a mouse: the last column of the table leads
        to all segments of a system in the order of either axis.{" "}
        {x.isLogarithmic &&
          `The axis of lengths is logarithmic, since the longest is more than ${FAR} times the median; length 0 stands at 1. `}
        {found.every > 1 &&
          `Of ${(systems.length * n).toLocaleString("en")} outputs those of every ${found.every}th segment are drawn, counted from the first; the table is of all. `}
        {found.missing > 0 &&
          `${count(found.missing, "output")} of ${(systems.length * n).toLocaleString("en")} left out, for want of a value. `}
        <div class="scroll" role="region" aria-label={`${label}: correlations`} tabIndex={0}>
          <table class="correlations" id={`${id}-numbers`}>
            <caption>Correlation over the segments of a system, as a description: of these segments, not tested</caption>
            <thead>
              <tr>
                <th scope="col">System</th>
                <th scope="col">n</th>
                <th scope="col">Pearson</th>
                <th scope="col">Spearman</th>
                <th scope="col">Segments by</th>
              </tr>
            </thead>
            <tbody>
              {numbers?.map(([place, one]) => (
                <tr key={place}>
                  <th scope="row">
                    <bdi>{systemName(run, place)}</bdi>
                  </th>
                  <td class="number">{one.n.toLocaleString("en")}</td>
                  <td class="number">{value(one.pearson)}</td>
                  <td class="number">{value(one.spearman)}</td>
                  <td>
                    <Order run={run} place={place} axis={y} />, <Order run={run} place={place} axis={x} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </figcaption>
    </>
  );
}

function Order({ run, place, axis }: { run: Run; place: number; axis: Axis }): JSX.Element {
  const name = run.systems[place]?.name ?? "";
  return (
    <a href={link(axis.inOrder(name))} aria-label={`Segments of ${visible(name)} by ${axis.order}`}>
      {axis.order}
    </a>
  );
}

function useMetricAxis(content: Content, metric: Metric): Axis | null {
  const column = useColumn(content, metric.name);
  return useMemo(
    () =>
      column === null
        ? null
        : {
            title: titledUp(metric),
            column,
            isOfSystem: true,
            factor: metric.display_factor,
            decimals: metric.decimals,
            isLogarithmic: false,
            order: metric.heading,
            inOrder: (system) => scoresPlace(system, metric),
          },
    [column, metric],
  );
}

/** Whether the greatest is more than `FAR` times the median. */
function hasFarValues(values: Float64Array): boolean {
  let greatest = 0;
  for (const value of values) if (value > greatest) greatest = value;
  const known = values.filter((value) => !Number.isNaN(value));
  return 2 * known.filter((value) => FAR * value < greatest).length > known.length;
}

function AgainstLength({ content, metrics, systems, choice, choose, go }: PlotProps): JSX.Element {
  const length = choice.length;
  const metric = named(metrics, choice.length_metric);
  const lengths = useColumn(content, length);
  const y = useMetricAxis(content, metric);
  const x = useMemo<Axis | null>(
    () =>
      lengths === null
        ? null
        : {
            title: `${length === "source_length" ? "Source" : "Hypothesis"} length in characters`,
            column: lengths,
            isOfSystem: length === "hypothesis_length",
            factor: 1,
            decimals: 0,
            isLogarithmic: hasFarValues(lengths),
            order: "length",
            inOrder: (system) => ({
              tab: "segments",
              ...(length === "hypothesis_length" ? { list: "outputs" } : {}),
              systems: listOf([system]),
              sort: "length",
            }),
          },
    [lengths, length],
  );
  return (
    <figure class="plot" id="plot-length" aria-labelledby="plot-length-heading">
      <h3 id="plot-length-heading">Score against length</h3>
      <p class="choices">
        <Select
          label="Metric"
          value={metric.name}
          options={headings(metrics)}
          choose={(name) => choose({ length_metric: name })}
        />{" "}
        <Select label="Length of" value={length} options={LENGTHS} choose={(name) => choose({ length: name })} />
      </p>
      <Scatter run={content.run} id="plot-length" systems={systems} x={x} y={y} label={`${metric.heading} against length`} go={go} />
    </figure>
  );
}

function MetricByMetric({ content, metrics, systems, choice, choose, go }: PlotProps): JSX.Element {
  const [metricX, metricY] = [named(metrics, choice.across), named(metrics, choice.up)];
  const x = useMetricAxis(content, metricX);
  const y = useMetricAxis(content, metricY);
  return (
    <figure class="plot" id="plot-metrics" aria-labelledby="plot-metrics-heading">
      <h3 id="plot-metrics-heading">Metric against metric</h3>
      <p class="choices">
        <Select label="Across" value={metricX.name} options={headings(metrics)} choose={(name) => choose({ across: name })} />{" "}
        <Select label="Up" value={metricY.name} options={headings(metrics)} choose={(name) => choose({ up: name })} />
      </p>
      <Scatter
        run={content.run}
        id="plot-metrics"
        systems={systems}
        x={x}
        y={y}
        label={`${metricY.heading} against ${metricX.heading}`}
        go={go}
      />
    </figure>
  );
}
