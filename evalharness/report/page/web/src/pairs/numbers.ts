// Numbers as the tables of the record show them: the same digits as Python's f"{x:.2f}" and f"{p:.3g}".

export function fixed(value: number, decimals: number): string {
  let text = value.toFixed(decimals);
  // Of the two nearest decimals of a number exactly between them, toFixed takes the larger; Python the even one.
  const scaled = Math.abs(value) * 10 ** decimals;
  if (scaled < 2 ** 50 && scaled % 1 === 0.5 && isExact(value, decimals)) {
    const even = 2 * Math.round(scaled / 2);
    text = ((Math.sign(value) * even) / 10 ** decimals).toFixed(decimals);
  }
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** Whether the decimal half is one in binary too: value * 2 ** (decimals + 1) is then whole. */
function isExact(value: number, decimals: number): boolean {
  return Number.isInteger(value * 2 ** (decimals + 1));
}

/** With its sign: `+1.20`, `−0.31`, `0.00`. */
export function signed(value: number, decimals: number): string {
  const text = fixed(value, decimals);
  return text.startsWith("-") ? `−${text.slice(1)}` : Number(text) === 0 ? text : `+${text}`;
}

/** With three significant digits, or as many as tell it from what is significant at a level. */
export function pValue(p: number | null, level: number): string {
  if (p === null) return "–";
  const alpha = Number((1 - level).toFixed(12));
  for (let digits = 3; digits < 17; digits++) {
    const shown = significant(p, digits);
    if (Number(shown) <= alpha === p <= alpha) return shown;
  }
  return String(p);
}

/** As Python's `:.3g` with that many digits, of numbers from 0 to 1. */
function significant(value: number, n: number): string {
  if (value === 0) return "0";
  const [digits = "", power = "0"] = value.toExponential(n - 1).split("e");
  const exponent = Number(power);
  const trimmed = (text: string) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent < -4) return `${trimmed(digits)}e-${String(-exponent).padStart(2, "0")}`;
  return trimmed(fixed(value, Math.max(0, n - 1 - exponent)));
}

/** The value below which a share of sorted values lies, between two of them by straight line (as numpy does). */
export function quantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return NaN;
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (place - below);
}

/** As Python's `:g`, for numbers that it writes without an exponent: `99.5`, `95`. */
export function general(value: number): string {
  return String(Number(value.toPrecision(6)));
}

export function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Pearson's r; NaN where one side does not vary. */
export function pearson(xs: Float64Array, ys: Float64Array): number {
  // The mean of equal numbers need not be that number in binary, so sums of their differences need not be 0.
  if (isConstant(xs) || isConstant(ys)) return NaN;
  const meanX = mean(xs);
  const meanY = mean(ys);
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < xs.length; i++) {
    const dx = (xs[i] as number) - meanX;
    const dy = (ys[i] as number) - meanY;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xy / Math.sqrt(xx * yy);
}

function isConstant(values: Float64Array): boolean {
  return values.every((value) => value === values[0]);
}

/** Ranks from 1; equal values share the mean of theirs. */
export function ranked(values: Float64Array): Float64Array {
  const sorted = Float64Array.from(values).sort();
  const rank = new Map<number, number>();
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (end < sorted.length && sorted[end] === sorted[start]) end++;
    rank.set(sorted[start] as number, (start + 1 + end) / 2);
    start = end;
  }
  return values.map((value) => rank.get(value) as number);
}

export function count(n: number, noun: string): string {
  return `${n.toLocaleString("en")} ${n === 1 ? noun : `${noun}s`}`;
}
