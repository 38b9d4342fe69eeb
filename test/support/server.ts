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
import type { SealKeys } from '../../src/services/audit-trail/seal-keys.js';
import { modules as installedModules } from '../../src/modules.js';
import { createServices, type RunningServices } from '../../src/create-services.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { TransactionLimits } from '../../src/kernel/tenancy/tenant-client.js';
import { findMember } from '../../src/kernel/auth/find-member.js';
import type { StatementLine } from '../../src/kernel/driver/statement-log.js';
import { publishQuotas } from '../../src/services/limits/quotas.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { PATIENT } from './patience.js';
import { KEYS } from './sealed-trails.js';
import { LARGE_PLANS_FILE } from './plans.js';
import { TEST_SECRET } from './signing.js';

export { TEST_SECRET };

/** Seals the secrets of webhooks. */
export const TEST_ENCRYPTION_KEY = 'Xq2vN7bR4mK9wT6yJ3pL8sD5fG1hZ0cA';

/** A busy machine is no overload. Tests of overload say what is overloaded. */
const PATIENT_DELAYS = { target: 50, interval: 120_000 };

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
  /** The body as received. */
  readonly text: string;
}

/** A client of the API over HTTP. */
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
  /** The problems that the server reported. */
  readonly warnings: string[];
  /** The log entries of its statements, when LOG_SQL is set. */
  readonly statements: StatementLine[];
  /** A client of a demo user: `as('viewer', 'acme')` is viewer@acme.test. */
  as(user: string, tenant: string): Promise<TestClient>;
  /** A client that sends these headers. */
  withHeaders(headers: Record<string, string>): Omit<TestClient, 'token'>;
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly env?: Record<string, string>;
  readonly modules?: readonly Module[];
  readonly database?: TestDatabase;
  /** The URL for the server's role, instead of the database's own. */
  readonly databaseUrl?: string;
  /** The keys of the audit trail instead of those of all tests; null: none, so that the server cannot verify it. */
  readonly sealKeys?: SealKeys | null;
  /** Default: {@link PATIENT}. */
  readonly limits?: TransactionLimits;
}

/** Starts a server on a free port, with its own database unless one is given. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const database = options.database ?? (await createTestDatabase());
  const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-server-'));
  const config = readConfig({
    TENANTRY_DATA_DIR: dataDir,
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'silent',
    JWT_SECRET: TEST_SECRET,
    ENCRYPTION_KEYS: TEST_ENCRYPTION_KEY,
    PLANS_FILE: LARGE_PLANS_FILE,
    ANONYMOUS_REQUESTS_PER_MINUTE: '1000000000',
    REQUEST_TIMEOUT_MS: '30000',
    // Entries that are written after the answer would come between those that a test counts.
    AUDIT_ACCESS: 'false',
    ...options.env,
  });
  const warnings: string[] = [];
  const statements: StatementLine[] = [];
  const services = createServices({
    config,
    modules: options.modules ?? installedModules,
    databaseUrl: options.databaseUrl ?? database.app,
    operatorUrl: database.operator,
    contextKey: database.contextKey,
    sealKeys: options.sealKeys === null ? undefined : (options.sealKeys ?? KEYS),
    limits: options.limits ?? PATIENT,
    queueDelays: PATIENT_DELAYS,
    secret: config.jwtSecret,
    inform: (_what, line) => statements.push(line as StatementLine),
    warn: (problem) => warnings.push(problem),
  });
  if (options.env?.['PLANS_FILE'] !== undefined) {
    await publishQuotas(services.database, services.plans, services.limitedResources);
  }
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
      const token = issueToken(await memberIn(services.database.all, tenant, email), signing, 3_600);
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

/** A member of a tenant, in the first of the cells that has the tenant. */
async function memberIn(
  [cell, ...others]: readonly Database[],
  tenant: string,
  email: string,
): ReturnType<typeof findMember> {
  try {
    return await findMember(cell!, tenant, email);
  } catch (error) {
    if (others.length === 0) throw error;
    return memberIn(others, tenant, email);
  }
}

/** Starts a server for the tests of this file. Call it at the top level. */
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
