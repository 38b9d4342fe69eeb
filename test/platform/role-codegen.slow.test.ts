/**
 * Proves that a frontend can be built against the schema of a role: code for its operations is generated and
 * type-checks, and a use of what the role may not use fails at build time. Also proves that the server answers the
 * documents of the build.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ROLES, type Role } from '../../src/kernel/vocabulary/permissions.js';
import { schemaFor } from '../../src/kernel/access/role-schema.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { modules } from '../../src/modules.js';
import { generateClient, typeErrors, type Files } from '../support/client-codegen.js';
import { startTestServer } from '../support/server.js';

const api = buildApi(modules);
const sdlOf = (role: Role) => printSchemaWithDirectives(schemaFor(api, api.roles.of(role)));

const OPERATIONS = `
  query Dashboard($first: Int) {
    me { role permissions tenant { name } fields { coordinate allowed } }
    members(first: $first, filter: { role: OWNER }) { nodes { ...Person } totalCount }
  }
  fragment Person on Membership { userId joinedAt }
`;

const APP = `
  import { useFragment } from './gql';
  import { DashboardDocument, PersonFragmentDoc, type DashboardQuery, type DashboardQueryVariables } from './gql/graphql';
  import type { TypedDocumentNode } from '@graphql-typed-document-node/core';

  declare function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data>;

  export async function dashboard(first: number): Promise<string> {
    const variables: DashboardQueryVariables = { first };
    const data: DashboardQuery = await ask(DashboardDocument, variables);
    const allowed = new Map(data.me.fields.map(({ coordinate, allowed }) => [coordinate, allowed]));
    const people = useFragment(PersonFragmentDoc, data.members?.nodes ?? []);
    const name: string = data.me.tenant.name;
    const joined: readonly string[] = people.map((person) => person.joinedAt);
    return [name, ...joined, String(allowed.get('Tenant.plan') ?? true)].join();
  }
`;

describe('against the schema of a viewer', () => {
  let client: Files;
  beforeAll(async () => {
    client = await generateClient(sdlOf('viewer'), OPERATIONS);
  });

  test('the code of an operation is generated and type-checks', () => {
    expect(typeErrors({ ...client, 'app.ts': APP })).toEqual([]);
  });

  test('code that reads what the operation does not ask for does not type-check', () => {
    const reads = APP.replace('data.me.tenant.name', 'data.me.tenant.plan');
    expect(typeErrors({ ...client, 'app.ts': reads })).toEqual([
      expect.stringMatching(/^Property 'plan' does not exist/),
    ]);
  });

  test('the server answers the documents of the build by the ids in its code', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tenantry-codegen-'));
    const manifest = join(folder, 'persisted-documents.json');
    const map = client['gql/persisted-documents.json']!;
    await writeFile(manifest, map);
    const server = await startTestServer({
      env: { TRUSTED_DOCUMENTS: manifest, TRUSTED_DOCUMENTS_ONLY: 'true' },
    });
    try {
      const { token } = await server.as('viewer', 'acme');
      const [documentId] = Object.keys(JSON.parse(map) as object);
      expect(client['gql/graphql.ts']).toContain(documentId);
      const answer = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ documentId, variables: { first: 1 } }),
      });
      expect(await answer.json()).toMatchObject({
        data: {
          me: { role: 'VIEWER', tenant: { name: 'Acme Inc.' } },
          members: { totalCount: 1, nodes: [{ userId: 'demo|acme|owner' }] },
        },
      });
    } finally {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('an operation that uses what the role may not', () => {
  beforeEach(() => {
    // The generator also prints its failure to the console.
    const silent = vi.spyOn(console, 'error').mockReturnValue();
    return () => silent.mockRestore();
  });

  const USES: readonly (readonly [string, readonly Role[], string])[] = [
    ['a field', ['owner'], 'query Plan { tenant { plan } }'],
    ['a root field', ['owner', 'admin'], 'query Log { auditLog { totalCount } }'],
    [
      'a mutation and its input',
      ['owner', 'admin'],
      'mutation Rename($input: UpdateTenantInput!) { updateTenant(input: $input) { tenant { name } } }',
    ],
    ['a type', ['owner', 'admin'], 'query Me { me { role } } fragment Entry on AuditEntry { action }'],
  ];
  test.each(USES)('%s, is found when the code is generated', async (_what, allowed, operation) => {
    for (const role of ROLES) {
      const generated = generateClient(sdlOf(role), operation);
      if (allowed.includes(role)) expect(typeErrors(await generated)).toEqual([]);
      else await expect(generated).rejects.toThrow(/Cannot query field|Unknown type|not configured/);
    }
  });
});
