/**
 * Proves that the settings of a PostgreSQL server do not change the API's answers: the same requests run on a plain
 * database and on ones with hostile defaults, and all answers and stored values must be equal.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';
import { createTenant, listTenants } from '../../src/services/operator/tenants.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startTestServer, type TestClient, type TestServer } from '../support/server.js';
import { endSubscribersAfterEach, inForce, subscriberOf } from '../support/subscriber.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;
const SUBJECTS = ['eins', 'zwei', 'Ärger', 'drei \\ vier', "fünf '%_"];

/**
 * Statements that give a database hostile settings. `$db` is its name. The role's settings in one database precede all
 * others.
 */
const HOSTILE: Readonly<Record<string, readonly string[]>> = {
  'defaults of the database': [
    "ALTER DATABASE $db SET TimeZone = 'Europe/Berlin'",
    "ALTER DATABASE $db SET DateStyle = 'German'",
    "ALTER DATABASE $db SET IntervalStyle = 'sql_standard'",
    "ALTER DATABASE $db SET bytea_output = 'escape'",
    'ALTER DATABASE $db SET extra_float_digits = -15',
    'ALTER DATABASE $db SET standard_conforming_strings = off',
    'ALTER DATABASE $db SET search_path = elsewhere, pg_catalog',
    "ALTER DATABASE $db SET default_transaction_isolation = 'serializable'",
    'ALTER DATABASE $db SET default_transaction_read_only = on',
    "ALTER DATABASE $db SET lc_messages = 'POSIX'",
    "ALTER DATABASE $db SET client_encoding = 'LATIN1'",
    'CREATE SCHEMA elsewhere',
    'CREATE TABLE elsewhere.memberships (LIKE public.memberships)',
    'CREATE TABLE elsewhere.idempotency_keys (LIKE public.idempotency_keys)',
    'GRANT USAGE ON SCHEMA elsewhere TO PUBLIC',
    'GRANT ALL ON ALL TABLES IN SCHEMA elsewhere TO PUBLIC',
  ],
  'defaults of the role': [
    "ALTER ROLE tenantry_app IN DATABASE $db SET TimeZone = 'America/New_York'",
    "ALTER ROLE tenantry_app IN DATABASE $db SET DateStyle = 'SQL, DMY'",
    "ALTER ROLE tenantry_app IN DATABASE $db SET IntervalStyle = 'iso_8601'",
    "ALTER ROLE tenantry_app IN DATABASE $db SET bytea_output = 'escape'",
    'ALTER ROLE tenantry_app IN DATABASE $db SET standard_conforming_strings = off',
    "ALTER ROLE tenantry_app IN DATABASE $db SET default_transaction_isolation = 'serializable'",
    "ALTER ROLE tenantry_operator IN DATABASE $db SET TimeZone = 'Asia/Kolkata'",
    "ALTER ROLE tenantry_operator IN DATABASE $db SET DateStyle = 'German'",
  ],
};

async function mutate<Data>(
  client: Pick<TestClient, 'query'>,
  document: string,
  input: object,
): Promise<Data> {
  const { data, errors } = await client.query(`mutation ($input: ${document}`, { input });
  expect(errors).toEqual([]);
  return Object.values(data)[0] as Data;
}

const create = (client: Pick<TestClient, 'query'>, subject: string, body = 'Straße') =>
  mutate<{ conversation: { id: string; createdAt: string } }>(
    client,
    'CreateConversationInput!) { createConversation(input: $input) { conversation { id createdAt } } }',
    { subject, body },
  ).then(({ conversation }) => conversation);

/** Whether a time is now, within what a busy machine allows. */
const isNow = (time: string, offset = 0): boolean =>
  Math.abs(Date.parse(time) - Date.now() - offset) < 300_000;

/** Sends the requests of a user and returns what they see, without what differs from run to run. */
async function story(server: TestServer): Promise<unknown> {
  const owner = await server.as('owner', 'acme');
  const seen: Record<string, unknown> = {};

  const watched = await inForce(server, () =>
    subscriberOf(server, owner).subscribe(
      'subscription { conversationChanged { kind conversation { subject } } }',
    ),
  );
  const made = [];
  for (const subject of SUBJECTS) made.push(await create(owner, subject));
  seen['created now'] = made.map(({ createdAt }) => isNow(createdAt));
  await until('all are announced', () => watched.messages.length >= made.length);
  seen['announced'] = watched.messages.map(({ data }) => data);
  watched.stop();

  const list = async (args: string, fields = 'nodes { subject createdAt }') => {
    const { data, errors } = await owner.query<{
      conversations: {
        nodes: { subject: string; createdAt: string }[];
        pageInfo?: { endCursor: string; hasNextPage: boolean };
      };
    }>(`{ conversations(${args}) { ${fields} } }`);
    expect(errors).toEqual([]);
    return data.conversations;
  };
  const pages: string[] = [];
  for (let after = ''; ;) {
    const { nodes, pageInfo } = await list(
      `first: 2 ${after}`,
      'nodes { subject createdAt messages(first: 1) { nodes { body createdAt } } } pageInfo { endCursor hasNextPage }',
    );
    pages.push(...nodes.map(({ subject }) => subject));
    if (!pageInfo!.hasNextPage) break;
    after = `after: "${pageInfo!.endCursor}"`;
  }
  seen['pages'] = pages;
  const near = (offset: number) => JSON.stringify(new Date(Date.now() + offset).toISOString());
  for (const [from, to] of [
    [-HOUR_MS / 4, HOUR_MS / 4],
    [HOUR_MS / 4, 9 * HOUR_MS],
    [-9 * HOUR_MS, -HOUR_MS / 4],
  ] as const) {
    const filter = `filter: { createdAt: { from: ${near(from)}, to: ${near(to)} } }`;
    // The demo tenants' own conversations are as old as the template, so they are left out.
    seen[`created between ${String(from)} and ${String(to)}`] = (await list(filter)).nodes
      .map(({ subject }) => subject)
      .filter((subject) => SUBJECTS.includes(subject));
    seen[`searched between ${String(from)} and ${String(to)}`] = (
      await list(
        filter.replace('{ createdAt', '{ search: "ÄRGER", createdAt'),
        'totalCount nodes { subject createdAt }',
      )
    ).nodes.map(({ subject }) => subject);
  }
  seen['searched'] = (await list(String.raw`filter: { search: "\\ " }`)).nodes.map(({ subject }) => subject);

  const updated = await mutate<{ conversation: unknown }>(
    owner,
    'UpdateConversationInput!) { updateConversation(input: $input) { conversation { subject version } } }',
    { id: made[0]!.id, subject: 'geändert', expectedVersion: 1 },
  );
  seen['updated'] = updated;
  const log = await owner.query<{
    auditLog: { nodes: { action: string; createdAt: string; newValue: { createdAt: string } }[] };
  }>(`{ auditLog(first: 3, filter: { entity: "Conversation" }) { nodes { action createdAt newValue } } }`);
  expect(log.errors).toEqual([]);
  seen['logged'] = log.data.auditLog.nodes.map(({ action, createdAt, newValue }) => [
    action,
    isNow(createdAt),
    // The time zone.
    newValue.createdAt.replace(/^.*\d(?=\D*$)/, ''),
    isNow(newValue.createdAt),
  ]);

  const expiresAt = new Date(Date.now() + HOUR_MS).toISOString();
  const { secret: key, apiKey } = await mutate<{ secret: string; apiKey: { id: string; expiresAt: string } }>(
    owner,
    'CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { id expiresAt } } }',
    { name: 'short', permissions: ['CONVERSATIONS_READ', 'CONVERSATIONS_WRITE'], expiresAt },
  );
  const program = server.withHeaders({ authorization: `Bearer ${key}` });
  const answered = await program.query<{ conversations: { nodes: unknown[] } }>(
    '{ conversations(first: 1) { nodes { id } } }',
  );
  const stored = async (table: string, id: string) =>
    (
      await server.database.asSuperuser<{ ms: number }>(
        `SELECT (extract(epoch FROM expires_at) * 1000)::float8 AS ms FROM public.${table} WHERE id = $1`,
        [id],
      )
    )[0]!.ms;
  seen['the key'] = [
    apiKey.expiresAt === expiresAt,
    (await stored('api_keys', apiKey.id)) === Date.parse(expiresAt),
    answered.errors,
    answered.data.conversations.nodes.length,
  ];

  const { invitation } = await mutate<{ invitation: { id: string; expiresAt: string; status: string } }>(
    owner,
    'InviteMemberInput!) { inviteMember(input: $input) { invitation { id status expiresAt } } }',
    { email: 'guest@example.test', role: 'VIEWER' },
  );
  seen['the invitation'] = [
    invitation.status,
    isNow(invitation.expiresAt, 7 * 24 * HOUR_MS),
    (await stored('invitations', invitation.id)) === Date.parse(invitation.expiresAt),
  ];

  const keyed = server.withHeaders({
    authorization: `Bearer ${owner.token}`,
    'idempotency-key': randomUUID(),
  });
  const [first, second] = [await create(keyed, 'once'), await create(keyed, 'once')];
  seen['once'] = first.id === second.id;
  seen['kept for a day'] = await server.database.asSuperuser(
    'SELECT abs(extract(epoch FROM expires_at - now()) - 86400) < 300 AS kept FROM public.idempotency_keys',
  );

  // Only two servers could show that leases are renewed. One server shows whether they have the right time.
  seen['leases'] = await server.database.asSuperuser(
    "SELECT until > now() AND until < now() + interval '2 minutes' AS near FROM tenantry.listening",
  );

  seen['by the operator'] = await withOperatorConnection(
    { url: server.database.operator, operator: 'tester', contextKey: server.database.contextKey },
    async (connection) => {
      const tenant = await createTenant(connection, {
        slug: 'third',
        name: 'Dritte',
        owner: { userId: 'u', email: 'u@third.test' },
      });
      return [
        isNow(tenant.created_at.toISOString()),
        (await listTenants(connection)).map(({ slug }) => slug),
      ];
    },
  );
  // A slow machine may be late with a notification.
  expect(server.warnings.filter((each) => !each.includes('notifications do not arrive'))).toEqual([]);
  return seen;
}

const servers: TestServer[] = [];
endSubscribersAfterEach(() => servers);

async function told(prepare: readonly string[]): Promise<unknown> {
  const database: TestDatabase = await createTestDatabase();
  for (const statement of prepare) await database.asSuperuser(statement.replaceAll('$db', database.name));
  const server = await startTestServer({ database });
  servers.push(server);
  try {
    return await story(server);
  } finally {
    await server.close();
    servers.pop();
    await database.drop();
  }
}

describe('the API answers as on a plain database', () => {
  let plain: unknown;
  beforeAll(async () => {
    plain = await told([]);
  });

  test.each(Object.entries(HOSTILE))('with hostile %s', async (_, statements) => {
    expect(await told(statements)).toEqual(plain);
  });
});
afterAll(() => {
  expect(servers).toEqual([]);
});
