/**
 * The same requests of a tenant in a shared database, of one with a schema of its own there, and of one that is alone in a database:
 * one request at a time, in turns.
 */
import { withClient } from './database.js';
import { tenantId } from './dataset.js';
import {
  intoSchema,
  median,
  payloadOf,
  place,
  serve,
  SIZE,
  type CellsPlan,
  type Parts,
} from './cells-setup.js';
import { startLoader } from './loader.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

const [ALONE, SHARED, IN_SCHEMA] = [2, 3, 4] as const;

/** @returns the table */
export async function placements(plan: CellsPlan, parts: Parts): Promise<string> {
  const { database, secret, log } = parts;
  const loader = startLoader();
  const home = await database.scratch(SIZE, 'bench_cells_home');
  const own = await database.scratch(SIZE, 'bench_cells_own');
  await withClient(own.superuser, async (client) => {
    await client.query('SET session_replication_role = replica');
    for (const table of ['messages', 'conversations', 'memberships']) {
      await client.query(`DELETE FROM ${table} WHERE tenant_id <> $1`, [tenantId(ALONE)]);
    }
    await client.query('VACUUM (FULL, ANALYZE)');
  });
  await place(home, (tenant) => (tenant === ALONE ? 1 : undefined));
  await intoSchema(home, IN_SCHEMA);
  await withClient(home.superuser, (client) => client.query('VACUUM (ANALYZE)'));
  const running = await serve(parts, home, [own]);
  const rows = [];
  for (const workload of WORKLOADS.filter(({ name }) => ['W1', 'W2', 'W3'].includes(name))) {
    const all = requestsOf(workload, 'tenantry', SIZE, secret);
    // The order of these requests is that of tokens.ts.
    const of = (tenant: number) => [all.find(({ token }) => payloadOf(token) === tenantId(tenant))!];
    const times = new Map([SHARED, IN_SCHEMA, ALONE].map((tenant) => [tenant, [] as number[]]));
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
    const shared = median(times.get(SHARED)!);
    const cells = [IN_SCHEMA, ALONE].map((tenant) => {
      const p50 = median(times.get(tenant)!);
      return `${p50.toFixed(2)} ms (${(p50 / shared).toFixed(2)} ×)`;
    });
    rows.push(`| ${workload.name} | ${shared.toFixed(2)} ms | ${cells.join(' | ')} |`);
    log(rows.at(-1)!);
  }
  await running.stop();
  await loader.stop();
  return [
    '| one request at a time, p50 | shared database | in a schema | alone in a database |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
