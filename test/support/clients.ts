/** Clients of the demo users. Each is created once per test file. */
import type { TestClient, TestServer } from './server.js';

export type ClientOf = (user: string, tenant?: string) => Promise<TestClient>;

export function useClients(server: () => TestServer): ClientOf {
  const made = new Map<string, Promise<TestClient>>();
  return (user, tenant = 'acme') => {
    const key = `${user} ${tenant}`;
    const client = made.get(key) ?? server().as(user, tenant);
    made.set(key, client);
    return client;
  };
}
