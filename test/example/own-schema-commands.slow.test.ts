/** `tenantry tenant create --placement schema` makes the schema and the tenant, or neither. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import { endChildrenAfterAll, runChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';

endChildrenAfterAll();
const database = useDatabase();
let dataDir = '';
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tenantry-schemas-'));
  await database().asSuperuser(`GRANT CREATE ON DATABASE ${database().name} TO tenantry_owner`);
});
afterAll(() => rm(dataDir, { recursive: true }));

const tenantry = (words: readonly string[], more: Record<string, string> = {}) => {
  const { app, operator, contextKey } = database();
  return runChild('src/cli/main.ts', [...words], {
    DATABASE_URL: app,
    DATABASE_OPERATOR_URL: operator,
    TENANTRY_DATA_DIR: dataDir,
    ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
    ...more,
  });
};
const create = (slug: string, more: Record<string, string>) =>
  tenantry(
    ['tenant', 'create', slug, '--name', 'N', '--owner', 'u', '--email', 'u@x.test', '--placement', 'schema'],
    more,
  );
const schemas = () =>
  database().asSuperuser("SELECT nspname FROM pg_namespace WHERE nspname ~ '^tenant_[0-9a-f]{32}$'");

test('the command needs the URL of the owner, and says so', async () => {
  const { code, stderr } = await create('nobody', {});
  expect(code).not.toBe(0);
  expect(stderr).toContain('DATABASE_OWNER_URL');
});

test('the schema and the tenant are made together, and the status counts it', async () => {
  const owner = { DATABASE_OWNER_URL: database().superuser };
  const { code, stdout } = await create('newco', owner);
  expect(code).toBe(0);
  const made = JSON.parse(stdout) as { id: string; schema: string };
  expect(made.schema).toBe(schemaOf(made.id));
  const status = await tenantry(['migrate', '--status']);
  expect(JSON.parse(status.stdout)).toMatchObject({ schemas: 1, schemasBehind: 0, isUpToDate: true });

  const before = await schemas();
  const refused = await create('newco', owner);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('The slug newco is taken.');
  expect(await schemas()).toEqual(before);
  expect(await database().asSuperuser('SELECT FROM tenantry.schemas')).toHaveLength(1);
});
