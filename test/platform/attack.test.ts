/**
 * The attack of `npm run attack` on the installed modules, with everything in sight: answers, statements, the log, the
 * victim's rows. Whatever field, argument or subscription is added is attacked without anything being said here.
 */
import { beforeAll, expect, test } from 'vitest';
import type { Report } from '../../src/attack/report.js';
import { attackServer } from '../support/attack-suite.js';
import { useServer } from '../support/server.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();
const server = useServer({ env: { NODE_ENV: 'production', DATABASE_URL: 'postgresql://tenantry_app@localhost/x' } });
let report: Report;
beforeAll(async () => {
  report = await attackServer(server(), statements);
}, 90_000);

test('no attack succeeds', () => {
  console.log(JSON.stringify({ ...report, breaches: report.breaches.slice(0, 10) }, null, 1), report.breaches.length);
  expect(report.breaches).toEqual([]);
});
