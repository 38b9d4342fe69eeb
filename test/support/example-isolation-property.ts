/**
 * Isolation as a property: whatever sequence of requests the users of two tenants send, each tenant is answered as if
 * the other did not exist. The sequences are random; their ids, cursors, user ids and search texts are those of both
 * tenants or do not exist. Each answer is compared with a model of one tenant. An answer about a row of the other
 * tenant must be equal, byte for byte, to that about a row that does not exist, with the same statements. No answer to
 * one tenant may contain the canaries that all texts of the other contain.
 */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { ConversationState, ListRequest } from './example-isolation-model.js';
import { Asker, canary, nobodyElse, other, userId, type World } from './example-isolation-asker.js';
import {
  command,
  ROLES,
  SLUGS,
  type Command,
  type Of,
  type Role,
  type Slug,
} from './example-isolation-commands.js';
import type { TestDatabase } from './database.js';
import { bareId } from './ids.js';
import type { Answer, TestServer } from './server.js';
import { watchStatements } from './statements.js';

const mayWrite = (role: Role) => role !== 'viewer';
const mayAudit = (role: Role) => role === 'owner' || role === 'admin';

const CONVERSATION = 'id subject body userId createdAt updatedAt';
const NOT_FOUND = ['NOT_FOUND'];

/** The schemas with the tables of the tenants. */
const schemasOf = (database: TestDatabase) =>
  database.asSuperuser<{ slug: Slug; schema: string }>(
    `SELECT slug, coalesce(tenantry.schema_of(s.subject), 'public') AS schema
     FROM tenants t LEFT JOIN tenantry.schemas s ON s.subject = t.id ORDER BY slug`,
  );

class Run extends Asker {
  /** Creates two conversations in each tenant at the same time, so that some times are equal. */
  static async begin(world: World): Promise<Run> {
    const { database } = world.server;
    const places = await schemasOf(database);
    for (const { schema } of places) await database.asSuperuser(`DELETE FROM ${schema}.conversations`);
    const counts = await database.asSuperuser<{ slug: Slug; count: number }>(
      'SELECT slug, (SELECT count(*)::int FROM audit_log WHERE tenant_id = t.id) AS count FROM tenants t',
    );
    const earlier = (slug: Slug) => counts.find((row) => row.slug === slug)?.count ?? 0;
    const run = new Run(world, { acme: earlier('acme'), globex: earlier('globex') });
    const rows = await database.asSuperuser<ConversationState & { slug: Slug; at: Date }>(
      `WITH ${places
        .map(
          ({ slug, schema }) => `${slug} AS (
            INSERT INTO ${schema}.conversations (tenant_id, user_id, subject, body)
            SELECT id, 'demo|' || slug || '|owner', 'canary-of-' || slug, 'canary-of-' || slug || ' ' || n
            FROM tenants, generate_series(1, 2) n WHERE slug = '${slug}'
            RETURNING split_part(user_id, '|', 2) AS slug, 'conversation_' || id AS id, user_id AS "userId", subject, body, created_at AS at)`,
        )
        .join(', ')} ${places.map(({ slug }) => `SELECT * FROM ${slug}`).join(' UNION ALL ')}`,
    );
    for (const { slug, at, ...row } of rows) {
      const time = at.toISOString();
      run.models[slug].created({ ...row, createdAt: time, updatedAt: time, messages: [] });
      world.marks[slug].add(bareId(row.id));
    }
    return run;
  }

  async execute(step: Command): Promise<void> {
    switch (step.kind) {
      case 'create':
        return this.create(step);
      case 'update':
        return this.update(step);
      case 'delete':
        return this.delete(step);
      case 'post':
        return this.post(step);
      case 'show':
        return this.show(step);
      case 'list':
        return this.list(step);
      case 'members':
        return this.members(step);
      case 'audit':
        return this.auditLog(step);
      case 'me':
        return this.me(step);
    }
  }

  /** Compares the rows in the database with the models. */
  async compareWithDatabase(): Promise<void> {
    const rows = await this.world.server.database.asSuperuser<{
      slug: Slug;
      kind: string;
      id: string;
      body: string;
    }>(
      [...new Set((await schemasOf(this.world.server.database)).map(({ schema }) => schema))]
        .map(
          (schema) => `
            SELECT slug, 'conversation' AS kind, 'conversation_' || c.id AS id, body
            FROM ${schema}.conversations c JOIN tenants t ON t.id = tenant_id UNION ALL
            SELECT slug, 'message', 'message_' || m.id, body FROM ${schema}.messages m JOIN tenants t ON t.id = tenant_id`,
        )
        .join(' UNION ALL '),
    );
    const expected = SLUGS.flatMap((slug) =>
      [...this.models[slug].conversations.values()].flatMap(({ id, body, messages }) => [
        { slug, kind: 'conversation', id, body },
        ...messages.map((message) => ({ slug, kind: 'message', id: message.id, body: message.body })),
      ]),
    );
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
    expect(rows.sort(byId)).toEqual(expected.sort(byId));
  }

  private async create({ slug, role, text: words, withSubject }: Of<'create'>): Promise<void> {
    const input = { body: this.text(slug, words), subject: withSubject ? this.text(slug, words) : null };
    const answer = await this.ask<{ createConversation: { conversation: ConversationState } }>(slug, role, {
      document: `mutation ($input: CreateConversationInput!) {
        createConversation(input: $input) { conversation { ${CONVERSATION} } } }`,
      variables: { input },
    });
    if (!mayWrite(role)) {
      expectRefusal(answer, 'createConversation', ['FORBIDDEN']);
      return;
    }
    const { conversation } = answer.data.createConversation;
    expect(conversation).toMatchObject({ ...input, userId: userId(slug, role) });
    this.models[slug].created({ ...conversation, messages: [] });
    this.world.marks[slug].add(bareId(conversation.id));
  }

  private async update({ slug, role, target, text: words, subject }: Of<'update'>): Promise<void> {
    const request = (id: string) => ({
      document: `mutation ($input: UpdateConversationInput!) {
        updateConversation(input: $input) { conversation { ${CONVERSATION} } } }`,
      variables: { input: { id, body, ...subjects[subject] } },
    });
    const body = this.text(slug, words);
    const subjects = { keep: {}, set: { subject: this.text(slug, words) }, remove: { subject: null } };
    const { id, row } = this.conversation(slug, target);
    const answer = await this.askAbout<{ updateConversation: { conversation: ConversationState } }>(
      slug,
      role,
      row ? undefined : request(nobodyElse),
      request(id),
    );
    if (!mayWrite(role)) {
      expectRefusal(answer, 'updateConversation', ['FORBIDDEN']);
      return;
    }
    if (!row) {
      expectRefusal(answer, 'updateConversation', NOT_FOUND);
      return;
    }
    const { conversation } = answer.data.updateConversation;
    const { updatedAt } = conversation;
    const changed = { ...row, body, ...subjects[subject], updatedAt };
    expect({ ...conversation, messages: row.messages }).toEqual(changed);
    this.models[slug].updated(changed);
  }

  private async delete({ slug, role, target }: Of<'delete'>): Promise<void> {
    const request = (id: string) => ({
      document: `mutation ($input: DeleteConversationInput!) { deleteConversation(input: $input) { deletedId } }`,
      variables: { input: { id } },
    });
    const { id, row } = this.conversation(slug, target);
    const answer = await this.askAbout(slug, role, row ? undefined : request(nobodyElse), request(id));
    if (!mayWrite(role)) {
      expectRefusal(answer, 'deleteConversation', ['FORBIDDEN']);
      return;
    }
    if (!row) {
      expectRefusal(answer, 'deleteConversation', NOT_FOUND);
      return;
    }
    expect(answer.data).toEqual({ deleteConversation: { deletedId: id } });
    this.models[slug].deleted(id);
  }

  private async post({ slug, role, target, text: words }: Of<'post'>): Promise<void> {
    const body = this.text(slug, words);
    const request = (conversationId: string) => ({
      document: `mutation ($input: PostMessageInput!) {
        postMessage(input: $input) { message { id conversationId userId body } } }`,
      variables: { input: { conversationId, body } },
    });
    const { id, row } = this.conversation(slug, target);
    const answer = await this.askAbout<{ postMessage: { message: { id: string } } }>(
      slug,
      role,
      row ? undefined : request(nobodyElse),
      request(id),
    );
    if (!mayWrite(role)) {
      expectRefusal(answer, 'postMessage', ['FORBIDDEN']);
      return;
    }
    if (!row) {
      expectRefusal(answer, 'postMessage', NOT_FOUND);
      return;
    }
    const { message } = answer.data.postMessage;
    const expected = { id: message.id, userId: userId(slug, role), body };
    expect(message).toEqual({ ...expected, conversationId: id });
    this.models[slug].posted(id, expected);
    this.world.marks[slug].add(bareId(message.id));
  }

  private async show({ slug, role, target, first }: Of<'show'>): Promise<void> {
    const request = (id: string) => ({
      document: `query ($id: ID!, $first: Int) { conversation(id: $id) {
        ${CONVERSATION} author { userId }
        messages(first: $first) { totalCount nodes { id userId body } pageInfo { hasNextPage } } } }`,
      variables: { id, first },
    });
    const { id, row } = this.conversation(slug, target);
    const answer = await this.askAbout(slug, role, row ? undefined : request(nobodyElse), request(id));
    expect(answer.errors).toEqual([]);
    const conversation = row && {
      ...row,
      author: { userId: row.userId },
      messages: {
        totalCount: row.messages.length,
        nodes: row.messages.slice(0, first),
        pageInfo: { hasNextPage: row.messages.length > first },
      },
    };
    expect(answer.data).toEqual({ conversation: conversation ?? null });
  }

  private async list(step: Of<'list'>): Promise<void> {
    const { slug, role, backward, size, field, direction } = step;
    const searches = {
      'own canary': canary(slug),
      'other canary': canary(other(slug)),
      text: `text ${step.text} `,
    };
    const listed: ListRequest = {
      field,
      direction,
      after: this.place(slug, step.after, field),
      before: this.place(slug, step.before, field),
      first: backward ? undefined : size,
      last: backward ? (size ?? 2) : undefined,
      userId: step.user && this.user(slug, step.user),
      search: step.search && searches[step.search],
      from: this.time(slug, step.since),
      to: this.time(slug, step.until),
    };
    const { first, last, after, before, search, from, to } = listed;
    const answer = await this.ask<{ conversations: Connection }>(slug, role, {
      document: `query ($first: Int, $last: Int, $after: String, $before: String, $filter: ConversationFilter, $orderBy: ConversationOrder) {
        conversations(first: $first, last: $last, after: $after, before: $before, filter: $filter, orderBy: $orderBy) {
          totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
          edges { cursor node { ${CONVERSATION} messages(first: 2) { totalCount nodes { id userId body } } } } } }`,
      variables: {
        first,
        last,
        after: after?.cursor,
        before: before?.cursor,
        filter: { userId: listed.userId, search, createdAt: from || to ? { from, to } : undefined },
        orderBy: { field: field === 'createdAt' ? 'CREATED_AT' : 'UPDATED_AT', direction },
      },
    });
    expect(answer.errors).toEqual([]);
    const { edges, totalCount, pageInfo } = answer.data.conversations;
    const { rows, ...expected } = this.models[slug].list(listed);
    const { hasNextPage, hasPreviousPage } = pageInfo;
    expect({ totalCount, hasNextPage, hasPreviousPage }).toEqual(expected);
    expect(edges.map(({ node }) => node)).toEqual(
      rows.map(({ messages, ...row }) => ({
        ...row,
        messages: { totalCount: messages.length, nodes: messages.slice(0, 2) },
      })),
    );
    expect(pageInfo).toMatchObject({
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    });
    for (const { cursor, node } of edges)
      this.places[slug].push({ cursor, field, value: node[field], id: node.id });
  }

  private async members({ slug, role, user }: Of<'members'>): Promise<void> {
    const wanted = user && this.user(slug, user);
    const answer = await this.ask<{ members: { totalCount: number; nodes: { userId: string }[] } }>(
      slug,
      role,
      {
        document: `query ($filter: MembershipFilter) { members(filter: $filter) {
        totalCount nodes { id userId role ${mayAudit(role) ? 'email invitedBy' : ''} } } }`,
        variables: { filter: { userId: wanted } },
      },
    );
    const expected = ROLES.map((each) => userId(slug, each)).filter(
      (each) => wanted === undefined || each === wanted,
    );
    const { totalCount, nodes } = answer.data.members;
    expect(totalCount).toBe(expected.length);
    expect(nodes.map((node) => node.userId).sort()).toEqual(expected.sort());
  }

  private async auditLog({ slug, role, target, first }: Of<'audit'>): Promise<void> {
    const request = (entityId: string | undefined) => ({
      document: `query ($first: Int, $filter: AuditEntryFilter) { auditLog(first: $first, filter: $filter) {
        totalCount nodes { action entity entityId oldValue newValue actor } } }`,
      variables: { first, filter: { entityId } },
    });
    const { id, row } = target ? this.conversation(slug, target) : { id: undefined, row: undefined };
    const foreign = target !== undefined && !row;
    const answer = await this.askAbout<{ auditLog: { totalCount: number; nodes: unknown[] } }>(
      slug,
      role,
      foreign ? request(nobodyElse) : undefined,
      request(id),
    );
    if (!mayAudit(role)) {
      expectRefusal(answer, 'auditLog', ['FORBIDDEN']);
      return;
    }
    const model = this.models[slug];
    const entries = model.audit.filter(({ entityId }) => id === undefined || entityId === id);
    const { totalCount, nodes } = answer.data.auditLog;
    expect(totalCount).toBe(entries.length + (id === undefined ? model.earlierEntries : 0));
    // Messages that are deleted with their conversation are recorded in no particular order.
    const comparable = entries.slice(-first).every(({ action }) => action !== 'message.deleted');
    const newest = first === 0 ? [] : entries.slice(-first).reverse();
    if (comparable) expect(nodes.slice(0, newest.length)).toMatchObject(newest);
  }

  private async me({ slug, role }: Of<'me'>): Promise<void> {
    const answer = await this.ask(slug, role, {
      document: '{ me { userId role tenant { slug } memberships { tenant { slug } } } tenant { slug } }',
      variables: {},
    });
    const tenant = { slug };
    expect(answer.data).toEqual({
      me: { userId: userId(slug, role), role: role.toUpperCase(), tenant, memberships: [{ tenant }] },
      tenant,
    });
  }
}

interface Connection {
  readonly totalCount: number;
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  readonly edges: readonly { readonly cursor: string; readonly node: ConversationState }[];
}

function expectRefusal(answer: Answer<unknown>, field: string, codes: readonly string[]): void {
  expect(answer.errors.map(({ extensions }) => extensions.code)).toEqual(codes);
  expect(answer.data).toEqual({ [field]: null });
}

/** Declares the property's test on a server with the demo tenants. Call it at the top level of a test file. */
export function isolationProperty(server: () => TestServer, runs: number): void {
  const statements = watchStatements();
  let world: World;

  beforeAll(async () => {
    const users = SLUGS.flatMap((slug) => ROLES.map((role) => ({ slug, role })));
    const clients = new Map(
      await Promise.all(
        users.map(async ({ slug, role }) => [userId(slug, role), await server().as(role, slug)] as const),
      ),
    );
    const ids = await server().database.asSuperuser<{ slug: Slug; id: string }>(
      'SELECT slug, id FROM tenants UNION ALL SELECT slug, m.id FROM memberships m JOIN tenants t ON t.id = tenant_id',
    );
    const of = (slug: Slug) =>
      new Set([
        canary(slug),
        `|${slug}|`,
        `@${slug}.test`,
        ...ids.flatMap((row) => (row.slug === slug ? row.id : [])),
      ]);
    world = { server: server(), statements, clients, marks: { acme: of('acme'), globex: of('globex') } };
  });

  test('whatever the users of two tenants ask, each tenant is answered as if the other did not exist', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 30, size: 'max' }), async (commands) => {
        const run = await Run.begin(world);
        for (const step of commands) await run.execute(step);
        await run.compareWithDatabase();
      }),
      { numRuns: runs, interruptAfterTimeLimit: 900_000, markInterruptAsFailure: true },
    );
  }, 960_000);
}
