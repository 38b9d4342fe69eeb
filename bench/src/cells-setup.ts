/** What the measurements of cells share: their plan, their databases, and a server that has all of them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CONTESTANTS, firstAnswer, start } from './contestants.js';
import { withClient, type Address, type Server } from './database.js';
import { SIZES, tenantId } from './dataset.js';
import { nodeBinary, TENANTRY_ROOT } from './places.js';
import type { OnEnd } from './session.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

export interface CellsPlan {
  /** Rows of the tenant that is moved. */
  readonly rows: number;
  /** Writes of that tenant, per second. */
  readonly rate: number;
  /** The length of each measurement, in seconds. */
  readonly seconds: number;
  /** How often each is measured, in turns. */
  readonly rounds: number;
}

export const SIZE = 'tiny';
const TENANTS = SIZES[SIZE].tenants;
export const READS = WORKLOADS.find(({ name }) => name === 'W1')!;

export interface Parts {
  readonly database: Server;
  readonly secret: string;
  readonly onEnd: OnEnd;
  readonly log: (line: string) => void;
}

const nameOf = (cell: number): string => `c${String(cell)}`;

/** Names the databases for a server, the first one as the default cell. */
const environmentOf = (others: readonly Address[]): Record<string, string> =>
  Object.fromEntries(
    others.flatMap(({ app, operator, superuser }, index) => [
      [`CELL_C${String(index + 1)}_URL`, app],
      [`CELL_C${String(index + 1)}_OPERATOR_URL`, operator],
      [`CELL_C${String(index + 1)}_OWNER_URL`, superuser],
    ]),
  );

/** Says in the default cell where tenants are; undefined: there. */
export const place = (home: Address, cellOf: (tenant: number) => number | undefined): Promise<void> =>
  withClient(home.superuser, async (client) => {
    for (let tenant = 1; tenant <= TENANTS; tenant++) {
      const cell = cellOf(tenant);
      if (cell === undefined) continue;
      await client.query('SELECT tenantry.set_cell($1, false)', [nameOf(cell)]);
      await client.query('SELECT tenantry.place_tenant(id, slug, $2) FROM tenants WHERE id = $1', [
        tenantId(tenant),
        nameOf(cell),
      ]);
    }
  });

export async function serve({ secret, onEnd }: Parts, home: Address, others: readonly Address[]) {
  const environment = environmentOf(others);
  const running = await start(CONTESTANTS[0]!, { databaseUrl: home.app, secret, environment });
  onEnd(running.stop);
  for (const request of requestsOf(READS, 'tenantry', SIZE, secret)) await firstAnswer(running, request);
  return running;
}

/** The tenant of a token. */
export const payloadOf = (token: string): unknown =>
  (JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { tenant_id: unknown }).tenant_id;

/** Starts a command of an operator on these databases. */
export const command = (words: readonly string[], home: Address, others: readonly Address[] = []) =>
  spawn(nodeBinary(), ['dist/cli/main.js', ...words], {
    cwd: TENANTRY_ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: home.app,
      DATABASE_OPERATOR_URL: home.operator,
      DATABASE_OWNER_URL: home.superuser,
      ...environmentOf(others),
    },
  });

/** Moves a tenant into a schema of its own in its database. */
export async function intoSchema(home: Address, tenant: number): Promise<void> {
  await withClient(home.superuser, (client) =>
    client.query(`DO $$ BEGIN
      EXECUTE format('GRANT CREATE ON DATABASE %I TO tenantry_owner', current_database());
    END $$`),
  );
  for (const what of [['--to', 'schema'], ['--confirm']]) {
    const words = ['tenant', 'move', `tenant-${String(tenant)}`, ...what, '--reason', 'benchmark'];
    const [code] = (await once(command(words, home), 'exit')) as (number | null)[];
    if (code !== 0) throw new Error(`tenant move ${what.join(' ')} has failed: ${String(code)}`);
  }
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
