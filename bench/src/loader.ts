/** The process that makes the load, and what it says. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { LoadMessage, LoadOrder, LoadReport } from './load.js';
import { BENCH, nodeBinary } from './places.js';
import { stop } from './contestants.js';

export interface Loader {
  readonly pid: number;
  /** Runs one order. `atStart` and `atEnd` are called when the measured time begins and ends. */
  run(order: LoadOrder, atStart?: () => void, atEnd?: () => void): Promise<LoadReport>;
  stop(): Promise<void>;
}

export function startLoader(): Loader {
  const child = fork(join(BENCH, 'dist/load.js'), { execPath: nodeBinary(), execArgv: [] });
  if (child.pid === undefined) throw new Error('The load generator could not be started.');
  return {
    pid: child.pid,
    run: (order, atStart, atEnd) =>
      new Promise((resolve, reject) => {
        const ended = () => reject(new Error('The load generator has failed.'));
        const hear = (message: LoadMessage) => {
          if (message === 'measuring') return atStart?.();
          if (message === 'measured') return atEnd?.();
          child.off('message', hear).off('exit', ended);
          resolve(message);
        };
        child.on('message', hear).once('exit', ended);
        child.send(order);
      }),
    stop: () => stop(child),
  };
}
