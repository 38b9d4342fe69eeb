/** For the tests of the Idempotency-Key: a server whose mutations can be made to wait and to fail. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, vi } from 'vitest';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { useClients } from './clients.js';
import { keyedModule, sendKeyed, tracesOf, type KeyedRequest } from './keyed-mutations.js';
import { useServer } from './server.js';

export const keyed = keyedModule();
export const ORIGIN = 'https://app.example.test';

interface Caller {
  readonly user?: string;
  readonly tenant?: string;
}
export const unique = (what = 'name') => `${what} ${randomUUID()}`;
export const newKey = () => randomUUID();
export const addOf = (name: string, selection = 'id name', field = 'add') =>
  `mutation { ${field}(name: ${JSON.stringify(name)}) { ${selection} } }`;

interface KeyRow {
  readonly actor: string;
  readonly result: unknown;
  readonly expires_in: number;
}

/** Call it at the top level. */
export function useIdempotency() {
  const server = useServer({
    modules: [tenantModule, membershipModule, keyed.module],
    env: { CORS_ORIGINS: ORIGIN },
  });
  const clientOf = useClients(server);

  beforeAll(async () => {
    await server().database.asSuperuser(
      `ALTER ROLE tenantry_app IN DATABASE ${server().database.name} SET deadlock_timeout = '20ms'`,
    );
  });
  afterEach(() => {
    keyed.before = async () => undefined;
    vi.restoreAllMocks();
  });

  const send = async (
    key: string | undefined,
    request: KeyedRequest | string,
    { user = 'owner', tenant = 'acme' }: Caller = {},
  ) => {
    const { token } = await clientOf(user, tenant);
    return sendKeyed(server(), token, key, typeof request === 'string' ? { query: request } : request);
  };

  const traces = (name: string) => tracesOf(server().database, name);

  const keyRows = (key: string) =>
    server().database.asSuperuser<KeyRow>(
      `SELECT actor, result, extract(epoch FROM expires_at - now())::int AS expires_in
     FROM idempotency_keys WHERE key = $1 ORDER BY actor`,
      [key],
    );

  return { server, clientOf, send, traces, keyRows };
}
