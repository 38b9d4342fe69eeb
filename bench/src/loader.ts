/** Starts the process that generates the load, and reads its messages. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { PacedOrder, PacedReport } from './paced-load.js';
import type { LoadMessage, LoadOrder, LoadReport } from './load.js';
import { BENCH, nodeBinary } from './places.js';
import { stop } from './contestants.js';

export interface Loader {
  readonly pid: number;
  /** Runs one order. `atStart` and `atEnd` are called when the measured time begins and ends. */
  run(order: LoadOrder, atStart?: () => void, atEnd?: () => void): Promise<LoadReport>;
  stop(): Promise<void>;
}

export interface PacedLoader {
  run(order: PacedOrder): Promise<PacedReport>;
  stop(): Promise<void>;
}

/** The process whose load does not wait for answers. */
export function startPacedLoader(): PacedLoader {
  const child = fork(join(BENCH, 'dist/paced-load.js'), {
    execPath: nodeBinary(),
    execArgv: [],
    // JSON has no NaN.
    serialization: 'advanced',
  });
  return {
    run: (order) =>
      new Promise((resolve, reject) => {
        const ended = () => reject(new Error('The load generator has failed.'));
        child.once('exit', ended);
        child.once('message', (report: PacedReport) => {
          child.off('exit', ended);
          resolve(report);
        });
        child.send(order);
      }),
    stop: () => stop(child),
  };
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
