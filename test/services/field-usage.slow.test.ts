/**
 * Proves which coordinates are counted for which client of which tenant; that a check of the schema fails exactly when a
 * breaking change meets use; that space is bounded; and that the server's role can neither forge nor read the counts.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, print, printSchema, visit, type OperationDefinitionNode } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSign } from '../../src/kernel/database/context-signature.js';
import { FieldUsage, MOST_COUNTED, MOST_OF_TENANT } from '../../src/services/field-usage/field-usage.js';
import { endChildrenAfterAll, runChild } from '../support/child.js';
import { sign } from '../support/database.js';
import { connected, refusalOf } from '../support/demo-tenants.js';
import { INSUFFICIENT_PRIVILEGE, stateOf, useRefusals } from '../support/refusals.js';
import { insertApiKey } from '../support/rows.js';
import { useServer } from '../support/server.js';
import { sign as signForDatabase, useSignedContexts } from '../support/signed-contexts.js';
import { socketClient } from '../support/socket-requests.js';

endChildrenAfterAll();
const server = useServer();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-schemas-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Stored {
  readonly coordinate: string;
  readonly client: string;
  readonly api_key: string;
  readonly requests: number;
  readonly operation: string;
}

const stored = async (slug: string): Promise<Stored[]> => {
  await server().services.fieldWriter.write();
  return server().database.asSuperuser<Stored>(
    `SELECT coordinate, client, api_key, sum(requests)::int AS requests, max(operation) AS operation
     FROM tenantry.field_usage JOIN tenants ON id = tenant_id WHERE slug = $1 GROUP BY 1, 2, 3`,
    [slug],
  );
};

const tenantry = (...words: string[]) => {
  const { app, operator, contextKey } = server().database;
  return runChild('src/cli/main.ts', words, {
    DATABASE_URL: app,
    DATABASE_OPERATOR_URL: operator,
    TENANTRY_DATA_DIR: folder,
    ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
  });
};

let keyId = '';
beforeAll(async () => {
  const owner = await server().as('owner', 'acme');
  const dashboard = server().withHeaders({
    authorization: `Bearer ${owner.token}`,
    'apollographql-client-name': 'dashboard',
  });
  const members =
    'query Members($role: Role) { ...M } fragment M on Query { members(first: 2, filter: { role: $role }) { nodes { id role } } }';
  for (let n = 0; n < 3; n++) expect((await dashboard.query(members, { role: 'OWNER' })).errors).toEqual([]);
  await owner.query(
    'query Unused { __typename ...N } fragment N on Query { tenant { id ... @skip(if: true) { slug } } }',
  );
  await owner.query(
    'mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { tenant { name } } }',
    {
      input: { name: 'Acme' },
    },
  );
  const { id, key } = await insertApiKey(server().database, 'globex', { permissions: ['members:read'] });
  keyId = id;
  await server()
    .withHeaders({ authorization: `Bearer ${key}` })
    .query('query ByKey { me { userId } }');
  const client = await socketClient(server(), owner.token);
  await client.ask({ query: 'query Socket { me { email } }' });
  client.socket.close();
});

describe('counted are', () => {
  test('fields, arguments, input fields and enum values, of the client that names itself', async () => {
    const rows = (await stored('acme')).filter(({ client }) => client === 'dashboard');
    const by = new Map(rows.map((row) => [row.coordinate, row]));
    for (const coordinate of [
      '',
      'Query.members',
      'Query.members(first:)',
      'Query.members(filter:)',
      'MembershipConnection.nodes',
      'Membership.role',
      'Role',
      'Role.OWNER',
    ]) {
      expect(by.get(coordinate), coordinate).toMatchObject({
        requests: 3,
        operation: 'Members',
        api_key: '',
      });
    }
    expect([...by.keys()].filter((coordinate) => coordinate.endsWith('Filter.role'))).toHaveLength(1);
    expect(by.has('Role.ADMIN')).toBe(false);
  });

  test('fragments that are reached, input of variables, other ways into the server; not what no operation reaches', async () => {
    const rows = await stored('acme');
    const has = (coordinate: string) => rows.some((row) => row.coordinate === coordinate);
    for (const coordinate of [
      'Tenant.slug',
      'UpdateTenantInput.name',
      'Mutation.updateTenant(input:)',
      'Viewer.email',
    ])
      expect(has(coordinate), coordinate).toBe(true);
    for (const coordinate of ['Membership.email', 'UpdateTenantInput.settings', 'Query.__typename'])
      expect(has(coordinate), coordinate).toBe(false);
  });

  test('API keys by their ids, for their own tenant', async () => {
    expect(await stored('globex')).toContainEqual({
      coordinate: 'Viewer.userId',
      client: '',
      api_key: keyId,
      requests: 1,
      operation: 'ByKey',
    });
    expect((await stored('globex')).some(({ coordinate }) => coordinate === 'Membership.role')).toBe(false);
  });
});

describe('the commands', () => {
  test('say who uses what', async () => {
    await server().services.fieldWriter.write();
    const { code, stdout } = await tenantry('schema', 'usage', 'Membership.role', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      coordinate: 'Membership.role',
      tenant: 'acme',
      client: 'dashboard',
      apiKey: '',
      requests: 3,
      lastDay: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) as string,
      operation: 'Members',
    });
    const whole = await tenantry('schema', 'usage', 'Role');
    expect(whole.stdout).toContain('"Role.OWNER"');
    const nobody = await tenantry('schema', 'usage', 'Membership.email', '--days', '1');
    expect(nobody).toMatchObject({ code: 0, stdout: '' });
    expect(nobody.stderr).toContain('The schema has Membership.email, and nobody has used it in 1 days.');
    for (const unknown of ['Nope.nope', 'Membership.nope', 'Membership.role(nope:)', 'Nope', '..']) {
      expect(await tenantry('schema', 'usage', unknown)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: `The schema has no ${unknown}, and nobody has used it in 30 days.\n`,
      });
    }
    // A field of an older version.
    await server().database.asSuperuser(
      "UPDATE tenantry.field_usage SET coordinate = 'Membership.former' WHERE coordinate = 'Membership.role'",
    );
    const former = await tenantry('schema', 'usage', 'Membership.former');
    await server().database.asSuperuser(
      "UPDATE tenantry.field_usage SET coordinate = 'Membership.role' WHERE coordinate = 'Membership.former'",
    );
    expect(former).toMatchObject({
      code: 0,
      stderr: 'The schema of this version has no Membership.former any more.\n',
    });
    expect(former.stdout).toContain('"client":"dashboard"');
  });

  test('fail when a breaking change meets use, and name the tenants', async () => {
    await server().services.fieldWriter.write();
    const before = printSchema(server().services.api.schema);
    const written = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    const without = (field: string) =>
      print(
        visit(parse(before), {
          ObjectTypeDefinition: (node) =>
            node.name.value === 'Membership'
              ? { ...node, fields: node.fields?.filter(({ name }) => name.value !== field) }
              : undefined,
        }),
      );
    const old = await written('old.graphql', before);
    const unused = await written('unused.graphql', without('email'));
    const used = await written('used.graphql', without('role'));
    const required = await written(
      'required.graphql',
      before.replace('input UpdateTenantInput {', 'input UpdateTenantInput {\n  extra: String!'),
    );
    expect(await tenantry('schema', 'check', old, old)).toMatchObject({ code: 0, stdout: '' });
    const harmless = await tenantry('schema', 'check', old, unused);
    expect(harmless.stderr).toContain('1 breaking changes; 0 of what is used in the last 30 days.');
    expect(harmless.code).toBe(0);
    for (const [file, by] of [
      [used, 'acme'],
      [required, 'acme'],
    ] as const) {
      const failed = await tenantry('schema', 'check', old, file, '--days', '7', '--json');
      expect(failed.code, file).toBe(1);
      expect(failed.stderr).toContain(`1 of what is used in the last 7 days, by ${by}.`);
      expect(JSON.parse(failed.stdout.split('\n')[0]!)).toMatchObject({ used: true, tenant: by });
    }
    // With one file, the other is the schema of the installed modules.
    expect((await tenantry('schema', 'check', used)).code).toBe(1);
    expect(await tenantry('schema', 'check', join(folder, 'missing.graphql'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no such file.') as string,
    });
  }, 120_000);
});

describe('space is bounded', () => {
  test('in memory', () => {
    const { schema } = server().services.api;
    const usage = new FieldUsage(schema);
    const document = parse('{ me { userId } }');
    const operation = document.definitions[0] as OperationDefinitionNode;
    const count = (tenantId: string, clients: number) => {
      for (let n = 0; n < clients; n++)
        usage.count(
          { tenantId, client: `c${String(n)}`, apiKey: '' },
          { document, operation, variables: {} },
        );
    };
    // The operation, and two coordinates.
    const mostClients = Math.floor(MOST_OF_TENANT / 3);
    count('a', mostClients + 500);
    expect(usage.take(Infinity)).toHaveLength(mostClients * 3);
    expect(usage.take(1)).toEqual([]);
    // One tenant leaves place for the others, and all of them together have an end.
    for (let tenant = 0; tenant < 12; tenant++) count(`t${String(tenant)}`, mostClients + 500);
    const rows = usage.take(Infinity);
    expect(rows.length).toBeLessThanOrEqual(MOST_COUNTED);
    expect(rows.filter(([tenantId]) => tenantId === 't1')).toHaveLength(mostClients * 3);
    expect(usage.take(1)).toEqual([]);
  });

  test('in the database: a tenant has at most 20 clients a day, the others are one', async () => {
    const { services, database } = server();
    const tenantId = await database.tenantId('globex');
    const document = parse('{ me { userId } }');
    const operation = document.definitions[0] as OperationDefinitionNode;
    for (const round of [1, 2]) {
      for (let n = 0; n < 30; n++) {
        const client = `round ${String(round)} client ${String(n)}`;
        services.fieldUsage.count({ tenantId, client, apiKey: '' }, { document, operation, variables: {} });
      }
      await services.fieldWriter.write();
    }
    const rows = (await stored('globex')).filter(({ coordinate }) => coordinate === '');
    expect(rows.length).toBeLessThanOrEqual(21);
    expect(rows.reduce((sum, { requests }) => sum + requests, 0)).toBe(60 + 1);
    expect(rows.find(({ client }) => client === 'other')!.requests).toBeGreaterThanOrEqual(40);
  });
});

describe('attacks', () => {
  const { tenants, inAcme, unbound } = useRefusals();
  const { signed } = useSignedContexts();
  const ADD = 'SELECT tenantry.add_field_usage($1, $2, $3, $4, $5) AS added';
  const SERVER = '0190aaaa-0000-7000-8000-000000000002';
  let batch = 0;
  const valuesOf = (tenantId: string, signing = sign, requests = 1) => {
    const usage = JSON.stringify([[tenantId, new Date().toISOString(), 'A.b', 'x', '', requests, '']]);
    const number = ++batch;
    const { expires, signature } = signing('add_field_usage', SERVER, String(number), usage);
    return [SERVER, number, usage, expires, signature];
  };

  test('counts of another tenant are not read, and none without a tenant', async () => {
    await unbound((client) => client.query(ADD, valuesOf(tenants().globex.tenantId)));
    await inAcme(async (client) => {
      const { rowCount } = await client.query('SELECT FROM tenantry.field_usage WHERE tenant_id = $1', [
        tenants().globex.tenantId,
      ]);
      expect(rowCount).toBe(0);
    });
    await unbound(async (client) => {
      expect(await refusalOf(client.query('SELECT * FROM tenantry.field_usage'))).toMatchObject({
        message: 'no tenant is bound to this transaction',
      });
    });
  });

  test.each([
    'UPDATE tenantry.field_usage SET requests = 0',
    'DELETE FROM tenantry.field_usage',
    "INSERT INTO tenantry.field_usage VALUES (tenantry.current_tenant(), now(), 'A.b', '', '', 0, '')",
    'TRUNCATE tenantry.field_usage',
  ])('the server’s role may not: %s', async (sql) => {
    await inAcme(async (client) => {
      expect(await stateOf(client, sql)).toBe(INSUFFICIENT_PRIVILEGE);
    });
  });

  test('nothing is added in a tenant’s transaction, taken back, or added without the signature of a server', async () => {
    await inAcme(async (client) => {
      expect(await stateOf(client, ADD, valuesOf(tenants().acme.tenantId))).toBe(INSUFFICIENT_PRIVILEGE);
    });
    await unbound(async (client) => {
      await expect(client.query(ADD, valuesOf(tenants().acme.tenantId, sign, -1))).rejects.toThrow();
    });
    const tenantId = await signed().tenantId('acme');
    await connected(signed().app, async (client) => {
      const own = valuesOf(tenantId, signForDatabase);
      for (const values of [
        [...own.slice(0, 3), null, null],
        valuesOf(tenantId, createSign('another key that the database does not know!')),
      ]) {
        expect(await refusalOf(client.query(ADD, values))).toMatchObject({ state: INSUFFICIENT_PRIVILEGE });
      }
      expect((await client.query(ADD, own)).rows).toEqual([{ added: true }]);
      expect(
        (
          await client
            .query(
              ADD,
              valuesOf(tenantId, signForDatabase).map((value, at) => (at === 1 ? own[1] : value)),
            )
            .catch(() => ({ rows: 'refused' }))
        ).rows,
      ).toBe('refused');
    });
  });
});
