/** `tenantry audit --all-cells`: one report for each database, and the exit status of the worst. */
import { expect, test } from 'vitest';
import { cellEnvironment, useCells } from '../support/cells.js';
import { tenantry } from '../support/running-server.js';

const cells = useCells();

const audit = () =>
  tenantry(['audit', '--all-cells', '--no-probe'], {
    DATABASE_URL: cells().home.app,
    DATABASE_OWNER_URL: cells().home.superuser,
    ...cellEnvironment(cells().cell),
  });

test('audits the database of each cell, and fails when one has a defect', async () => {
  const sound = await audit();
  expect(sound.stderr).toMatch(/Cell default:[\s\S]*Cell eu2:/);
  expect(sound.stdout.match(/0 critical/g)).toHaveLength(2);
  expect(sound.code).toBe(0);
  await cells().home.asSuperuser('ALTER TABLE conversations DISABLE ROW LEVEL SECURITY');
  const broken = await audit();
  expect(broken.stdout).toContain('public.conversations');
  expect(broken.code).toBe(1);
});
