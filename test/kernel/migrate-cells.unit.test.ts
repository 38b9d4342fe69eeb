/** The order of cells in `tenantry migrate`: one alone, then four at a time, and none after a failure. */
import { expect, test } from 'vitest';
import { migrateCells } from '../../src/cli/migrate-cells.js';
import { MigrationError } from '../../src/kernel/database/migration-error.js';

const named = (...names: string[]) => names.map((name) => ({ name }));

/** Cells whose migrations end when the test says so. */
function controlled() {
  const running = new Map<string, (error?: Error) => void>();
  const told: string[] = [];
  const settled = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return {
    told,
    running: () => [...running.keys()],
    migrateOne: ({ name }: { readonly name: string }) =>
      new Promise<string>((resolve, reject) => {
        running.set(name, (error) => {
          running.delete(name);
          if (error) reject(error);
          else resolve('Applied 1.');
        });
      }),
    tell: (line: string) => void told.push(line),
    end: async (name: string, error?: Error) => {
      running.get(name)!(error);
      await settled();
    },
  };
}

test('one cell is the first, alone, and then four are migrated at a time', async () => {
  const { told, running, migrateOne, tell, end } = controlled();
  const done = migrateCells(named('a', 'b', 'c', 'd', 'e', 'f', 'g'), migrateOne, tell);
  expect(running()).toEqual(['a']);
  await end('a');
  expect(running()).toEqual(['b', 'c', 'd', 'e']);
  await end('d');
  expect(running()).toEqual(['b', 'c', 'e', 'f']);
  for (const name of ['b', 'c', 'e', 'f', 'g']) await end(name);
  await done;
  expect(told).toEqual(['a', 'd', 'b', 'c', 'e', 'f', 'g'].map((name) => `Cell ${name}: Applied 1.`));
});

test('no cell begins after the first one has failed', async () => {
  const { told, running, migrateOne, tell, end } = controlled();
  const done = migrateCells(named('a', 'b', 'c'), migrateOne, tell);
  const refused = expect(done).rejects.toThrow('Not migrated: a; not begun: b, c.');
  await end('a', new MigrationError('It is broken.'));
  await refused;
  expect(running()).toEqual([]);
  expect(told).toEqual(['Cell a: failed. It is broken.']);
});

test('those that have begun are finished when another one fails', async () => {
  const { told, running, migrateOne, tell, end } = controlled();
  const done = migrateCells(named('a', 'b', 'c', 'd', 'e', 'f'), migrateOne, tell);
  const refused = expect(done).rejects.toThrow('Not migrated: c, e; not begun: f.');
  await end('a');
  await end('c', new MigrationError('It is broken.'));
  expect(running()).toEqual(['b', 'd', 'e']);
  await end('e', new MigrationError('It is broken, too.'));
  for (const name of ['b', 'd']) await end(name);
  await refused;
  expect(told).toContain('Cell d: Applied 1.');
});

test('without cells nothing happens', async () => {
  const { told, migrateOne, tell } = controlled();
  await migrateCells([], migrateOne, tell);
  expect(told).toEqual([]);
});
