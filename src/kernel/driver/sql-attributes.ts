/** What a span says of statements: their text, whose values are parameters. */
import type { Attributes } from '@opentelemetry/api';

/** The most characters. */
const LONGEST_TEXT = 2_000;

/** The attributes of a span. */
export const sqlAttributes = (texts: readonly string[]): Attributes => ({
  'db.system.name': 'postgresql',
  'db.operation.batch.size': texts.length,
  'db.query.text': texts.join('; ').slice(0, LONGEST_TEXT),
});
