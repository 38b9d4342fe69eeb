/**
 * For the tests of API keys: two servers on one database, functions that create keys and call with them, and their
 * rows.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, vi, type MockInstance } from 'vitest';
import type { Role } from '../../src/kernel/vocabulary/permissions.js';
import { endChildrenAfterAll } from './child.js';
import { useMutations } from './mutations.js';
import { insertMembership, insertTenant } from './rows.js';
import { startTestServer, useServer, type Answer, type TestServer } from './server.js';

export const TABLES = ['tenants', 'memberships', 'invitations', 'api_keys'];

export const KEY = 'id name prefix permissions status createdBy createdAt expiresAt revokedAt lastUsedAt';
export const CREATED = `secret apiKey { ${KEY} }`;
export const ME = '{ me { userId email role permissions tenant { slug } memberships { role } } }';

export interface Created {
  readonly secret: string;
  readonly apiKey: {
    id: string;
    name: string;
    prefix: string;
    permissions: string[];
    status: string;
    expiresAt: string | null;
  };
}

/** Call it at the top level. */
export function useApiKeys() {
  const server = useServer();
  let replica: TestServer;
  let lookUps: MockInstance;
  beforeAll(async () => {
    replica = await startTestServer({ database: server().database });
    lookUps = vi.spyOn(server().services.database, 'query');
  });
  afterAll(() => replica.close());
  endChildrenAfterAll();
  const { run, succeed, refused } = useMutations(server, TABLES);

  async function create(permissions: string[], input: object = {}, caller = {}): Promise<Created> {
    const { payload } = await succeed<Created>(
      'createApiKey',
      CREATED,
      { name: 'a key', permissions, ...input },
      caller,
    );
    return payload;
  }

  const ask = <Data = Record<string, unknown>>(
    key: string,
    query: string,
    at: TestServer = server(),
  ): Promise<Answer<Data>> => at.withHeaders({ authorization: `Bearer ${key}` }).query<Data>(query);

  const refusalOfKey = async (key: string, at = server()) => {
    const { status, errors, text, headers } = await ask(key, ME, at);
    return { status, code: errors[0]?.extensions.code, text, challenge: headers.get('www-authenticate') };
  };

  const rowOf = async (id: string) => {
    const [row] = await server().database.asSuperuser<{
      key_hash: string;
      revoked_at: Date | null;
      last_used_at: Date | null;
    }>('SELECT * FROM api_keys WHERE id = $1', [id]);
    return row!;
  };

  /** Creates a tenant with an owner and a second member of this role. */
  async function tenantWith(role: Role) {
    const { database } = server();
    const slug = `keys-${randomUUID()}`;
    await insertTenant(database, slug);
    const second = { userId: `second|${slug}`, email: `second@${slug}.test` };
    await insertMembership(database, slug, { role: 'owner', userId: `o|${slug}`, email: `o@${slug}.test` });
    const membershipId = await insertMembership(database, slug, { role, ...second });
    return {
      slug,
      membershipId,
      userId: second.userId,
      owner: { user: `o@${slug}.test`, tenant: slug },
      second: { user: second.email, tenant: slug },
    };
  }

  return {
    server,
    replica: () => replica,
    lookUps: () => lookUps,
    run,
    succeed,
    refused,
    create,
    ask,
    refusalOfKey,
    rowOf,
    tenantWith,
  };
}
