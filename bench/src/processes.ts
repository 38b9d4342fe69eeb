/** Reads what processes have used from /proc. On other systems than Linux all figures are NaN. */
import { readFile, readdir } from 'node:fs/promises';

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** The user and system time of the process and of its ended children, in ticks. */
  readonly ticks: number;
}

/** USER_HZ is 100 on every Linux that runs Node. */
const MICROSECONDS_PER_TICK = 10_000;

/** The process id of the parent. NaN when the process does not exist. */
export async function parentOf(pid: number): Promise<number> {
  return (await read(pid))?.parent ?? Number.NaN;
}

/**
 * The CPU time, in microseconds, that processes and their descendants have used so far, including ended descendants.
 */
export async function cpuTime(...roots: readonly number[]): Promise<number> {
  const members = await family(roots);
  if (members.length === 0) return Number.NaN;
  return members.reduce((sum, { ticks }) => sum + ticks, 0) * MICROSECONDS_PER_TICK;
}

/** The processes and all their descendants. */
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

/**
 * The CPU time, in microseconds, that the whole machine has used so far, including the time that the hypervisor gave to
 * other machines.
 */
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

/** The resident memory of a process, in MiB. */
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
  // The second field is the program's name in parentheses, which may contain blanks. The first field after it is number
  // 3, the state.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [utime, stime, cutime, cstime] = fields.slice(11, 15) as [number, number, number, number];
  return { pid, parent: fields[1]!, ticks: utime + stime + cutime + cstime };
}

/** The most resident memory that a process has had so far, in MiB. */
export async function peakMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}
