/**
 * Proves that the access of a caller is checked when the request is executed: a caller who delays the body until their
 * membership has been removed gains nothing.
 */
import { once } from 'node:events';
import http from 'node:http';
import { expect, test } from 'vitest';
import { useServer } from '../support/server.js';

const server = useServer();

/** Sends the headers and the first bytes of the body. The returned function sends the rest. */
async function beginSlowly(
  token: string,
  query: string,
): Promise<() => Promise<{ status: number; body: string }>> {
  const body = JSON.stringify({ query });
  const request = http.request(`${server().url}/graphql`, {
    method: 'POST',
    agent: false,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    },
  });
  await new Promise<void>((resolve, reject) => {
    request.on('error', reject);
    request.write(body.slice(0, 5), () => resolve());
  });
  return async () => {
    request.end(body.slice(5));
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
  };
}

const setRole = (userId: string, role: string) =>
  server().database.asSuperuser('UPDATE memberships SET role = $2 WHERE user_id = $1', [userId, role]);

test('a member who is removed while their body is on its way is refused when it arrives', async () => {
  const admin = await server().as('admin', 'acme');
  const finish = await beginSlowly(
    admin.token,
    'mutation { updateTenant(input: { name: "Mine" }) { tenant { name } } }',
  );
  await server().database.asSuperuser("DELETE FROM memberships WHERE user_id = 'demo|acme|admin'");
  await expect.poll(async () => (await admin.query('{ me { role } }')).status).toBe(403);
  // By now, the access that the server checked before the body is too old to be used again.
  const removed = performance.now();
  await expect.poll(() => performance.now() - removed).toBeGreaterThan(600);
  const { status, body } = await finish();
  expect(status).toBe(403);
  expect(JSON.parse(body)).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
});

test('an owner who is demoted while their body is on its way does not make themselves owner again', async () => {
  await setRole('demo|globex|admin', 'owner');
  const second = await server().as('admin', 'globex');
  const { data } = await second.query<{ members: { nodes: { id: string; userId: string }[] } }>(
    '{ members { nodes { id userId } } }',
  );
  const own = data.members.nodes.find(({ userId }) => userId === 'demo|globex|admin')?.id ?? '';
  const started = performance.now();
  const finish = await beginSlowly(
    second.token,
    `mutation { changeMemberRole(input: { membershipId: "${own}", role: OWNER }) { membership { role } } }`,
  );
  await setRole('demo|globex|admin', 'viewer');
  await expect
    .poll(async () => (await second.query<{ me: { role: string } }>('{ me { role } }')).data.me.role)
    .toBe('VIEWER');
  await expect.poll(() => performance.now() - started).toBeGreaterThan(600);
  const { body } = await finish();
  expect(JSON.parse(body)).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
  const [{ role } = { role: '' }] = await server().database.asSuperuser<{ role: string }>(
    "SELECT role FROM memberships WHERE user_id = 'demo|globex|admin'",
  );
  expect(role).toBe('viewer');
});
