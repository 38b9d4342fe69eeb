/** Mutants of the limits on answers and of the server's shutdown. */
import { edit, type MutantGroup } from './mutant.js';

const ANSWER_BYTES = 'src/kernel/request/answer-bytes.ts';
const UNREAD = 'src/http/unread-answers.ts';
const ANSWER_SIZE_TEST = 'test/kernel/answer-size.test.ts';
const UNREAD_TEST = 'test/kernel/unread-answers.test.ts';

export const answers: MutantGroup = {
  title: 'What an answer costs others',
  mutants: [
    {
      name: 'answer-bytes-ignored',
      breaks: 'the data of an answer may have any number of bytes before it becomes text',
      edits: [
        edit(
          ANSWER_BYTES,
          'return this.isOver || leastBytes(result.data, this.most) > this.most',
          'return this.isOver || leastBytes(result.data, this.most) > Infinity',
        ),
      ],
      tests: [ANSWER_SIZE_TEST],
    },
    {
      name: 'row-bytes-ignored',
      breaks: 'a request may read any number of rows into memory',
      edits: [edit(ANSWER_BYTES, 'this.#left -= bytes;', 'this.#left -= 0 * bytes;')],
      tests: [ANSWER_SIZE_TEST],
    },
    {
      name: 'answer-size-unchecked',
      breaks: 'an answer may have several times as many bytes as characters',
      edits: [
        edit(
          'src/http/answer-size.ts',
          'const isTooLarge = bytes.length > mostBytes',
          'const isTooLarge = bytes.length > Infinity',
        ),
      ],
      tests: [ANSWER_SIZE_TEST],
    },
    {
      name: 'compiled-answers-uncounted',
      breaks: 'an operation that comes again may have an answer of any size',
      edits: [
        edit(
          'src/kernel/graphql/execution.ts',
          'const isSmall = compiler!.characters - before < CERTAINLY_SMALL && compilation.hasShortNames;',
          'const isSmall = true;',
        ),
      ],
      tests: [ANSWER_SIZE_TEST],
    },
    {
      name: 'promises-of-rows-dropped',
      breaks: 'a client fills the log with errors about promises that nobody awaits',
      edits: [edit('src/kernel/graphql/resolvers.ts', 'throwOnlyInPromises(schema);', '')],
      tests: ['test/kernel/execution.unit.test.ts'],
    },
    {
      name: 'unread-answers-kept',
      breaks: 'an answer that its client does not read stays in memory',
      edits: [edit(UNREAD, 'socket.setTimeout(UNREAD_LIMITS.stalledMs);', 'socket.setTimeout(0);')],
      tests: [UNREAD_TEST],
    },
    {
      name: 'requests-ahead-at-once',
      breaks: 'requests of one connection are worked off at the same time, and all their answers kept',
      edits: [
        edit(UNREAD, 'if (response.socket !== null) return done();', 'if (UNREAD_LIMITS) return done();'),
      ],
      tests: [UNREAD_TEST],
    },
    {
      name: 'unread-total-unbounded',
      breaks: 'all clients together may leave any number of bytes unread',
      edits: [
        edit(
          UNREAD,
          'if (this.#total <= UNREAD_LIMITS.bytes || oldest === answer) break;',
          'if (this.#total <= Infinity || oldest === answer) break;',
        ),
      ],
      tests: [UNREAD_TEST],
    },
    {
      name: 'not-ready-too-late',
      breaks: 'a server that stops is ready until it accepts no more connections',
      edits: [edit('src/serve.ts', 'drain.begin();', '')],
      tests: ['test/kernel/rolling-restart.slow.test.ts'],
    },
  ],
};
