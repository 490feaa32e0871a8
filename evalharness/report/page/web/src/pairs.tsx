// The pairwise view: who differs from whom by a metric, and all there is to know of a pair.

import { Fragment, type JSX } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { axis, Chart, type Drawing, type Palette } from "./chart";
import type { Comparison, Content, Metric, Run } from "./content";
import {
  bestFirst,
  better,
  compared,
  comparedMetrics,
  correction,
  decisive,
  delta,
  interval,
  method,
  pairsOf,
  runsOf,
  seenFrom,
  segmentDifferences,
  segmentScores,
  verdict,
} from "./pairs/model";
import { count, fixed, general, mean, pValue, signed } from "./pairs/numbers";
import { link, listOf, segmentLink, useColumn } from "./panel";
import { visible } from "./visible";

const N_LISTED = 10;
const MOST_BINS_OF_A_SIDE = 20;

export interface PanelProps {
  content: Content;
  /** What the address says behind `#`. */
  place: URLSearchParams;
  /** Goes to another place of the page. */
  go: (place: Record<string, string>) => void;
}

export function Pairs({ content, place, go }: PanelProps): JSX.Element {
  const run = content.run;
  const metrics = useMemo(() => comparedMetrics(run), [run]);
  const asked = place.get("metric");
  const metric = metrics.find((one) => one.name === asked) ?? metrics[0];
  const names = useMemo(() => new Set(compared(run)), [run]);
  if (metric === undefined) {
    return (
      <section class="pairs" aria-labelledby="pairs-heading">
        <h2 id="pairs-heading">Differences between systems</h2>
        <Notes run={run} />
      </section>
    );
  }
  const a = place.get("a");
  const b = place.get("b");
  const isPair = a !== null && b !== null && a !== b && names.has(a) && names.has(b);
  return (
    <section class="pairs" aria-labelledby="pairs-heading">
      <h2 id="pairs-heading">Differences between systems</h2>
      <label>
        Metric{" "}
        <select
          value={metric.name}
          onChange={(event) =>
            go({ tab: "pairs", metric: event.currentTarget.value, ...(isPair ? { a: a as string, b: b as string } : {}) })
          }
        >
          {metrics.map((one) => (
            <option key={one.name} value={one.name}>
              {one.heading}
            </option>
          ))}
        </select>
      </label>
      {asked !== null && asked !== metric.name && (
        <p role="alert">
          {run.metrics.some((one) => one.name === asked) ? "No pair was compared by" : "The run has no metric"}{" "}
          <bdi>{visible(asked)}</bdi>. Here is {metric.heading}.
        </p>
      )}
      <Matrix
        run={run}
        metric={metric}
        chosen={isPair ? [a as string, b as string] : null}
        open={(first, second) => go({ tab: "pairs", metric: metric.name, a: first, b: second })}
      />
      {a !== null && b !== null && !isPair && (
        <p role="alert">
          The run has no pair <bdi>{visible(a)}</bdi> and <bdi>{visible(b)}</bdi>. Choose one in the table.
        </p>
      )}
      {isPair && <Pair key={`${a}\n${b}`} content={content} metric={metric} a={a as string} b={b as string} go={go} />}
      <Notes run={run} />
    </section>
  );
}

function Notes({ run }: { run: Run }): JSX.Element {
  return (
    <section aria-labelledby="pairs-notes">
      <h3 id="pairs-notes">How differences were tested</h3>
      <ul>
        {run.baseline !== null && (
          <li>
            All systems were compared with the baseline <bdi>{visible(run.baseline)}</bdi> only.
          </li>
        )}
        {run.notes.differences.map((note) => (
          <li key={note} dir="auto">
            {visible(note)}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface MatrixProps {
  run: Run;
  metric: Metric;
  chosen: [string, string] | null;
  open: (a: string, b: string) => void;
}

const STEPS: Record<string, [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-10, 0],
  PageDown: [10, 0],
};

function Matrix({ run, metric, chosen, open }: MatrixProps): JSX.Element {
  const names = useMemo(() => bestFirst(run, metric), [run, metric]);
  const pairs = useMemo(() => pairsOf(run, metric.name), [run, metric]);
  const widest = useMemo(() => {
    let most = 0;
    for (const row of pairs.values()) for (const line of row.values()) most = Math.max(most, Math.abs(line.delta));
    return most;
  }, [pairs]);
  const ends = useMemo(() => clusterEnds(run, metric, names), [run, metric, names]);
  const table = useRef<HTMLTableElement>(null);
  const [at, setAt] = useState<[number, number]>([0, Math.min(1, names.length - 1)]);
  useReturn(chosen, ([a, b]) => focus([names.indexOf(a), names.indexOf(b)]));
  const row = Math.min(at[0], names.length - 1);
  const column = Math.min(at[1], names.length - 1);

  const move = (event: KeyboardEvent): void => {
    const last = names.length - 1;
    const within = (place: number): number => Math.max(0, Math.min(last, place));
    let next: [number, number] | null = null;
    const step = STEPS[event.key];
    if (step !== undefined) next = [within(row + step[0]), within(column + step[1])];
    else if (event.key === "Home") next = [event.ctrlKey ? 0 : row, 0];
    else if (event.key === "End") next = [event.ctrlKey ? last : row, last];
    else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(row, column);
      return;
    }
    if (next === null) return;
    event.preventDefault();
    focus(next);
  };
  const focus = ([toRow, toColumn]: [number, number]): void => {
    const cell = table.current?.querySelector<HTMLElement>(`td[data-row="${toRow}"][data-column="${toColumn}"]`);
    cell?.focus({ preventScroll: true });
    cell?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const choose = (first: number, second: number): void => {
    if (first !== second) open(names[first] as string, names[second] as string);
  };
  const cellOf = (event: Event): [number, number] | null => {
    const cell = (event.target as Element).closest<HTMLElement>("td[data-row]");
    return cell === null ? null : [Number(cell.dataset["row"]), Number(cell.dataset["column"])];
  };
  const focused = (event: FocusEvent): void => setAt((before) => cellOf(event) ?? before);
  const clicked = (event: MouseEvent): void => {
    const cell = cellOf(event);
    if (cell !== null) choose(...cell);
  };

  const lines = [...pairs.values()].flatMap((of) => [...of.values()]);
  const said = lines[0];
  const pName = said === undefined ? "p" : correction(said) === null ? "p, not corrected" : `p, ${correction(said)}-corrected`;
  return (
    <Fragment>
      <div class="matrix-scroll">
        <table class="matrix" role="grid" ref={table} onFocusIn={focused} onKeyDown={move} onClick={clicked} aria-describedby="matrix-legend">
          <caption>
            {metric.heading}: difference, row minus column, and {pName}
          </caption>
          <thead>
            <tr>
              <th scope="col">System</th>
              {names.map((name, place) => (
                <th key={name} scope="col" class={ends.has(place) ? "cluster-right" : undefined}>
                  <bdi>{visible(name)}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map((name, i) => (
              <tr key={name} class={ends.has(i) ? "cluster-below" : undefined}>
                <th scope="row">
                  <bdi>{visible(name)}</bdi>
                </th>
                {names.map((other, j) => (
                  <Cell
                    key={other}
                    line={pairs.get(name)?.get(other)}
                    isSelf={i === j}
                    metric={metric}
                    widest={widest}
                    row={i}
                    column={j}
                    isReached={i === row && j === column}
                    isOpen={chosen !== null && chosen[0] === name && chosen[1] === other}
                    isEnd={ends.has(j)}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p id="matrix-legend" class="legend">
        Best system first. <span class="mark">▲</span> bold: the row’s system is significantly better;{" "}
        <span class="mark">▼</span> bold: significantly worse; ◆ bold: significantly different.{" "}
        <span class="swatch better" /> blue: row better, <span class="swatch worse" /> orange: row worse, stronger for
        larger differences.{" "}
        {ends.size > 0 && run.notes.clusters !== null && `Double lines part clusters. ${run.notes.clusters} `}
        {metric.higher_is_better ? "Higher is better." : "Lower is better: a negative difference is in the row’s favour."}{" "}
        Move with the arrow keys; Enter or a click opens a pair.
      </p>
    </Fragment>
  );
}

/** Calls back once a pair is left for the matrix, as the Back key does, before a key pressed next would go astray. */
function useReturn(chosen: [string, string] | null, left: (pair: [string, string]) => void): void {
  const before = useRef(chosen);
  useLayoutEffect(() => {
    if (chosen === null && before.current !== null) left(before.current);
    before.current = chosen;
  });
}

/** The places behind which another cluster begins. */
function clusterEnds(run: Run, metric: Metric, names: string[]): Set<number> {
  const clusters = new Map(run.ranks.filter((line) => line.metric === metric.name).map((line) => [line.system, line.cluster]));
  const ends = new Set<number>();
  for (let place = 0; place + 1 < names.length; place++) {
    const [here, next] = [clusters.get(names[place] as string), clusters.get(names[place + 1] as string)];
    if (here !== undefined && next !== undefined && here !== next) ends.add(place);
  }
  return ends;
}

interface CellProps {
  line: Comparison | undefined;
  isSelf: boolean;
  metric: Metric;
  widest: number;
  row: number;
  column: number;
  isReached: boolean;
  isOpen: boolean;
  isEnd: boolean;
}

function Cell({ line, isSelf, metric, widest, row, column, isReached, isOpen, isEnd }: CellProps): JSX.Element {
  const common = {
    role: "gridcell" as const,
    tabIndex: isReached ? 0 : -1,
    "data-row": row,
    "data-column": column,
    "aria-selected": isOpen,
  };
  const end = isEnd ? " cluster-right" : "";
  if (line === undefined) {
    return (
      <td {...common} class={`${isSelf ? "self" : "untested"}${end}`}>
        {isSelf ? <span aria-label="the same system">·</span> : "not tested"}
      </td>
    );
  }
  const who = better(line, metric);
  const share = widest === 0 ? 0 : Math.round((38 * Math.abs(line.delta)) / widest);
  const mark = who > 0 ? "▲" : who < 0 ? "▼" : "◆";
  const meaning = who > 0 ? "significantly better" : who < 0 ? "significantly worse" : "significantly different";
  const p = decisive(line);
  return (
    <td
      {...common}
      class={`tested${line.is_significant ? " significant" : ""}${end}`}
      style={{ "--share": `${share}%`, "--side": who >= 0 ? "var(--pair-better)" : "var(--pair-worse)" }}
    >
      <span class="delta">{delta(line.delta, metric)}</span>
      {line.is_significant && (
        <span class="mark" role="img" aria-label={meaning}>
          {mark}
        </span>
      )}
      <span class="p">{p === null ? "no p" : `p ${pValue(p, line.level)}`}</span>
    </td>
  );
}

interface PairProps {
  content: Content;
  metric: Metric;
  a: string;
  b: string;
  go: PanelProps["go"];
}

function Pair({ content, metric, a, b, go }: PairProps): JSX.Element {
  const run = content.run;
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    heading.current?.focus({ preventScroll: true });
    heading.current?.scrollIntoView({ block: "start" });
  }, []);
  const rows = run.metrics.map((one) => {
    const line = run.comparisons.find(
      (of) => of.metric === one.name && ((of.system_a === a && of.system_b === b) || (of.system_a === b && of.system_b === a)),
    );
    return { metric: one, line: line === undefined ? null : seenFrom(line, a) };
  });
  const lines = rows.flatMap(({ line }) => (line === null ? [] : [line]));
  const corrected = lines.map(correction).find((name) => name !== null) ?? null;
  const hasRuns = lines.some((line) => line.p_replicates !== null);
  const level = lines[0]?.level ?? 0.95;
  const n = 11 + (corrected === null ? 0 : 1) + (hasRuns ? 1 : 0) - 1;
  return (
    <section class="pair" aria-labelledby="pair-heading">
      <h3 id="pair-heading" ref={heading} tabIndex={-1}>
        A = <bdi>{visible(a)}</bdi>, B = <bdi>{visible(b)}</bdi>
      </h3>
      <p>
        <button type="button" onClick={() => go({ tab: "pairs", metric: metric.name, a: b, b: a })}>
          Swap A and B
        </button>
      </p>
      <div class="scroll" role="region" aria-label="The pair by all metrics" tabIndex={0}>
        <table class="facts">
          <caption>Difference A − B by all metrics</caption>
          <thead>
            <tr>
              <th scope="col">Metric</th>
              <th scope="col">Δ</th>
              <th scope="col">{general(100 * level)}% interval</th>
              <th scope="col">p</th>
              {corrected !== null && <th scope="col">p ({corrected})</th>}
              {hasRuns && <th scope="col">p of runs</th>}
              <th scope="col">Result</th>
              <th scope="col">n</th>
              <th scope="col">Unit</th>
              <th scope="col">Left out</th>
              <th scope="col">Method</th>
              <th scope="col">Detectable</th>
              <th scope="col">People agree %</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ metric: one, line }) => (
              <tr key={one.name} data-metric={one.name}>
                <th scope="row">
                  {one.heading} {one.higher_is_better ? "↑" : "↓"}
                </th>
                {line === null ? (
                  <td colSpan={n}>{one.unavailable === null ? "not tested" : `not scored: ${visible(one.unavailable)}`}</td>
                ) : (
                  <Fragment>
                    <td class="number">{delta(line.delta, one)}</td>
                    <td class="number">{interval(line, one)}</td>
                    <td class="number">{pValue(line.p, level)}</td>
                    {corrected !== null && <td class="number">{pValue(line.p_holm ?? line.p_bh, level)}</td>}
                    {hasRuns && <td class="number">{pValue(line.p_replicates, level)}</td>}
                    <td class="words">
                      <bdi>{visible(verdict(line, one))}</bdi>
                    </td>
                    <td class="number">{line.n_units.toLocaleString("en")}</td>
                    <td>{line.unit}</td>
                    <td class="number">{line.n_left_out}</td>
                    <td class="words">{method(line)}</td>
                    <td class="number">{delta(line.detectable, one).replace("+", "")}</td>
                    <td class="number">{line.human_agreement === null ? "–" : fixed(line.human_agreement, 0)}</td>
                  </Fragment>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {metric.has_segments ? (
        <Segments content={content} metric={metric} a={a} b={b} />
      ) : (
        <p>{metric.heading} has no segment scores in this record.</p>
      )}
    </section>
  );
}

interface Bin {
  low: number;
  high: number;
  n: number;
}

function Segments({ content, metric, a, b }: Omit<PairProps, "go">): JSX.Element {
  const run = content.run;
  const column = useColumn(content, metric.name);
  const found = useMemo(() => (column === null ? null : differences(run, metric, column, a, b)), [run, metric, column, a, b]);
  const draw = useMemo(
    () => (found === null ? null : (palette: Palette) => histogram(found.bins, metric, palette)),
    [found, metric],
  );
  if (found === null || draw === null || column === null) return <p role="status">Reading segment scores …</p>;
  const factor = metric.display_factor;
  const shown = (value: number): string => signed(value * factor, metric.decimals + 1);
  const hasRuns = runsOf(run, a).length > 1 || runsOf(run, b).length > 1;
  const [scoresA, scoresB] = [segmentScores(run, column, a), segmentScores(run, column, b)];
  const list = (positions: number[], title: string): JSX.Element => (
    <div class="scroll" role="region" aria-label={title} tabIndex={0}>
      <table class="extremes">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">Segment</th>
            <th scope="col">A</th>
            <th scope="col">B</th>
            <th scope="col">A − B</th>
          </tr>
        </thead>
        <tbody>
          {positions.map((at) => (
            <tr key={at}>
              <th scope="row">
                <a href={segmentLink(run, at, [a, b])}>
                  <bdi>{visible(run.segments.id[at] as string)}</bdi>
                </a>
              </th>
              <td class="number">{fixed((scoresA[at] as number) * factor, metric.decimals)}</td>
              <td class="number">{fixed((scoresB[at] as number) * factor, metric.decimals)}</td>
              <td class="number">{shown(found.all[at] as number)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {positions.length === 0 && <p>None.</p>}
    </div>
  );
  return (
    <section class="pair-segments" aria-labelledby="pair-segments-heading">
      <h4 id="pair-segments-heading">{metric.heading}, segment by segment</h4>
      <p class="tally">
        A better in {count(found.wins, "segment")}, equal in {found.ties.toLocaleString("en")}, B better in{" "}
        {found.losses.toLocaleString("en")}
        {found.missing > 0 && `; ${count(found.missing, "segment")} left out, for want of a score`}.
        {found.n > 0 && ` Mean of the differences: ${shown(found.mean)}. It need not be Δ, which is of the whole test set.`}
        {hasRuns && " Scores are means over the runs of a system."}
      </p>
      <figure>
        <Chart
          draw={draw}
          height={260}
          label={`Histogram of the differences A minus B in ${metric.heading} of ${found.n} segments; the numbers follow in a table.`}
          hover={({ at }) => {
            const bin = found.bins[at] as Bin;
            return [`${shown(bin.low)} to ${shown(bin.high)}`, count(bin.n, "segment")];
          }}
        />
        <figcaption>
          Segments by difference A − B in {metric.heading} ({metric.higher_is_better ? "higher" : "lower"} is better).{" "}
          {metric.higher_is_better ? "Right of 0 A is better, left of it B." : "Left of 0 A is better, right of it B."}
          <details>
            <summary>The numbers of the histogram</summary>
            <table class="bins">
              <thead>
                <tr>
                  <th scope="col">From</th>
                  <th scope="col">To</th>
                  <th scope="col">Segments</th>
                </tr>
              </thead>
              <tbody>
                {found.bins
                  .filter((bin) => bin.n > 0)
                  .map((bin) => (
                    <tr key={bin.low}>
                      <td class="number">{shown(bin.low)}</td>
                      <td class="number">{shown(bin.high)}</td>
                      <td class="number">{bin.n}</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </details>
        </figcaption>
      </figure>
      <div class="both-ways">
        {list(found.forA, "Most in favour of A")}
        {list(found.forB, "Most in favour of B")}
      </div>
      <p>
        <a href={link({ tab: "segments", systems: listOf([a, b]), sort: `delta:${metric.name}` })}>
          All segments of both systems, by difference
        </a>
      </p>
    </section>
  );
}

interface Differences {
  all: Float64Array;
  n: number;
  wins: number;
  ties: number;
  losses: number;
  missing: number;
  mean: number;
  bins: Bin[];
  forA: number[];
  forB: number[];
}

function differences(run: Run, metric: Metric, column: Float64Array, a: string, b: string): Differences {
  const all = segmentDifferences(run, column, a, b);
  const sign = metric.higher_is_better ? 1 : -1;
  const known = [...all.keys()].filter((at) => !Number.isNaN(all[at] as number));
  const of = (at: number): number => sign * (all[at] as number);
  const order = known.sort((x, y) => of(y) - of(x) || x - y);
  const wins = order.filter((at) => of(at) > 0);
  const losses = order.filter((at) => of(at) < 0);
  const values = Float64Array.from(order, (at) => all[at] as number);
  return {
    all,
    n: order.length,
    wins: wins.length,
    ties: order.length - wins.length - losses.length,
    losses: losses.length,
    missing: all.length - order.length,
    mean: mean(values),
    bins: binned(values),
    forA: wins.slice(0, N_LISTED),
    forB: losses.slice(-N_LISTED).reverse(),
  };
}

/** As many bins on both sides of 0, which is in the middle of one; as wide as numbers that are read at once. */
function binned(values: Float64Array): Bin[] {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  const width = most === 0 ? 1 : roundWidth(most / MOST_BINS_OF_A_SIDE);
  const half = Math.max(1, Math.ceil(most / width - 1e-9));
  const bins = Array.from({ length: 2 * half + 1 }, (_, at) => ({ low: (at - half - 0.5) * width, high: (at - half + 0.5) * width, n: 0 }));
  for (const value of values) (bins[Math.round(value / width) + half] as Bin).n += 1;
  return bins;
}

/** The next of 1, 2, 5, 10, 20, … and of 0.1, 0.2, 0.5, … */
function roundWidth(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return (([1, 2, 5] as const).find((step) => step * power >= least) ?? 10) * power;
}

function histogram(bins: Bin[], metric: Metric, palette: Palette): Drawing {
  const sign = metric.higher_is_better ? 1 : -1;
  const factor = metric.display_factor;
  const centre = (bin: Bin): number => ((bin.low + bin.high) / 2) * factor;
  const width = ((bins[0] as Bin).high - (bins[0] as Bin).low) * factor;
  const decimals = Math.max(0, -Math.floor(Math.log10(width) + 1e-9));
  const colour = (bin: Bin): string => {
    const side = sign * (Math.abs(bin.low + bin.high) < 1e-12 ? 0 : bin.low + bin.high);
    return side > 0 ? "#0072B2" : side < 0 ? "#D55E00" : "#888888";
  };
  return {
    grid: { left: 60, right: 20, top: 24, bottom: 44 },
    xAxis: axis(`A − B in ${metric.heading}`, palette, { type: "category", data: bins.map((bin) => signed(centre(bin), decimals)) }),
    yAxis: axis("Segments", palette, { nameGap: 40, scale: false, minInterval: 1 }),
    series: [
      {
        type: "bar",
        barCategoryGap: "5%",
        data: bins.map((bin) => ({ value: bin.n, itemStyle: { color: colour(bin) } })),
      },
    ],
  };
}
