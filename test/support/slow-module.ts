/** A test module whose fields take a given time, in PostgreSQL or outside. */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Prisma } from '../../src/generated/prisma/client.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import type { TenantClient, TenantTx } from '../../src/kernel/tenancy/tenant-client.js';

interface Slow {
  readonly seconds: number;
}

interface Named {
  readonly name: string;
}

const sleep = (db: TenantClient | TenantTx, seconds: number) =>
  db.$queryRaw<{ one: number }>(Prisma.sql`SELECT 1 AS one FROM pg_sleep(${seconds}::float8)`);
/** Selects a type that only Prisma reads, so the statement runs through Prisma. */
const sleepInPrisma = (db: TenantClient | TenantTx, seconds: number) =>
  db.$queryRaw(Prisma.sql`SELECT pg_sleep(${seconds}::float8)::text, ARRAY[1]`);
const add = (db: TenantClient | TenantTx, name: string) =>
  db.membership.create({ data: { userId: `test|${randomUUID()}`, email: name, role: 'viewer' } });

export interface SlowModule {
  readonly module: ReturnType<typeof defineModule>;
  /** The names given to the mutations that have begun. */
  readonly begun: string[];
  /** The number of fields that wait outside of PostgreSQL and stop when their request ends. */
  readonly elsewhere: { waiting: number };
}

export function slowModule(): SlowModule {
  const begun: string[] = [];
  const elsewhere = { waiting: 0 };
  /** An object, because the types of the generated resolvers do not have these fields. */
  const resolvers: object = {
    Query: {
      quick: () => 1,
      slow: async (_parent: unknown, { seconds }: Slow, { db }: RequestContext) =>
        (await sleep(db, seconds))[0]?.one,
      slowInPrisma: async (_parent: unknown, { seconds }: Slow, { db }: RequestContext) =>
        (await sleepInPrisma(db, seconds)).length,
      slowElsewhere: async (_parent: unknown, { seconds }: Slow, { deadline }: RequestContext) => {
        elsewhere.waiting++;
        try {
          return await wait(seconds * 1_000, 1, { ...(deadline && { signal: deadline.signal }) });
        } finally {
          elsewhere.waiting--;
        }
      },
      slowAndDeaf: async (_parent: unknown, { seconds }: Slow) => wait(seconds * 1_000, 1, { ref: false }),
    },
    Mutation: {
      addThenWait: async (_parent: unknown, { name, seconds }: Named & Slow, { db }: RequestContext) => {
        begun.push(name);
        await db.transaction(async (tx) => {
          await add(tx, name);
          await sleep(tx, seconds);
        });
        return 1;
      },
      addThenSwallow: async (_parent: unknown, { name, seconds }: Named & Slow, { db }: RequestContext) => {
        begun.push(name);
        await db.transaction(async (tx) => {
          await add(tx, name);
          await tx.$executeRaw(Prisma.sql`SAVEPOINT here`);
          await sleep(tx, seconds).catch(() => undefined);
          await tx.$executeRaw(Prisma.sql`ROLLBACK TO SAVEPOINT here`).catch(() => undefined);
        });
        return 1;
      },
      add: async (_parent: unknown, { name }: Named, { db }: RequestContext) => {
        begun.push(name);
        await add(db, name);
        return 1;
      },
      begin: (_parent: unknown, { name }: Named) => begun.push(name),
    },
  };
  return { begun, elsewhere, module: defineModule({ name: 'slow', typeDefs: TYPES, resolvers }) };
}

const TYPES = `
  extend type Query {
    quick: Int @authenticated
    slow(seconds: Float!): Int @authenticated
    slowInPrisma(seconds: Float!): Int @authenticated
    slowElsewhere(seconds: Float!): Int @authenticated
    slowAndDeaf(seconds: Float!): Int @authenticated
  }
  extend type Mutation {
    addThenWait(name: String!, seconds: Float!): Int @authenticated
    addThenSwallow(name: String!, seconds: Float!): Int @authenticated
    add(name: String!): Int @authenticated
    begin(name: String!): Int @authenticated
  }`;
