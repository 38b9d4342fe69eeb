/** `tenantry migrate` with cells: a cell that fails stops none that has begun, and the next call goes on. */
import { expect, test } from 'vitest';
import { addressOf } from '../../src/kernel/database/owner-connection.js';
import { endChildrenAfterAll, runChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { useOwnDatabases } from '../support/own-databases.js';
import { useFolder } from '../support/tenant-life.js';

endChildrenAfterAll();
const home = useDatabase();
const folder = useFolder();
const databases = useOwnDatabases();

test('migrates all cells, and goes on where one has failed', { timeout: 600_000 }, async () => {
  const cells = ['A', 'B', 'C'].map((name) => ({ name, owner: databases.newDatabase() }));
  const urls = (broken: string | undefined) =>
    Object.fromEntries(
      cells.flatMap(({ name, owner }) => {
        const { database } = addressOf(owner);
        const app = new URL(home().app);
        app.pathname = `/${database}`;
        const used = new URL(owner);
        if (name === broken) used.port = '1';
        return [
          [`CELL_${name}_URL`, app.toString()],
          [`CELL_${name}_OWNER_URL`, used.toString()],
        ];
      }),
    );
  const tenantry = (broken: string | undefined, ...words: string[]) =>
    runChild('src/cli/main.ts', words, {
      DATABASE_URL: home().app,
      DATABASE_OWNER_URL: home().superuser,
      TENANTRY_DATA_DIR: folder('data'),
      ...(home().contextKey !== undefined && { CONTEXT_SIGNING_KEY: home().contextKey! }),
      ...urls(broken),
    });

  const part = await tenantry('B', 'migrate');
  expect([part.code, part.stderr]).toEqual([1, expect.stringMatching(/^Cell default: .*$/m)]);
  expect(part.stderr).toMatch(/^Cell a: Applied \d{2}\.$/m);
  expect(part.stderr).toMatch(/^Cell b: failed\. PostgreSQL at .* cannot be reached/m);
  expect(part.stderr).toMatch(/^Cell c: Applied \d{2}\.$/m);
  expect(part.stderr).toMatch(/^Not migrated: b\.$/m);

  const status = await tenantry(undefined, 'migrate', '--status');
  expect(status.code).toBe(1);
  const told = status.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { cell: string; isUpToDate: boolean });
  expect(told.map(({ cell, isUpToDate }) => [cell, isUpToDate])).toEqual([
    ['default', true],
    ['a', true],
    ['b', false],
    ['c', true],
  ]);

  const rest = await tenantry(undefined, 'migrate');
  expect(rest.code).toBe(0);
  expect(rest.stderr).toMatch(/^Cell a: Applied 0\.$/m);
  expect(rest.stderr).toMatch(/^Cell b: Applied \d{2}\.$/m);
  expect(rest.stderr).toMatch(/^Cell c: Applied 0\.$/m);
});
