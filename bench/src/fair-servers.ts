/** The servers that `noisy` and `overload` compare, each on the same data. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTESTANTS, type Contestant } from './contestants.js';
import { withClient } from './database.js';
import { tenantId } from './dataset.js';
import { BENCH, TENANTRY_ROOT } from './places.js';

export interface FairServer {
  readonly title: string;
  readonly contestant: Contestant;
  readonly nodeArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** The rest of a plan's limits must not hide what the gate does. */
const UNREACHED = 1_000_000_000;

/** With the gate first. */
export async function fairServers(): Promise<readonly [FairServer, FairServer, ...FairServer[]]> {
  const shipped = JSON.parse(
    await readFile(join(TENANTRY_ROOT, 'src/services/limits/plans.json'), 'utf8'),
  ) as { readonly plans: readonly object[] };
  const requests = { tenant: UNREACHED, actor: UNREACHED, windowSeconds: 60 };
  const cost = { size: UNREACHED, restoreRate: UNREACHED };
  const file = join(BENCH, '.data/plans.json');
  await writeFile(
    file,
    JSON.stringify({ ...shipped, plans: shipped.plans.map((plan) => ({ ...plan, requests, cost })) }),
  );
  const environment = { PLANS_FILE: file };
  const [tenantry, ...peers] = CONTESTANTS as [Contestant, ...Contestant[]];
  return [
    { title: 'Tenantry', contestant: tenantry, environment },
    {
      title: 'Tenantry without the gate',
      contestant: { ...tenantry, program: join(BENCH, 'dist/without-gate.js') },
      environment,
    },
    ...peers
      .filter(({ name }) => name === 'postgraphile' || name === 'recipe')
      .map((contestant) => ({ title: contestant.title, contestant })),
  ];
}

/** The tenant with the slow requests. */
export const NOISY = 1;

/**
 * Makes each transaction of one tenant that reads the audit log last so long. It waits, as for a lock or a disk, and takes
 * no CPU time: how PostgreSQL's processes share the CPU is not what is measured.
 */
export async function slowDown(superuser: string, seconds: number): Promise<void> {
  await withClient(superuser, async (client) => {
    await client.query(`
      CREATE SCHEMA IF NOT EXISTS bench;
      GRANT USAGE ON SCHEMA bench TO PUBLIC;
      CREATE OR REPLACE FUNCTION bench.slow() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
          IF current_setting('bench.has_waited', true) IS DISTINCT FROM 'yes' THEN
            PERFORM pg_catalog.pg_sleep(${String(seconds)});
            PERFORM pg_catalog.set_config('bench.has_waited', 'yes', true);
          END IF;
          RETURN true;
        END $$;
      DROP POLICY IF EXISTS bench_slow ON audit_log;
      CREATE POLICY bench_slow ON audit_log AS RESTRICTIVE FOR SELECT
        USING (CASE WHEN tenant_id = '${tenantId(NOISY)}' THEN bench.slow() ELSE true END);`);
  });
}
