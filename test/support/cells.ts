/** A server with a second cell, and tenants in it. */
import { afterAll, beforeAll } from 'vitest';
import { createTenantIn, placeTenant, setCell } from '../../src/services/operator/cells.js';
import { OperatorCells } from '../../src/services/operator/operator-cells.js';
import { useDatabase, type TestDatabase } from './database.js';
import { OPERATORS } from './operators.js';
import { startTestServer, type TestServer, type TestServerOptions } from './server.js';
import { asOperatorOf, erased } from './tenant-life.js';
import { until } from './until.js';

export const CELL = 'eu2';

export interface ServerWithCells {
  readonly server: TestServer;
  readonly home: TestDatabase;
  readonly cell: TestDatabase;
  /** Runs `work` as an operator of both. */
  asOperators<Result>(work: (cells: OperatorCells) => Promise<Result>): Promise<Result>;
  /** A tenant in the second cell with the owner `owner@<slug>.test`, when the server knows it. */
  create(slug: string): Promise<string>;
}

/** Erases the demo tenants, which every clone of the template has. */
export async function emptied(database: TestDatabase): Promise<void> {
  for (const slug of ['acme', 'globex']) await erased(database, await database.tenantId(slug));
}

/** The environment of a server, a worker or a command that has the cell. */
export const cellEnvironment = ({ app, operator, superuser }: TestDatabase): Record<string, string> => ({
  CELL_EU2_URL: app,
  CELL_EU2_OPERATOR_URL: operator,
  CELL_EU2_OWNER_URL: superuser,
});

/** Starts both for the tests of this file. Call it at the top level. */
export function useCells(options: TestServerOptions = {}): () => ServerWithCells {
  const home = useDatabase();
  const cell = useDatabase();
  let server: TestServer | undefined;
  const asOperators: ServerWithCells['asOperators'] = (work) =>
    asOperatorOf(home(), (one) =>
      asOperatorOf(cell(), (other) => work(new OperatorCells(one, new Map([[CELL, other]])))),
    );
  beforeAll(async () => {
    await emptied(cell());
    await asOperatorOf(home(), (connection) => setCell(connection, CELL, false));
    server = await startTestServer({
      ...options,
      database: home(),
      env: { ...OPERATORS, ...cellEnvironment(cell()), ...options.env },
    });
    await Promise.all(server.services.others.map(({ running }) => running.checked));
  });
  afterAll(() => server?.close());
  return () => ({
    server: server!,
    home: home(),
    cell: cell(),
    asOperators,
    create: async (slug) => {
      const { id } = await asOperators((cells) =>
        createTenantIn(
          cells,
          CELL,
          { slug, name: slug, plan: 'free', owner: { userId: `owner-${slug}`, email: `owner@${slug}.test` } },
          { reason: 'test', alone: false },
        ),
      );
      await until(
        'the server knows the route',
        () => server!.services.database.at(id) !== server!.services.database.all[0],
      );
      return id;
    },
  });
}

/** A server whose demo tenants are in a second cell, and whose `database` is that cell. Call it at the top level. */
export function useServerOfCell(options: TestServerOptions = {}): () => TestServer {
  const home = useDatabase();
  const cell = useDatabase();
  let server: TestServer | undefined;
  beforeAll(async () => {
    await emptied(home());
    await asOperatorOf(home(), async (connection) => {
      await setCell(connection, CELL, false);
      for (const slug of ['acme', 'globex']) {
        await placeTenant(connection, { id: await cell().tenantId(slug), slug }, CELL);
      }
    });
    const env = { ...cellEnvironment(cell()), ...options.env };
    server = await startTestServer({ ...options, database: home(), env });
    await Promise.all(server.services.others.map(({ running }) => running.checked));
    const { database } = server.services;
    const id = await cell().tenantId('acme');
    await until('the server knows the route', () => database.at(id) === database.all[1]);
  });
  afterAll(() => server?.close());
  return () => ({ ...server!, database: cell() });
}
