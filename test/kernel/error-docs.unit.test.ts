/** Proves that docs/errors.md has a section for every code, and that docs/hardening.md has the limits of the code. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERROR_CODES, ERROR_STATUS } from '../../src/kernel/vocabulary/error-codes.js';
import { readConfig } from '../../src/kernel/config/config.js';
import { REQUEST_LIMITS } from '../../src/http/request-limits.js';
import { UNREAD_LIMITS } from '../../src/http/unread-answers.js';
import { ROWS_PER_ANSWER } from '../../src/kernel/request/answer-bytes.js';
import { MOST_COST, MUTATION_COST, UNSIZED_LIST } from '../../src/services/limits/cost.js';
import { MOST_FRAGMENTS, MOST_OPERATIONS } from '../../src/services/limits/document-rules.js';
import { LONGEST_DOCUMENT } from '../../src/kernel/graphql/parse-document.js';
import {
  DEEPEST_INTROSPECTION,
  MOST_DIRECTIVES,
  MOST_FIELDS,
  MOST_INTROSPECTIONS,
} from '../../src/services/limits/operation-limits.js';
import { DEFAULT_DOCUMENT_LIMITS } from '../../src/kernel/vocabulary/document-limits.js';
import { HEARTBEAT_MS } from '../../src/http/event-streams.js';
import { FARTHEST_BEHIND } from '../../src/services/subscriptions/change-reader.js';
import {
  CONNECTIONS_PER_TENANT,
  CONNECTIONS_PER_VIEWER,
  STREAMS_PER_VIEWER,
  SUBSCRIPTIONS_PER_TENANT,
} from '../../src/services/subscriptions/connections.js';
import { MOST_MESSAGES } from '../../src/services/subscriptions/inbox.js';
import { REQUESTS_AT_ONCE } from '../../src/services/subscriptions/requests.js';
import {
  OPERATION_BYTES_PER_CONNECTION,
  OPERATIONS_PER_CONNECTION,
} from '../../src/services/subscriptions/reservations.js';

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

test('every code has a section, and every section a code', () => {
  const sections = [...read('errors.md').matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
  expect([...sections].sort()).toEqual(ERROR_CODES);
});

test('every section begins with the status of its code', () => {
  for (const [, code = '', text = ''] of read('errors.md').matchAll(/^### (.+)\n\n(.+)/gm)) {
    const status = (ERROR_STATUS as Readonly<Record<string, number>>)[code];
    // Errors of single fields have the status of the whole answer.
    if (['NOT_FOUND', 'BAD_USER_INPUT', 'CONFLICT'].includes(code)) continue;
    expect(text).toMatch(new RegExp(`^Status .*${String(status ?? 400)}`));
  }
});

test.each([
  ['length', LONGEST_DOCUMENT],
  ['tokens', DEFAULT_DOCUMENT_LIMITS.tokens],
  ['operations', MOST_OPERATIONS],
  ['fragments', MOST_FRAGMENTS],
  ['depth', DEFAULT_DOCUMENT_LIMITS.depth],
  ['introspection levels', DEEPEST_INTROSPECTION],
  ['listings of the schema', MOST_INTROSPECTIONS],
  ['aliases', DEFAULT_DOCUMENT_LIMITS.aliases],
  ['directives', MOST_DIRECTIVES],
  ['fields', MOST_FIELDS],
  ['cost', MOST_COST],
  ['body', REQUEST_LIMITS.bodyBytes / 1024],
  ['request line and headers', REQUEST_LIMITS.headBytes / 1024],
  ['headers', REQUEST_LIMITS.headers],
  ['URL', REQUEST_LIMITS.urlBytes / 1024],
  ['time for the headers', REQUEST_LIMITS.headersMs / 1000],
  ['time for the request', REQUEST_LIMITS.requestMs / 1000],
  ['silence', REQUEST_LIMITS.silentMs / 1000],
  ['answer', readConfig({}).maxAnswerBytes / 1024 / 1024],
  ['rows read', ROWS_PER_ANSWER],
  ['requests sent ahead', UNREAD_LIMITS.requestsAhead],
  ['unread, without progress', UNREAD_LIMITS.stalledMs / 1000],
  ['unread, in total', UNREAD_LIMITS.bytes / 1024 / 1024],
  ["connections per credential's user or API key", CONNECTIONS_PER_VIEWER],
  ["streams per credential's user or API key", STREAMS_PER_VIEWER],
  ['time between comments', HEARTBEAT_MS / 1000],
  ['connections per tenant', CONNECTIONS_PER_TENANT],
  ['operations per connection', OPERATIONS_PER_CONNECTION],
  ['queries and mutations at a time', REQUESTS_AT_ONCE],
  ['subscriptions per tenant', SUBSCRIPTIONS_PER_TENANT],
  ['what operations keep of their messages', OPERATION_BYTES_PER_CONNECTION / 1024],
  ['messages that wait to be handled', MOST_MESSAGES],
  ['changes that happen while one waits', FARTHEST_BEHIND],
])('the documented limit of %s is the one that holds', (limit, value) => {
  const [, documented = ''] =
    new RegExp(`^\\| ${limit} +\\| ([\\d,]+)`, 'm').exec(read('hardening.md')) ?? [];
  expect(Number.parseInt(documented.replaceAll(',', ''), 10)).toBe(value);
});

test('what the documentation counts a list and a mutation as is what they count', () => {
  expect(read('hardening.md')).toContain(`counts as ${String(UNSIZED_LIST)} rows`);
  expect(read('hardening.md')).toContain(`${String(MUTATION_COST)} more`);
});
