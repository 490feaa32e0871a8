// Single letters as commands: where they act, and whether at all.

import { useCallback, useState } from "preact/hooks";

const KEYS = "evalharness-keys";

/** Single letters act where the list has the focus, or nothing has (WCAG 2.1.4). */
export function isForList(event: KeyboardEvent): boolean {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return false;
  return target === document.body || target === document.documentElement || target.closest(".feed-box, .count") !== null;
}

/** Whether single letters are commands; kept as long as the browser keeps the session. */
export function useKeys(): [boolean, (hasKeys: boolean) => void] {
  const [hasKeys, setKeys] = useState(() => {
    try {
      return sessionStorage.getItem(KEYS) !== "off";
    } catch {
      return true; // pages from disk may have no storage
    }
  });
  const keep = useCallback((isOn: boolean) => {
    setKeys(isOn);
    try {
      sessionStorage.setItem(KEYS, isOn ? "on" : "off");
    } catch {
      // then it holds until the page is left
    }
  }, []);
  return [hasKeys, keep];
}
