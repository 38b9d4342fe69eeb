/**
 * Cells: what a mix of tenants costs in one, two and four databases, what a tenant that is alone in a database has of it, and how
 * long a large tenant cannot be written while it is moved. All databases are on one PostgreSQL server and one machine, so more
 * of them are not faster here: the processor time and the connections of a request are what counts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { newSecret } from './compare.js';
import { CONTESTANTS, firstAnswer, start } from './contestants.js';
import { startDatabase, withClient, type Address, type Server } from './database.js';
import { SIZES, tenantId } from './dataset.js';
import { enlarge, LARGE } from './life.js';
import type { LoadReport } from './load.js';
import { startLoader, startPacedLoader } from './loader.js';
import { machineLine } from './machine.js';
import type { PacedReport } from './paced-load.js';
import { nodeBinary, TENANTRY_ROOT } from './places.js';
import { cpuTime, peakMb, residentMb } from './processes.js';
import { session, type OnEnd } from './session.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

export interface CellsPlan {
  /** Rows of the tenant that is moved. */
  readonly rows: number;
  /** Writes of that tenant, per second. */
  readonly rate: number;
  /** The length of each measurement, in seconds. */
  readonly seconds: number;
  /** How often each is measured, in turns. */
  readonly rounds: number;
}

const SIZE = 'tiny';
const TENANTS = SIZES[SIZE].tenants;
const READS = WORKLOADS.find(({ name }) => name === 'W1')!;
const WRITES = WORKLOADS.find(({ writes }) => writes)!;

interface Parts {
  readonly database: Server;
  readonly secret: string;
  readonly onEnd: OnEnd;
  readonly log: (line: string) => void;
}

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

const nameOf = (cell: number): string => `c${String(cell)}`;

/** Names the databases for a server, the first one as the default cell. */
const environmentOf = (others: readonly Address[]): Record<string, string> =>
  Object.fromEntries(
    others.flatMap(({ app, operator, superuser }, index) => [
      [`CELL_C${String(index + 1)}_URL`, app],
      [`CELL_C${String(index + 1)}_OPERATOR_URL`, operator],
      [`CELL_C${String(index + 1)}_OWNER_URL`, superuser],
    ]),
  );

/** Says in the default cell where tenants are; undefined: there. */
const place = (home: Address, cellOf: (tenant: number) => number | undefined): Promise<void> =>
  withClient(home.superuser, async (client) => {
    for (let tenant = 1; tenant <= TENANTS; tenant++) {
      const cell = cellOf(tenant);
      if (cell === undefined) continue;
      await client.query('SELECT tenantry.set_cell($1, false)', [nameOf(cell)]);
      await client.query('SELECT tenantry.place_tenant(id, slug, $2) FROM tenants WHERE id = $1', [
        tenantId(tenant),
        nameOf(cell),
      ]);
    }
  });

async function serve({ secret, onEnd }: Parts, home: Address, others: readonly Address[]) {
  const environment = environmentOf(others);
  const running = await start(CONTESTANTS[0]!, { databaseUrl: home.app, secret, environment });
  onEnd(running.stop);
  for (const request of requestsOf(READS, 'tenantry', SIZE, secret)) await firstAnswer(running, request);
  return running;
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

/** A tenant that is alone in its database, beside one in a shared database: one request at a time, in turns. */
async function placements(plan: CellsPlan, parts: Parts): Promise<string> {
  const { database, secret, log } = parts;
  const loader = startLoader();
  const home = await database.scratch(SIZE, 'bench_cells_home');
  const own = await database.scratch(SIZE, 'bench_cells_own');
  const [alone, shared] = [2, 3];
  await withClient(own.superuser, async (client) => {
    await client.query('SET session_replication_role = replica');
    for (const table of ['messages', 'conversations', 'memberships']) {
      await client.query(`DELETE FROM ${table} WHERE tenant_id <> $1`, [tenantId(alone)]);
    }
    await client.query('VACUUM (FULL, ANALYZE)');
  });
  await place(home, (tenant) => (tenant === alone ? 1 : undefined));
  const running = await serve(parts, home, [own]);
  const rows = [];
  for (const workload of WORKLOADS.filter(({ name }) => ['W1', 'W2', 'W3'].includes(name))) {
    const all = requestsOf(workload, 'tenantry', SIZE, secret);
    // The order of these requests is that of tokens.ts.
    const of = (tenant: number) => [all.find(({ token }) => payloadOf(token) === tenantId(tenant))!];
    const times = new Map([
      [alone, [] as number[]],
      [shared, [] as number[]],
    ]);
    for (let round = 0; round < plan.rounds * 2; round++) {
      for (const [tenant, measured] of times) {
        const order = {
          connections: 1,
          rampUp: 0.3,
          seconds: plan.seconds / 2,
          requests: of(tenant),
          errors: false,
        };
        measured.push((await loader.run({ origin: running.origin, ...order })).p50);
      }
    }
    const [here, there] = [median(times.get(alone)!), median(times.get(shared)!)];
    rows.push(
      `| ${workload.name} | ${there.toFixed(2)} ms | ${here.toFixed(2)} ms | ${(here / there).toFixed(2)} × |`,
    );
    log(rows.at(-1)!);
  }
  await running.stop();
  await loader.stop();
  return [
    '| one request at a time, p50 | shared database | alone in a database | of shared |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

const payloadOf = (token: string): unknown =>
  (JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { tenant_id: unknown }).tenant_id;

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
  const child = spawn(
    nodeBinary(),
    [
      'dist/cli/main.js',
      'tenant',
      'move',
      `tenant-${String(LARGE)}`,
      '--cell',
      'c1',
      '--reason',
      'benchmark',
      '--json',
    ],
    {
      cwd: TENANTRY_ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        DATABASE_URL: home.app,
        DATABASE_OPERATOR_URL: home.operator,
        ...environmentOf([target]),
      },
    },
  );
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

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
