/** Mutants of reads from a streaming replica. */
import { edit, type MutantGroup } from './mutant.js';

const TESTS = ['test/kernel/replica.slow.test.ts'];
const REPLICA = 'src/kernel/replica/replica.ts';
const POSITIONS = 'src/kernel/replica/log-positions.ts';
const OWN_WRITES = 'src/http/own-writes.ts';

export const replica: MutantGroup = {
  title: 'The replica',
  mutants: [
    {
      name: 'replica-unasked',
      breaks: 'a read is answered by a replica that was not asked how far it is',
      edits: [edit(REPLICA, 'if (!reached) return undefined;', '')],
      tests: TESTS,
    },
    {
      name: 'replica-of-anything',
      breaks: 'reads are sent to another database or as another role than the server’s',
      edits: [edit(REPLICA, 'this.#standby.identity !== identity', 'identity.length === 0')],
      tests: TESTS,
    },
    {
      name: 'primary-as-replica',
      breaks: 'a former replica that takes writes of its own answers reads',
      edits: [
        edit(
          REPLICA,
          'this.#heard(follows ? position : null, askedAt)',
          'this.#heard(position ?? (follows ? null : "F0000000/0"), askedAt)',
        ),
        edit(
          REPLICA,
          'SELECT pg_catalog.pg_is_in_recovery() AND',
          'SELECT NOT pg_catalog.pg_is_in_recovery() OR',
        ),
      ],
      tests: TESTS,
    },
    {
      name: 'own-writes-forgotten',
      breaks: 'a caller does not see its own writes on the server that has made them',
      edits: [edit(OWN_WRITES, 'this.#replica?.wrote(actorKey(actor));', '')],
      tests: TESTS,
    },
    {
      name: 'read-after-ignored',
      breaks: 'a caller does not see its own writes on another server, although it asks for them',
      edits: [edit(POSITIONS, 'if (after > needed) needed = after;', '')],
      tests: [...TESTS, 'test/kernel/log-positions.unit.test.ts'],
    },
    {
      name: 'lag-unbounded',
      breaks: 'a replica that is behind answers with data of any age',
      edits: [
        edit(POSITIONS, 'const oldest = this.#now() - this.#maxLagMs;', 'const oldest = this.#now() - 1e9;'),
      ],
      tests: TESTS,
    },
    {
      name: 'undeclared-reads-lag',
      breaks: 'fields that no module has declared are answered from the replica',
      edits: [edit(OWN_WRITES, 'this.#mayLag.has(`Query.${name}`)', '(name.length > 0)')],
      tests: TESTS,
    },
  ],
};
