/**
 * Lists of operators while a cell is away: they answer what the other cells have, say which cell is missing, and go on behind
 * the same cursors when it is back.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTenantIn, setCell } from '../../src/services/operator/cells.js';
import { OperatorCells } from '../../src/services/operator/operator-cells.js';
import { CELL, emptied } from '../support/cells.js';
import { endChildrenAfterAll, runChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { askOperators, OPERATORS } from '../support/operators.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { asOperatorOf, useFolder } from '../support/tenant-life.js';
import { until } from '../support/until.js';

endChildrenAfterAll();
const home = useDatabase();
const cell = useDatabase();
const folder = useFolder();
let proxy: TcpProxy;
let server: TestServer;

beforeAll(async () => {
  await emptied(cell());
  proxy = await startTcpProxy(cell().operator);
  await asOperatorOf(home(), async (one) => {
    await setCell(one, CELL, false);
    await asOperatorOf(cell(), async (other) => {
      const cells = new OperatorCells(one, new Map([[CELL, other]]));
      for (const slug of ['beta', 'omega']) {
        const owner = { userId: `owner-${slug}`, email: `owner@${slug}.test` };
        await createTenantIn(
          cells,
          CELL,
          { slug, name: slug, plan: 'free', owner },
          { reason: 'test', alone: false },
        );
      }
    });
  });
  const use = `INSERT INTO tenantry.tenant_usage (tenant_id, period, starts_at, requests, database_ms, rows, bytes, jobs)
    SELECT id, 'hour', date_trunc('hour', now(), 'UTC'), 1, 1000, 1, 1, 1 FROM tenants WHERE slug IN ('acme', 'beta')`;
  await home().asSuperuser(use);
  await cell().asSuperuser(use);
  server = await startTestServer({ database: home(), env: { ...OPERATORS, ...cellVariables() } });
  await Promise.all(server.services.others.map(({ running }) => running.checked));
});
afterAll(async () => {
  await server.close();
  await proxy.close();
});
afterEach(() => back());

/** The cell is there again, and the server has noticed that its former connections are lost. */
async function back(): Promise<void> {
  proxy.restore();
  await until('the cell is listed', async () => (await list()).unavailableCells.length === 0);
}

/** Operators reach the cell through the proxy; what serves tenants does not use it. */
const cellVariables = () => ({
  CELL_EU2_URL: cell().app,
  CELL_EU2_OPERATOR_URL: proxy.through(cell().operator),
});

interface Listed {
  readonly nodes: readonly { readonly slug: string }[];
  readonly totalCount: number;
  readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
  readonly unavailableCells: readonly string[];
}

async function list(args = 'first: 50') {
  const { data, errors } = await askOperators<{ tenants: Listed }>(
    server,
    `{ tenants(${args}) { nodes { slug } totalCount pageInfo { endCursor hasNextPage } unavailableCells } }`,
  );
  expect(errors).toEqual([]);
  const { nodes, totalCount, pageInfo, unavailableCells } = data.tenants;
  return { slugs: nodes.map(({ slug }) => slug), totalCount, ...pageInfo, unavailableCells };
}

const TOP = '{ topTenants { slug share } unavailableCells }';

describe('at the operators’ door', () => {
  test('a list of all cells says that none is missing', async () => {
    expect(await list()).toMatchObject({
      slugs: ['acme', 'beta', 'globex', 'omega'],
      totalCount: 4,
      unavailableCells: [],
    });
    expect((await askOperators(server, TOP)).data).toEqual({
      topTenants: expect.arrayContaining([
        { slug: 'acme', share: 0.5 },
        { slug: 'beta', share: 0.5 },
      ]) as object,
      unavailableCells: [],
    });
  });

  test.each([
    ['refuses connections', () => proxy.refuse()],
    ['is silent', () => proxy.silence()],
  ])('a cell that %s is named, and the others are listed', async (_what, goAway) => {
    goAway();
    expect(await list()).toMatchObject({
      slugs: ['acme', 'globex'],
      totalCount: 2,
      unavailableCells: [CELL],
    });
    expect((await askOperators(server, TOP)).data).toEqual({
      topTenants: [{ slug: 'acme', share: 1 }],
      unavailableCells: [CELL],
    });
    expect(server.warnings.join(' ')).toContain('a cell that does not answer');
    await back();
    expect(await list()).toMatchObject({ totalCount: 4, unavailableCells: [] });
  });

  test('a page behind a cursor has what a cell has that came back, and nothing twice', async () => {
    proxy.refuse();
    const first = await list('first: 1');
    expect(first).toMatchObject({ slugs: ['acme'], hasNextPage: true, unavailableCells: [CELL] });
    await back();
    const second = await list(`first: 2, after: "${first.endCursor}"`);
    expect(second).toMatchObject({ slugs: ['beta', 'globex'], hasNextPage: true, unavailableCells: [] });
    proxy.refuse();
    const last = await list(`first: 2, after: "${second.endCursor}"`);
    expect(last).toMatchObject({ slugs: [], hasNextPage: false, unavailableCells: [CELL] });
    await back();
    expect(await list(`first: 2, after: "${second.endCursor}"`)).toMatchObject({
      slugs: ['omega'],
      hasNextPage: false,
      unavailableCells: [],
    });
  });

  test('a cell that lacks migrations is named', async () => {
    const [newest] = await cell().asSuperuser<{ name: string }>(
      'SELECT max(migration_name COLLATE "C") AS name FROM _prisma_migrations',
    );
    const set = (finished: string) =>
      cell().asSuperuser(
        `UPDATE _prisma_migrations SET finished_at = ${finished} WHERE migration_name = $1`,
        [newest!.name],
      );
    await set('NULL');
    const part = await list();
    await set('now()');
    expect(part).toMatchObject({ slugs: ['acme', 'globex'], unavailableCells: [CELL] });
    expect(await list()).toMatchObject({ totalCount: 4, unavailableCells: [] });
  });

  test('a cell that this server has no URL for is named', async () => {
    await asOperatorOf(home(), (connection) => setCell(connection, 'us9', false));
    const part = await list();
    await home().asSuperuser("DELETE FROM tenantry.cells WHERE name = 'us9'");
    expect(part).toMatchObject({ totalCount: 4, unavailableCells: ['us9'] });
  });
});

test('the default cell is one like the others', async () => {
  const { noConnection } = await import('../../src/services/operator/operator-connection.js');
  const away = noConnection('tester', new Error('away'));
  await asOperatorOf(cell(), async (other) => {
    const { reachable, away: missing } = await new OperatorCells(away, new Map([[CELL, other]])).forLists();
    expect([reachable.length, missing.map(({ name }) => name)]).toEqual([1, ['default']]);
  });
  await expect(new OperatorCells(away, new Map()).forLists()).rejects.toThrow('away');
});

describe('the commands', () => {
  const tenantry = (...words: string[]) =>
    runChild('src/cli/main.ts', words, {
      DATABASE_URL: home().app,
      DATABASE_OPERATOR_URL: home().operator,
      ...(home().contextKey !== undefined && { CONTEXT_SIGNING_KEY: home().contextKey! }),
      TENANTRY_DATA_DIR: folder('data'),
      ...cellVariables(),
    });
  const slugsIn = (stdout: string) => [
    ...new Set([...stdout.matchAll(/"slug":"([^"]+)"/g)].map(([, slug]) => slug)),
  ];

  test.each([
    ['tenant list', ['acme', 'globex'], ['beta', 'omega']],
    ['tenant top', ['acme'], ['beta']],
    ['tenant usage', ['acme', 'globex'], ['beta', 'omega']],
    ['audit-log verify --json', ['acme', 'globex'], ['beta', 'omega']],
  ])('`%s` prints what there is, and exits with 3', async (words, near, far) => {
    const run = () => tenantry(...words.split(' '));
    const whole = await run();
    expect([whole.code, slugsIn(whole.stdout).sort()]).toEqual([0, [...near, ...far].sort()]);
    proxy.refuse();
    const part = await run();
    expect([part.code, slugsIn(part.stdout)]).toEqual([3, near]);
    expect(part.stderr).toMatch(/^Without the cell eu2: PostgreSQL at .* cannot be reached/m);
  });

  test('`audit-log head` exits with 3, too, and a command for one tenant with 1', async () => {
    proxy.refuse();
    expect((await tenantry('audit-log', 'head')).code).toBe(3);
    expect((await tenantry('tenant', 'show', 'beta')).code).toBe(1);
    expect((await tenantry('tenant', 'show', 'acme')).code).toBe(0);
  });
});
