/**
 * Proves that the audit log records no secrets: neither columns whose name says that they are secret, in any style, nor
 * declared ones.
 */
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { namesSecret } from '../../src/kernel/access/secret-names.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();
let client: pg.Client;
beforeAll(async () => {
  client = new pg.Client({ connectionString: database().superuser });
  await client.connect();
});
afterAll(() => client.end());

const SECRETS = [
  ...['passwordHash', 'apiSecret', 'accessToken', 'APIKey', 'userPassword', 'PrivateKey', 'apiKeyPrefix'],
  ...['password_hash', 'API_SECRET', 'access_tokens', 'private_key', 'db_passwd', 'recovery_codes', 'salt'],
  ...['access-token', 'Api-Key', 'pass-phrase', 'signing key', 'totp_secret', 'credentials', 'pwd'],
];
const OPEN = ['id', 'tenant_id', 'name', 'hashtag', 'secretary_id', 'passed', 'keyboard', 'accessibility'];

const inTransaction = async (work: () => Promise<void>) => {
  await client.query('BEGIN');
  try {
    await client.query('SET LOCAL ROLE tenantry_owner');
    await work();
  } finally {
    await client.query('ROLLBACK');
  }
};

const refusal = async (sql: string): Promise<string | undefined> => {
  await client.query('SAVEPOINT before');
  const code = await client.query(sql).then(
    () => undefined,
    (error: unknown) => (error as pg.DatabaseError).code,
  );
  await client.query('ROLLBACK TO before');
  return code;
};

/**
 * Creates a protected table with these columns besides its keys, and inserts a row of acme that has "hidden" in each of
 * them.
 */
async function createTable(columns: readonly string[]): Promise<void> {
  const quoted = columns.map((name) => pg.escapeIdentifier(name));
  await client.query(`
    CREATE TABLE public.vaults (
      tenant_id uuid NOT NULL REFERENCES public.tenants (id), id uuid NOT NULL DEFAULT tenantry.uuid_v7(),
      ${quoted.map((name) => `${name} text`).join(', ')}, PRIMARY KEY (tenant_id, id))`);
  await client.query("SELECT tenantry.protect('vaults')");
}

async function insertRow(columns: readonly string[]): Promise<void> {
  await client.query('RESET ROLE');
  const quoted = columns.map((name) => pg.escapeIdentifier(name));
  await client.query(
    `INSERT INTO public.vaults (tenant_id, ${quoted.join(', ')}) VALUES ($1, ${columns.map(() => "'hidden'").join(', ')})`,
    [await database().tenantId('acme')],
  );
}

const recorded = async (): Promise<string[]> => {
  const { rows } = await client.query<{ new_value: object }>(
    "SELECT new_value FROM audit_log WHERE entity = 'Vault' ORDER BY id DESC LIMIT 1",
  );
  return Object.keys(rows[0]!.new_value).sort();
};

const KEYS = ['id', 'tenant_id'];

describe('a column whose name says that it holds a secret', () => {
  test('is recognised in any style, by the database and by the API', async () => {
    const { rows } = await client.query<{ name: string; secret: boolean }>(
      'SELECT name, tenantry.names_secret(name) AS secret FROM unnest($1::text[]) AS name',
      [[...SECRETS, ...OPEN]],
    );
    expect(rows.filter(({ secret }) => secret).map(({ name }) => name)).toEqual(SECRETS);
    expect([...SECRETS, ...OPEN].filter(namesSecret)).toEqual(SECRETS);
  });

  test('is the same for both, whatever the name', async () => {
    const word = fc.constantFrom(
      ...[
        'api',
        'access',
        'pass',
        'word',
        'key',
        'code',
        'secret',
        'ary',
        'hash',
        'tag',
        'token',
        'salt',
        'pwd',
        'phrase',
      ],
      ...['_', '-', ' ', '', 's', '1', 'é', '\n', 'ſ', 'K'],
    );
    const styled = fc
      .tuple(word, fc.constantFrom('lower', 'Title', 'UPPER'))
      .map(([text, style]) =>
        style === 'lower'
          ? text
          : style === 'UPPER'
            ? text.toUpperCase()
            : text.charAt(0).toUpperCase() + text.slice(1),
      );
    const names = fc.sample(
      fc.array(styled, { minLength: 1, maxLength: 5 }).map((words) => words.join('')),
      2_000,
    );
    const { rows } = await client.query<{ name: string; secret: boolean }>(
      'SELECT name, tenantry.names_secret(name) AS secret FROM unnest($1::text[]) AS name',
      [names],
    );
    expect(rows.filter(({ name, secret }) => secret !== namesSecret(name))).toEqual([]);
  });

  test('is not recorded, alone or among others', () =>
    inTransaction(async () => {
      for (const columns of [SECRETS, ...SECRETS.map((name) => [name])]) {
        await client.query('SAVEPOINT before');
        await createTable([...columns, 'name']);
        await insertRow([...columns, 'name']);
        expect(await recorded(), columns.join()).toEqual([...KEYS, 'name'].sort());
        await client.query('ROLLBACK TO before');
      }
    }));
});

describe('a column that is declared secret', () => {
  test('is not recorded after the table is protected again, which repeats nothing of the declaration', () =>
    inTransaction(async () => {
      await createTable(['name', 'Pin']);
      await client.query(`SELECT tenantry.conceal('vaults', 'Pin')`);
      await client.query("SELECT tenantry.protect('vaults')");
      await insertRow(['name', 'Pin']);
      expect(await recorded()).toEqual([...KEYS, 'name'].sort());
    }));

  test('is not recorded, also after the table is protected again and more is declared', () =>
    inTransaction(async () => {
      await createTable(['name', 'Pin', 'back\\slash', 'note']);
      await client.query(`SELECT tenantry.conceal('vaults', 'Pin')`);
      await client.query("SELECT tenantry.protect('vaults')");
      await client.query(`SELECT tenantry.conceal('vaults', 'back\\slash', 'Pin')`);
      await client.query(`SELECT tenantry.conceal('vaults', 'back\\slash')`);
      await insertRow(['name', 'Pin', 'back\\slash', 'note']);
      expect(await recorded()).toEqual([...KEYS, 'name', 'note'].sort());
    }));

  test('is not forgotten when it is renamed: nothing can be written until its new name is declared', () =>
    inTransaction(async () => {
      await createTable(['name', 'pin']);
      await client.query("SELECT tenantry.conceal('vaults', 'pin')");
      await client.query('ALTER TABLE vaults RENAME pin TO digits');
      await client.query('RESET ROLE');
      const tenant = await database().tenantId('acme');
      const insert = `INSERT INTO vaults (tenant_id, digits) VALUES ('${tenant}', 'hidden')`;
      expect(await refusal(insert)).toBe('42703');
      await client.query("SELECT tenantry.conceal('vaults', 'digits')");
      await insertRow(['digits']);
      expect(await recorded()).toEqual([...KEYS, 'name'].sort());
    }));

  test('leaves the trigger as it is otherwise', () =>
    inTransaction(async () => {
      const definition = async () => {
        const { rows } = await client.query<{ text: string }>(
          "SELECT pg_get_triggerdef(oid) AS text FROM pg_trigger WHERE tgrelid = 'api_keys'::regclass AND tgname = 'audit'",
        );
        return rows[0]!.text;
      };
      const before = await definition();
      await client.query("SELECT tenantry.conceal('api_keys', 'prefix')");
      expect(await definition()).toBe(before.replace("'api_key')", "'api_key', 'prefix')"));
    }));

  test('has to be there, in a table that is recorded', () =>
    inTransaction(async () => {
      await createTable(['name']);
      expect(await refusal("SELECT tenantry.conceal('vaults', 'nothing')")).toBe('42703');
      expect(await refusal("SELECT tenantry.conceal('idempotency_keys', 'result')")).toBe('42P16');
    }));

  test('is no business of the server’s role', () =>
    inTransaction(async () => {
      await client.query('SET LOCAL ROLE tenantry_app');
      expect(await refusal("SELECT tenantry.conceal('api_keys', 'prefix')")).toBe('42501');
    }));
});
