/**
 * Counts what the server sends to PostgreSQL, at the connection: the statements and transactions of an answer,
 * whichever code sends them.
 */
import pg from 'pg';
import { afterAll } from 'vitest';
import { INSPECTION } from '../../src/kernel/driver/leftovers.js';
import { PipeliningClient } from '../../src/kernel/driver/pipelining-client.js';

export interface Statements {
  /**
   * The statements that the server's role sent while `work` ran, in order. Those whose time a test does not choose are left
   * out: look-ups of access, which a cache saves for as long as notifications arrive, and what timers send.
   */
  during(work: () => Promise<unknown>): Promise<readonly string[]>;
}

const UNTIMELY: readonly string[] = [
  // Runs after the answer.
  INSPECTION,
  'tenantry.resolve_access(',
  'tenantry.resolve_api_key(',
  'UPDATE public.api_keys SET last_used_at',
  'tenantry.listen(',
  'tenantry.read_directory(',
];

/**
 * Call it at the top level, before the server is created, so that connections are watched from their first statement.
 */
export function watchStatements(): Statements {
  const query = Object.getOwnPropertyDescriptor(pg.Client.prototype, 'query')!;
  const original = query.value as (...args: unknown[]) => unknown;
  let seen: string[] | undefined;
  Object.defineProperty(pg.Client.prototype, 'query', {
    ...query,
    value(this: pg.Client, ...args: unknown[]) {
      // Counts only the server's pool, not its listener or the tests' own connections.
      const text = textOf(args[0]);
      if (seen && this instanceof PipeliningClient && !UNTIMELY.some((part) => text.includes(part)))
        seen.push(text);
      return original.apply(this, args);
    },
  });
  afterAll(() => {
    Object.defineProperty(pg.Client.prototype, 'query', query);
  });
  return {
    async during(work) {
      const statements: string[] = [];
      seen = statements;
      try {
        await work();
      } finally {
        seen = undefined;
      }
      return statements;
    },
  };
}

export const transactionsAmong = (statements: readonly string[]): number =>
  statements.filter((statement) => statement === 'BEGIN').length;

function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  // A batch of statements, see src/kernel/driver/statement-batch.ts.
  if (typeof query === 'object' && query !== null && 'statements' in query) {
    return (query.statements as readonly { readonly text: string }[]).map(({ text }) => text).join('; ');
  }
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : '';
}
