/** The machine of a measurement, and where its pictures go. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { BENCH, nodeVersion } from './places.js';
import { cpuTime, machineTime } from './processes.js';

/** Call it before the measurement, and what it returns afterwards. It says how busy other programs kept the machine. */
export function machineLine(postgres: string): () => Promise<string> {
  const times = async () => ({
    own: await cpuTime(process.pid),
    machine: await machineTime(),
    at: performance.now(),
  });
  const before = times();
  return async () => {
    const [started, ended] = [await before, await times()];
    const busy = ended.machine - started.machine - (ended.own - started.own);
    const foreign = busy / 1_000 / (ended.at - started.at);
    return (
      `${cpus().length} cores (${cpus()[0]?.model ?? ''}), Node ${nodeVersion()}, PostgreSQL ${postgres}. ` +
      `Other programs and PostgreSQL together used ${foreign.toFixed(1)} cores.`
    );
  };
}

/** Writes a picture for docs/operate.md. */
export async function writePicture(name: string, svg: string): Promise<void> {
  const folder = join(BENCH, '../docs/operate');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), svg);
  console.error(`Wrote docs/operate/${name}`);
}
