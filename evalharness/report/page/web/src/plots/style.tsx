// Systems told apart by colour and by shape: Okabe and Ito's colours, which the colour-blind tell apart, less yellow,
// which is faint on white, and black, which is gone on black.

import type { JSX } from "preact";

const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"] as const;
/** Those of the drawing library whose middle is the point; its pin and its arrow have it at their tip. */
const SHAPES = ["circle", "triangle", "rect", "diamond", "roundRect"] as const;

export interface Look {
  colour: string;
  shape: (typeof SHAPES)[number];
}

/** No two of the first 30 are alike: the lengths of both lists have no common divisor. */
export function look(place: number): Look {
  return { colour: COLOURS[place % COLOURS.length] as string, shape: SHAPES[place % SHAPES.length] as Look["shape"] };
}

const PATHS: Record<Look["shape"], string> = {
  circle: "M1 6a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
  triangle: "M6 1L11 11H1z",
  rect: "M1 1H11V11H1z",
  diamond: "M6 0L12 6L6 12L0 6z",
  roundRect: "M3 2H9a2 2 0 0 1 2 2V8a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2z",
};

export function Swatch({ place }: { place: number }): JSX.Element {
  const { colour, shape } = look(place);
  return (
    <svg class="shape" width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
      <path d={PATHS[shape]} fill={colour} />
    </svg>
  );
}
