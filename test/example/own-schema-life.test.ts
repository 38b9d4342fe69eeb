/**
 * The life of a tenant with a schema of its own: its export has its rows and imports into the tables of all, its erasure leaves
 * nothing, and drops the schema.
 */
import { expect, test } from 'vitest';
import { schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import { PATIENT } from '../support/patience.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { contextOf } from '../support/demo-tenants.js';
import { createPlaced } from '../support/own-schemas.js';
import { asOperatorOf, erased, exported, hashesOf, imported, useFolder } from '../support/tenant-life.js';

const source = useDatabase();
const target = useDatabase();
const file = useFolder();

test('an export has the rows of the schema, and an import has the same rows', async () => {
  const id = await createPlaced(source(), 'own');
  const opened = openTestDatabase({ url: source().app, poolSize: 2, limits: PATIENT });
  const db = opened.forTenant(contextOf(id));
  try {
    for (const body of ['one', 'two']) {
      const { id: conversationId } = await db.conversation.create({ data: { userId: 'u', body } });
      await db.message.create({ data: { userId: 'u', body: `to ${body}`, conversationId } });
    }
  } finally {
    await opened.close();
  }
  const manifest = await exported(source(), 'own', file('own.tar'));
  const rows = (name: string) =>
    manifest.tables.filter((table) => table.name === name).map(({ schema, rows }) => ({ schema, rows }));
  expect(rows('conversations')).toEqual([{ schema: 'public', rows: 2 }]);
  expect(rows('messages')).toEqual([{ schema: 'public', rows: 2 }]);
  await imported(target(), file('own.tar'));
  expect(
    await target().asSuperuser('SELECT body FROM public.conversations WHERE tenant_id = $1 ORDER BY body', [
      id,
    ]),
  ).toEqual([{ body: 'one' }, { body: 'two' }]);
  expect(hashesOf(await exported(target(), 'own', file('again.tar')))).toEqual(hashesOf(manifest));
});

test('an export refuses a tenant that has rows beside its schema', async () => {
  const id = await createPlaced(source(), 'both');
  await source().asSuperuser(
    "INSERT INTO public.conversations (tenant_id, user_id, body) VALUES ($1, 'u', 'beside')",
    [id],
  );
  await expect(exported(source(), 'both', file('both.tar'))).rejects.toThrow(
    'has rows in public.conversations',
  );
  // Its erasure finds both.
  await erasedWithRequest('both', id);
  expect(await source().asSuperuser('SELECT FROM public.conversations WHERE tenant_id = $1', [id])).toEqual(
    [],
  );
});

test('an erasure drops the schema, and those of other tenants stay', async () => {
  const [id, other] = [await createPlaced(source(), 'leaver'), await createPlaced(source(), 'stayer')];
  for (const tenant of [id, other]) {
    await source().asSuperuser(
      `INSERT INTO ${schemaOf(tenant)}.conversations (tenant_id, user_id, body) VALUES ($1, 'u', 'x')`,
      [tenant],
    );
  }
  const certificate = await erasedWithRequest('leaver', id);
  expect(certificate).toContain('{"rows":1,"table":"own_schema.conversations"}');
  expect(certificate).not.toContain(id.replaceAll('-', ''));
  expect(
    await source().asSuperuser('SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1)', [
      [schemaOf(id), schemaOf(other)],
    ]),
  ).toEqual([{ nspname: schemaOf(other) }]);
  expect(await source().asSuperuser('SELECT FROM tenantry.schemas WHERE subject = $1', [id])).toEqual([]);
  expect(await source().asSuperuser(`SELECT body FROM ${schemaOf(other)}.conversations`)).toEqual([
    { body: 'x' },
  ]);
});

test('only a running erasure drops a schema, and a move to another cell is refused', async () => {
  const id = await createPlaced(source(), 'held');
  await asOperatorOf(source(), async ({ query, sign }) => {
    await expect(query('SELECT tenantry.remove_schema($1)', [id])).rejects.toMatchObject({ code: '42501' });
    const { expires, signature } = sign('erase', id);
    await expect(
      query('SELECT tenantry.erase_schema($1, $2, $3)', [id, expires, signature]),
    ).rejects.toMatchObject({ code: '42501' });
    const fence = sign('fence_tenant', id, 'leaving', 'eu2');
    await expect(
      query("SELECT tenantry.fence_tenant($1, 'leaving', 'eu2', $2, $3)", [
        id,
        fence.expires,
        fence.signature,
      ]),
    ).rejects.toThrow('cannot be moved to another cell');
  });
});

/** Erases a tenant. @returns its certificate */
async function erasedWithRequest(slug: string, id: string): Promise<string> {
  const signed = await erased(source(), id);
  if (!signed) throw new Error(`${slug} was not erased`);
  return signed.certificate;
}
