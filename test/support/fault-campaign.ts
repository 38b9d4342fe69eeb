/**
 * Breaks the connections between a server and its database at random, one after the other, while clients send
 * operations of every kind. A seed determines the faults; their timing depends on the machine.
 */
import type { TestDatabase } from './database.js';
import type { RunningServer } from './running-server.js';
import type { TcpProxy } from './tcp-proxy.js';

/** A generator of numbers from 0 to 2^32 - 1 that repeats for the same seed (mulberry32). */
export function seededNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

const field = (type: string, text: string) => `${type}${text}\0`;
const FATAL_FIELDS = `${field('S', 'FATAL')}${field('V', 'FATAL')}${field('C', '57P01')}${field('M', 'terminating connection due to administrator command')}\0`;

/** The error message that PostgreSQL sends to a session that an administrator ends. */
function fatal(): Buffer {
  const message = Buffer.alloc(5 + FATAL_FIELDS.length);
  message.write('E', 0);
  message.writeInt32BE(4 + FATAL_FIELDS.length, 1);
  message.write(FATAL_FIELDS, 5, 'latin1');
  return message;
}

/** A way in which a connection breaks. */
export type Fault = (number: number) => unknown;

export const faultsOf = (database: TestDatabase, proxy: TcpProxy): Readonly<Record<string, Fault>> => ({
  'a backend is terminated': (number) =>
    database.asSuperuser(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = $1 AND usename = 'tenantry_app' ORDER BY hashint8(pid + $2::bigint) LIMIT 1`,
      [database.name, number],
    ),
  'a new session is ended as it becomes ready': () => proxy.breakNext(fatal()),
  'a connection is reset': (number) => proxy.reset(number),
  'a connection stands still': (number) => proxy.freeze(number),
});

/** An answer of the server. Undefined when the connection to the server was lost. */
export interface Told {
  readonly status: number;
  readonly codes: readonly unknown[];
}

/** Sends operations as fast as the server answers, until `isOver` returns true. */
export async function keepAsking(
  { url, tokens }: Pick<RunningServer, 'url' | 'tokens'>,
  isOver: () => boolean,
  numbers: () => number,
  told: Map<string, number>,
): Promise<void> {
  let last: { readonly id: string; readonly version: number } | undefined;
  for (let turn = 0; !isOver(); turn++) {
    const number = numbers();
    const key = number % 3 === 0 ? { 'idempotency-key': `fault-${String(number)}` } : {};
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokens['owner@acme.test'] ?? ''}`,
        'content-type': 'application/json',
        ...key,
      },
      body: JSON.stringify(last && number % 4 === 0 ? update(last) : OPERATIONS[number % OPERATIONS.length]),
    }).catch(() => undefined);
    const answer = (await response?.json().catch(() => undefined)) as GraphqlAnswer | undefined;
    const made = answer?.data?.createConversation?.conversation;
    if (made) last = made;
    for (const { extensions } of answer?.errors ?? [
      { extensions: { code: answer ? 'none' : 'no answer' } },
    ]) {
      const code = String(extensions?.code);
      told.set(code, (told.get(code) ?? 0) + 1);
    }
  }
}

interface GraphqlAnswer {
  readonly data?: {
    readonly createConversation?: {
      readonly conversation?: { readonly id: string; readonly version: number };
    };
  };
  readonly errors?: readonly { readonly extensions?: { readonly code?: string } }[];
}

const OPERATIONS = [
  { query: '{ me { tenant { name } } members { totalCount } }' },
  {
    query:
      '{ conversations(first: 5) { totalCount nodes { subject messages(first: 2) { nodes { body } } } } }',
  },
  {
    query:
      'mutation { createConversation(input: { subject: "faults", body: "Hello" }) { conversation { id version } } }',
  },
];

/** An update that Prisma runs in a transaction of several statements. */
const update = ({ id, version }: { readonly id: string; readonly version: number }) => ({
  query: `mutation ($id: ID!, $version: Int!) {
    updateConversation(input: { id: $id, expectedVersion: $version, subject: "again" }) { conversation { version } }
  }`,
  variables: { id, version },
});
