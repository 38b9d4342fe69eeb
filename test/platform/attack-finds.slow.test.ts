/**
 * Proves that the attack fails on servers that leak: it finds each kind of leak in a module that it does not know.
 * Without this, a run without findings would prove nothing.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isClean, printReport, type Breach, type Report } from 'tenantry-attack';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { attackServer } from '../support/attack-suite.js';
import { endChildrenAfterAll, runChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { leakyModule } from '../support/leaky-module.js';
import { createNotes } from '../support/notes.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { rowsDigest } from '../support/planted-rows.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();
const database = useDatabase();
let report: Report;

const leaky = leakyModule(database);
let server: TestServer;

beforeAll(async () => {
  await createNotes(database());
  server = await startTestServer({ modules: [tenantModule, leaky.module], database: database() });
  report = await attackServer(server, statements, { attackers: ['owner'] });
}, 1_200_000);
afterAll(async () => {
  await server.close();
  await leaky.close();
});
endChildrenAfterAll();

test.each<[string, Breach['breach'], string]>([
  ['a list without a filter', 'value found', 'Query.allTexts'],
  ['a field behind objects', 'value found', 'Query.hidden.deeper.note(id:)'],
  ['an error that says what it is about', 'value found', 'Query.noteInError(id:)'],
  ['an error where there is nothing to see', 'answers differ', 'Query.noteInError(id:)'],
  ['an id inside of inputs', 'answers differ', 'Query.noteOrRefusal(where.either.id:)'],
  ['a statement more', 'statements differ', 'Query.noteInOneMoreStatement(id:)'],
  ['a line in the log', 'value found', 'Query.noteInLog(id:)'],
  ['a count', 'answers differ', 'Query.countOfTexts(contains:)'],
  ['a cursor that contains a value', 'value found', 'Query.lastCursor'],
  ['a number that depends on the victim', 'answers differ', 'Query.busyness'],
  ['a change of a row of the victim', 'victim changed', 'Mutation.rewriteNote(id:)'],
  ['a key that is unique across tenants', 'answers differ', 'Mutation.claimText(text:)'],
  ['an event', 'told of a change', 'Subscription.anyNoteAdded'],
])('it finds %s: %s', (_what, breach, at) => {
  expect(report.breaches.map((found) => `${found.breach} ${found.at}`)).toContain(`${breach} ${at}`);
});

/** None of these modules has a row with a day. */
const DAYS = ['Query.tenant', 'Query.me.tenant', 'Query.me.memberships.tenant'].flatMap((path) =>
  ['from', 'to'].map((end) => `${path}.usageHistory(range.${end}:)`),
);

test('and nothing where nothing leaks', () => {
  const leaking = /allTexts|hidden|note|countOfTexts|lastCursor|busyness|claimText|anyNoteAdded|connection/i;
  expect(report.breaches.filter(({ at }) => !leaking.test(at))).toEqual([]);
});

test('what it has no value or no row for, it says, and that is a failure', () => {
  expect(report.notAttacked).toEqual([
    // None of these modules has settings.
    'Mutation.updateTenantSettings: the victim could plant nothing with it: it was answered BAD_USER_INPUT',
    'Mutation.claimText: the victim could plant nothing with it: it was answered null',
    'Mutation.payIn: the victim could plant nothing with it: it was answered BAD_USER_INPUT',
    'Query.countOver(money:): no value of the form that Money has is known',
    ...DAYS.map((name) => `${name}: the victim has no value of type Date that tells whose it is`),
    'Mutation.payIn(money:): no value of the form that Money has is known',
  ]);
  expect(isClean({ ...report, breaches: [] })).toBe(false);
  expect(printReport(report)).toContain('NOT ATTACKED');
});

test('each breach comes with the request that shows it, and without a token', () => {
  const printed = printReport(report);
  for (const { command } of report.breaches) {
    expect(printed).toContain(command);
    expect(command).toMatch(/^curl .*\$TOKEN_A1/);
    expect(command).not.toContain('Bearer ey');
  }
});

describe('as a command', () => {
  const run = (...args: string[]) => runChild('packages/attack/src/main.ts', args, {});
  const against = async (target: TestServer) => [
    '--url',
    `${target.url}/graphql`,
    '--token-a',
    (await target.as('owner', 'acme')).token,
    '--token-b',
    (await target.as('owner', 'globex')).token,
  ];

  test('it exits with 1 when something leaks, and says what it has not looked at', async () => {
    const { code, stdout } = await run(...(await against(server)), '--json');
    const { breaches, notChecked } = JSON.parse(stdout) as Report;
    expect(code).toBe(1);
    expect(breaches.map(({ at }) => at)).toContain('Query.lastCursor');
    expect(notChecked.join('\n')).toMatch(/--write[^]*--database-url[^]*--log-file/);
  });

  test('it exits with 0 when nothing does, and changes nothing', async () => {
    const tight = await startTestServer({ modules: [tenantModule] });
    try {
      const before = await Promise.all(['acme', 'globex'].map((slug) => rowsDigest(tight.database, slug)));
      const { code, stdout } = await run(
        ...(await against(tight)),
        ...DAYS.flatMap((name) => ['--not-attacked', name]),
      );
      expect(stdout).toMatch(/No breach\.\n$/);
      expect(code).toBe(0);
      expect(await Promise.all(['acme', 'globex'].map((slug) => rowsDigest(tight.database, slug)))).toEqual(
        before,
      );
    } finally {
      await tight.close();
    }
  });

  test.each([
    ['one tenant alone', ['--token-a', 'x']],
    ['no server', ['--url', 'http://127.0.0.1:1/graphql', '--token-a', 'x', '--token-b', 'y']],
  ])('it exits with 2 for %s', async (_what, args) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).not.toBe('');
  });
});
