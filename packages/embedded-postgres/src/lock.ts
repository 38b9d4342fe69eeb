/**
 * One process at a time may initialise, start or adopt the server of a data folder.
 *
 * A single lock file cannot be removed safely when it is stale: between "its holder is dead" and "I delete it", another
 * process may have deleted it and taken the lock. So every process first creates its own claim file, then checks the
 * others. The second process sees the first one's claim, so two can never both find no other. Any process may delete
 * the claim of a dead one, because its name is never used again.
 */
import { randomBytes } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { EmbeddedDatabaseError } from './error.js';
import { identify, isAlive } from './process.js';

const prefix = 'starting_';
const patienceMs = 180_000;

/** Runs `work` while no other call, in this or another process, runs its work on the same folder. */
export async function withStartLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const claim = await acquire(folder);
  try {
    return await work();
  } finally {
    await rm(claim, { force: true });
  }
}

async function acquire(folder: string): Promise<string> {
  const mine = await claimName();
  const file = path.join(folder, mine);
  const deadline = Date.now() + patienceMs;
  for (;;) {
    await writeFile(file, '', { mode: 0o600 });
    const rivals = await liveRivals(folder, mine);
    if (rivals.length === 0) return file;
    // Of the waiting processes, the one with the smallest name keeps its claim, so one always succeeds.
    if (Date.now() > deadline || rivals.some((rival) => rival < mine)) await rm(file, { force: true });
    if (Date.now() > deadline) throw new EmbeddedDatabaseError(tooLong(folder, rivals));
    await delay(15 + Math.random() * 35);
  }
}

async function liveRivals(folder: string, mine: string): Promise<readonly string[]> {
  const names = await readdir(folder);
  const rivals = names.filter((name) => name.startsWith(prefix) && name !== mine);
  const live = await Promise.all(
    rivals.map(async (name) => {
      if (await isAlive(holderOf(name))) return name;
      await rm(path.join(folder, name), { force: true });
      return undefined;
    }),
  );
  return live.filter((name) => name !== undefined);
}

async function claimName(): Promise<string> {
  const self = await identify(process.pid);
  return `${prefix}${String(process.pid)}_${self?.started ?? ''}_${randomBytes(4).toString('hex')}`;
}

function holderOf(name: string): { pid: number; started: string } {
  const [pid = '', started = ''] = name.slice(prefix.length).split('_');
  return { pid: Number.parseInt(pid, 10), started };
}

function tooLong(folder: string, rivals: readonly string[]): string {
  const pids = rivals.map((rival) => String(holderOf(rival).pid)).join(', ');
  return `Another process (${pids}) has been starting the database in ${folder} for minutes; stop that process and start again.`;
}
