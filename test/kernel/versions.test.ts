/**
 * Proves that the database itself counts the changes of a row, whichever role makes them and whatever version they set.
 */
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.js';
import { bind, connected, refusalOf, useDemoTenants } from '../support/demo-tenants.js';

const database = useDatabase();
const tenants = useDemoTenants(database);

/** Runs `work` with a table that counts versions, in a transaction that is bound to acme and rolled back. */
const withTable = (work: (client: pg.Client) => Promise<void>): Promise<void> =>
  connected(database().superuser, async (client) => {
    await client.query('BEGIN');
    await client.query(`
      CREATE TABLE public.notes (
        tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES public.tenants (id),
        id uuid NOT NULL DEFAULT tenantry.uuid_v7(),
        body text, raw json, document jsonb, numbers numeric[], version integer NOT NULL DEFAULT 1,
        PRIMARY KEY (tenant_id, id)
      );
      SELECT tenantry.protect('public.notes');
      SELECT tenantry.count_versions('public.notes');
      SELECT tenantry.count_versions('public.notes');
      SET LOCAL ROLE tenantry_app`);
    await bind(client, tenants().acme);
    await client.query(
      `INSERT INTO notes (body, raw, document, numbers) VALUES (repeat('long ', 4000), '{"a": 1}', '{"b": 2}', '{1.0}')`,
    );
    try {
      await work(client);
    } finally {
      await client.query('ROLLBACK');
    }
  });

const versionOf = async (client: pg.Client): Promise<number> =>
  (await client.query<{ version: number }>('SELECT version FROM notes')).rows[0]!.version;

describe('the version of a row', () => {
  test('begins with 1 and grows by one with each change', async () => {
    await withTable(async (client) => {
      expect(await versionOf(client)).toBe(1);
      await client.query("UPDATE notes SET body = 'a'");
      await client.query(`UPDATE notes SET raw = '{"a": 2}'`);
      await client.query("UPDATE notes SET document = NULL, body = NULL, numbers = '{}'");
      expect(await versionOf(client)).toBe(4);
    });
  });

  test('is not what an update says it is', async () => {
    await withTable(async (client) => {
      for (const version of ['99', '0', '1', 'version - 1', 'NULL']) {
        await client.query(`UPDATE notes SET body = body || '!', version = ${version}`);
      }
      expect(await versionOf(client)).toBe(6);
      await client.query('UPDATE notes SET version = 99');
      expect(await versionOf(client)).toBe(6);
    });
  });

  test('stays when nothing changes, and so does the audit log', async () => {
    await withTable(async (client) => {
      const { rowCount } = await client.query('UPDATE notes SET body = body, raw = raw, document = document');
      expect(rowCount).toBe(1);
      expect(await versionOf(client)).toBe(1);
      const { rows } = await client.query("SELECT action FROM audit_log WHERE entity = 'Note'");
      expect(rows).toEqual([{ action: 'note.created' }]);
    });
  });

  test('stands in the audit log, before and after', async () => {
    await withTable(async (client) => {
      await client.query("UPDATE notes SET body = 'a'");
      const { rows } = await client.query(
        "SELECT old_value ->> 'version' AS old, new_value ->> 'version' AS new FROM audit_log WHERE action = 'note.updated'",
      );
      expect(rows).toEqual([{ old: '1', new: '2' }]);
    });
  });

  test('is that of tenants as well', async () => {
    await connected(database().app, async (client) => {
      await client.query('BEGIN');
      await bind(client, tenants().acme);
      const version = async () =>
        (await client.query<{ version: number }>('SELECT version FROM tenants')).rows[0]!.version;
      const before = await version();
      await client.query("UPDATE tenants SET name = name || '!'");
      expect(await version()).toBe(before + 1);
      // The server's role has no privilege to set the version.
      expect(await refusalOf(client.query('UPDATE tenants SET version = 1'))).toMatchObject({
        state: '42501',
      });
      await client.query('ROLLBACK');
    });
  });
});

test.each([
  ['no column version', 'CREATE TABLE public.notes (id uuid PRIMARY KEY)'],
  ['one that may be null', 'CREATE TABLE public.notes (id uuid PRIMARY KEY, version integer DEFAULT 1)'],
  ['one of another type', 'CREATE TABLE public.notes (id uuid PRIMARY KEY, version text NOT NULL)'],
])('a table with %s is refused', async (_what, create) => {
  await connected(database().superuser, async (client) => {
    await client.query('BEGIN');
    await client.query(create);
    expect(await refusalOf(client.query("SELECT tenantry.count_versions('public.notes')"))).toMatchObject({
      state: '42P16',
      message: 'notes needs a column version integer NOT NULL',
    });
    await client.query('ROLLBACK');
  });
});
