import { setTimeout as wait } from 'node:timers/promises';

/** Waits for a condition that no promise reports. @throws Error when it is not met within `withinMs` */
export async function until(
  what: string,
  happened: () => boolean | Promise<boolean>,
  withinMs = 100_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await happened())) {
    if (Date.now() > deadline) throw new Error(`this did not happen within ${withinMs} ms: ${what}`);
    await wait(10);
  }
}
