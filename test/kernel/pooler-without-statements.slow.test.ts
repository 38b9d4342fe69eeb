/**
 * Proves that a server behind a pooler that keeps no prepared statements, without the setting for it, says so to the
 * operator in one sentence.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.js';
import { startPgBouncer, withoutPgBouncer, type PgBouncer } from '../support/pgbouncer.js';
import { startTestServer, type TestServer } from '../support/server.js';

describe.skipIf(withoutPgBouncer())('a server behind a pooler, without ?pgbouncer=true', () => {
  const database = useDatabase();
  let pooler: PgBouncer;
  let server: TestServer;

  beforeAll(async () => {
    pooler = await startPgBouncer(database().app, 1);
    const url = new URL(pooler.url);
    url.searchParams.delete('pgbouncer');
    server = await startTestServer({ database: database(), databaseUrl: url.href });
  });
  afterAll(async () => {
    await server.close();
    await pooler.stop();
  });

  test('answers UNAVAILABLE, and its log says what to do', async () => {
    const owner = await server.as('owner', 'acme');
    const ask = async () => (await owner.query('{ members { totalCount } }')).errors;
    // Several connections of the server share one of PostgreSQL's, so statements prepared through one are unknown to
    // another.
    const codes = new Set<string>();
    await expect
      .poll(
        async () => {
          for (const { extensions } of (await Promise.all([ask(), ask(), ask(), ask()])).flat())
            codes.add(extensions.code);
          return server.warnings.join('\n');
        },
        { timeout: 30_000 },
      )
      .toContain('append ?pgbouncer=true to DATABASE_URL');
    expect(codes).not.toContain('INTERNAL_SERVER_ERROR');
  });
});
