/** What the database refuses becomes a public error that says the right thing, whatever shape the failure has. */
import pg from 'pg';
import { expect, test } from 'vitest';
import { publicError } from '../../src/errors.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();

async function failure(sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: database().superuser });
  await client.connect();
  try {
    await client.query(sql);
  } catch (error) {
    return error;
  } finally {
    await client.end();
  }
  throw new Error('the statement did not fail');
}

test('a row that others refer to is in use, not missing', async () => {
  expect(publicError(await failure('DELETE FROM tenants'))?.code).toBe('CONFLICT');
});

test('a reference to a row that is not there is to something missing', async () => {
  const insert = `INSERT INTO memberships (tenant_id, user_id, email, role)
                  VALUES ('00000000-0000-7000-8000-000000000000', 'u', 'e', 'viewer')`;
  // The audit trigger is second; the foreign key of either is what fails.
  expect(publicError(await failure(insert))?.code).toBe('NOT_FOUND');
});

test('a failure whose cause refers to itself is judged like any other', () => {
  const cause: { self?: unknown; size: bigint } = { size: 1n };
  cause.self = cause;
  expect(publicError(new Error('unexpected', { cause }))).toBeUndefined();
  expect(
    publicError(new Error('no answer', { cause: new Error('connect ECONNREFUSED 127.0.0.1:1') }))?.code,
  ).toBe('UNAVAILABLE');
});
