/**
 * Schemas of tenants: how long a migration takes with one, a hundred and a thousand of them, and how long the requests of a tenant
 * with a schema wait meanwhile.
 */
import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { intoSchema, payloadOf, SIZE } from './cells-setup.js';
import { newSecret } from './compare.js';
import { ask, CONTESTANTS, firstAnswer, start } from './contestants.js';
import { startDatabase } from './database.js';
import { tenantId } from './dataset.js';
import type { LoadRequest } from './load.js';
import { machineLine } from './machine.js';
import { fromTenantry, TENANTRY_ROOT } from './places.js';
import { session } from './session.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

type Make = typeof import('../../src/kernel/database/schemas/make-schema.js');
type MigrateSchemas = typeof import('../../src/kernel/database/schemas/migrate-schemas.js');
type Migrations = typeof import('../../src/kernel/database/migration/migrations.js');

const TENANT = 2;

/**
 * Prints the table.
 *
 * @param counts numbers of schemas, in rising order
 */
export async function schemas(counts: readonly number[]): Promise<void> {
  await session(async (onEnd) => {
    const log = (line: string) => console.error(line);
    const database = await startDatabase(log);
    onEnd(() => database.stop());
    const machine = machineLine(database.version);
    const home = await database.scratch(SIZE, 'bench_schemas');
    const { makeSchema } = await fromTenantry<Make>('make-schema.js');
    const { migrateSchemas } = await fromTenantry<MigrateSchemas>('migrate-schemas.js');
    const { applyMigrations } = await fromTenantry<Migrations>('migration/migrations.js');
    const prisma = await mkdtemp(join(tmpdir(), 'tenantry-bench-'));
    onEnd(() => rm(prisma, { recursive: true }));
    await cp(join(TENANTRY_ROOT, 'prisma'), prisma, { recursive: true });

    await intoSchema(home, TENANT);
    const secret = newSecret();
    const running = await start(CONTESTANTS[0]!, { databaseUrl: home.app, secret });
    onEnd(running.stop);
    // The order of these requests is that of tokens.ts: one of each workload has the token of the tenant.
    const requests = ['W1', 'W3'].map((name) => {
      const workload = WORKLOADS.find((each) => each.name === name)!;
      return requestsOf(workload, 'tenantry', SIZE, secret).find(
        ({ token }) => payloadOf(token) === tenantId(TENANT),
      )!;
    });
    for (const request of requests) await firstAnswer(running, request);

    const rows = [];
    let made = 1;
    for (const [round, count] of counts.entries()) {
      for (; made < count; made++) await makeSchema(home.superuser, randomUUID());
      await addMigration(prisma, round);
      const watch = new LongestAnswer(running.origin, requests);
      await applyMigrations(home.superuser, prisma);
      const began = performance.now();
      const brought = await migrateSchemas(home.superuser, prisma);
      const seconds = (performance.now() - began) / 1_000;
      if (brought !== count) throw new Error(`${String(brought)} schemas were migrated.`);
      const { longest, answers, refused } = await watch.end();
      rows.push(
        `| ${String(count)} | ${seconds.toFixed(1)} s | ${String(answers)} | ${String(refused)} | ${longest.toFixed(0)} ms |`,
      );
      log(rows.at(-1)!);
    }
    console.log(
      [
        '| schemas | migration | answers meanwhile | refused | longest answer |',
        '| --- | --- | --- | --- | --- |',
        ...rows,
        '',
        await machine(),
      ].join('\n'),
    );
  });
}

/** A migration with a column and an index. */
async function addMigration(prisma: string, round: number): Promise<void> {
  const folder = join(prisma, 'migrations', `2999010100000${String(round)}_bench`);
  await mkdir(folder);
  const column = `bench_${String(round)}`;
  await writeFile(
    join(folder, 'migration.sql'),
    `ALTER TABLE "conversations" ADD COLUMN "${column}" INTEGER NOT NULL DEFAULT 0;
     CREATE INDEX "conversations_${column}" ON "conversations"("tenant_id", "${column}");`,
  );
}

/** Sends requests one after the other until it is ended. */
class LongestAnswer {
  #longest = 0;
  #answers = 0;
  #refused = 0;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(origin: string, requests: readonly LoadRequest[]) {
    this.#running = this.#run(origin, requests);
  }

  async #run(origin: string, requests: readonly LoadRequest[]): Promise<void> {
    for (let at = 0; !this.#isOver; at++) {
      const began = performance.now();
      const response = await ask(origin, requests[at % requests.length]!);
      const { errors } = (await response.json()) as { errors?: unknown };
      this.#answers++;
      if (response.status !== 200 || errors !== undefined) this.#refused++;
      this.#longest = Math.max(this.#longest, performance.now() - began);
    }
  }

  async end(): Promise<{ readonly longest: number; readonly answers: number; readonly refused: number }> {
    this.#isOver = true;
    await this.#running;
    return { longest: this.#longest, answers: this.#answers, refused: this.#refused };
  }
}
