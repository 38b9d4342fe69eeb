/** Proves what a new tenant must have: a slug that is not reserved, and members with valid addresses. */
import { expect, test } from 'vitest';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';
import { createTenant, type NewTenant } from '../../src/services/operator/tenants.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();
const OWNER = { userId: 'owner', email: 'owner@new.test' };

const create = ({ slug = 'umbrella', owner = OWNER, members = [] }: Partial<NewTenant>) =>
  withOperatorConnection(
    { url: database().operator, operator: 'test', contextKey: database().contextKey },
    (connection) => createTenant(connection, { slug, name: 'New', owner, members }),
  );
const slugs = async () =>
  (await database().asSuperuser<{ slug: string }>('SELECT slug FROM tenants ORDER BY slug')).map(
    ({ slug }) => slug,
  );

test.each(['www', 'api', 'app', 'admin', 'mail', 'graphql'])('the slug %s is reserved', async (slug) => {
  await expect(create({ slug })).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    message: `The slug ${slug} is reserved.`,
  });
  expect(await slugs()).toEqual(['acme', 'globex']);
});

test.each([
  '',
  'owner',
  'owner@',
  '@new.test',
  'a b@new.test',
  'a@new.test, b@new.test',
  'a@new.test\r\nbcc: x',
])('the address %j is refused, and nothing is made', async (email) => {
  const refusal = { code: 'BAD_USER_INPUT', message: 'A member needs an e-mail address.' };
  await expect(create({ owner: { ...OWNER, email } })).rejects.toMatchObject(refusal);
  await expect(create({ members: [{ userId: 'second', email, role: 'viewer' }] })).rejects.toMatchObject(
    refusal,
  );
  expect(await slugs()).toEqual(['acme', 'globex']);
});

test('a slug that only begins like a reserved one is free', async () => {
  await create({ slug: 'apiary' });
  expect(await slugs()).toEqual(['acme', 'apiary', 'globex']);
});
