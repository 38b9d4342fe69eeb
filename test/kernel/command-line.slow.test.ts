/**
 * Runs the command line in processes. Proves that commands keep their exit codes and their output, and that their
 * changes are in the audit log.
 */
import { readdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { endChildrenAfterAll } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { makeDataFolder, removeDataFolder, tenantry } from '../support/running-server.js';
import { TEST_SECRET } from '../support/server.js';
import { expectSentence } from '../support/processes.js';

endChildrenAfterAll();

describe.concurrent('the tenantry command', { timeout: 150_000 }, () => {
  const database = useDatabase();
  const env = () => ({
    DATABASE_URL: database().app,
    DATABASE_OPERATOR_URL: database().operator,
    JWT_SECRET: TEST_SECRET,
  });

  const WRONG_USE: readonly (readonly string[])[] = [
    [],
    ['no-such-command'],
    ['tenant', 'show'],
    ['tenant', 'show', 'acme', 'globex'],
    ['tenant', 'list', '--no-such-option'],
    ['tenant', 'create', 'umbrella', '--name', 'Umbrella'],
    ['token', '--tenant', 'acme', '--user'],
  ];
  test('exits with 2 for wrong use, and says on stderr how it is used', async () => {
    const ended = await Promise.all(
      WRONG_USE.map(async (args) => ({ args, ...(await tenantry(args, env())) })),
    );
    for (const { args, code, stdout, stderr } of ended) {
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(stderr).not.toBe('');
      expect(stderr).not.toMatch(/^\s+at /m);
    }
  });

  test('exits with 0 when asked for help, on stdout', async () => {
    const [help, schema] = await Promise.all([tenantry(['--help']), tenantry(['schema'])]);
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('token') as string });
    expect(schema).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('type Query') as string,
    });
  });

  const create = (slug: string) => [
    'tenant',
    'create',
    slug,
    '--name',
    'N',
    '--owner',
    'o',
    '--email',
    'o@n.test',
  ];
  const FAILURES: Readonly<Record<string, readonly string[]>> = {
    'an unknown tenant’s token': ['token', '--tenant', 'umbrella', '--user', 'owner@acme.test'],
    'a stranger’s token': ['token', '--tenant', 'acme', '--user', 'owner@globex.test'],
    'suspending an unknown tenant': ['tenant', 'suspend', 'umbrella'],
    'creating a tenant whose slug is taken': create('acme'),
    'creating a tenant whose slug is no DNS label': create('No_Label'),
    'migrating without an owner’s URL': ['migrate'],
  };
  for (const [what, args] of Object.entries(FAILURES)) {
    test.concurrent(`exits with 1 and one sentence upon ${what}`, async () => {
      expectSentence(
        await tenantry(args, env()),
        /./,
        ...[env().DATABASE_URL, env().DATABASE_OPERATOR_URL].map((url) => new URL(url).password),
      );
    });
  }

  test('exits with 1 and one sentence where there is no database, and leaves nothing behind', async ({
    onTestFinished,
  }) => {
    const folder = await makeDataFolder();
    onTestFinished(() => removeDataFolder(folder));
    const nowhere = { TENANTRY_DATA_DIR: join(folder, 'data') };
    const ended = await Promise.all(
      [
        ['token', '--tenant', 'acme', '--user', 'owner@acme.test'],
        ['seed'],
        ['migrate'],
        ['tenant', 'list'],
      ].map((args) => tenantry(args, nowhere)),
    );
    for (const each of ended) expectSentence(each, /npm start.*DATABASE_URL/);
    expect(await readdir(folder)).toEqual([]);
  });

  test('creates, lists, shows, suspends and resumes tenants, and each change is in the tenant’s audit log', async () => {
    const run = async (...args: string[]): Promise<Record<string, unknown>[]> => {
      const { code, stdout, stderr } = await tenantry(['tenant', ...args], env());
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const owner = ['--name', 'Hooli', '--owner', 'idp|gavin', '--email', 'gavin@hooli.test'];
    const [created] = await run('create', 'hooli', ...owner);
    expect(created).toMatchObject({ slug: 'hooli', name: 'Hooli', plan: 'free', status: 'active' });
    expect((await run('list')).map(({ slug }) => slug)).toEqual(['acme', 'globex', 'hooli']);
    expect(await run('show', 'hooli')).toEqual([created]);
    expect(await run('suspend', 'hooli')).toEqual([{ ...created, status: 'suspended' }]);
    expect(await run('resume', 'hooli')).toEqual([created]);
    expect(await run('suspend', 'hooli', '--reason', 'Unpaid', '--json')).toEqual([
      { ...created, status: 'suspended', suspension_reason: 'Unpaid' },
    ]);
    expect(await run('resume', 'hooli', '--reason', 'Paid')).toEqual([created]);
    expect(await run('rename', 'hooli', 'Hooli XYZ')).toEqual([{ ...created, name: 'Hooli XYZ' }]);
    expect(await run('rename', 'hooli', '--slug', 'hooli-2')).toMatchObject([{ slug: 'hooli-2' }]);
    expect(await run('list', '--search', 'XYZ', '--status', 'active')).toMatchObject([{ slug: 'hooli-2' }]);
    expect((await run('list', '--sort', 'createdAt', '--desc')).map(({ slug }) => slug)[0]).toBe('hooli-2');

    const entries = await database().asSuperuser(
      `SELECT action, entity, actor, actor_type, old_value->>'status' AS before,
              coalesce(new_value->>'status', new_value->>'reason') AS after
       FROM audit_log WHERE tenant_id = $1 ORDER BY id`,
      [created?.['id']],
    );
    const operator = { actor: userInfo().username, actor_type: 'operator' };
    const told = (what: string, reason: string) => ({
      action: `operator.${what}`,
      entity: 'OperatorAccess',
      before: null,
      after: reason,
      ...operator,
    });
    expect(entries).toEqual([
      { action: 'tenant.created', entity: 'Tenant', before: null, after: 'active', ...operator },
      { action: 'membership.created', entity: 'Membership', before: null, after: null, ...operator },
      told('tenant_founded', 'tenantry tenant create'),
      told('tenant_read', 'tenantry tenant show'),
      { action: 'tenant.updated', entity: 'Tenant', before: 'active', after: 'suspended', ...operator },
      told('tenant_suspended', 'tenantry tenant suspend'),
      { action: 'tenant.updated', entity: 'Tenant', before: 'suspended', after: 'active', ...operator },
      told('tenant_resumed', 'tenantry tenant resume'),
      { action: 'tenant.updated', entity: 'Tenant', before: 'active', after: 'suspended', ...operator },
      told('tenant_suspended', 'Unpaid'),
      { action: 'tenant.updated', entity: 'Tenant', before: 'suspended', after: 'active', ...operator },
      told('tenant_resumed', 'Paid'),
      { action: 'tenant.updated', entity: 'Tenant', before: 'active', after: 'active', ...operator },
      told('tenant_renamed', 'tenantry tenant rename'),
      { action: 'tenant.updated', entity: 'Tenant', before: 'active', after: 'active', ...operator },
      told('tenant_renamed', 'tenantry tenant rename'),
    ]);
  });

  test('moves tenants between the plans of the file, and to no other', async () => {
    const { code, stdout } = await tenantry(['tenant', 'plan', 'globex', 'team'], env());
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({
      code: 0,
      slug: 'globex',
      plan: 'team',
    });
    const none = /^There is no plan gold: PLANS_FILE has free, starter, pro, team, business, enterprise\.$/m;
    expectSentence(await tenantry(['tenant', 'plan', 'globex', 'gold'], env()), none);
    const owner = ['--name', 'New', '--owner', 'idp|new', '--email', 'new@new.test'];
    expectSentence(await tenantry(['tenant', 'create', 'new', ...owner, '--plan', 'gold'], env()), none);
    const missing = { ...env(), PLANS_FILE: '/nowhere/no-plans.json' };
    expectSentence(
      await tenantry(['tenant', 'plan', 'globex', 'team'], missing),
      /^PLANS_FILE .*no-plans\.json cannot be read/,
    );
    expect(await database().asSuperuser("SELECT plan FROM tenants WHERE slug IN ('globex', 'new')")).toEqual([
      { plan: 'team' },
    ]);
  });
});
