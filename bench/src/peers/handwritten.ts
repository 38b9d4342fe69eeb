/**
 * The least that the five requests need: plain SQL without GraphQL, an ORM or a framework. Each request is one
 * transaction, bound as in Tenantry. Its statements are prepared, named, and sent in one batch. The JSON is
 * concatenated.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import pg from 'pg';
import { environment, STATEMENT_TIMEOUT_MS } from './environment.js';
import { verifier, type Identity } from './token.js';

type Row = readonly (string | null)[];
type Statement = readonly [name: string, text: string];

const { databaseUrl, port, poolSize } = environment();
const verify = verifier();

class PipeliningClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super({ ...config, pipeline: true });
  }
}
const pool = new pg.Pool({
  connectionString: databaseUrl,
  max: poolSize,
  Client: PipeliningClient,
  options: '-c timezone=UTC',
});
// Values are used as PostgreSQL writes them, without conversion.
const asText = { getTypeParser: () => (value: string) => value };

const BIND: Statement = ['bind', `SELECT tenantry.bind($1, $2, 'user', $3, ${STATEMENT_TIMEOUT_MS}, $4)`];
const TENANT = '(SELECT tenantry.current_tenant())';
const conversations = (count: number): Statement => [
  `conversations${count}`,
  `SELECT id, user_id, body, created_at FROM conversations WHERE tenant_id = ${TENANT}
   ORDER BY created_at DESC, id DESC LIMIT ${count}`,
];
const CONVERSATIONS_20 = conversations(20);
const CONVERSATIONS_10 = conversations(10);
/** The messages of the conversations that CONVERSATIONS_20 reads in the same transaction. */
const MESSAGES: Statement = [
  'messages',
  `SELECT m.id, m.body, m.created_at, c.id
   FROM (
     SELECT tenant_id, id FROM conversations WHERE tenant_id = ${TENANT} ORDER BY created_at DESC, id DESC LIMIT 20
   ) c
   CROSS JOIN LATERAL (
     SELECT id, body, created_at FROM messages
     WHERE tenant_id = c.tenant_id AND conversation_id = c.id ORDER BY created_at, id LIMIT 5
   ) m`,
];
const CREATE: Statement = [
  'create',
  `INSERT INTO conversations (user_id, body, subject) VALUES ($1, $2, $3)
   RETURNING id, user_id, body, created_at`,
];
const ME: Statement = ['me', `SELECT role FROM memberships WHERE tenant_id = ${TENANT} AND user_id = $1`];
const OWN_TENANT: Statement = ['tenant', `SELECT id, slug, name, plan FROM tenants WHERE id = ${TENANT}`];
const MEMBERS: Statement = [
  'members',
  `SELECT id, user_id, upper(role), joined_at, email FROM memberships
   WHERE tenant_id = ${TENANT} ORDER BY joined_at, id LIMIT 10`,
];
const AUDIT_LOG: Statement = [
  'audit',
  `SELECT id, actor, action, entity, entity_id, created_at FROM audit_log
   WHERE tenant_id = ${TENANT} ORDER BY id DESC LIMIT 10`,
];

/** Runs statements in one transaction bound to the tenant. A read-only transaction is not waited for at its end. */
async function inTenant(
  { tenantId, userId }: Identity,
  requestId: string,
  readOnly: boolean,
  statements: readonly (readonly [Statement, ...unknown[]])[],
): Promise<Row[][]> {
  const client = await pool.connect();
  const send = ([[name, text], ...values]: readonly [Statement, ...unknown[]]) =>
    client.query<string[]>({ name, text, values, rowMode: 'array', types: asText });
  const stream = (client as unknown as { connection: { stream: NodeJS.WritableStream & Cork } }).connection
    .stream;
  stream.cork();
  const begun = client.query(readOnly ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'BEGIN');
  const bound = send([BIND, tenantId, userId, requestId, readOnly]);
  const answers = Promise.all([begun, bound, ...statements.map(send)]);
  answers.catch(() => undefined);
  const ended = client.query('COMMIT');
  stream.uncork();
  ended.then(
    () => client.release(),
    (error: unknown) => client.release(error as Error),
  );
  if (!readOnly) await ended;
  const [, , ...results] = await answers;
  return results.map(({ rows }) => rows);
}

interface Cork {
  cork(): void;
  uncork(): void;
}

interface Body {
  readonly operationName: string;
  readonly variables?: { readonly body: string; readonly subject: string };
}

const text = JSON.stringify;
const plain = (value: string | null | undefined) => (value == null ? 'null' : `"${value}"`);
/** Converts PostgreSQL's form of a time, `2026-01-01 00:00:00.5+00`, to RFC 3339. */
const instant = (time: string | null | undefined) =>
  time == null
    ? 'null'
    : `"${time.slice(0, 10)}T${time.slice(11, 19)}.${time.slice(20, -3).padEnd(3, '0')}Z"`;
const list = (rows: readonly Row[], node: (row: Row) => string) => `{"nodes":[${rows.map(node).join(',')}]}`;
const conversation = ([id, user, body, createdAt]: Row) =>
  `{"id":${plain(id)},"userId":${text(user)},"body":${text(body)},"createdAt":${instant(createdAt)}}`;
const message = ([id, body, createdAt]: Row) =>
  `{"id":${plain(id)},"body":${text(body)},"createdAt":${instant(createdAt)}}`;

type Handler = (identity: Identity, requestId: string, body: Body) => Promise<string>;

const handlers: Readonly<Record<string, Handler>> = {
  W1: async (identity, requestId) => {
    const [rows] = await inTenant(identity, requestId, true, [[CONVERSATIONS_20]]);
    return `{"conversations":${list(rows!, conversation)}}`;
  },
  W2: async (identity, requestId) => {
    const [talks, messages] = await inTenant(identity, requestId, true, [[CONVERSATIONS_20], [MESSAGES]]);
    const byConversation = Map.groupBy(messages!, ([, , , id]) => id);
    const node = (row: Row) =>
      `${conversation(row).slice(0, -1)},"messages":${list(byConversation.get(row[0]) ?? [], message)}}`;
    return `{"conversations":${list(talks!, node)}}`;
  },
  W3: async (identity, requestId, { variables }) => {
    const values = [identity.userId, variables?.body, variables?.subject];
    const [rows] = await inTenant(identity, requestId, false, [[CREATE, ...values]]);
    return `{"createConversation":{"conversation":${conversation(rows![0]!)}}}`;
  },
  W4: async (identity, requestId) => {
    const [me, tenants, members, talks, entries] = await inTenant(identity, requestId, true, [
      [ME, identity.userId],
      [OWN_TENANT],
      [MEMBERS],
      [CONVERSATIONS_10],
      [AUDIT_LOG],
    ]);
    const [id, slug, name, plan] = tenants![0]!;
    return (
      `{"me":{"userId":${text(identity.userId)},"email":${text(identity.email)},"role":${plain(me![0]![0]?.toUpperCase())}},` +
      `"tenant":{"id":${plain(id)},"slug":${text(slug)},"name":${text(name)},"plan":${text(plan)}},` +
      `"members":${list(members!, member)},"conversations":${list(talks!, conversation)},` +
      `"auditLog":${list(entries!, auditEntry)}}`
    );
  },
};

const member = ([id, user, role, joinedAt, email]: Row) =>
  `{"id":${plain(id)},"userId":${text(user)},"role":${plain(role)},"joinedAt":${instant(joinedAt)},"email":${text(email)}}`;
const auditEntry = ([id, actor, action, entity, entityId, createdAt]: Row) =>
  `{"id":${plain(id)},"actor":${text(actor)},"action":${plain(action)},"entity":${plain(entity)},` +
  `"entityId":${text(entityId)},"createdAt":${instant(createdAt)}}`;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const identity = verify(request.headers.authorization);
    const body = JSON.parse(await read(request)) as Body;
    const requestId = String(request.headers['x-request-id'] ?? '');
    const data = await handlers[body.operationName]!(identity, requestId, body);
    send(response, 200, `{"data":${data}}`);
  } catch (error) {
    console.error(error);
    send(response, 500, '{"errors":[{"message":"Something failed."}]}');
  }
}

function send(response: ServerResponse, status: number, json: string): void {
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(json),
  };
  response.writeHead(status, headers).end(json);
}

function read(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString()));
    request.on('error', reject);
  });
}

createServer((request, response) => void answer(request, response)).listen(port, '127.0.0.1');
