import { setTimeout as wait } from 'node:timers/promises';

/** Waits for what happens elsewhere and cannot be awaited; fails when it does not happen in time. */
export async function until(
  what: string,
  happened: () => boolean | Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await happened())) {
    if (Date.now() > deadline) throw new Error(`this did not happen within ${withinMs} ms: ${what}`);
    await wait(10);
  }
}
