/** Proves that a connection keeps a limited number of statements prepared, and prepares forgotten ones again. */
import { expect, test } from 'vitest';
import { MOST_PREPARED } from '../../src/kernel/driver/statement-names.js';
import { raw, useOneConnection } from '../support/one-connection.js';

const { onOneConnection, expectClean } = useOneConnection();

/** The statements of one batch, and those that all batches have. */
const AT_ONCE = 100;
const OWN = 10;

test('a connection forgets the oldest statements, and nobody notices', () =>
  onOneConnection(async (acme, opened) => {
    const numbers = Array.from({ length: 2 * MOST_PREPARED }, (_, number) => number);
    const read = (number: number) => acme.$queryRaw<{ n: number }>(raw(`SELECT ${String(number)} AS n`));
    const readAll = async () => {
      for (let at = 0; at < numbers.length; at += AT_ONCE) {
        const some = numbers.slice(at, at + AT_ONCE);
        expect(await Promise.all(some.map(read))).toEqual(some.map((n) => [{ n }]));
      }
    };
    await readAll();
    const [kept] = await acme.$queryRaw<{ count: number }>(
      raw('SELECT count(*)::int AS count FROM pg_prepared_statements'),
    );
    expect(kept!.count).toBeLessThanOrEqual(MOST_PREPARED + AT_ONCE + OWN);
    await readAll();
    await expectClean(opened);
  }));
