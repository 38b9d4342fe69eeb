/**
 * The attack of `npm run attack` on the platform, with everything in sight. Whatever field, argument or subscription is
 * added is attacked without anything being said here.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../src/attack/report.js';
import { attackServer } from '../support/attack-suite.js';
import { PLATFORM_MODULES } from '../support/platform-attacks.js';
import { useServer } from '../support/server.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();

describe('the platform', () => {
  const server = useServer({ modules: PLATFORM_MODULES });
  let report: Report;
  beforeAll(async () => {
    report = await attackServer(server(), statements);
  }, 60_000);

  test('tells nothing of another tenant', () => {
    console.log(JSON.stringify({ ...report, breaches: report.breaches.slice(0, 10) }, null, 1), report.breaches.length);
    expect(report.breaches).toEqual([]);
  });
});
