import { type JSX } from "preact";

import type { PanelProps } from "./pairs";

export function Segments(_: PanelProps): JSX.Element {
  return <p>Not there yet.</p>;
}
