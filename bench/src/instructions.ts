/**
 * Counts the instructions of a process: a busy machine takes its time, but executes no more of them.
 *
 * Two ways: Linux's `perf`, which costs nothing and which virtual machines often do not support, and Valgrind's
 * callgrind, which runs everywhere and makes the process about fifty times slower.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BENCH } from './places.js';
import { family } from './processes.js';

/** What a piece of work returned, and the instructions executed meanwhile. */
export interface Counted<Result> {
  readonly result: Result;
  /** NaN where they cannot be counted. */
  readonly instructions: number;
}

/** Runs `work` and counts what the processes and their descendants of this moment execute meanwhile; NaN without `perf`. */
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

/** The command before the program that is to be counted by {@link countWithCallgrind}. */
export const CALLGRIND: readonly string[] = [
  'valgrind',
  '--tool=callgrind',
  // Nothing is counted, and the program is faster, until it is asked for.
  '--instr-atstart=no',
  `--callgrind-out-file=${OUTPUT}.%p`,
  VGDB_PREFIX,
];

/** Runs `work` and counts what a process that was started with {@link CALLGRIND} executes meanwhile. */
export async function countWithCallgrind<Result>(
  pid: number,
  work: () => Promise<Result>,
): Promise<Counted<Result>> {
  // Valgrind names its pipes after USER and HOST: as the server has them.
  const env = { PATH: process.env['PATH'], HOST: '127.0.0.1' };
  const control = (...orders: string[]) =>
    promisify(execFile)('callgrind_control', [VGDB_PREFIX, ...orders, String(pid)], { env });
  await control('--instr=on');
  // Valgrind translates the program anew, and the first requests wait for that longer than the server lets them.
  await work().catch(() => undefined);
  await control('--zero');
  const result = await work();
  await control('--instr=off');
  await control('--dump');
  return { result, instructions: await lastTotal(pid) };
}

/** Dumps are numbered; the last one has what was executed since the counters were set to zero. */
async function lastTotal(pid: number): Promise<number> {
  let total = Number.NaN;
  for (let dump = 1; ; dump++) {
    const text = await readFile(`${OUTPUT}.${pid}.${dump}`, 'utf8').catch(() => undefined);
    if (text === undefined) return total;
    total = Number(/^totals: (\d+)/m.exec(text)?.[1] ?? Number.NaN);
  }
}
