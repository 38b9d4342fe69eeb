/** What processes cost, as the kernel counts it. Linux only: elsewhere everything is unknown, NaN. */
import { readFile, readdir } from 'node:fs/promises';

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Of the process and of its children that have ended, user and system, in ticks. */
  readonly ticks: number;
}

/** USER_HZ, which is 100 wherever Linux runs Node. */
const MICROSECONDS_PER_TICK = 10_000;

export async function parentOf(pid: number): Promise<number> {
  return (await read(pid))?.parent ?? Number.NaN;
}

/** CPU time that processes and their descendants, the ended ones included, have taken so far, in µs. */
export async function cpuTime(...roots: readonly number[]): Promise<number> {
  const members = await family(roots);
  if (members.length === 0) return Number.NaN;
  return members.reduce((sum, { ticks }) => sum + ticks, 0) * MICROSECONDS_PER_TICK;
}

/** Processes and all their descendants. */
export async function family(roots: readonly number[]): Promise<Process[]> {
  const processes = await all();
  const within = new Set(roots);
  // A child may have a lower number than its parent: repeat until nothing new is found.
  for (let before = 0; before !== within.size;) {
    before = within.size;
    for (const { pid, parent } of processes) if (within.has(parent)) within.add(pid);
  }
  return processes.filter(({ pid }) => within.has(pid));
}

/** CPU time that the whole machine has spent so far, in µs: on whatever, and for other machines on the same hardware. */
export async function machineTime(): Promise<number> {
  const stat = await readFile('/proc/stat', 'utf8').catch(() => '');
  const [user, nice, system, , , irq, softirq, steal] = (/^cpu +(.+)$/m.exec(stat)?.[1] ?? '')
    .split(' ')
    .map(Number);
  return (
    [user, nice, system, irq, softirq, steal].reduce<number>((sum, ticks) => sum + (ticks ?? Number.NaN), 0) *
    MICROSECONDS_PER_TICK
  );
}

/** Memory that a process holds, in MiB. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

async function all(): Promise<Process[]> {
  const names = await readdir('/proc').catch(() => []);
  const found = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((name) => read(Number(name))),
  );
  return found.filter((process) => process !== undefined);
}

async function read(pid: number): Promise<Process | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses, which may hold blanks; after it, state is field 3.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [utime, stime, cutime, cstime] = fields.slice(11, 15) as [number, number, number, number];
  return { pid, parent: fields[1]!, ticks: utime + stime + cutime + cstime };
}
