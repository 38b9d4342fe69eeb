/**
 * The log of statements, for people who want to know what a request costs in PostgreSQL. It watches a connection, so it
 * sees whatever is sent there: statement batches, Prisma's statements, look-ups before a tenant is known. A connection that
 * is not watched pays nothing.
 */
import type { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import { INSPECTION } from './leftovers.js';
import { BINDING, type PipeliningClient } from './pipelining-client.js';

/** What is told of a statement that PostgreSQL has answered. */
export interface StatementLine {
  /** The id of the tenant that the transaction is bound to. Undefined: of none, as in a look-up. */
  readonly tenant?: string | undefined;
  /** Of the request, or of the event of a subscription, that the transaction belongs to. */
  readonly requestId?: string | undefined;
  /** From the moment it was sent, or that PostgreSQL had answered the one before it, if that is later. */
  readonly ms: number;
  /** Read, or written. Undefined for statements that do neither. */
  readonly rows?: number | undefined;
  readonly sql: string;
  /** Its parameters, in the form in which they are shown. Only when values are asked for. */
  readonly values?: readonly (string | null)[] | undefined;
  /** The SQLSTATE, when it failed. Never the message: it may quote values. */
  readonly failed?: string | undefined;
}

/** A statement that was answered in a transaction that is bound to a tenant, with what bound it. */
export interface BoundStatement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** The arguments of `tenantry.bind`. */
  readonly binding: readonly unknown[];
}

export interface ConnectionLogOptions {
  readonly write: (line: StatementLine) => void;
  /** Whether lines have the values of parameters, which are tenants' data. Those of a binding, which is signed, never. */
  readonly withValues: boolean;
  /** Told of each bound statement that succeeded, after its line was written. */
  readonly onSuccess?: ((statement: BoundStatement) => void) | undefined;
}

interface Sent {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
}

/** A query of pg's, or a statement batch. */
type Query = Sent | { readonly statements: readonly Sent[] };

/** What is looked at of pg's own client; its types do not know it. */
interface Internals {
  readonly connection: EventEmitter;
  /** The query whose answers arrive now. */
  readonly _activeQuery: Query | null;
}

/** The places of the tenant and of the request among the arguments of `tenantry.bind`. */
const TENANT = 0;
const REQUEST = 3;

/** Writes a line for each statement that the connection sends from now on, when PostgreSQL has answered it. */
export function logStatements(client: PipeliningClient, options: ConnectionLogOptions): void {
  const { write, withValues, onSuccess } = options;
  const internals = client as unknown as Internals;
  let answeredUntil = performance.now();
  let query: Query | undefined;
  let statement = 0;
  let binding: readonly unknown[] | undefined;

  const answered = (failed: string | undefined, rows: number | undefined): void => {
    const active = internals._activeQuery;
    if (!active) return;
    statement = active === query ? statement + 1 : 0;
    query = active;
    const now = performance.now();
    const ms = Math.round((now - answeredUntil) * 100) / 100;
    answeredUntil = now;
    const sent = 'statements' in active ? active.statements[statement] : active;
    if (!sent) return;
    const { text, values = [] } = sent;
    const binds = text.startsWith(BINDING);
    if (binds) binding ??= values;
    write({
      tenant: asText(binding?.[TENANT]),
      requestId: asText(binding?.[REQUEST]),
      ms,
      rows,
      sql: text === INSPECTION ? INSPECTION_LINE : cut(text, LONGEST_TEXT),
      ...(withValues && !binds && values.length > 0 && { values: shown(values) }),
      ...(failed !== undefined && { failed }),
    });
    if (onSuccess && binding && !binds && failed === undefined) onSuccess({ text, values, binding });
  };

  // Before pg's own listeners: with an error, pg forgets the query that it belongs to.
  internals.connection
    .prependListener('commandComplete', ({ text }: { readonly text: string }) =>
      answered(undefined, rowsOf(text)),
    )
    .prependListener('emptyQuery', () => answered(undefined, undefined))
    .prependListener('errorMessage', ({ code = 'unknown' }: { readonly code?: string }) =>
      answered(code, undefined),
    )
    .prependListener('readyForQuery', ({ status }: { readonly status: string }) => {
      query = undefined;
      if (status === OUTSIDE_TRANSACTION) binding = undefined;
    });
  const send = client.query.bind(client) as (...args: readonly unknown[]) => unknown;
  const noteTime = (...args: readonly unknown[]): unknown => {
    // What is sent while an answer is owed begins when that has come.
    if (!client.isBusy) answeredUntil = performance.now();
    return send(...args);
  };
  client.query = noteTime as typeof client.query;
}

const OUTSIDE_TRANSACTION = 'I';

/** The server's own look at a connection, which is long and always the same. */
const INSPECTION_LINE = 'SELECT … AS leftovers';

/** Of the tag with which PostgreSQL ends an answer: `SELECT 2`, `INSERT 0 1`, `COMMIT`. */
function rowsOf(tag: string): number | undefined {
  const [count] = /\d+$/.exec(tag) ?? [];
  return count === undefined ? undefined : Number(count);
}

/** Characters of a text, and of a value. */
const LONGEST_TEXT = 4_000;
const LONGEST_VALUE = 200;
const MOST_VALUES = 100;

const cut = (text: string, longest: number): string =>
  text.length > longest ? `${text.slice(0, longest)}… (${String(text.length)} characters)` : text;

const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function shown(values: readonly unknown[]): readonly (string | null)[] {
  const texts = values.slice(0, MOST_VALUES).map((value) => {
    if (value === null || value === undefined) return null;
    return cut(typeof value === 'string' ? value : inspect(value, COMPACT), LONGEST_VALUE);
  });
  return values.length > MOST_VALUES ? [...texts, `… (${String(values.length)} values)`] : texts;
}

const COMPACT = {
  breakLength: Infinity,
  compact: true,
  maxArrayLength: 20,
  maxStringLength: LONGEST_VALUE,
} as const;
