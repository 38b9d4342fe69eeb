/**
 * Checks answers: all contestants must give the same answers, and every row that a contestant acknowledged must exist.
 */
import { isDeepStrictEqual } from 'node:util';
import { ask, type Contestant, type ContestantName, type Running } from './contestants.js';
import { withClient, type Address } from './database.js';
import type { LoadRequest } from './load.js';
import type { Workload } from './workloads.js';

/**
 * Positions in the list of requests. One request per tenant is sent, so these are the tenants whose answers are
 * compared.
 */
const COMPARED = [0, 1, 41, 99];
/** With a mix, each of its documents. */
const comparedOf = ({ trusted, documents }: Workload): readonly number[] =>
  trusted ? documents.tenantry!.map((_document, index) => index) : COMPARED;

/**
 * Sends the same requests to all contestants, for a few tenants.
 *
 * @throws Error when two answers differ, or one has an unexpected form
 */
export async function demandEqualAnswers(
  workload: Workload,
  taking: readonly Running[],
  requests: ReadonlyMap<ContestantName, readonly LoadRequest[]>,
): Promise<void> {
  for (const index of comparedOf(workload)) {
    const answers = await Promise.all(
      taking.map(async ({ contestant, origin }) => ({
        contestant,
        answer: await answerTo(workload, contestant, origin, requests.get(contestant.name)![index]!),
      })),
    );
    const [first, ...others] = answers;
    for (const { contestant, answer } of others) {
      if (isDeepStrictEqual(answer, first!.answer)) continue;
      const shown = [first!.answer, answer].map((value) => JSON.stringify(value).slice(0, 2_000));
      throw new Error(
        `${workload.name}: ${contestant.name} answers otherwise than ${first!.contestant.name}:\n${shown.join('\n')}`,
      );
    }
  }
}

/** What is compared: the data, in one form; of a new row without what is new each time. */
async function answerTo(
  { name, writes, refused }: Workload,
  contestant: Contestant,
  origin: string,
  request: LoadRequest,
): Promise<unknown> {
  const response = await ask(origin, request);
  const body = (await response.json()) as { readonly data?: unknown; readonly errors?: { path: unknown }[] };
  if (body.data == null || (body.errors !== undefined) !== refused) {
    throw new Error(`${name}: ${contestant.name} answers ${JSON.stringify(body).slice(0, 2_000)}`);
  }
  const paths = body.errors?.map(({ path }) => JSON.stringify(path)).sort();
  if (!writes) return { data: normalised(body.data), paths };
  return JSON.parse(
    JSON.stringify(normalised(body.data))
      .replace(/"(id|createdAt)":"[^"]+"/g, '"$1":"new"')
      .replace(/Written by \w+ */, 'Written by somebody'),
  ) as unknown;
}

/**
 * Checks that every acknowledged row exists and has exactly one entry in the audit log, with the row's author as its
 * actor.
 *
 * @throws Error when a row or its entry is missing
 */
export async function demandAuditEntries(
  { superuser }: Address,
  written: ReadonlyMap<ContestantName, number>,
): Promise<void> {
  await withClient(superuser, async (client) => {
    for (const [name, acknowledged] of written) {
      const { rows } = await client.query<{ rows: number; audited: number }>(
        `SELECT count(*)::int AS rows, count(*) FILTER (WHERE entries = 1)::int AS audited
         FROM (
           SELECT count(a.id) AS entries
           FROM conversations c
           LEFT JOIN audit_log a ON a.tenant_id = c.tenant_id AND a.entity = 'Conversation' AND a.entity_id = c.id::text
                                AND a.action = 'conversation.created' AND a.actor = c.user_id
           WHERE c.body LIKE $1
           GROUP BY c.tenant_id, c.id
         ) _`,
        [`Written by ${name.padEnd(12)}:%`],
      );
      const { rows: found, audited } = rows[0]!;
      // The comparison of answers wrote rows too. A request that failed may or may not have written its row, so `found`
      // can be larger.
      const expected = acknowledged + COMPARED.length;
      if (found < expected || audited !== found) {
        throw new Error(
          `${name} acknowledged ${expected} rows; ${found} are there, ${audited} with one audit entry.`,
        );
      }
    }
  });
}

/** What Tenantry writes before the UUID of an object. */
const TYPE_OF_ID = /^[a-z][a-z\d_]*_(?=[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$)/;

/**
 * An answer in one form: points in time as RFC 3339 in UTC with milliseconds (PostGraphile writes an offset), roles in
 * capitals (PostGraphile shows the column), ids without their type (only Tenantry writes it).
 */
function normalised(value: unknown, key?: string): unknown {
  if (Array.isArray(value)) return value.map((item) => normalised(item));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, normalised(inner, name)]));
  }
  if (typeof value !== 'string') return value;
  if (key?.endsWith('At')) return new Date(value).toISOString();
  return key === 'role' ? value.toUpperCase() : value.replace(TYPE_OF_ID, '');
}
