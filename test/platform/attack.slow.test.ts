/**
 * Runs the attack of `npm run attack` on the installed modules, with access to answers, statements, the log and the
 * victim's rows. Every new field, argument or subscription is attacked without a change here.
 */
import { beforeAll, expect, test } from 'vitest';
import type { Breach, Report } from 'tenantry-attack';
import { NOT_ATTACKED, SAME_DAYS, WITHOUT_EFFECT } from '../attack-declarations.js';
import { attackServer } from '../support/attack-suite.js';
import { useServer } from '../support/server.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();
const server = useServer({
  env: {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgresql://tenantry_app@localhost/x',
    // With everything that may be switched on.
    FEDERATION: 'true',
  },
});
let report: Report;
beforeAll(async () => {
  report = await attackServer(server(), statements, { notAttacked: NOT_ATTACKED });
}, 1_200_000);

/**
 * A caller who has the link of an invitation may learn that it is for another address (docs/invitations.md), but not
 * for which.
 */
const isForAnotherAddress = ({ at, breach, sent }: Breach) =>
  at === 'Mutation.acceptInvitation(input.token:)' &&
  breach === 'answers differ' &&
  sent?.endsWith('the victim’s the token of an invitation');

test('no attack succeeds', () => {
  expect(report.breaches.filter((breach) => !isForAnotherAddress(breach))).toEqual([]);
});

test('nothing is left unlooked at', () => {
  expect(report.notChecked).toEqual([]);
  expect(report.searchedFor).toBeGreaterThan(100);
});

test('the attacks reach something: values of the attacker’s own are answered in other ways', () => {
  const without = report.withoutEffect.filter((point) => !SAME_DAYS.includes(point));
  expect(without).toEqual(WITHOUT_EFFECT);
});

test('everything is attacked, with rows and values of every kind, but for what is declared', () => {
  const left = report.notAttacked.filter((what) => !SAME_DAYS.some((point) => what.startsWith(`${point}: `)));
  expect(left).toEqual([]);
});
