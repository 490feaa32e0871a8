import "./page.css";
import "./panels.css";
import "./segments.css";

import { render } from "preact";

import { App, Failure } from "./app";
import { openContent } from "./content";

const views = document.getElementById("views") as HTMLElement;
const app = document.getElementById("app") as HTMLElement;

function start(): void {
  openContent().then(
    (content) => render(<App content={content} views={views} />, app),
    (error: unknown) => render(<Failure error={error} again={start} />, app),
  );
}

start();
