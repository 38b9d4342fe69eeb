/**
 * What the export and the erasure of a large tenant cost the others, who send requests at a fixed rate meanwhile, and how
 * much memory they take.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { newSecret } from './compare.js';
import { CONTESTANTS, firstAnswer, start } from './contestants.js';
import { startDatabase, withClient, type Address } from './database.js';
import { tenantId, userId } from './dataset.js';
import { startPacedLoader } from './loader.js';
import { machineLine } from './machine.js';
import type { PacedReport } from './paced-load.js';
import { nodeBinary, TENANTRY_ROOT } from './places.js';
import { peakMb } from './processes.js';
import { session } from './session.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

export interface LifePlan {
  /** Rows of the large tenant, of which a sixth are conversations and the rest messages. */
  readonly rows: number;
  /** Requests of the others, per second. */
  readonly rate: number;
  /** The length of each measurement of the others, in seconds. */
  readonly seconds: number;
}

/** The large tenant. */
export const LARGE = 1;

/** Prints the table. */
export async function life(plan: LifePlan): Promise<void> {
  await session(async (onEnd) => {
    const log = (line: string) => console.error(line);
    const database = await startDatabase(log);
    onEnd(() => database.stop());
    const others = startPacedLoader();
    onEnd(() => others.stop());
    const folder = await mkdtemp(join(tmpdir(), 'bench-life-'));
    onEnd(() => rm(folder, { recursive: true, force: true }));
    const secret = newSecret();
    const address = await database.scratch('tiny');
    await enlarge(address.superuser, plan.rows);
    log(`Tenant ${String(LARGE)} has ${String(plan.rows)} rows`);
    const running = await start(CONTESTANTS[0]!, { databaseUrl: address.app, secret });
    onEnd(running.stop);
    const requests = requestsOf(WORKLOADS[0]!, 'tenantry', 'tiny', secret);
    await firstAnswer(running, requests[0]!);
    const measure = () =>
      others.run({
        origin: running.origin,
        requests: requests.slice(LARGE),
        rate: plan.rate,
        patience: 2_000,
        seconds: plan.seconds,
        rampUp: 1,
      });
    await measure();
    const load = machineLine(database.version);
    const quiet = await measure();
    const results: Result[] = [{ title: 'nothing else', windows: [quiet], seconds: plan.seconds }];
    const slug = `tenant-${String(LARGE)}`;
    const file = join(folder, 'export.tar.gz');
    const reason = ['--reason', 'benchmark'];
    for (const [title, words] of [
      ['export', ['tenant', 'export', slug, '--output', file, ...reason]],
      ['erasure', ['tenant', 'erase', slug, '--now', '--yes', ...reason]],
    ] as const) {
      results.push({ title, ...(await meanwhile(words, address, measure)) });
      log(line(results.at(-1)!));
    }
    const mb = (await stat(file)).size / 1024 / 1024;
    results.push({ title: 'nothing else, after', windows: [await measure()], seconds: plan.seconds });
    console.log(`${table(results, quiet)}\n\nThe archive has ${mb.toFixed(0)} MiB. ${await load()}`);
  });
}

interface Result {
  readonly title: string;
  /** What the others had, one measurement after the other. */
  readonly windows: readonly PacedReport[];
  readonly seconds: number;
  /** Of the command, in MiB. */
  readonly memory?: number;
}

/** Runs a command, and measures the others until it has ended. */
async function meanwhile(
  words: readonly string[],
  { superuser, operator, app }: Address,
  measure: () => Promise<PacedReport>,
): Promise<Omit<Result, 'title'>> {
  const began = performance.now();
  const child = spawn(nodeBinary(), ['dist/cli/main.js', ...words], {
    cwd: TENANTRY_ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: app,
      DATABASE_OPERATOR_URL: operator,
      DATABASE_OWNER_URL: superuser,
    },
  });
  let code: number | null | undefined;
  const ended = once(child, 'exit').then(([status]: (number | null)[]) => {
    code = status ?? null;
    return performance.now();
  });
  let memory = 0;
  const watched = (async () => {
    while (code === undefined) {
      const now = await peakMb(child.pid!);
      if (now > memory) memory = now;
      await delay(100);
    }
  })();
  const windows: PacedReport[] = [];
  while (code === undefined) windows.push(await measure());
  // The end of the last one was measured without the command.
  if (windows.length > 1) windows.pop();
  await watched;
  if (code !== 0) throw new Error(`${words.join(' ')} has failed: ${String(code)}`);
  return { windows, seconds: ((await ended) - began) / 1_000, memory };
}

/** Gives the large tenant its rows. Triggers are disabled meanwhile. */
export async function enlarge(superuser: string, rows: number): Promise<void> {
  await withClient(superuser, async (client) => {
    await client.query('SET session_replication_role = replica');
    await client.query('SET synchronous_commit = off');
    await client.query(
      `INSERT INTO conversations (tenant_id, id, user_id, subject, body, created_at, updated_at)
       SELECT $1, gen_random_uuid(), $2, 'Conversation ' || c, repeat(md5(c::text), 3), at, at
       FROM generate_series(1, $3::int / 6) c, LATERAL (SELECT now() - c * interval '1 second') _ (at)`,
      [tenantId(LARGE), userId(LARGE, 1), rows],
    );
    await client.query(
      `INSERT INTO messages (tenant_id, id, conversation_id, user_id, body, created_at)
       SELECT tenant_id, gen_random_uuid(), id, user_id, repeat(md5(id::text || m), 2), created_at
       FROM conversations, generate_series(1, 5) m WHERE tenant_id = $1`,
      [tenantId(LARGE)],
    );
    await client.query('VACUUM (ANALYZE) conversations, messages');
    await client.query('CHECKPOINT');
  });
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

const line = ({ title, windows, seconds, memory = 0 }: Result): string =>
  `${title}: ${seconds.toFixed(0)} s, ${memory.toFixed(0)} MiB; p99 of the others ${windows.map(({ p99 }) => p99.toFixed(1)).join(', ')} ms`;

function table(results: readonly Result[], quiet: PacedReport): string {
  const rows = results.map(({ title, windows, seconds, memory }) => {
    const p99 = middle(windows.map((each) => each.p99));
    const worst = Math.max(...windows.map((each) => each.p99));
    const offered = windows.reduce((sum, each) => sum + each.offered, 0);
    const good = windows.reduce((sum, each) => sum + each.goodput, 0);
    const p50 = middle(windows.map((each) => each.p50));
    return `| ${title} | ${seconds.toFixed(0)} s | ${memory === undefined ? '' : `${memory.toFixed(0)} MiB`} | ${p50.toFixed(1)} ms | ${p99.toFixed(1)} ms | ${(p99 / quiet.p99).toFixed(1)} × | ${worst.toFixed(1)} ms | ${((100 * good) / offered).toFixed(1)} % |`;
  });
  return [
    '| meanwhile | took | memory | p50 of the others | p99, median of the measurements | of p99 before | worst p99 | answered within 2 s |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
