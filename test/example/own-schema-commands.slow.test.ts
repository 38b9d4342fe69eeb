/** `tenantry tenant create --placement schema` makes the schema and the tenant, or neither. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSchema, removeOrphans, withSchema } from '../../src/kernel/database/schemas/make-schema.js';
import { schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import { newId } from '../../src/services/operator/cells.js';
import { createTenant } from '../../src/services/operator/tenants.js';
import { endChildrenAfterAll, runChild, startChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { connected } from '../support/demo-tenants.js';
import { asOperatorOf } from '../support/tenant-life.js';
import { until } from '../support/until.js';

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

describe('a schema without a tenant', () => {
  const SUBJECTS = 'SELECT subject::text FROM tenantry.schemas ORDER BY subject';
  const migrate = () => tenantry(['migrate'], { DATABASE_OWNER_URL: database().superuser });

  test('is left when the command is killed before the tenant is there, and `migrate` removes it', async () => {
    const before = await database().asSuperuser(SUBJECTS);
    const { app, operator, superuser, contextKey } = database();
    const killed = await connected(superuser, async (client) => {
      await client.query('BEGIN');
      // Holds up the new row of the tenant, and nothing before it.
      await client.query('LOCK TABLE public.tenants IN SHARE MODE');
      const child = startChild(
        'src/cli/main.ts',
        [
          'tenant',
          'create',
          'cutoff',
          '--name',
          'N',
          '--owner',
          'u',
          '--email',
          'u@x.test',
          '--placement',
          'schema',
        ],
        {
          DATABASE_URL: app,
          DATABASE_OPERATOR_URL: operator,
          DATABASE_OWNER_URL: superuser,
          TENANTRY_DATA_DIR: dataDir,
          ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
        },
      );
      await until(
        'the tenant is about to be created',
        async () =>
          (
            await database().asSuperuser(
              `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                 AND query LIKE 'INSERT INTO public.tenants%'`,
            )
          ).length > 0,
      );
      child.kill('SIGKILL');
      const ended = await child.ended;
      await client.query('ROLLBACK');
      return ended;
    });
    expect(killed.signal).toBe('SIGKILL');
    expect(await database().asSuperuser(SUBJECTS)).toHaveLength(before.length + 1);
    expect(await database().asSuperuser("SELECT FROM tenants WHERE slug = 'cutoff'")).toEqual([]);

    const { code, stderr } = await migrate();
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^Removed the schema tenant_[0-9a-f]{32}, which had no tenant and no rows\.$/m),
    ]);
    expect(await database().asSuperuser(SUBJECTS)).toEqual(before);
    expect((await create('cutoff', { DATABASE_OWNER_URL: superuser })).code).toBe(0);
  });

  test('is not removed while its tenant is being created', async () => {
    const { superuser } = database();
    const id = await asOperatorOf(database(), newId);
    let removed: object | undefined;
    const removing = await withSchema(superuser, id, async () => {
      const removal = removeOrphans(superuser).then((done) => (removed = done));
      await until(
        'the removal waits, or is done',
        async () =>
          removed !== undefined ||
          (
            await database().asSuperuser(
              `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_try_advisory_lock%'`,
            )
          ).length > 0,
      );
      const owner = { userId: 'u', email: 'u@x.test' };
      await asOperatorOf(database(), (connection) =>
        createTenant(connection, { id, slug: 'slow', name: 'Slow', plan: 'free', owner }),
      );
      return { removal };
    });
    expect(await removing.removal).toEqual([]);
    expect(await database().asSuperuser(SUBJECTS)).toContainEqual({ subject: id });
  });

  test('is not removed when it has rows, or is being moved, and nothing is left when creating fails', async () => {
    const { superuser } = database();
    const id = await asOperatorOf(database(), newId);
    await makeSchema(superuser, id);
    await database().asSuperuser(
      `INSERT INTO tenantry.moves (subject, state, other_cell) VALUES ($1, 'arriving', 'eu2')`,
      [id],
    );
    expect(await removeOrphans(superuser)).toEqual([]);
    await database().asSuperuser('DELETE FROM tenantry.moves WHERE subject = $1', [id]);
    await database().asSuperuser(`DO $$ BEGIN
      SET LOCAL session_replication_role = replica;
      INSERT INTO ${schemaOf(id)}.conversations (id, tenant_id, user_id, subject, body)
        VALUES (gen_random_uuid(), '${id}', 'u', 's', 'b');
    END $$`);
    expect(await removeOrphans(superuser)).toEqual([{ schema: schemaOf(id), removed: false }]);
    await database().asSuperuser(`TRUNCATE ${schemaOf(id)}.conversations CASCADE`);
    expect(await removeOrphans(superuser)).toEqual([{ schema: schemaOf(id), removed: true }]);

    const other = await asOperatorOf(database(), newId);
    const before = await schemas();
    await expect(withSchema(superuser, other, () => Promise.reject(new Error('no tenant')))).rejects.toThrow(
      'no tenant',
    );
    expect(await schemas()).toEqual(before);
  });
});
