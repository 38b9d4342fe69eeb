/** Runs work that starts processes, and stops them all when it ends, fails or is interrupted. */

/** Registers what must be stopped at the end. The last registered is stopped first. */
export type OnEnd = (stop: () => Promise<void>) => void;

/**
 * Runs `work`, stops everything that it registered, and exits: with 1 when `work` failed or a signal interrupted it.
 */
export async function session(work: (onEnd: OnEnd) => Promise<void>): Promise<never> {
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    for (let stop = stops.pop(); stop; stop = stops.pop()) await stop().catch(report);
  };
  const interrupted = new Promise<never>((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => reject(new Error('Interrupted.')));
    }
  });
  // After an interruption `work` fails too, because the processes that it uses are stopped.
  const worked = work((stop) => stops.push(stop));
  worked.catch(() => undefined);
  try {
    await Promise.race([worked, interrupted]);
  } catch (error) {
    report(error);
    process.exitCode = 1;
  }
  await stopAll();
  process.exit();
}

function report(error: unknown): void {
  console.error(error instanceof Error && error.message !== '' ? error.message : error);
}
