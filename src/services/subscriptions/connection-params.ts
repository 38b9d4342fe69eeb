/** Reads the credential of a client's `connection_init` message. */
import { PublicError } from '../../kernel/vocabulary/errors.js';

/**
 * The value that an `Authorization` header would have. Clients write it as `authorization` of the params or of
 * `headers` inside them, in any letter case.
 *
 * @returns undefined when there is none
 * @throws UNAUTHENTICATED when there are different ones: over HTTP, too, a second header is refused
 */
export function authorizationOf(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const [given, ...others] = new Set([...valuesIn(params), ...valuesIn(entryOf(params, 'headers'))]);
  if (others.length === 0) return given;
  throw new PublicError('UNAUTHENTICATED', 'The connection params contain different credentials.');
}

const valuesIn = (params: unknown): string[] =>
  entriesOf(params, 'authorization').filter((value) => typeof value === 'string');

const entryOf = (params: unknown, name: string): unknown => entriesOf(params, name)[0];

function entriesOf(params: unknown, name: string): unknown[] {
  if (typeof params !== 'object' || params === null) return [];
  const entries: readonly [string, unknown][] = Object.entries(params);
  return entries.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}
