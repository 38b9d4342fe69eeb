/**
 * The attack fails on servers that leak: each way of leaking is found, in a module that nobody has told the attack of.
 * Without this, finding nothing would mean nothing.
 */
import { beforeAll, expect, test } from 'vitest';
import type { Breach, Report } from '../../src/attack/report.js';
import { printReport } from '../../src/attack/report.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { attackServer } from '../support/attack-suite.js';
import { useDatabase } from '../support/database.js';
import { leakyModule } from '../support/leaky-module.js';
import { createNotes } from '../support/notes.js';
import { startTestServer } from '../support/server.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();
const database = useDatabase();
let report: Report;

beforeAll(async () => {
  await createNotes(database());
  const { module, close } = leakyModule(database);
  const server = await startTestServer({ modules: [tenantModule, module], database: database() });
  try {
    report = await attackServer(server, statements, { attackers: ['owner'] });
  } finally {
    await server.close();
    await close();
  }
}, 60_000);

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

test('and nothing where nothing leaks', () => {
  const leaky = /allTexts|hidden|note|countOfTexts|lastCursor|busyness|claimText|anyNoteAdded|connection/i;
  expect(report.breaches.filter(({ at }) => !leaky.test(at))).toEqual([]);
});

test('each breach comes with the request that shows it, and without a token', () => {
  const printed = printReport(report);
  for (const { command } of report.breaches) {
    expect(printed).toContain(command);
    expect(command).toMatch(/^curl .*\$TOKEN_A1/);
    expect(command).not.toContain('Bearer ey');
  }
});
