/**
 * Counts the instructions that a process executes. Load on the machine changes how long a process runs, but hardly how
 * many instructions it executes.
 *
 * There are two ways: Linux's `perf`, which does not slow the process but is not supported on many virtual machines,
 * and Valgrind's callgrind, which runs everywhere but makes the process about fifty times slower.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BENCH } from './places.js';
import { family } from './processes.js';

/** The result of a piece of work and the number of instructions executed during it. */
export interface Counted<Result> {
  readonly result: Result;
  /** NaN when they cannot be counted. */
  readonly instructions: number;
}

/**
 * Runs `work` and counts the instructions of the given processes and of the descendants they have at the start. The
 * count is NaN without `perf`.
 */
export async function countInstructions<Result>(
  roots: readonly number[],
  work: () => Promise<Result>,
): Promise<Counted<Result>> {
  const pids = (await family(roots)).map(({ pid }) => String(pid)).join(',');
  const perf = spawn('perf', ['stat', '-x,', '-e', 'instructions', '-p', pids], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(perf, 'close').catch(() => undefined);
  let said = '';
  perf.stderr.on('data', (text: Buffer) => (said += text.toString()));
  await delay(300);
  const result = await work();
  perf.kill('SIGINT');
  await ended;
  return { result, instructions: Number(/^(\d+),/m.exec(said)?.[1] ?? Number.NaN) };
}

const OUTPUT = join(BENCH, '.data', 'callgrind');
const VGDB_PREFIX = `--vgdb-prefix=${join(BENCH, '.data', 'vgdb-pipe')}`;

/** The command that runs a program whose instructions {@link countWithCallgrind} can count. */
export const CALLGRIND: readonly string[] = [
  'valgrind',
  '--tool=callgrind',
  // Nothing is counted until callgrind_control asks for it. Until then the program runs faster.
  '--instr-atstart=no',
  `--callgrind-out-file=${OUTPUT}.%p`,
  VGDB_PREFIX,
];

/**
 * Runs `work` and counts the instructions of a process that was started with {@link CALLGRIND}.
 * `work` runs twice; the second run is counted.
 */
export async function countWithCallgrind<Result>(
  pid: number,
  work: () => Promise<Result>,
): Promise<Counted<Result>> {
  // Valgrind derives the names of its pipes from USER and HOST, so these must be as in the server's environment.
  const env = { PATH: process.env['PATH'], HOST: '127.0.0.1' };
  const control = (...orders: string[]) =>
    promisify(execFile)('callgrind_control', [VGDB_PREFIX, ...orders, String(pid)], { env });
  await control('--instr=on');
  // Valgrind now translates the program again, and the first requests wait for that longer than the server's deadline.
  await work().catch(() => undefined);
  await control('--zero');
  const result = await work();
  await control('--instr=off');
  await control('--dump');
  return { result, instructions: await lastTotal(pid) };
}

/** Reads the last dump. Dumps are numbered, and the last one counts from when the counters were reset. */
async function lastTotal(pid: number): Promise<number> {
  let total = Number.NaN;
  for (let dump = 1; ; dump++) {
    const text = await readFile(`${OUTPUT}.${pid}.${dump}`, 'utf8').catch(() => undefined);
    if (text === undefined) return total;
    total = Number(/^totals: (\d+)/m.exec(text)?.[1] ?? Number.NaN);
  }
}
