// One segment with the outputs of some systems, or one output.

import { type JSX } from "preact";
import { memo } from "preact/compat";

import type { ErrorSpan, Run, Texts } from "../content";
import { fixed } from "../pairs/numbers";
import { link } from "../panel";
import { visible } from "../visible";
import { headingOf } from "./naming";
import { nameOf, placeOfSegment, type Query, scoredMetrics } from "./query";
import { Text } from "./text";

/** The texts of one segment: of `Texts`, the only one. */
export type One = Texts;

interface BlockProps {
  run: Run;
  query: Query;
  at: number;
  /** Places of the systems to show. */
  systems: number[];
  texts: One | undefined;
  columns: Map<string, Float64Array>;
  flags: Map<number, [number, number][]>;
  /** What the list is sorted by. */
  sortedBy: string | null;
  /** Systems not shown whose outputs alone hold the text that is looked for. */
  elsewhere: number[];
  /** What stands for texts that are not there. */
  waiting: string;
}

/** Drawn anew for other properties only: the list is drawn whenever one of its blocks changes its height. */
export const Block = memo(function Block({ run, query, at, systems, texts, columns, flags, sortedBy, elsewhere, waiting }: BlockProps): JSX.Element {
  const { id, document, domain, original_language } = run.segments;
  const { source_language, target_language } = run.testset;
  const flagged = flags.get(at) ?? [];
  const flaggedElsewhere = flagged.filter(([system]) => !systems.includes(system));
  const facts = [
    ["document", document?.[at]],
    ["domain", domain?.[at]],
    ["original language", original_language?.[at]],
    ["", sortedBy],
  ].filter((fact): fact is [string, string] => fact[1] != null);
  return (
    <>
      <header>
        <h3>
          <a href={link(placeOfSegment(run, at, query))} title="Link to this segment">
            Segment <bdi>{visible(id[at] as string)}</bdi>
          </a>
        </h3>
        {facts.map(([name, value]) => (
          <span key={name} class="fact">
            {name} <bdi>{visible(value)}</bdi>
          </span>
        ))}
      </header>
      {texts === undefined ? (
        <p class="note">{waiting}</p>
      ) : (
        <>
          <h4>Source</h4>
          <Text text={texts.sources[0]} language={source_language} missing="no source" />
          {(texts.references[0] ?? []).map((reference, place, all) => (
            <div key={place}>
              <h4>{all.length > 1 ? `Reference ${place + 1}` : "Reference"}</h4>
              <Text text={reference} language={target_language} missing="no reference" />
            </div>
          ))}
          <div class="outputs">
            {systems.map((system) => (
              <Output
                key={system}
                run={run}
                query={query}
                at={at}
                system={system}
                texts={texts}
                columns={columns}
                flags={flagged.filter(([of]) => of === system).map(([, flag]) => flag)}
              />
            ))}
          </div>
        </>
      )}
      {elsewhere.length > 0 && (
        <p class="note">
          The text is only in outputs that are not shown: <bdi>{elsewhere.map((system) => visible(nameOf(run, system))).join(", ")}</bdi>.
        </p>
      )}
      {!query.isByOutput && flaggedElsewhere.length > 0 && (
        <p class="note">
          Flagged outputs that are not shown:{" "}
          {flaggedElsewhere.map(([system, flag]) => `${visible(nameOf(run, system))} (${run.flags[flag]?.name})`).join(", ")}
        </p>
      )}
    </>
  );
});

interface OutputProps {
  run: Run;
  query: Query;
  at: number;
  system: number;
  texts: One;
  columns: Map<string, Float64Array>;
  flags: number[];
}

function Output({ run, query, at, system, texts, columns, flags }: OutputProps): JSX.Element {
  const place = system * run.segments.id.length + at;
  const errors = Object.entries(texts.errors ?? {}).flatMap(([metric, ofSystems]) =>
    (ofSystems[system]?.[0] ?? []).map((error) => ({ ...error, heading: headingOf(run, metric) })),
  );
  const name = nameOf(run, system);
  return (
    <div class="output" role="group" data-system={name} aria-label={`Output of ${visible(name)}`}>
      <h4>
        <bdi>{visible(name)}</bdi>
      </h4>
      <Text
        text={texts.hypotheses[system]?.[0]}
        language={run.testset.target_language}
        missing="no output"
        errors={errors}
        against={againstOf(run, query, name, texts)}
        unit={query.unit}
      />
      <dl class="scores">
        {scoredMetrics(run).map((metric) => {
          const value = columns.get(metric.name)?.[place];
          return (
            <div key={metric.name} data-metric={metric.name}>
              <dt>{metric.heading}</dt>
              <dd>{value === undefined ? "…" : Number.isNaN(value) ? "–" : fixed(value * metric.display_factor, metric.decimals)}</dd>
            </div>
          );
        })}
      </dl>
      {flags.map((flag) => (
        <p key={flag} class="flag">
          <strong>⚑ {run.flags[flag]?.name}</strong> {visible(run.flags[flag]?.meaning ?? "")}
        </p>
      ))}
      {errors.length > 0 && <Errors errors={errors} />}
    </div>
  );
}

function Errors({ errors }: { errors: (ErrorSpan & { heading: string })[] }): JSX.Element {
  return (
    <ul class="errors" aria-label="Errors that metrics mark">
      {errors.map((error, place) => (
        <li key={place}>
          {error.heading}, {visible(error.severity)}
          {error.confidence !== null && ` (confidence ${fixed(error.confidence, 2)})`}: <bdi>“{visible(error.text)}”</bdi>
        </li>
      ))}
    </ul>
  );
}

function againstOf(run: Run, query: Query, name: string, texts: One): { name: string; text: string | null | undefined } | null {
  const [kind, ...rest] = query.against.split(":");
  const wanted = rest.join(":");
  if (kind === "reference") return { name: `reference ${wanted}`, text: texts.references[0]?.[Number(wanted) - 1] };
  if (kind !== "system" || wanted === name) return null;
  return { name: wanted, text: texts.hypotheses[run.systems.findIndex((system) => system.name === wanted)]?.[0] };
}
