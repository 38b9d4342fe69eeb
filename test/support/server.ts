import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll } from 'vitest';
import { buildApp } from '../../src/app.js';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { readConfig, type Config } from '../../src/kernel/config/config.js';
import type { Module } from '../../src/kernel/graphql/module.js';
import { Drain } from '../../src/http/drain.js';
import { modules as installedModules } from '../../src/modules.js';
import { createServices, type RunningServices } from '../../src/create-services.js';
import { findMember } from '../../src/kernel/auth/find-member.js';
import type { StatementLine } from '../../src/kernel/driver/statement-log.js';
import { createTestDatabase, type TestDatabase } from './database.js';

export const TEST_SECRET = 'jC5s7d2KqXv9Zb4TnWm8RpYeLgHf3AuQ';

/** What GraphQL answered, and with which HTTP status. */
export interface Answer<Data = Record<string, unknown>> {
  readonly status: number;
  readonly data: Data;
  readonly errors: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions: Readonly<Record<string, unknown>> & { readonly code: string };
  }[];
  readonly headers: Headers;
  /** The body as it came. */
  readonly text: string;
}

/** A caller of the API over HTTP. */
export interface TestClient {
  readonly token: string;
  query<Data = Record<string, unknown>>(
    document: string,
    variables?: Record<string, unknown>,
  ): Promise<Answer<Data>>;
}

export interface TestServer {
  readonly url: string;
  readonly app: FastifyInstance;
  readonly drain: Drain;
  readonly services: RunningServices;
  readonly database: TestDatabase;
  readonly config: Config;
  /** Lines the server logged, parsed. */
  readonly warnings: string[];
  /** Lines of its statements, when LOG_SQL is set. */
  readonly statements: StatementLine[];
  /** A demo user: `as('viewer', 'acme')` is viewer@acme.test. */
  as(user: string, tenant: string): Promise<TestClient>;
  /** A caller with any headers. */
  withHeaders(headers: Record<string, string>): Omit<TestClient, 'token'>;
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly env?: Record<string, string>;
  readonly modules?: readonly Module[];
  readonly database?: TestDatabase;
  /** Instead of the database's own URL for the runtime role. */
  readonly databaseUrl?: string;
}

/** A real server on a free port, over HTTP, on a database of its own. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const database = options.database ?? (await createTestDatabase());
  const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-server-'));
  const config = readConfig({
    TENANTRY_DATA_DIR: dataDir,
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'silent',
    JWT_SECRET: TEST_SECRET,
    ...options.env,
  });
  const warnings: string[] = [];
  const statements: StatementLine[] = [];
  const services = createServices({
    config,
    modules: options.modules ?? installedModules,
    databaseUrl: options.databaseUrl ?? database.app,
    contextKey: database.contextKey,
    secret: config.jwtSecret,
    inform: (_what, line) => statements.push(line as StatementLine),
    warn: (problem) => warnings.push(problem),
  });
  const drain = new Drain();
  const app = await buildApp(services, drain);
  const url = await app.listen({ host: config.host, port: 0 });
  const signing = { secret: TEST_SECRET, issuer: config.jwtIssuer, audience: config.jwtAudience };

  const withHeaders = (headers: Record<string, string>) => ({
    query: async <Data>(document: string, variables: Record<string, unknown> = {}): Promise<Answer<Data>> => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query: document, variables }),
      });
      const text = await response.text();
      const body = JSON.parse(text) as { data?: Data; errors?: Answer['errors'] };
      return {
        status: response.status,
        data: body.data ?? ({} as Data),
        errors: body.errors ?? [],
        headers: response.headers,
        text,
      };
    },
  });
  return {
    url,
    app,
    drain,
    services,
    database,
    config,
    warnings,
    statements,
    withHeaders,
    async as(user, tenant) {
      const email = user.includes('@') ? user : `${user}@${tenant}.test`;
      const token = issueToken(await findMember(services.database, tenant, email), signing, 3_600);
      return { token, ...withHeaders({ authorization: `Bearer ${token}` }) };
    },
    async close() {
      await app.close();
      await services.close();
      await rm(dataDir, { recursive: true });
      if (!options.database) await database.drop();
    },
  };
}

/** A server for the tests of this file; call it at the top level. */
export function useServer(options: TestServerOptions = {}): () => TestServer {
  let server: TestServer | undefined;
  beforeAll(async () => {
    server = await startTestServer(options);
  });
  afterAll(async () => {
    await server?.close();
  });
  return () => {
    if (!server) throw new Error('the server exists in tests only');
    return server;
  };
}
