// Descriptive numbers of columns, worked out in short turns so that the page never stands still.

import { mean, pearson, quantile, ranked } from "../pairs/numbers";

export const SHARES = [0.05, 0.25, 0.5, 0.75, 0.95] as const;
const DENSITY_POINTS = 80;

export interface Spread {
  n: number;
  missing: number;
  mean: number;
  low: number;
  high: number;
  /** By `SHARES`. */
  quantiles: number[];
  /** How thick the distribution is at evenly spaced values from `low` to `high`; the thickest 1. */
  density: number[];
  lowest: number;
  highest: number;
}

/** Lets the page breathe once this turn has lasted too long. */
export class Turns {
  private start = performance.now();
  private isOver = false;

  stop(): void {
    this.isOver = true;
  }

  /** False once nobody waits for the answer. */
  async next(): Promise<boolean> {
    if (performance.now() - this.start > 15) {
      await new Promise((resolve) => setTimeout(resolve));
      this.start = performance.now();
    }
    return !this.isOver;
  }
}

export function spread(column: Float64Array): Spread {
  const sorted = column.filter((value) => !Number.isNaN(value)).sort();
  const low = sorted[0] ?? NaN;
  const high = sorted[sorted.length - 1] ?? NaN;
  return {
    n: sorted.length,
    missing: column.length - sorted.length,
    mean: mean(sorted),
    low,
    high,
    quantiles: SHARES.map((share) => quantile(sorted, share)),
    density: density(sorted, low, high),
    lowest: column.indexOf(low),
    highest: column.indexOf(high),
  };
}

/** A Gaussian kernel by Silverman's rule, over counts in narrow bins. */
function density(sorted: Float64Array, low: number, high: number): number[] {
  const width = (high - low) / (DENSITY_POINTS - 1);
  if (!(width > 0)) return sorted.length > 0 ? [1] : [];
  const counts = new Float64Array(DENSITY_POINTS);
  const centre = mean(sorted);
  let squares = 0;
  for (const value of sorted) {
    squares += (value - centre) ** 2;
    const bin = Math.round((value - low) / width);
    counts[bin] = (counts[bin] as number) + 1;
  }
  const deviation = Math.sqrt(squares / sorted.length);
  const middle = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.34;
  const bandwidth = 0.9 * (middle > 0 ? Math.min(deviation, middle) : deviation) * sorted.length ** -0.2;
  const scale = Math.max(bandwidth / width, 0.5);
  const found = Array.from(counts, (_, at) => {
    let sum = 0;
    for (let bin = 0; bin < DENSITY_POINTS; bin++) sum += (counts[bin] as number) * Math.exp(-0.5 * ((at - bin) / scale) ** 2);
    return sum;
  });
  const most = Math.max(...found);
  return found.map((value) => value / most);
}

export interface Correlation {
  n: number;
  pearson: number;
  spearman: number;
}

/** Over the places where both are known. */
export function correlation(xs: Float64Array, ys: Float64Array): Correlation {
  const known = [...xs.keys()].filter((at) => !Number.isNaN(xs[at] as number) && !Number.isNaN(ys[at] as number));
  const x = Float64Array.from(known, (at) => xs[at] as number);
  const y = Float64Array.from(known, (at) => ys[at] as number);
  return { n: known.length, pearson: pearson(x, y), spearman: pearson(ranked(x), ranked(y)) };
}
