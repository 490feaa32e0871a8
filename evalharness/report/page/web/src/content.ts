// What the page shows of a run, embedded in the document or asked of a server. Shapes: S systems, N segments.

export interface System {
  name: string;
  group: string | null;
  signature: string;
  provenance: string;
}

export interface Metric {
  name: string;
  heading: string;
  higher_is_better: boolean;
  display_factor: number;
  decimals: number;
  signature: string | null;
  remark: string | null;
  unavailable: string | null;
  has_segments: boolean;
  has_errors: boolean;
}

export interface Score {
  system: string;
  metric: string;
  score: number | null;
  ci_low: number | null;
  ci_high: number | null;
  n_scored: number;
  n_missing: number;
  signature: string;
}

/** A line of `comparisons.csv`; `delta` is the score of a less that of b. */
export interface Comparison {
  metric: string;
  system_a: string;
  system_b: string;
  delta: number;
  p: number | null;
  p_holm: number | null;
  p_bh: number | null;
  ci_low: number | null;
  ci_high: number | null;
  interval: string | null;
  level: number;
  unit: string;
  n_units: number;
  n_segments: number;
  n_left_out: number;
  method: string;
  n_draws: number | null;
  detectable: number | null;
  human_agreement: number | null;
  p_replicates: number | null;
  is_significant: boolean;
}

export interface Flag {
  name: string;
  meaning: string;
  is_unusable: boolean;
}

export interface Run {
  schema: 1;
  name: string;
  created: string;
  testset: {
    name: string;
    language_pair: string;
    source_language: string;
    target_language: string;
    n_segments: number;
    n_references: number | null;
    fingerprint: string;
    provenance: string;
    selection: string | null;
  };
  systems: System[];
  metrics: Metric[];
  scores: Score[];
  comparisons: Comparison[];
  ranks: { metric: string; system: string; rank_top: number; rank_bottom: number; cluster: number }[];
  baseline: string | null;
  /** All that occur in the run. */
  flags: Flag[];
  /** Place of the system, of the segment and of the flag. */
  flagged: [number, number, number][];
  /** [N]; a column is null where no segment has one. */
  segments: {
    id: string[];
    document: (string | null)[] | null;
    domain: (string | null)[] | null;
    original_language: (string | null)[] | null;
    /** Slices by the length of the source, as the record has them. */
    source_length: (string | null)[] | null;
  };
  columns: string[];
  notes: { differences: string[]; clusters: string | null };
}

/** A part of a hypothesis that a metric holds for wrong, in code points. */
export interface ErrorSpan {
  text: string;
  severity: string;
  confidence: number | null;
  start: number;
  end: number;
}

/** Of n segments, in the order in which they were asked for. */
export interface Texts {
  sources: (string | null)[];
  references: string[][];
  /** [S][n] */
  hypotheses: (string | null)[][];
  /** By metric, [S][n]. */
  errors?: Record<string, (ErrorSpan[] | null)[][]>;
}

/** Places of segments in which a text occurs. */
export interface Found {
  sources: number[];
  references: number[];
  /** By system. */
  hypotheses: number[][];
}

export interface Content {
  run: Run;
  /** [S * N] by system, of `source_length` [N]; NaN for what is missing. */
  column(name: string): Promise<Float64Array>;
  texts(positions: number[]): Promise<Texts>;
  search(text: string): Promise<Found>;
}

export async function openContent(): Promise<Content> {
  return document.body.dataset["source"] === "server" ? servedContent() : embeddedContent();
}

async function embeddedContent(): Promise<Content> {
  const all = once(async () => (await json(await embedded("texts"))) as Texts);
  return {
    run: (await json(await embedded("run"))) as Run,
    column: remembered(async (name) => new Float64Array(await embedded(`columns/${name}`))),
    texts: async (positions) => at(await all(), positions),
    search: async (text) => found(await all(), text),
  };
}

async function servedContent(): Promise<Content> {
  return {
    run: (await json(await served("run"))) as Run,
    column: remembered(async (name) => new Float64Array(await served(`columns/${encodeURIComponent(name)}`))),
    texts: async (positions) => (await json(await served(`texts?segments=${positions.join(",")}`))) as Texts,
    search: async (text) => (await json(await served(`search?text=${encodeURIComponent(text)}`))) as Found,
  };
}

async function embedded(name: string): Promise<ArrayBuffer> {
  const element = document.querySelector(`script[data-content="${CSS.escape(name)}"]`);
  if (element === null) throw new Error(`The page is not whole: it has no ${name}. Write it again: evalharness report.`);
  const letters = atob(element.textContent ?? "");
  const packed = new Uint8Array(letters.length); // filled by a loop: from() with a function takes several times as long
  for (let at = 0; at < letters.length; at++) packed[at] = letters.charCodeAt(at);
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function served(name: string): Promise<ArrayBuffer> {
  const answer = await fetch(`content/${name}`).catch(() => {
    throw new Error("The server does not answer. Is evalharness view still running?");
  });
  if (!answer.ok) throw new Error(`The server said: ${(await answer.text()).slice(0, 500) || answer.statusText}`);
  return answer.arrayBuffer();
}

async function json(bytes: ArrayBuffer): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function at(all: Texts, positions: number[]): Texts {
  const chosen = <T>(list: T[]): T[] => positions.map((position) => list[position] as T);
  const texts: Texts = {
    sources: chosen(all.sources),
    references: chosen(all.references),
    hypotheses: all.hypotheses.map(chosen),
  };
  if (all.errors !== undefined) {
    texts.errors = Object.fromEntries(
      Object.entries(all.errors).map(([metric, ofSystems]) => [metric, ofSystems.map(chosen)]),
    );
  }
  return texts;
}

/** Whatever the case, in composed form (NFC), as the server searches. */
async function found(all: Texts, text: string): Promise<Found> {
  const wanted = normalised(text);
  const holds = (one: string | null | undefined): boolean => one != null && normalised(one).includes(wanted);
  const places = async <T>(list: T[], test: (one: T) => boolean): Promise<number[]> => {
    await breath();
    return list.flatMap((one, place) => (test(one) ? [place] : []));
  };
  const hypotheses: number[][] = [];
  const sources = await places(all.sources, holds);
  const references = await places(all.references, (texts) => texts.some(holds));
  for (const ofSystem of all.hypotheses) hypotheses.push(await places(ofSystem, holds));
  return { sources, references, hypotheses };
}

function normalised(text: string): string {
  return text.normalize("NFC").toLowerCase();
}

/** Lets the browser draw and take clicks before what follows. */
export function breath(): Promise<void> {
  return new Promise((go) => setTimeout(go));
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  const made = remembered(make);
  return () => made("");
}

/** What was made is kept; what failed is made again when it is asked for again. */
function remembered<T>(make: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (name) => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const fresh = make(name);
    made.set(name, fresh);
    fresh.catch(() => made.delete(name));
    return fresh;
  };
}
