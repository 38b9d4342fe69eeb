/** Counts the instructions of processes with Linux's `perf`: a busy machine takes its time, but executes no more of them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { family } from './processes.js';

/** Runs `work` and counts what the processes and their descendants of this moment execute meanwhile; NaN without `perf`. */
export async function countInstructions<Result>(
  roots: readonly number[],
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly instructions: number }> {
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
