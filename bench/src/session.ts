/** A run that starts things and leaves nothing behind, whether it ends, fails or is interrupted. */

/** Has something stopped at the end; what was registered last is stopped first. */
export type OnEnd = (stop: () => Promise<void>) => void;

/** Runs `work`, stops everything, and ends this process: with 1 when `work` failed or a signal came first. */
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
  // When interrupted, `work` fails as well, for what it uses is stopped.
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
