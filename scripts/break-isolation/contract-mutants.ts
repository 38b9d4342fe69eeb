/** Mutants of what the server promises about HTTP and about its schema: origins, bodies, caches of clients, errors. */
import { edit, type MutantGroup } from './mutant.js';

const ORIGINS = 'src/kernel/config/origins.ts';
const BODIES = 'src/http/json-bodies.ts';
const CACHING = 'src/http/caching.ts';
const ORIGINS_TEST = 'test/kernel/origins.unit.test.ts';
const HTTP_TEST = 'test/clients/http.test.ts';

export const contract: MutantGroup = {
  title: 'Requests and answers over HTTP',
  mutants: [
    {
      name: 'every-origin-listed',
      breaks: 'a page of an origin that is not listed may read answers',
      edits: [
        edit(
          ORIGINS,
          'if (after === undefined) return origin === entry;',
          'if (after === undefined) return true;',
        ),
      ],
      tests: [ORIGINS_TEST, HTTP_TEST],
    },
    {
      name: 'wildcard-for-many-labels',
      breaks: '`https://*.example.com` stands for several labels, as in `a.b.example.com`',
      edits: [
        edit(
          ORIGINS,
          'return LABEL.test(origin.slice(before.length, -after.length));',
          "return LABEL.test(origin.slice(before.length, -after.length).replaceAll('.', ''));",
        ),
      ],
      tests: [ORIGINS_TEST],
    },
    {
      name: 'wildcard-over-http',
      breaks: 'CORS_ORIGINS takes `http://*.example.com`, for which anybody on the network can answer',
      edits: [
        edit(ORIGINS, "if (protocol !== 'https:' && !isLocal) {", "if (protocol === '' && !isLocal) {"),
      ],
      tests: [ORIGINS_TEST],
    },
    {
      name: 'gzip-without-limit',
      breaks: 'a compressed body of a few KiB takes any amount of memory',
      edits: [edit(BODIES, '{ maxOutputLength: mostBytes }', '{ maxOutputLength: mostBytes * 1_000 }')],
      tests: [HTTP_TEST],
    },
    {
      name: 'plain-text-taken',
      breaks: 'a body in plain text, which a foreign page sends without a preflight request, is read',
      edits: [
        edit(
          BODIES,
          "app.removeContentTypeParser(['application/json', 'text/plain']);",
          "app.removeContentTypeParser('application/json');",
        ),
      ],
      tests: ['test/kernel/error-refusals.test.ts'],
    },
    {
      name: 'failed-step-logged-twice',
      breaks: 'a failure of a step of Apollo Server is logged and counted twice',
      edits: [
        edit('src/http/unexpected-errors.ts', 'usage.codes.includes(CODE)', "usage.codes.includes('')"),
      ],
      tests: ['test/kernel/graphql-handler-failures.test.ts'],
    },
    {
      name: 'numbers-rounded',
      breaks: 'a number that JavaScript cannot keep is rounded without an error',
      edits: [
        edit(
          'src/kernel/graphql/exact-numbers.ts',
          'if (!SUSPICIOUS.test(json)) return;',
          'if (json.length > 0) return;',
        ),
      ],
      tests: ['test/kernel/exact-numbers.unit.test.ts', HTTP_TEST],
    },
    {
      name: 'answers-kept-by-anybody',
      breaks: 'a shared cache may keep the answer to one caller and give it to another',
      edits: [
        edit(
          CACHING,
          "  app.addHook('onRequest', (request, reply, done) => {\n    void reply.header('cache-control', KEPT_BY_NOBODY);",
          "  app.addHook('onRequest', (request, reply, done) => {\n    void reply.header('cache-control', 'max-age=60');",
        ),
      ],
      tests: [HTTP_TEST],
    },
    {
      name: 'answers-do-not-vary',
      breaks: 'a cache may give an answer to a caller with other credentials',
      edits: [
        edit(
          CACHING,
          'if (request.routeOptions.config.authenticated) void',
          "if (request.method === '') void",
        ),
      ],
      tests: [HTTP_TEST],
    },
    {
      name: 'schema-listed-without-limit',
      breaks: 'one request lists the whole schema any number of times',
      edits: [
        edit(
          'src/services/limits/operation-limits.ts',
          '    MOST_INTROSPECTIONS * new Measurement(',
          '    1_000 * MOST_INTROSPECTIONS * new Measurement(',
        ),
      ],
      tests: ['test/kernel/introspection-tools.unit.test.ts', 'test/kernel/introspection.unit.test.ts'],
    },
    {
      name: 'undeclared-errors-pass',
      breaks: 'a mutation fails in development with a code that the schema does not announce',
      edits: [
        edit(
          'src/kernel/graphql/declared-errors.ts',
          "if (undeclared === 'refuse' && declared &&",
          "if (undeclared === 'refuse' && declared?.size === 0 &&",
        ),
      ],
      tests: ['test/kernel/declared-errors.test.ts'],
    },
  ],
};
