/**
 * Compares the bound client with the published example: the same operations on the same PostgreSQL in the same run.
 * Prints operations per second, milliseconds of CPU in Node per operation, and transactions per operation.
 *
 *   npm run --prefix packages/prisma-tenancy bench -- [SECONDS]
 *
 * SECONDS is how long each client runs per round, by default 0.5. Exits with 1 when the results differ, or when the
 * bound client needs more transactions than the example. Speeds are only meaningful on an idle machine.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { PrismaPg } from '@prisma/adapter-pg';
import { startEmbedded } from '@tenantry/embedded-postgres';
import { endingTransactions, tenancy } from '@tenantry/prisma-tenancy';
import pg from 'pg';
import { PrismaClient } from '../test/generated/client.js';
import { createPlainDatabase } from '../test/plain-database.js';
import { recordStatements } from '../test/record-statements.js';
import { publishedExample } from '../test/published-example.js';
import { measure, median, type Measurement } from './measure.js';

const ROUNDS = 3;
const TENANT = '0198c0de-0000-7000-8000-00000000ac3e';
const seconds = Number(process.argv[2] ?? 0.5);

const folder = await mkdtemp(join(tmpdir(), 'prisma-tenancy-bench-'));
const server = await startEmbedded(folder, { durable: false });
try {
  const database = await createPlainDatabase(server.superuser, await loginRole(server.superuser, server.app));
  await database.query(
    `INSERT INTO projects (tenant_id, name) SELECT $1, 'project ' || i FROM generate_series(1, 200) AS i`,
    [TENANT],
  );
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  const sent = recordStatements(pool);
  const base = new PrismaClient({ adapter: endingTransactions(new PrismaPg(pool)) });
  process.exitCode = (await compare(base, sent)) ? 0 : 1;
  await base.$disconnect();
  await pool.end();
  await database.drop();
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

/** The common operations of both clients. */
type Client = Pick<PrismaClient, 'project'>;

async function compare(base: PrismaClient, sent: string[]): Promise<boolean> {
  const extended = base.$extends(
    tenancy({ settings: (tenantId: string) => ({ 'app.current_tenant': tenantId }) }),
  );
  // A client for each request, as in an application.
  const contestants: Readonly<Record<string, () => Client>> = {
    'published example': () => publishedExample(base, TENANT) as unknown as Client,
    $forTenant: () => extended.$forTenant(TENANT) as unknown as Client,
  };
  const page = (db: Client) => db.project.findMany({ orderBy: { id: 'asc' }, take: 20 });
  const workloads: Readonly<Record<string, (db: Client) => Promise<unknown>>> = {
    'one page of 20 rows': page,
    'five reads at once': (db) =>
      Promise.all([page(db), ...[1, 2, 3, 4].map((id) => db.project.findFirst({ where: { id } }))]),
    'one new row, deleted again': async (db) => {
      const { id } = await db.project.create({ data: { name: `new ${String(Math.random())}` } });
      return db.project.deleteMany({ where: { id } });
    },
  };
  let holds = true;
  for (const [title, work] of Object.entries(workloads)) {
    const names = Object.keys(contestants);
    const measured = new Map<string, Measurement[]>(names.map((name) => [name, []]));
    const answers = new Set<string>();
    for (const name of names) answers.add(JSON.stringify(await work(contestants[name]!())));
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        const result = await measure(seconds, () => work(contestants[name]!()), sent);
        measured.get(name)!.push(result);
      }
    }
    console.log(`\n${title}`);
    const [published, bound] = names.map((name) => {
      const results = measured.get(name)!;
      const of = (value: (each: Measurement) => number) => median(results.map(value));
      const line = {
        perSecond: of((each) => each.perSecond),
        cpu: of((each) => each.cpuMilliseconds),
        transactions: of((each) => each.transactions),
      };
      console.log(
        `  ${name.padEnd(18)} ${line.perSecond.toFixed(0).padStart(6)}/s  ` +
          `${line.cpu.toFixed(3).padStart(7)} ms of CPU  ${line.transactions.toFixed(1)} transactions`,
      );
      return line;
    });
    if (answers.size > 1) console.log('  THE ANSWERS DIFFER');
    if (bound!.transactions > published!.transactions + 0.1)
      console.log('  MORE TRANSACTIONS THAN THE EXAMPLE');
    holds &&= answers.size === 1 && bound!.transactions <= published!.transactions + 0.1;
  }
  return holds;
}

/** Creates the application's role, because a new server has only the superuser. */
async function loginRole(superuser: string, app: string): Promise<string> {
  const { username, password } = new URL(app);
  const client = new pg.Client({ connectionString: superuser });
  await client.connect();
  await client.query(
    `CREATE ROLE ${pg.escapeIdentifier(username)} LOGIN PASSWORD ${pg.escapeLiteral(decodeURIComponent(password))}`,
  );
  await client.end();
  return app;
}
