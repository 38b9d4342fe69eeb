/**
 * The identity of objects: ids that carry their type, the objects that `node` and `nodes` read by them, and the same ids on
 * every way through the server.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { useKeyClients } from '../support/key-clients.js';
import { useServer, type TestClient } from '../support/server.js';
import { watchStatements } from '../support/statements.js';
import { endSubscribersAfterEach, inForce, subscriberOf } from '../support/subscriber.js';
import { until } from '../support/until.js';

const statements = watchStatements();
const server = useServer();
const keyWith = useKeyClients(server);
endSubscribersAfterEach(() => [server()]);

let owner: TestClient;
let stranger: TestClient;
beforeAll(async () => {
  owner = await server().as('owner', 'acme');
  stranger = await server().as('owner', 'globex');
});

interface Ids {
  readonly conversation: string;
  readonly message: string;
  readonly membership: string;
  readonly entry: string;
  readonly tenant: string;
  readonly viewer: string;
}

async function idsOf(client: TestClient): Promise<Ids> {
  const { data } = await client.query<{
    tenant: { id: string };
    me: { id: string };
    members: { nodes: { id: string }[] };
    auditLog: { nodes: { id: string }[] };
    conversations: { nodes: { id: string; messages: { nodes: { id: string }[] } }[] };
  }>(`{
    tenant { id } me { id }
    members(first: 1) { nodes { id } }
    auditLog(first: 1) { nodes { id } }
    conversations { nodes { id messages { nodes { id } } } }
  }`);
  const { nodes } = data.conversations;
  return {
    conversation: nodes[0]!.id,
    message: nodes.flatMap(({ messages }) => messages.nodes)[0]!.id,
    membership: data.members.nodes[0]!.id,
    entry: data.auditLog.nodes[0]!.id,
    tenant: data.tenant.id,
    viewer: data.me.id,
  };
}

const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const uuidOf = (id: string): string => id.slice(-36);
const NODE = 'query ($id: ID!) { node(id: $id) { __typename id } }';
const NODES = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }';
const codesOf = (errors: readonly { readonly extensions: { readonly code: string } }[]) =>
  errors.map(({ extensions }) => extensions.code);

describe('an id', () => {
  test('carries the type of its object', async () => {
    const ids = await idsOf(owner);
    expect(ids.conversation).toMatch(new RegExp(`^conversation_${UUID}$`));
    expect(ids.message).toMatch(new RegExp(`^message_${UUID}$`));
    expect(ids.membership).toMatch(new RegExp(`^membership_${UUID}$`));
    expect(ids.entry).toMatch(new RegExp(`^audit_entry_${UUID}$`));
    expect(ids.tenant).toMatch(new RegExp(`^tenant_${UUID}$`));
    expect(ids.viewer).toMatch(new RegExp(`^viewer_${UUID}$`));
  });

  test('is the same in a reference, in the audit log and in the answer to a deletion', async () => {
    const created = await owner.query<{ createConversation: { conversation: { id: string } } }>(
      'mutation { createConversation(input: { body: "to be deleted" }) { conversation { id } } }',
    );
    const { id } = created.data.createConversation.conversation;
    const posted = await owner.query<{ postMessage: { message: Record<string, unknown> } }>(
      `mutation ($id: ID!) {
        postMessage(input: { conversationId: $id, body: "x" }) {
          message { conversationId conversation { id body } }
        }
      }`,
      { id },
    );
    expect(posted.data.postMessage.message).toEqual({
      conversationId: id,
      conversation: { id, body: 'to be deleted' },
    });
    const deleted = await owner.query(
      'mutation ($id: ID!) { deleteConversation(input: { id: $id }) { deletedId } }',
      { id },
    );
    expect(deleted.data).toEqual({ deleteConversation: { deletedId: id } });
    const { data } = await owner.query<{
      auditLog: { nodes: { entityId: string; newValue: unknown; actorMember: unknown }[] };
    }>(
      `query ($id: ID!) {
        auditLog(filter: { entityId: $id }) {
          nodes { action entity entityId entityNode { id } oldValue newValue actorMember { role } }
        }
      }`,
      { id },
    );
    const [last, first] = data.auditLog.nodes;
    expect(data.auditLog.nodes).toHaveLength(2);
    expect(last).toMatchObject({ action: 'conversation.deleted', entityId: id, entityNode: null });
    expect(first).toMatchObject({
      action: 'conversation.created',
      entity: 'Conversation',
      entityId: id,
      newValue: { id, body: 'to be deleted', userId: 'demo|acme|owner', version: 1 },
      actorMember: { role: 'OWNER' },
    });
    expect(first?.newValue).toMatchObject({ createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string });
    expect(first?.newValue).not.toHaveProperty('user_id');
  });

  test('of another type finds nothing, and is NOT_FOUND in a mutation', async () => {
    const { conversation, message } = await idsOf(owner);
    const wrong = `message_${uuidOf(conversation)}`;
    const read = await owner.query('query ($id: ID!) { conversation(id: $id) { id } }', { id: wrong });
    expect(read).toMatchObject({ data: { conversation: null }, errors: [] });
    const entries = await owner.query(
      'query ($id: ID!) { auditLog(filter: { entityId: $id }) { totalCount } }',
      { id: wrong },
    );
    expect(entries.data).toEqual({ auditLog: { totalCount: 0 } });
    const { errors } = await owner.query(
      'mutation ($id: ID!) { deleteConversation(input: { id: $id }) { deletedId } }',
      { id: message },
    );
    expect(codesOf(errors)).toEqual(['NOT_FOUND']);
  });

  test('may be a bare UUID where the argument names one type', async () => {
    const { conversation } = await idsOf(owner);
    const read = await owner.query('query ($id: ID!) { conversation(id: $id) { id } }', {
      id: uuidOf(conversation).toUpperCase(),
    });
    expect(read.data).toEqual({ conversation: { id: conversation } });
  });

  test('that is malformed is BAD_USER_INPUT, for whoever may use the field', async () => {
    for (const id of ['', 'x', 'conversation_', `${randomUUID()}x`, `Conversation ${randomUUID()}`]) {
      const { data, errors } = await owner.query('query ($id: ID!) { conversation(id: $id) { id } }', { id });
      expect(data).toEqual({ conversation: null });
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'id' } }]);
    }
    const change = 'mutation ($id: ID!) { removeMember(input: { id: $id }) { deletedId } }';
    const refused = await owner.query(change, { id: 'x' });
    expect(refused.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'input.id' } }]);
    const forbidden = await (await server().as('viewer', 'acme')).query(change, { id: 'x' });
    expect(codesOf(forbidden.errors)).toEqual(['FORBIDDEN']);
  });
});

describe('node', () => {
  test('answers an object of any type by its id', async () => {
    const ids = await idsOf(owner);
    const types = {
      conversation: 'Conversation',
      message: 'Message',
      membership: 'Membership',
      entry: 'AuditEntry',
      tenant: 'Tenant',
      viewer: 'Viewer',
    } as const;
    for (const [name, id] of Object.entries(ids) as [keyof Ids, string][]) {
      const { data, errors } = await owner.query(NODE, { id });
      expect([data, errors]).toEqual([{ node: { __typename: types[name], id } }, []]);
    }
    const read = await owner.query(
      `query ($id: ID!) { node(id: $id) { ... on Conversation { messages { nodes { author { role } } } } } }`,
      { id: ids.conversation },
    );
    expect(read.errors).toEqual([]);
  });

  test('answers nothing of another tenant, with the statements of an id that nobody has', async () => {
    for (const [name, id] of Object.entries<string>({ ...(await idsOf(stranger)) })) {
      const nobodys = id.slice(0, -36) + randomUUID();
      const sent: string[][] = [];
      for (const asked of [nobodys, id]) {
        let answer: unknown;
        sent.push([
          ...(await statements.during(async () => {
            const { data, errors } = await owner.query(NODE, { id: asked });
            answer = { data, errors };
          })),
        ]);
        expect([name, answer]).toEqual([name, { data: { node: null }, errors: [] }]);
      }
      expect(sent[1]).toEqual(sent[0]);
    }
  });

  test('refuses a type that the caller may not read, before it reads anything', async () => {
    const { membership, conversation } = await idsOf(owner);
    const key = await keyWith('members:read');
    // The key is looked up once, and then remembered.
    await key.query('{ me { id } }');
    const sent = await statements.during(async () => {
      const { data, errors } = await key.query(NODE, { id: conversation });
      expect(data).toEqual({ node: null });
      expect(errors).toMatchObject([
        { path: ['node'], extensions: { code: 'FORBIDDEN', requires: 'conversations:read' } },
      ]);
    });
    expect(sent).toEqual([]);
    expect((await key.query(NODE, { id: membership })).data).toMatchObject({ node: { id: membership } });
  });

  test('guards the fields of what it answers', async () => {
    const { membership, tenant } = await idsOf(owner);
    const viewer = await server().as('viewer', 'acme');
    const { data, errors } = await viewer.query(
      `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Membership { email } ... on Tenant { plan } } }`,
      { ids: [membership, tenant] },
    );
    expect(data).toEqual({ nodes: [{ email: null }, { plan: null }] });
    expect(errors.map(({ path, extensions }) => [path, extensions['requires']])).toEqual([
      [['nodes', 0, 'email'], 'users:manage'],
      [['nodes', 1, 'plan'], 'billing:manage'],
    ]);
  });

  test('answers null for a type that does not exist, and refuses an id without a type', async () => {
    const { conversation } = await idsOf(owner);
    const unknown = await owner.query(NODE, { id: `invoice_${uuidOf(conversation)}` });
    expect(unknown).toMatchObject({ data: { node: null }, errors: [] });
    for (const id of [uuidOf(conversation), 'x', '']) {
      expect(codesOf((await owner.query(NODE, { id })).errors)).toEqual(['BAD_USER_INPUT']);
    }
  });
});

describe('nodes', () => {
  test('answers in the order of the ids, with one statement for each type', async () => {
    const { conversation, message, membership } = await idsOf(owner);
    const foreign = await idsOf(stranger);
    const ids = [message, foreign.message, conversation, membership, 'x', message, foreign.conversation];
    let answer: Awaited<ReturnType<TestClient['query']>> | undefined;
    const sent = await statements.during(async () => (answer = await owner.query(NODES, { ids })));
    expect(answer?.data).toEqual({
      nodes: [
        { __typename: 'Message', id: message },
        null,
        { __typename: 'Conversation', id: conversation },
        { __typename: 'Membership', id: membership },
        null,
        { __typename: 'Message', id: message },
        null,
      ],
    });
    expect(answer?.errors).toMatchObject([
      { path: ['nodes', 4], extensions: { code: 'BAD_USER_INPUT', field: 'ids[4]' } },
    ]);
    // In one batch behind its binding.
    expect(sent).toHaveLength(1);
    expect(sent[0]?.match(/ FROM "public"\./g)).toHaveLength(3);
  });
});

describe('every way through the server', () => {
  test('answers the same ids, compiled and with an Idempotency-Key', async () => {
    const query = '{ conversations(first: 2) { nodes { id messages { nodes { id conversationId } } } } }';
    const answers: string[] = [];
    for (let use = 1; use <= 5; use++) answers.push(JSON.stringify((await owner.query(query)).data));
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toMatch(/"id":"conversation_/);
    const keyed = server().withHeaders({
      authorization: `Bearer ${owner.token}`,
      'idempotency-key': randomUUID(),
    });
    const create = 'mutation { createConversation(input: { body: "once" }) { conversation { id } } }';
    const [first, again] = [await keyed.query(create), await keyed.query(create)];
    expect(first.data).toMatchObject({
      createConversation: { conversation: { id: expect.stringMatching(/^conversation_/) as string } },
    });
    expect(again.text).toBe(first.text);
  });

  test('takes and answers them in a subscription', async () => {
    const { conversation } = await idsOf(owner);
    const posted = await inForce(server(), () =>
      subscriberOf(server(), owner).subscribe(
        'subscription ($id: ID!) { messagePosted(conversationId: $id) { id conversationId } }',
        { id: conversation },
      ),
    );
    await owner.query(
      'mutation ($id: ID!) { postMessage(input: { conversationId: $id, body: "new" }) { message { id } } }',
      { id: conversation },
    );
    await until('the message arrives', () => posted.messages.length > 0);
    expect(posted.messages[0]?.data).toEqual({
      messagePosted: { id: expect.stringMatching(/^message_/) as string, conversationId: conversation },
    });
  });
});

describe('the caller', () => {
  test('is an API key by its id, in what it writes and in the audit log', async () => {
    const key = await keyWith('conversations:read', 'conversations:write', 'audit:read');
    const { data } = await key.query<{ me: { userId: string } }>('{ me { userId } }');
    const { userId } = data.me;
    expect(userId).toMatch(new RegExp(`^api_key_${UUID}$`));
    const created = await key.query<{ createConversation: { conversation: { userId: string } } }>(
      'mutation { createConversation(input: { body: "by a program" }) { conversation { userId } } }',
    );
    expect(created.data.createConversation.conversation.userId).toBe(userId);
    const log = await key.query(
      'query ($actor: String!) { auditLog(filter: { actor: $actor }) { nodes { actor actorType action } } }',
      { actor: userId },
    );
    expect(log.data).toEqual({
      auditLog: { nodes: [{ actor: userId, actorType: 'API_KEY', action: 'conversation.created' }] },
    });
    expect((await owner.query(NODE, { id: userId })).data).toMatchObject({ node: { __typename: 'ApiKey' } });
  });
});
