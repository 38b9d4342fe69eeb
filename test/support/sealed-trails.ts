/** Sealed audit trails in a test's database: sealers, and what a superuser with the triggers off does to a trail. */
import { generateKeyPairSync } from 'node:crypto';
import type { BrokenEntry, Seal, TrailOptions } from 'tenantry-verify';
import type { ProblemKind } from '../../src/kernel/vocabulary/problem-kind.js';
import { readSealKeys, type SealKeys } from '../../src/services/audit-trail/seal-keys.js';
import { Sealer, type SealerOptions } from '../../src/services/audit-trail/sealer.js';
import { headOf, type TrailQuery } from '../../src/services/audit-trail/trail-rows.js';
import { verifyTrail, type TrailVerification } from '../../src/services/audit-trail/verify-trail.js';
import { sign, type TestDatabase } from './database.js';
import { bind, connected, contextOf } from './demo-tenants.js';
import { until } from './until.js';

/** A new key, in the form of AUDIT_SEAL_KEY. */
export const newSealKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** The keys of most tests. */
export const KEYS: SealKeys = readSealKeys(newSealKey());

/** A sealer that seals only when it is told to. */
export function sealerOf(
  database: TestDatabase,
  options: Partial<SealerOptions> = {},
): { readonly sealer: Sealer; readonly problems: string[] } {
  const problems: string[] = [];
  const onProblem = ({ reason }: ProblemKind, detail = '') => problems.push(`${reason} ${detail}`);
  return { sealer: new Sealer({ url: database.app, sign, keys: KEYS, onProblem, ...options }), problems };
}

/** The number of entries that are not sealed. */
export async function unsealed(database: TestDatabase): Promise<number> {
  const [row] = await database.asSuperuser<{ count: number }>(
    `SELECT count(*)::int AS count FROM audit_log e WHERE NOT EXISTS (
       SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id)`,
  );
  return row!.count;
}

/** Seals everything that is there. Transactions of other tests on the same server may delay it. */
export async function sealAll(database: TestDatabase, options: Partial<SealerOptions> = {}): Promise<void> {
  const { sealer } = sealerOf(database, options);
  await until(
    'everything is sealed',
    async () => {
      await sealer.round();
      return (await unsealed(database)) === 0;
    },
    55_000,
  );
  await sealer.round();
  await sealer.close();
}

/** Runs `work` with a query of the server's role, bound to a tenant. */
export const readingTrail = <Result>(
  database: TestDatabase,
  tenantId: string,
  work: (query: TrailQuery) => Promise<Result>,
): Promise<Result> =>
  connected(database.app, async (client) => {
    await client.query('BEGIN READ ONLY');
    await bind(client, contextOf(tenantId));
    return work(
      async <Row extends object>(sql: { text: string; values: unknown[] }) =>
        (await client.query<Row>(sql.text, sql.values)).rows,
    );
  });

/** Verifies the trail of a demo tenant. */
export async function verifyOf(
  database: TestDatabase,
  slug: string,
  options: TrailOptions = {},
): Promise<TrailVerification> {
  const tenantId = await database.tenantId(slug);
  return readingTrail(database, tenantId, (query) =>
    verifyTrail(query, tenantId, { keys: KEYS.trusted, ...options }),
  );
}

export async function headIn(database: TestDatabase, slug: string): Promise<Seal> {
  const tenantId = await database.tenantId(slug);
  const head = await readingTrail(database, tenantId, (query) => headOf(query, tenantId));
  if (!head) throw new Error('nothing is sealed');
  return head;
}

/** What is wrong with the trail of acme. */
export const brokenIn = async (database: TestDatabase, options?: TrailOptions): Promise<BrokenEntry | null> =>
  (await verifyOf(database, 'acme', options)).broken;

const GUARDED = ['public.audit_log', 'tenantry.audit_leaves', 'tenantry.audit_seals', 'tenantry.audit_nodes'];

/** Runs statements as a superuser who has switched the triggers off. */
export async function tamper(database: TestDatabase, ...statements: readonly string[]): Promise<void> {
  const toggle = (how: string) =>
    GUARDED.map((table) => `ALTER TABLE ${table} ${how} TRIGGER ALL;`).join(' ');
  await database.asSuperuser(
    `BEGIN; ${toggle('DISABLE')} ${statements.join('; ')}; ${toggle('ENABLE')} COMMIT`,
  );
}

/** Makes entries in a demo tenant, each in a transaction of its own, as a member's changes do. */
export async function makeEntries(database: TestDatabase, slug: string, count: number): Promise<void> {
  const tenantId = await database.tenantId(slug);
  await connected(database.app, async (client) => {
    for (let each = 0; each < count; each++) {
      await client.query('BEGIN');
      await bind(client, contextOf(tenantId));
      await client.query("SELECT tenantry.record_audit('test.happened', 'Test', $1, NULL, $2)", [
        String(each),
        { number: each, text: 'ä "quoted" \\ {', nested: { list: [1.5, null] } },
      ]);
      await client.query('COMMIT');
    }
  });
}

/** A head of a tenant's trail as clients give it, which nobody has signed. */
export const unsignedHead = (tenant: string) => ({
  format: 'tenantry.audit.head.v1',
  tenant,
  number: 1,
  size: 1,
  root: '00'.repeat(32),
  previous: '00'.repeat(32),
  sealedAt: '2026-11-29T08:15:00.000Z',
  horizon: '1',
  key: 'nobody',
  signature: '00'.repeat(64),
});
