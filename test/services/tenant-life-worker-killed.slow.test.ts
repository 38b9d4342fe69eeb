/**
 * kill -9 of workers while they write exports and execute erasures that were asked for through the API, at moments that
 * differ from round to round. Another worker completes both, with nothing lost, doubled or left. `LIFE_KILLS` is the number
 * of workers that are killed.
 */
import { createHash } from 'node:crypto';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { scanFor } from '../../src/services/lifecycle/scan.js';
import { endChildrenAfterAll, startChild, type Child } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { asOperatorOf, createTables, fillTables, newTenant } from '../support/tenant-life.js';
import { until } from '../support/until.js';

endChildrenAfterAll();
const database = useDatabase();

const KILLS = Number(process.env['LIFE_KILLS'] ?? 3);
const ROWS = 20_000;
const MINUTES = 60_000;
/** A busy machine needs a long time. */
const PATIENCE_MS = 5 * MINUTES;

beforeAll(() => createTables(database()));

async function start(): Promise<Child> {
  const { app, operator, contextKey } = database();
  const child = startChild(
    'test/support/life-worker-process.ts',
    [],
    {
      DATABASE_URL: app,
      DATABASE_OPERATOR_URL: operator,
      ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
    },
    'as npm start',
  );
  await child.says(/the worker is running/, PATIENCE_MS);
  return child;
}

async function kill(child: Child): Promise<void> {
  child.kill('SIGKILL');
  expect((await child.ended).signal).toBe('SIGKILL');
}

/** The moments at which workers are killed: from at once to about the time that the work takes. */
const moment = (round: number): number => Math.round((round / KILLS) * 1_500);

async function tenantWithRows(slug: string): Promise<string> {
  const id = await newTenant(database(), slug);
  await fillTables(database(), id);
  await database().asSuperuser(
    `INSERT INTO crm.events SELECT n, $1, '2026-05-06' FROM generate_series(1, $2::int) AS n`,
    [id, ROWS],
  );
  return id;
}

const one = async <Row extends Record<string, unknown>>(sql: string, values: unknown[] = []): Promise<Row> =>
  (await database().asSuperuser<Row>(sql, values))[0]!;

test(
  'an export whose workers are killed is written whole, once',
  async () => {
    const tenant = await tenantWithRows('exported');
    const { id } = await one<{ id: string }>(
      `INSERT INTO tenant_exports (tenant_id, requested_by, anonymised) VALUES ($1, 'jane', false) RETURNING id`,
      [tenant],
    );
    await database().asSuperuser(
      `INSERT INTO tenantry.jobs (tenant_id, task, payload, run_at, max_attempts, actor_type, actor)
       VALUES ($1, 'tenant-export.write', jsonb_build_object('exportId', $2::text), now(), 100, 'user', 'jane')`,
      [tenant, id],
    );
    await database().asSuperuser(
      `INSERT INTO tenantry.job_tenants (tenant_id, next_at) VALUES ($1, now())
       ON CONFLICT (tenant_id) DO UPDATE SET next_at = now()`,
      [tenant],
    );
    const stateOf = () =>
      one<{ state: string; status: string; attempt: number }>(
        `SELECT j.state, x.status, j.attempt FROM tenantry.jobs j, tenant_exports x
         WHERE j.tenant_id = $1 AND x.id = $2 AND j.task = 'tenant-export.write'`,
        [tenant, id],
      );
    const isReady = async () => (await stateOf()).status === 'ready';
    for (let round = 0; round < KILLS && !(await isReady()); round++) {
      const { attempt } = await stateOf();
      const worker = await start();
      await until(
        'the export has begun, or is done',
        async () => (await isReady()) || (await stateOf()).attempt > attempt,
        PATIENCE_MS,
      );
      await Promise.race([sleep(moment(round)), worker.ended]);
      await kill(worker);
    }
    const last = await start();
    await until('the export is done', isReady, PATIENCE_MS);
    await kill(last);
    const { chunks, sha256, size } = await one<{ chunks: Buffer; sha256: string; size: string }>(
      `SELECT string_agg(c.bytes, ''::bytea ORDER BY c.number) AS chunks, x.sha256, x.size
       FROM tenant_exports x JOIN tenant_export_chunks c ON c.export_id = x.id WHERE x.id = $1 GROUP BY x.sha256, x.size`,
      [id],
    );
    expect([createHash('sha256').update(chunks).digest('hex'), chunks.length]).toEqual([
      sha256,
      Number(size),
    ]);
    const text = gunzipSync(chunks).toString('latin1');
    expect(text.match(/"2026-05-06"/g)).toHaveLength(ROWS);
    expect((await stateOf()).state).toBe('succeeded');
  },
  60 * MINUTES,
);

test(
  'an erasure whose workers are killed is executed whole, once',
  async () => {
    await tenantWithRows('kept');
    const tenant = await tenantWithRows('erased');
    const countOf = async (sql: string) => (await one<{ count: number }>(sql, [tenant])).count;
    const left = () => countOf('SELECT count(*)::int AS count FROM crm.events WHERE tenant_id = $1');
    const others = () => countOf('SELECT count(*)::int AS count FROM crm.events WHERE tenant_id <> $1');
    const before = await others();
    await database().asSuperuser(
      `INSERT INTO tenantry.erasures (subject, actor_type, actor, execute_at, former_status)
       VALUES ($1, 'user', 'jane', now(), 'active')`,
      [tenant],
    );
    const isOpen = async () =>
      (await countOf('SELECT count(*)::int AS count FROM tenantry.erasures WHERE subject = $1')) > 0;
    for (let round = 0; round < KILLS && (await isOpen()); round++) {
      const worker = await start();
      await Promise.race([sleep(moment(round)), worker.ended]);
      await kill(worker);
    }
    const last = await start();
    await until('the erasure is done', async () => !(await isOpen()), PATIENCE_MS);
    await kill(last);
    expect([await left(), await others()]).toEqual([0, before]);
    expect((await asOperatorOf(database(), ({ query }) => scanFor(query, tenant))).found).toEqual([]);
    const certificates = await database().asSuperuser<{ certificate: string }>(
      `SELECT certificate FROM tenantry.erasure_certificates
       WHERE certificate LIKE '%"tenant":"' || encode(sha256(convert_to($1::text, 'UTF8')), 'hex') || '"%'`,
      [tenant],
    );
    expect(certificates).toHaveLength(1);
    expect(certificates[0]!.certificate).toContain(`{"rows":${String(ROWS + 1)},"table":"crm.events"}`);
  },
  60 * MINUTES,
);
