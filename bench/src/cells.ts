/**
 * Cells: what a mix of tenants costs in one, two and four databases, what a tenant has of a schema or a database of its own, and
 * how long a large tenant cannot be written while it is moved. All databases are on one PostgreSQL server and one machine, so more
 * of them are not faster here: the processor time and the connections of a request are what counts.
 */
import { once } from 'node:events';
import {
  command,
  median,
  payloadOf,
  place,
  READS,
  serve,
  SIZE,
  type CellsPlan,
  type Parts,
} from './cells-setup.js';
import { newSecret } from './compare.js';
import { startDatabase, withClient, type Address } from './database.js';
import { tenantId } from './dataset.js';
import { enlarge, LARGE } from './life.js';
import type { LoadReport } from './load.js';
import { startLoader, startPacedLoader } from './loader.js';
import { machineLine } from './machine.js';
import type { PacedReport } from './paced-load.js';
import { placements } from './placements.js';
import { cpuTime, peakMb, residentMb } from './processes.js';
import { session } from './session.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

const WRITES = WORKLOADS.find(({ writes }) => writes)!;

/** Prints the tables. */
export async function cells(plan: CellsPlan): Promise<void> {
  await session(async (onEnd) => {
    const log = (line: string) => console.error(line);
    const database = await startDatabase(log);
    onEnd(() => database.stop());
    const parts = { database, secret: newSecret(), onEnd, log };
    const machine = machineLine(database.version);
    const tables = [await mixes(plan, parts), await placements(plan, parts), await move(plan, parts)];
    console.log(`${tables.join('\n\n')}\n\n${await machine()}`);
  });
}

/** The connections of a server to its cells: the databases whose names begin alike. */
const connectionsOf = ({ superuser }: Address, names: string): Promise<number> =>
  withClient(superuser, async (client) => {
    const { rows } = await client.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE usename = 'tenantry_app' AND starts_with(datname, $1)",
      [names],
    );
    return rows[0]!.count;
  });

const namesOf = (cells: number): string => `bench_cells_${String(cells)}_`;

/** The same mix of tenants in one, two and four databases, one server each, measured in turns. */
async function mixes(plan: CellsPlan, parts: Parts): Promise<string> {
  const { database, secret, log } = parts;
  const loader = startLoader();
  const requests = requestsOf(READS, 'tenantry', SIZE, secret);
  const kinds = [];
  for (const count of [1, 2, 4]) {
    const addresses: Address[] = [];
    for (let cell = 0; cell < count; cell++) {
      addresses.push(await database.scratch(SIZE, `${namesOf(count)}${String(cell)}`));
    }
    const [home, ...others] = addresses as [Address, ...Address[]];
    await place(home, (tenant) => tenant % count || undefined);
    const running = await serve(parts, home, others);
    kinds.push({ count, home, running, samples: [] as Sample[] });
  }
  interface Sample extends LoadReport {
    readonly server: number;
    readonly postgres: number;
    readonly connections: number;
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const { count, home, running, samples } of kinds) {
      const used = () => Promise.all([cpuTime(running.pid), cpuTime(database.pid)]);
      let [atStart, atEnd] = [used(), used()];
      const order = { connections: 16, rampUp: 1, seconds: plan.seconds, requests, errors: false };
      const report = await loader.run(
        { origin: running.origin, ...order },
        () => {
          atStart = used();
        },
        () => {
          atEnd = used();
        },
      );
      const [from, to] = [await atStart, await atEnd];
      const connections = await connectionsOf(home, namesOf(count));
      samples.push({
        ...report,
        server: (to[0] - from[0]) / report.requests,
        postgres: (to[1] - from[1]) / report.requests,
        connections,
      });
      log(
        `${String(count)} cells: ${String(Math.round(report.requests / report.seconds))} requests/s, ${String(report.wrong)} wrong`,
      );
    }
  }
  const rows = [];
  for (const { count, running, samples } of kinds) {
    const of = (value: (sample: Sample) => number) => median(samples.map(value));
    const memory = await residentMb(running.pid);
    rows.push(
      `| ${String(count)} | ${of((each) => each.requests / each.seconds).toFixed(0)} | ${of(({ p50 }) => p50).toFixed(1)} ms | ${of(({ p99 }) => p99).toFixed(1)} ms | ${of(({ server }) => server).toFixed(0)} µs | ${of(({ postgres }) => postgres).toFixed(0)} µs | ${memory.toFixed(0)} MiB | ${of((each) => each.connections).toFixed(0)} |`,
    );
    await running.stop();
  }
  await loader.stop();
  return [
    '| cells | requests/s | p50 | p99 | server, per request | PostgreSQL, per request | memory of the server | its connections |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** Moves a large tenant that is written all the time. */
async function move(plan: CellsPlan, parts: Parts): Promise<string> {
  const { database, secret, onEnd, log } = parts;
  const home = await database.scratch(SIZE, 'bench_cells_home');
  const target = await database.empty('bench_cells_target');
  await enlarge(home.superuser, plan.rows);
  await withClient(home.superuser, (client) => client.query("SELECT tenantry.set_cell('c1', false)"));
  const running = await serve(parts, home, [target]);
  const load = startPacedLoader();
  onEnd(() => load.stop());
  const requests = requestsOf(WRITES, 'tenantry', SIZE, secret).filter(
    ({ token }) => payloadOf(token) === tenantId(LARGE),
  );
  const measure = () =>
    load.run({
      origin: running.origin,
      requests,
      rate: plan.rate,
      patience: 2_000,
      seconds: plan.seconds,
      rampUp: 0,
    });
  await measure();
  const quiet = await measure();
  const began = performance.now();
  const words = [
    'tenant',
    'move',
    `tenant-${String(LARGE)}`,
    '--cell',
    'c1',
    '--reason',
    'benchmark',
    '--json',
  ];
  const child = command(words, home, [target]);
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
  let ended: number | undefined;
  let memory = 0;
  const exited = once(child, 'exit').then(([code]: (number | null)[]) => {
    ended = performance.now();
    if (code !== 0) throw new Error(`The move has failed: ${String(code)}`);
  });
  const watched = (async () => {
    while (ended === undefined) {
      memory = Math.max(memory, (await peakMb(child.pid!)) || 0);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  const windows: PacedReport[] = [];
  while (ended === undefined) windows.push(await measure());
  await exited;
  await watched;
  windows.push(await measure());
  const { frozenMs } = JSON.parse(told) as { frozenMs: number };
  const seconds = plan.seconds * windows.length;
  const sum = (value: (window: PacedReport) => number) =>
    windows.reduce((total, window) => total + value(window) * plan.seconds, 0);
  const count = await withClient(target.superuser, async (client) => {
    const { rows } = await client.query<{ rows: number }>(
      'SELECT (SELECT count(*) FROM conversations WHERE tenant_id = $1)::int + (SELECT count(*) FROM messages WHERE tenant_id = $1)::int AS rows',
      [tenantId(LARGE)],
    );
    return rows[0]!.rows;
  });
  log(JSON.stringify(windows));
  await running.stop();
  return [
    '| rows | took | memory of the command | writes refused for | writes sent | refused | failed | p50 before | p50 meanwhile |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    `| ${String(count)} | ${((ended - began) / 1_000).toFixed(0)} s | ${memory.toFixed(0)} MiB | ${(frozenMs / 1_000).toFixed(2)} s | ${sum(({ offered }) => offered).toFixed(0)} in ${String(seconds)} s | ${sum(({ refused }) => refused).toFixed(0)} | ${sum(({ failed }) => failed).toFixed(0)} | ${quiet.p50.toFixed(1)} ms | ${median(windows.map(({ p50 }) => p50)).toFixed(1)} ms |`,
  ].join('\n');
}
