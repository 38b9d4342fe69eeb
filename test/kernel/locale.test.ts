/**
 * Proves that names and texts compare in the same way in every locale of a database. In Turkish, I and i are different
 * letters; in C, only A to Z are letters.
 */
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import { migrate } from '../../src/kernel/database/preparation/prepare.js';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';
import { createTenant } from '../../src/services/operator/tenants.js';
import { sign } from '../support/database.js';
import { connected } from '../support/demo-tenants.js';

const postgres = inject('postgres');

describe.each([
  ['Turkish', "LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C'"],
  ['C', "LOCALE_PROVIDER libc LOCALE 'C'"],
])('where the locale is %s', (_, locale) => {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const [superuser, app, operator] = [postgres.superuser, postgres.app, postgres.operator].map((url) =>
    onDatabase(url, name),
  ) as [string, string, string];
  const asked = async <Row extends pg.QueryResultRow>(url: string, sql: string, values: unknown[] = []) =>
    connected(url, async (client) => (await client.query<Row>(sql, values)).rows);

  beforeAll(async () => {
    await asked(
      onDatabase(postgres.superuser, 'postgres'),
      `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' ${locale}`,
    );
    await migrate({ owner: superuser, app, operator }, postgres.contextKey);
    await withOperatorConnection(
      { url: operator, operator: 'tester', contextKey: postgres.contextKey },
      (connection) =>
        createTenant(connection, {
          slug: 'izmir-i',
          name: 'İzmir',
          owner: { userId: 'u', email: 'u@izmir.test' },
        }),
    );
  });
  afterAll(() => asked(onDatabase(postgres.superuser, 'postgres'), `DROP DATABASE ${name}`));

  test.each([
    ['izmir-i', 'izmir-i'],
    ['IZMIR-I', 'izmir-i'],
    // Some locales treat these characters as equal to those of a slug. In slugs they never are.
    ['İzmir-i', undefined],
    ['ızmır-ı', undefined],
    ['izmir\u2010i', undefined],
  ])('a tenant that is called %s is %s', async (called, slug) => {
    const { expires, signature } = sign('resolve_access', called, 'u');
    const rows = await asked<{ slug: string; role: string }>(
      app,
      'SELECT slug, role FROM tenantry.resolve_access($1, $2, $3, $4)',
      [called, 'u', expires, signature],
    );
    expect(rows).toEqual(slug === undefined ? [] : [{ slug, role: 'owner' }]);
  });

  test('an entity is logged under the name it has everywhere', async () => {
    await asked(
      superuser,
      `CREATE TABLE public.invoice_items (
         tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES public.tenants, id uuid NOT NULL,
         PRIMARY KEY (tenant_id, id));
       SELECT tenantry.protect('public.invoice_items')`,
    );
    const [trigger] = await asked<{ definition: string }>(
      superuser,
      `SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger
       WHERE tgrelid = 'public.invoice_items'::regclass AND tgname = 'audit'`,
    );
    expect(trigger!.definition).toContain("write_audit('InvoiceItem', 'invoice_item')");
  });

  test.each([
    ['ÄRGER', 'Großer ärger', true],
    ['ärger', 'GROSSER ÄRGER', true],
    ['ISTANBUL', 'istanbul', true],
    ['istanbul', 'ISTANBUL', true],
    ['ışık', 'IŞIK', false],
    ['žluťoučký', 'ŽLUŤOUČKÝ KŮŇ', true],
    ['ПРИВЕТ', 'привет', true],
    ['e', 'é', false],
  ])('%s is found in %s: %s', async (term, text, found) => {
    const [row] = await asked<{ found: boolean }>(
      app,
      'SELECT strpos(tenantry.folded($1), tenantry.folded($2)) > 0 AS found',
      [text, term],
    );
    expect(row!.found).toBe(found);
  });
});
