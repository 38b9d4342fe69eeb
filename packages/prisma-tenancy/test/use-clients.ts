/** A plain database for the tests of one file, with clients of the package and of the published example. */
import { PrismaPg } from '@prisma/adapter-pg';
import { endingTransactions, tenancy, type TenancyOptions } from '@tenantry/prisma-tenancy';
import pg from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';
import { PrismaClient } from './generated/client.js';
import { createPlainDatabase, type PlainDatabase } from './plain-database.js';
import type {} from '../../../test/support/global-setup.js';
import { recordStatements } from './record-statements.js';
import { publishedExample } from './published-example.js';

export const ACME = '0198c0de-0000-7000-8000-00000000ac3e';
export const GLOBEX = '0198c0de-0000-7000-8000-0000000610be';

export const bySetting = {
  settings: (tenantId: string) => ({ 'app.current_tenant': tenantId }),
} satisfies TenancyOptions<string>;

export interface Clients {
  readonly database: PlainDatabase;
  readonly prisma: ReturnType<typeof extended>;
  /** Prisma's own client, which `prisma` extends. */
  readonly base: PrismaClient;
  /** A client of the published example. */
  readonly published: (tenantId: string) => ReturnType<typeof publishedExample>;
  /**
   * Creates another extended client with its own pool, which is closed after the tests.
   *
   * @param isEnding false leaves out `endingTransactions`
   */
  readonly another: (
    options: Partial<TenancyOptions<string>>,
    max?: number,
    isEnding?: boolean,
  ) => { readonly prisma: ReturnType<typeof extended>; readonly pool: pg.Pool };
  /** The statements that are sent while `work` runs. */
  readonly sentBy: (work: () => Promise<unknown>) => Promise<readonly string[]>;
}

const extended = (base: PrismaClient, options: Partial<TenancyOptions<string>> = {}) =>
  base.$extends(tenancy<string>({ ...bySetting, ...options } as TenancyOptions<string>));

/** Call it at the top level. */
export function useClients(): () => Clients {
  let clients: Clients | undefined;
  const cleanups: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    const { superuser, app } = inject('postgres');
    const database = await createPlainDatabase(superuser, app);
    cleanups.push(() => database.drop());
    const base = (max: number, isEnding = true) => {
      const pool = new pg.Pool({ connectionString: database.url, max });
      const adapter = new PrismaPg(pool);
      const client = new PrismaClient({ adapter: isEnding ? endingTransactions(adapter) : adapter });
      cleanups.push(async () => {
        await client.$disconnect();
        await pool.end();
      });
      return { client, pool };
    };
    const { client, pool } = base(4);
    const texts = recordStatements(pool);
    clients = {
      database,
      prisma: extended(client),
      base: client,
      published: (tenantId) => publishedExample(client, tenantId),
      another: (options, max = 2, isEnding = true) => {
        const other = base(max, isEnding);
        return { prisma: extended(other.client, options), pool: other.pool };
      },
      sentBy: async (work) => {
        texts.length = 0;
        await work();
        return [...texts];
      },
    };
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });
  return () => {
    if (!clients) throw new Error('the clients exist in tests only');
    return clients;
  };
}
