/** An archive that is imported into a cell: the tenant is served from there, and no cell gets a tenant that another one has. */
import { expect, test } from 'vitest';
import { importTenantIn } from '../../src/services/lifecycle/import-tenant-in.js';
import { CELL, useCells } from '../support/cells.js';
import { rejectionOf } from '../support/demo-tenants.js';
import { erased, exported, newTenant, useFolder } from '../support/tenant-life.js';
import { until } from '../support/until.js';

const cells = useCells();
const file = useFolder();

const imported = (archive: string, cell: string | undefined, slug?: string) =>
  cells().asOperators((all) =>
    importTenantIn(all, cell, { file: archive, slug, newIds: slug !== undefined, reason: 'test' }),
  );
const inDirectory = (id: string) =>
  cells().home.asSuperuser('SELECT slug, cell FROM tenantry.directory WHERE subject = $1', [id]);

test('A tenant is imported into a cell, and is there for the servers', async () => {
  const id = await newTenant(cells().home, 'carried');
  await exported(cells().home, 'carried', file('carried.tar.gz'));
  for (const cell of [CELL, undefined]) {
    expect(String(await rejectionOf(imported(file('carried.tar.gz'), cell)))).toContain(
      'in the cell default',
    );
  }
  expect(await inDirectory(id)).toEqual([]);
  await erased(cells().home, id);
  expect(await imported(file('carried.tar.gz'), CELL)).toMatchObject({ tenant: { id, slug: 'carried' } });
  expect(await inDirectory(id)).toEqual([{ slug: 'carried', cell: CELL }]);
  const { database } = cells().server.services;
  await until('the server knows the route', () => database.at(id) === database.all[1]);
  expect(String(await rejectionOf(imported(file('carried.tar.gz'), undefined)))).toContain(
    `in the cell ${CELL}`,
  );
});

test('A copy with a slug that is taken is refused, and leaves nothing in the directory', async () => {
  await exported(cells().home, 'acme', file('acme.tar.gz'));
  expect(await rejectionOf(imported(file('acme.tar.gz'), CELL, 'globex'))).toMatchObject({
    code: 'CONFLICT',
  });
  expect(await cells().home.asSuperuser("SELECT 1 FROM tenantry.directory WHERE slug = 'globex'")).toEqual(
    [],
  );
});
