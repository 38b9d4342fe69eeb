/**
 * Counts what the server sends to PostgreSQL, at the connection itself: the statements and the transactions of an
 * answer, whatever made them.
 */
import pg from 'pg';
import { afterAll } from 'vitest';
import { INSPECTION } from '../../src/kernel/driver/leftovers.js';
import { PipeliningClient } from '../../src/kernel/driver/pipelining-client.js';

export interface Statements {
  /** The statements of the runtime role while `work` ran, in order. */
  during(work: () => Promise<unknown>): Promise<readonly string[]>;
}

/** Call it at the top level, before the server of the file: a connection is watched from its beginning. */
export function watchStatements(): Statements {
  const query = Object.getOwnPropertyDescriptor(pg.Client.prototype, 'query')!;
  const original = query.value as (...args: unknown[]) => unknown;
  let seen: string[] | undefined;
  Object.defineProperty(pg.Client.prototype, 'query', {
    ...query,
    value(this: pg.Client, ...args: unknown[]) {
      // The server's pool only: neither its listener nor the tests' own connections.
      // Not the look at a connection behind the answer, which is no part of it.
      const text = textOf(args[0]);
      if (seen && this instanceof PipeliningClient && text !== INSPECTION) seen.push(text);
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
  // Several statements that leave together, see src/kernel/driver/statement-batch.ts.
  if (typeof query === 'object' && query !== null && 'statements' in query) {
    return (query.statements as readonly { readonly text: string }[]).map(({ text }) => text).join('; ');
  }
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : '';
}
