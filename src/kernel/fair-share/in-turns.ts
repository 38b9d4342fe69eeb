/** Spreads work that became due at the same moment over turns of the event loop, so that other work comes between. */

/** The most work in one turn. */
const EACH_TURN = 8;
const due: (() => void)[] = [];

/** Runs `work` soon: a little of all work in each turn of the event loop, in the order of the calls. */
export function inTurns(work: () => void): void {
  if (due.push(work) === 1) setImmediate(runNext);
}

function runNext(): void {
  const next = due.slice(0, EACH_TURN);
  setImmediate(() => {
    due.splice(0, next.length);
    if (due.length > 0) runNext();
  });
  for (const work of next) work();
}
