/**
 * Creates the rows that the workloads read. A few statements make them on the database server. Ids, times and texts
 * depend only on the numbers of the tenant and the row, so they are the same in each run. Triggers are disabled
 * meanwhile, so that the audit log contains only the entries made here.
 */
import type pg from 'pg';

/** The number of tenants, of conversations per tenant, and of messages per conversation. */
export interface Size {
  readonly tenants: number;
  readonly conversations: number;
  readonly messages: number;
}

export type SizeName = 'tiny' | 'small' | 'large';

export const SIZES: Readonly<Record<SizeName, Size>> = {
  /** For --quick. A request reads as many rows as with `small`; there are fewer rows that it does not read. */
  tiny: { tenants: 100, conversations: 100, messages: 5 },
  small: { tenants: 100, conversations: 1_000, messages: 5 },
  /** Ten million conversations and messages in total. */
  large: { tenants: 10_000, conversations: 167, messages: 5 },
};

/** The first member of each tenant is its owner, the last one is a viewer. */
export const OWNER = 1;
export const VIEWER = 12;
const AUDIT_ENTRIES = 50;

/** 2026-01-01. */
const EPOCH_MS = 1_767_225_600_000;
const TENANT = 1;
const MEMBER = 2;
const CONVERSATION = 3;
const MESSAGE = 4;
const AUDIT = 5;

/** The id of tenant number `t`. Numbers start at 1. */
export const tenantId = (t: number): string => {
  const hex = `${EPOCH_MS.toString(16).padStart(12, '0')}700${TENANT}8${t.toString(16).padStart(7, '0')}00000000`;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
};
export const userId = (t: number, m: number): string =>
  `auth0|${String(t).padStart(6, '0')}-${String(m).padStart(4, '0')}`;
export const email = (t: number, m: number): string => `member${m}@tenant${t}.example`;

const uuid = (ms: string, kind: number, n: string): string =>
  `(lpad(to_hex(${ms}), 12, '0') || '700${kind}8' || lpad(to_hex(t), 7, '0') || lpad(to_hex(${n}), 8, '0'))::uuid`;
const time = (ms: string): string => `'epoch'::timestamptz + (${ms}) * interval '1 millisecond'`;
const user = (m: string): string => `'auth0|' || lpad(t::text, 6, '0') || '-' || lpad((${m})::text, 4, '0')`;
/** An SQL expression for one of the texts in the statement's first parameter. */
const text = (seed: string): string => `($1::text[])[1 + (${seed}) % ${TEXTS}]`;

const TEXTS = 97;
const WORDS =
  'invoice renewal export invitation dashboard payment support schedule region contract report customer release'.split(
    ' ',
  );

function texts(words: number): string[] {
  return Array.from({ length: TEXTS }, (_, seed) =>
    Array.from(
      { length: words + (seed % 5) },
      (_, w) => WORDS[(seed * 7 + w * (3 + (seed % 5))) % WORDS.length],
    ).join(' '),
  );
}

/** Fills an empty, migrated database. `client` is a superuser. */
export async function fill(client: pg.Client, { tenants, conversations, messages }: Size): Promise<void> {
  const id = uuid(String(EPOCH_MS), TENANT, '0');
  const opened = `(${EPOCH_MS} + c::bigint * 60000 + t)`;
  const written = `(${EPOCH_MS} + c::bigint * 60000 + m * 1000 + t)`;
  const conversation = uuid(opened, CONVERSATION, 'c');
  const tenant = `generate_series(1, ${tenants}) t`;

  await client.query('SET session_replication_role = replica');
  await client.query('SET synchronous_commit = off');
  await client.query('SET statement_timeout = 0');
  await client.query(`
    INSERT INTO tenants (id, slug, name, plan, billing_email, created_at, updated_at)
    SELECT ${id}, 'tenant-' || t, 'Tenant ' || t, 'pro', 'billing@tenant' || t || '.example', at, at
    FROM ${tenant}, LATERAL (SELECT ${time(String(EPOCH_MS))}) _ (at)`);
  await client.query(`
    INSERT INTO memberships (tenant_id, id, user_id, email, role, invited_by, joined_at)
    SELECT ${id}, ${uuid(`${EPOCH_MS} + m`, MEMBER, 'm')}, ${user('m')},
           'member' || m || '@tenant' || t || '.example',
           CASE m WHEN ${OWNER} THEN 'owner' WHEN 2 THEN 'admin' WHEN ${VIEWER} THEN 'viewer' ELSE 'member' END,
           CASE WHEN m > 1 THEN ${user('1')} END, ${time(`${EPOCH_MS} + m * 1000`)}
    FROM ${tenant}, generate_series(1, ${VIEWER}) m`);
  await client.query(
    `INSERT INTO conversations (tenant_id, id, user_id, subject, body, created_at, updated_at)
     SELECT ${id}, ${conversation}, ${user(`1 + c % ${VIEWER}`)}, 'Conversation ' || c, ${text('t + c')}, at, at
     FROM ${tenant}, generate_series(1, ${conversations}) c, LATERAL (SELECT ${time(opened)}) _ (at)`,
    [texts(12)],
  );
  await client.query(
    `INSERT INTO messages (tenant_id, id, conversation_id, user_id, body, created_at)
     SELECT ${id}, ${uuid(written, MESSAGE, `c * 16 + m`)}, ${conversation}, ${user(`1 + (c + m) % ${VIEWER}`)},
            ${text('t + c + m')}, ${time(written)}
     FROM ${tenant}, generate_series(1, ${conversations}) c, generate_series(1, ${messages}) m`,
    [texts(8)],
  );
  await client.query(`
    INSERT INTO audit_log (tenant_id, id, actor, actor_type, action, entity, entity_id, new_value, request_id, created_at)
    SELECT ${id}, ${uuid(opened, AUDIT, 'c')}, user_id, 'user', 'conversation.created', 'Conversation', id::text,
           to_jsonb(c0), 'load-' || c, created_at
    FROM ${tenant}, generate_series(${conversations - AUDIT_ENTRIES + 1}, ${conversations}) c,
         LATERAL (SELECT * FROM conversations WHERE tenant_id = ${id} AND id = ${conversation}) c0`);
  await client.query('RESET session_replication_role');
  await client.query('VACUUM (FREEZE, ANALYZE)');
}
