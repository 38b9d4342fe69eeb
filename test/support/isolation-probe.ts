/**
 * Runs attacks on the isolation of tenants with each of its two layers on and off. The layers are the filter that the
 * tenant-bound client adds to every operation, and row-level security. An attack must leak when both are off and in no
 * other combination. This proves that each layer isolates alone and that the attack can detect a leak.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prisma, PrismaClient } from '../../src/generated/prisma/client.js';
import { PATIENT } from './patience.js';
import type { TenantContext } from '../../src/kernel/request/tenant-context.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { Models } from '../../src/kernel/tenancy/tenant-client.js';
import { ForeignTenantError } from '../../src/kernel/tenancy/tenant-filter.js';
import { signContext } from '../../src/kernel/database/context-signature.js';
import { openTestDatabase, sign, useDatabase, type TestDatabase } from './database.js';
import { useDemoTenants } from './demo-tenants.js';

/** What an attack gets: a client of the attacker's tenant and a row of each tenant, planted for this attack. */
export interface Target<Row> {
  readonly models: Models;
  /** The id of the attacker's tenant. */
  readonly own: string;
  /** The id of the victim's tenant. */
  readonly foreign: string;
  /** A row of the attacker's tenant. */
  readonly mine: Row;
  /** A row of the victim's tenant. */
  readonly theirs: Row;
  /** A text that only the victim's rows contain. It sorts after every other text. */
  readonly secret: string;
  /** A text that the attack writes. It is a leak when a row of the victim's tenant contains it. */
  readonly graffiti: string;
}

export interface Attack<Row> {
  /** `model.operation`, as in READS and WRITES. */
  readonly operation: string;
  readonly name: string;
  /** Returns what the attacker learns. It is a leak when it contains `secret`. */
  run(target: Target<Row>): Promise<unknown>;
}

/** How the rows of one model and of its children are planted and read. */
export interface Ground<Row> {
  /** Makes a row that contains `text`. Run as the superuser. */
  plant(database: TestDatabase, tenantId: string, text: string): Promise<Row>;
  /** The tables that attacks on this ground can touch. */
  readonly tables: readonly string[];
}

/** Declares the tests of these attacks on the tables of `ground`, in all four configurations. */
export function probe<Row>(ground: Ground<Row>, attacks: readonly Attack<Row>[]): void {
  const guarded = useDatabase();
  const bare = useDatabase();
  beforeAll(() => switchOffRowLevelSecurity(bare()));

  for (const rowLevelSecurity of [true, false]) {
    const database = rowLevelSecurity ? guarded : bare;
    const tenants = useDemoTenants(database);
    const bound = useBoundClient(database);
    const unfiltered = useUnfilteredClient(database);

    for (const filter of [true, false]) {
      const leaks = !filter && !rowLevelSecurity;
      const layers = `${filter ? 'with' : 'without'} the filter, ${rowLevelSecurity ? 'with' : 'without'} row-level security`;

      describe(layers, () => {
        for (const attack of attacks) {
          const title = `${attack.operation}: ${attack.name} ${leaks ? 'reaches' : 'does not reach'} the other tenant`;
          test(title, async () => {
            const { acme, globex } = tenants();
            const round = `${String(Date.now())}-${String(Math.random()).slice(2)}`;
            const secret = `zzz-secret-${round}`;
            const graffiti = `graffiti-${round}`;
            const theirs = await ground.plant(database(), globex.tenantId, secret);
            const mine = await ground.plant(database(), acme.tenantId, `mine-${round}`);
            const before = await rowsWith(database(), ground.tables, globex.tenantId, secret);
            expect(before.length).toBeGreaterThan(0);
            const target = { own: acme.tenantId, foreign: globex.tenantId, mine, theirs, secret, graffiti };

            const run = (models: Models) => attack.run({ ...target, models });
            const learned = await (filter ? run(bound().forTenant(acme)) : unfiltered()(acme, run)).catch(
              refusal,
            );

            const leaked =
              text(learned).includes(secret) ||
              text(await rowsWith(database(), ground.tables, globex.tenantId, secret)) !== text(before) ||
              (await rowsWith(database(), ground.tables, globex.tenantId, graffiti)).length > 0;
            expect(leaked, `learned ${text(learned).slice(0, 500)}`).toBe(leaks);
          });
        }
      });
    }
  }
}

/** The reason why an attack was refused. An error of another kind fails the test. */
function refusal(error: unknown): string {
  if (error instanceof ForeignTenantError) return 'refused by the filter';
  if (error instanceof Prisma.PrismaClientKnownRequestError) return `refused by the database: ${error.code}`;
  throw error;
}

/** A client with the filter, on a pool of two connections. */
function useBoundClient(database: () => TestDatabase): () => Database {
  let opened: Database | undefined;
  beforeAll(() => {
    opened = openTestDatabase({ url: database().app, poolSize: 2, limits: PATIENT });
  });
  afterAll(() => opened?.close());
  return () => opened!;
}

type Unfiltered = <Result>(
  context: TenantContext,
  work: (models: Models) => Promise<Result>,
) => Promise<Result>;

/** Prisma's own client with the server's role. Its transactions are bound, but no filter is added to its operations. */
function useUnfilteredClient(database: () => TestDatabase): () => Unfiltered {
  let prisma: PrismaClient | undefined;
  beforeAll(() => {
    prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: database().app, max: 2 }) });
  });
  afterAll(() => prisma?.$disconnect());
  return () => (context, work) =>
    prisma!.$transaction(async (tx) => {
      const { tenantId, actor, requestId } = context;
      const { expires, signature } = signContext(sign, context);
      await tx.$executeRaw`SELECT tenantry.bind(${tenantId}::uuid, ${actor.id}, ${actor.type}, ${requestId}, 5000, false, ${expires}::bigint, ${signature})`;
      return work(tx);
    });
}

async function switchOffRowLevelSecurity(database: TestDatabase): Promise<void> {
  const tables = await database.asSuperuser<{ name: string }>(
    `SELECT format('%I.%I', nspname, relname) AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
     WHERE nspname = 'public' AND relrowsecurity`,
  );
  for (const { name } of tables) {
    await database.asSuperuser(`ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY`);
  }
}

/** The rows of a tenant that contain `needle`, read as the superuser. */
async function rowsWith(
  database: TestDatabase,
  tables: readonly string[],
  tenantId: string,
  needle: string,
): Promise<unknown[]> {
  const perTable = await Promise.all(
    tables.map((table) =>
      database.asSuperuser(
        `SELECT '${table}' AS "table", to_jsonb(t) AS row FROM ${table} t
         WHERE to_jsonb(t) ->> '${table === 'tenants' ? 'id' : 'tenant_id'}' = $1 AND strpos(t::text, $2) > 0
         ORDER BY t::text`,
        [tenantId, needle],
      ),
    ),
  );
  return perTable.flat();
}

const text = (value: unknown): string => JSON.stringify([value]);
