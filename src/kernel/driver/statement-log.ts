/**
 * Logs statements, to show what a request costs in PostgreSQL. It watches a connection, so it sees everything that is
 * sent: statement batches, Prisma's statements, look-ups before a tenant is known. Connections that are not watched
 * have no extra cost.
 */
import type { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import { INSPECTION } from './leftovers.js';
import { BINDING, type PipeliningClient } from './pipelining-client.js';

/** A statement that PostgreSQL has answered, for the log. */
export interface StatementLine {
  /** The id of the transaction's tenant. Undefined when none is bound, as in a look-up. */
  readonly tenant?: string | undefined;
  /** The id of the request or of the subscription's event. */
  readonly requestId?: string | undefined;
  /** Milliseconds since it was sent, or since the previous answer if that was later. */
  readonly ms: number;
  /** The number of rows that were read or written. Undefined for other statements. */
  readonly rows?: number | undefined;
  readonly sql: string;
  /** Its parameters as text, if values are requested. */
  readonly values?: readonly (string | null)[] | undefined;
  /** The SQLSTATE when it failed. Never the message, which may contain values. */
  readonly failed?: string | undefined;
}

/** A statement that was answered in a bound transaction, with its binding. */
export interface BoundStatement {
  readonly text: string;
  /** As in its line. */
  readonly ms: number;
  readonly values: readonly unknown[];
  /** The arguments of `tenantry.bind`. */
  readonly binding: readonly unknown[];
}

export interface ConnectionLogOptions {
  readonly write: (line: StatementLine) => void;
  /**
   * Whether lines contain the values of parameters, which are tenants' data. The values of a binding, which are signed,
   * are never logged.
   */
  readonly withValues: boolean;
  /** Called with each successful bound statement, after its line was written. */
  readonly onSuccess?: ((statement: BoundStatement) => void) | undefined;
}

interface Sent {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
}

/** A pg query or a statement batch. */
type Query = Sent | { readonly statements: readonly Sent[] };

/** Properties of pg's client that are missing in its types. */
interface Internals {
  readonly connection: EventEmitter;
  /** The query that is being answered. */
  readonly _activeQuery: Query | null;
}

/** The indexes of the tenant and of the request in the arguments of `tenantry.bind`. */
const TENANT = 0;
const REQUEST = 3;

/** From now on, writes a line for each statement of the connection when PostgreSQL has answered it. */
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
    if (onSuccess && binding && !binds && failed === undefined) onSuccess({ text, ms, values, binding });
  };

  // Before pg's own listeners, because at an error pg removes its active query.
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
    // A statement that is sent while an answer is pending begins after that answer.
    if (!client.isBusy) answeredUntil = performance.now();
    return send(...args);
  };
  client.query = noteTime as typeof client.query;
}

const OUTSIDE_TRANSACTION = 'I';

/** Replaces the text of the server's inspection of a connection, which is long and always the same. */
const INSPECTION_LINE = 'SELECT … AS leftovers';

/** The number of rows in PostgreSQL's command tag: `SELECT 2`, `INSERT 0 1`, `COMMIT`. */
function rowsOf(tag: string): number | undefined {
  const [count] = /\d+$/.exec(tag) ?? [];
  return count === undefined ? undefined : Number(count);
}

/** The most characters of a statement's text, and of a value. */
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
