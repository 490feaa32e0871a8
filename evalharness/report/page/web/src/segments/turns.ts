// Work that is done later, piece by piece; between turns the browser draws and takes clicks.

const TURN = 8; // ms after which the next piece waits for another turn

const waiting = new Set<() => void>();
let isPlanned = false;

/** Does the work in a turn of its own or with others, unless what is returned is called before. */
export function inTurn(work: () => void): () => void {
  waiting.add(work);
  plan();
  return () => waiting.delete(work);
}

function plan(): void {
  if (isPlanned || waiting.size === 0) return;
  isPlanned = true;
  setTimeout(turn);
}

function turn(): void {
  isPlanned = false;
  const start = performance.now();
  try {
    for (const work of waiting) {
      waiting.delete(work);
      work();
      if (performance.now() - start > TURN) break;
    }
  } finally {
    plan();
  }
}
