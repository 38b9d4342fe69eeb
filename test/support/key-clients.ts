/** Clients with API keys of acme that have exactly these permissions. Each is created once per test file. */
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';
import { insertApiKey } from './rows.js';
import type { TestClient, TestServer } from './server.js';

export type KeyClientOf = (...permissions: readonly Permission[]) => Promise<TestClient>;

export function useKeyClients(server: () => TestServer): KeyClientOf {
  const made = new Map<string, Promise<TestClient>>();
  const make = async (permissions: readonly Permission[]): Promise<TestClient> => {
    const { key } = await insertApiKey(server().database, 'acme', { permissions });
    return { token: key, ...server().withHeaders({ authorization: `Bearer ${key}` }) };
  };
  return (...permissions) => {
    const name = [...permissions].sort().join(' ');
    const client = made.get(name) ?? make(permissions);
    made.set(name, client);
    return client;
  };
}
