// A list of which only what is in sight is in the document.

import {
  defaultRangeExtractor,
  elementScroll,
  measureElement,
  observeElementOffset,
  observeElementRect,
  type Range,
  Virtualizer,
} from "@tanstack/virtual-core";
import { type JSX } from "preact";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";

import { isForList } from "./keys";

const BESIDE = 3; // blocks out of sight, on each side, that are in the document

interface FeedProps {
  count: number;
  /** How many there are in all, of which the first here is the `first`-th. */
  total: number;
  first: number;
  label: string;
  isBusy: boolean;
  estimate: number;
  /** The one to go to, when it changes. */
  target: number | null;
  /** Whether j and k go from one to the next. */
  hasKeys: boolean;
  item: (at: number) => JSX.Element;
  labelOf: (at: number) => string;
  /** Which are in sight. */
  seen: (from: number, to: number) => void;
}

export function Feed({ count, total, first, label, isBusy, estimate, target, hasKeys, item, labelOf, seen }: FeedProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const held = useRef<number | null>(null);
  const options = {
    count,
    getScrollElement: () => box.current,
    estimateSize: () => estimate,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    measureElement,
    overscan: BESIDE,
    rangeExtractor: (range: Range) => withFocused(box.current, range, count),
    onChange: () => redraw(undefined as never),
  };
  const [virtual] = useState(() => new Virtualizer<HTMLDivElement, HTMLElement>(options));
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => virtual._willUpdate());

  const items = virtual.getVirtualItems();
  const [from, to] = [
    Math.max(0, (virtual.range?.startIndex ?? 0) - BESIDE),
    Math.min(count, (virtual.range?.endIndex ?? -1) + 1 + BESIDE),
  ];
  useEffect(() => seen(from, to), [from, to, seen]);

  const go = (at: number): void => {
    held.current = at;
    redraw(undefined as never);
  };
  useEffect(() => {
    if (target !== null) go(target);
  }, [target]);
  // Blocks before it grow when their texts come, so the one gone to is kept in place until the reader moves.
  useEffect(() => {
    const at = held.current;
    if (at === null || box.current === null) return;
    const offset = virtual.getOffsetForIndex(at, "start")?.[0] ?? 0;
    if (Math.abs(offset - box.current.scrollTop) > 1) box.current.scrollTop = offset;
    const element = box.current.querySelector<HTMLElement>(`article[data-index="${at}"]`);
    if (element !== null && !element.contains(document.activeElement)) {
      element.focus({ preventScroll: true });
      box.current.scrollIntoView({ block: "nearest" });
    }
  });
  useEffect(() => {
    const release = (): void => {
      held.current = null;
    };
    const moves = ["wheel", "pointerdown", "touchstart", "keydown"];
    for (const move of moves) addEventListener(move, release, { capture: true, passive: true });
    return () => {
      for (const move of moves) removeEventListener(move, release, { capture: true });
    };
  }, []);
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (!hasKeys || !isForList(event)) return;
      if (event.key !== "j" && event.key !== "k") return;
      const current = (event.target as Element).closest?.<HTMLElement>("article[data-index]");
      const reached = current == null ? null : Number(current.dataset["index"]);
      const next = reached === null ? Math.max(0, virtual.getVirtualItemForOffset(virtual.scrollOffset ?? 0)?.index ?? 0) : reached + (event.key === "j" ? 1 : -1);
      if (next < 0 || next >= count) return;
      event.preventDefault();
      go(next);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [virtual, count, hasKeys]);

  return (
    <div class="feed-box" ref={box}>
      <div class="feed" role="feed" aria-label={label} aria-busy={isBusy} style={{ height: `${virtual.getTotalSize()}px` }}>
        {items.map(({ index, start }) => (
          <article
            key={index}
            ref={virtual.measureElement}
            data-index={index}
            tabIndex={0}
            aria-posinset={first + index + 1}
            aria-setsize={total}
            aria-label={labelOf(index)}
            aria-current={target === index ? "true" : undefined}
            style={{ transform: `translateY(${start}px)` }}
          >
            {item(index)}
          </article>
        ))}
      </div>
    </div>
  );
}

/** The blocks in sight, and the one that has the focus, which it would lose with it. */
function withFocused(box: HTMLElement | null, range: Range, count: number): number[] {
  const shown = defaultRangeExtractor(range);
  const focused = document.activeElement?.closest<HTMLElement>("article[data-index]");
  const at = Number(focused?.dataset["index"]);
  if (focused == null || !box?.contains(focused) || at >= count || shown.includes(at)) return shown;
  return [...shown, at].sort((a, b) => a - b);
}
