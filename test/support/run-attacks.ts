/**
 * Runs a list of attacks against a server with production settings. Each must be answered as the list says, and change
 * nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Module } from '../../src/kernel/graphql/module.js';
import type { AttackSection, Outcome, Target } from './attack.js';
import {
  startTestServer,
  TEST_SECRET,
  useServer,
  type TestServer,
  type TestServerOptions,
} from './server.js';

const TRACES = /\n\s+at |\.[cm]?[jt]s:\d+|node_modules|stacktrace|prisma|Did you mean|constraint/i;

const PRODUCTION = { NODE_ENV: 'production', DATABASE_URL: 'postgresql://tenantry_app@localhost/tenantry' };

/**
 * Declares the tests. Call it at the top level of a test file.
 *
 * @param use starts the server that is attacked
 */
export function runAttacks(
  modules: readonly Module[],
  sections: readonly AttackSection[],
  use: (options: TestServerOptions) => () => TestServer = useServer,
): void {
  const server = use({ modules, env: PRODUCTION });
  const trustedOnly = useTrustedOnly(server, modules);
  const tokens = new Map<string, Promise<string>>();
  const target: Target = {
    get url() {
      return server().url;
    },
    get trustedOnlyUrl() {
      return trustedOnly().url;
    },
    get database() {
      return server().database;
    },
    token(user, tenant = 'acme') {
      const key = `${user} ${tenant}`;
      const token =
        tokens.get(key) ??
        server()
          .as(user, tenant)
          .then((client) => client.token);
      tokens.set(key, token);
      return token;
    },
    sign: (claims, { secret = TEST_SECRET, algorithm = 'HS256' as const } = {}) =>
      jwt.sign(
        { iss: 'tenantry', aud: 'tenantry', exp: Math.floor(Date.now() / 1000) + 3_600, ...claims },
        algorithm === 'none' ? '' : secret,
        { algorithm },
      ),
  };

  let before: unknown;
  beforeAll(async () => {
    before = await rowsOf(server(), 'acme');
  });

  for (const { title, attacks } of sections) {
    describe(title, () => {
      test.each(attacks.map((attack) => [attack.on, attack.attack, attack] as const))(
        '%s: %s',
        async (_on, _attack, { status, code, send }) => {
          const outcome = await send(target);
          expect({ status: outcome.status, codes: codesOf(outcome) }).toEqual({
            status,
            codes: [code],
          });
          expect(outcome.text).not.toMatch(TRACES);
        },
      );
    });
  }

  test('none of them has changed a row of the tenant', async () => {
    expect(await rowsOf(server(), 'acme')).toEqual(before);
  });
}

/** Starts a second server on the same database that answers trusted documents only. */
function useTrustedOnly(server: () => TestServer, modules: readonly Module[]): () => TestServer {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-attacks-'));
  const documents = join(folder, 'documents.json');
  let started: TestServer | undefined;
  beforeAll(async () => {
    writeFileSync(documents, JSON.stringify({ roles: '{ roles { role } }' }));
    started = await startTestServer({
      modules,
      database: server().database,
      env: { ...PRODUCTION, TRUSTED_DOCUMENTS: documents, TRUSTED_DOCUMENTS_ONLY: 'true' },
    });
  });
  afterAll(async () => {
    await started?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return () => started!;
}

/** The distinct error codes of an answer. */
function codesOf({ text }: Outcome): string[] {
  const { errors = [] } = JSON.parse(text) as { errors?: { extensions: { code: string } }[] };
  return [...new Set(errors.map(({ extensions }) => extensions.code))];
}

/** All rows of a tenant, table by table. */
async function rowsOf({ database }: TestServer, tenant: string): Promise<unknown> {
  const tables = await database.asSuperuser<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.columns
     WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY table_name`,
  );
  const id = await database.tenantId(tenant);
  const rows: Record<string, unknown> = {
    tenants: await database.asSuperuser('SELECT t::text FROM tenants AS t WHERE id = $1', [id]),
  };
  for (const { name } of tables) {
    rows[name] = await database.asSuperuser(
      `SELECT t::text FROM "${name}" AS t WHERE tenant_id = $1 ORDER BY t::text`,
      [id],
    );
  }
  return rows;
}
