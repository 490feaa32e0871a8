// The frame of the page: which view is shown, decided by the address behind `#` alone, so that every place has a link.

import { type JSX } from "preact";
import { createPortal } from "preact/compat";
import { useCallback, useEffect, useErrorBoundary, useLayoutEffect, useState } from "preact/hooks";

import type { Content } from "./content";
import { Pairs } from "./pairs";
import { link } from "./panel";
import { Plots } from "./plots";
import { Segments } from "./segments";
import { visible } from "./visible";

const VIEWS = { overview: "Overview", pairs: "Pairs", segments: "Segments", plots: "Plots" } as const;
type View = keyof typeof VIEWS;
const THEMES = ["auto", "light", "dark"] as const;

export function App({ content, views }: { content: Content; views: HTMLElement }): JSX.Element {
  const [place, go] = usePlace();
  const view = viewOf(place);
  const tab = place.get("tab");
  useOverview(view === "overview");
  useEffect(() => {
    document.title = `${VIEWS[view]} · ${visible(content.run.name)} · evalharness`;
  }, [view, content]);
  return (
    <>
      {createPortal(<Views current={view} />, views)}
      {tab !== null && !isView(tab) && <p role="alert">The page has no view {visible(tab)}.</p>}
      <Guarded key={view} view={view} content={content} place={place} go={go} />
    </>
  );
}

interface GuardedProps {
  view: View;
  content: Content;
  place: URLSearchParams;
  go: (place: Record<string, string>) => void;
}

function Guarded({ view, ...props }: GuardedProps): JSX.Element | null {
  const [error, again] = useErrorBoundary();
  useEffect(() => {
    if (error !== undefined) again();
  }, [props.place.toString()]);
  if (error !== undefined) return <Failure error={error} again={again} />;
  if (view === "pairs") return <Pairs {...props} />;
  if (view === "plots") return <Plots {...props} />;
  return view === "segments" ? <Segments {...props} /> : null;
}

export function Failure({ error, again }: { error: unknown; again: () => void }): JSX.Element {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <div class="failure">
      <p role="alert">This part of the page cannot be shown: {visible(message)}</p>
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}

function Views({ current }: { current: View }): JSX.Element {
  return (
    <>
      {(Object.keys(VIEWS) as View[]).map((view) => (
        <a key={view} href={link({ tab: view })} aria-current={view === current ? "page" : undefined}>
          {VIEWS[view]}
        </a>
      ))}
      <Theme />
    </>
  );
}

/** Light or dark as the system has it, unless chosen here; the choice is kept where the browser keeps anything. */
function Theme(): JSX.Element {
  const [theme, setTheme] = useState(stored);
  useEffect(() => {
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    try {
      localStorage.setItem("evalharness-theme", theme);
    } catch {
      // pages from disk may have no storage
    }
  }, [theme]);
  return (
    <label class="theme">
      Theme{" "}
      <select value={theme} onChange={(event) => setTheme(event.currentTarget.value)}>
        {THEMES.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}

function stored(): string {
  try {
    return THEMES.find((one) => one === localStorage.getItem("evalharness-theme")) ?? "auto";
  } catch {
    return "auto";
  }
}

/** The overview is in the document from the start. */
function useOverview(isShown: boolean): void {
  useLayoutEffect(() => {
    (document.getElementById("overview") as HTMLElement).hidden = !isShown;
  }, [isShown]);
}

function usePlace(): [URLSearchParams, (place: Record<string, string>) => void] {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = (): void => setHash(location.hash);
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const go = useCallback((place: Record<string, string>) => {
    location.hash = link(place);
  }, []);
  return [new URLSearchParams(hash.slice(1)), go];
}

function viewOf(place: URLSearchParams): View {
  const tab = place.get("tab");
  if (tab !== null) return isView(tab) ? tab : "overview";
  return place.has("segment") ? "segments" : "overview";
}

function isView(tab: string): tab is View {
  return Object.hasOwn(VIEWS, tab);
}
