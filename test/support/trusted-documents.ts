/** A server that answers trusted documents and others, and one that answers only trusted documents. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { useServer, type TestServer } from './server.js';

export const OPERATIONS = {
  Me: 'query Me { me { role tenant { slug } } }',
  Members: 'query Members($first: Int) { members(first: $first) { nodes { userId } } }',
  Plan: 'query Plan { tenant { name plan } }',
  Rename: 'mutation Rename($name: String!) { updateTenant(input: { name: $name }) { tenant { name } } }',
  Two: 'query A { me { role } } query B { tenant { slug } }',
  Audit: '{ __type(name: "AuditEntry") { name } }',
};

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: {
    readonly data?: unknown;
    readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
  };
}
export const codesOf = ({ body }: Answer) => (body.errors ?? []).map(({ extensions }) => extensions.code);

const tokens = new Map<string, string>();

export async function send(
  server: TestServer,
  init: RequestInit,
  url = '/graphql',
  user = 'owner@acme.test',
): Promise<Answer> {
  const response = await fetch(server.url + url, {
    ...init,
    headers: {
      authorization: `Bearer ${tokens.get(`${server.url} ${user}`)}`,
      'content-type': 'application/json',
      ...(init.headers as Record<string, string> | undefined),
    },
  });
  const text = await response.text();
  // Leaves out the extension with the cost of the answer, which test/kernel/hardening.slow.test.ts tests.
  const { data, errors } = (text === '' ? {} : JSON.parse(text)) as Answer['body'];
  const body = { ...(data !== undefined && { data }), ...(errors && { errors }) };
  return { status: response.status, headers: response.headers, text, body };
}

export const post = (server: TestServer, body: unknown, user?: string) =>
  send(server, { method: 'POST', body: JSON.stringify(body) }, '/graphql', user);
export const get = (server: TestServer, parameters: Record<string, string> | string, user?: string) =>
  send(server, { method: 'GET' }, `/graphql?${new URLSearchParams(parameters).toString()}`, user);
export const persisted = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });

/** Call it at the top level. */
export function useTrustedDocuments() {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-trusted-'));
  const path = join(folder, 'manifest.json');
  writeFileSync(
    path,
    JSON.stringify({
      format: 'apollo-persisted-query-manifest',
      version: 1,
      operations: Object.entries(OPERATIONS).map(([name, body]) => ({
        id: `app-${name}`,
        name,
        type: 'query',
        body,
      })),
    }),
  );
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const open = useServer({ env: { TRUSTED_DOCUMENTS: path } });
  const only = useServer({
    env: {
      TRUSTED_DOCUMENTS: path,
      TRUSTED_DOCUMENTS_ONLY: 'true',
      NODE_ENV: 'production',
      DATABASE_URL: 'postgresql://tenantry_app@localhost/tenantry',
    },
  });
  beforeAll(async () => {
    for (const server of [open, only]) {
      for (const user of ['owner@acme.test', 'viewer@acme.test', 'owner@globex.test']) {
        const { token } = await server().as(user, user.includes('acme') ? 'acme' : 'globex');
        tokens.set(`${server().url} ${user}`, token);
      }
    }
  });

  return { folder, path, open, only };
}
