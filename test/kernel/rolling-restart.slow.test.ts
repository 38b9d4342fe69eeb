/**
 * Proves that no request fails while servers are replaced one after the other, under load, behind a load balancer that
 * probes their readiness.
 */
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { startBalancer } from '../support/balancer.js';
import { endChildrenAfterAll, startChild, type Child } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { TEST_SECRET } from '../support/server.js';
import { startLoad } from '../support/several-servers.js';
import { until } from '../support/until.js';

endChildrenAfterAll();
const database = useDatabase();

interface Running extends Child {
  readonly url: string;
}

async function start(drainSeconds: number): Promise<Running> {
  const child = startChild('src/main.ts', [], {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: database().app,
    JWT_SECRET: TEST_SECRET,
    DRAIN_SECONDS: String(drainSeconds),
    REQUEST_TIMEOUT_MS: '60000',
    ...(database().contextKey !== undefined && { CONTEXT_SIGNING_KEY: database().contextKey! }),
  });
  const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
  return Object.assign(child, { url });
}

/** A busy machine needs a long time. */
const PATIENCE_MS = 60_000;

test('loses no request, and a second signal ends a server at once', { timeout: 300_000 }, async () => {
  const [balancer, first, second, third] = await Promise.all([
    startBalancer(),
    // The load balancer has to notice within this time, also on a busy machine.
    start(8),
    start(8),
    start(600),
  ]);
  const token = issueToken(
    { tenantId: await database().tenantId('acme'), userId: 'demo|acme|owner', email: 'owner@acme.test' },
    { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
    600,
  );
  let names = 0;
  const read = () => '{ tenant { slug } }';
  // Only one client writes. Several would wait for each other's row.
  const write = () =>
    `mutation { updateTenant(input: { name: "Name ${String(names++)}" }) { tenant { id } } }`;

  for (const { url } of [first, second]) balancer.add(url);
  await until('both are ready', () => balancer.ready.length === 2, PATIENCE_MS);
  const load = startLoad(balancer.url, token, [write, read, read, read]);
  const good = () => load.good;
  await until('requests are answered', () => good() > 100, PATIENCE_MS);
  // Neither a connection that sends nothing nor the load balancer's connections delay the end.
  const unused = connect(Number(new URL(first.url).port), '127.0.0.1').on('error', () => undefined);
  first.kill('SIGTERM');
  const before = good();
  expect(await first.ended).toMatchObject({ code: 0, signal: null });
  await until('requests are answered by the second', () => good() > before + 50, PATIENCE_MS);
  balancer.add(third.url);
  await until('the third is ready', () => balancer.ready.includes(third.url), PATIENCE_MS);
  second.kill('SIGTERM');
  expect(await second.ended).toMatchObject({ code: 0, signal: null });
  const after = good();
  await until('the third answers', () => good() > after + 100, PATIENCE_MS);
  await load.end();
  expect(load.bad).toEqual([]);
  for (const { stdout } of [first, second]) expect(stdout).not.toContain('cut off');
  unused.destroy();
  await balancer.close();

  // A second signal ends a server at once, whatever it still waits for.
  third.kill('SIGTERM');
  await third.says(/told to stop/);
  expect((await fetch(`${third.url}/readyz`)).status).toBe(503);
  third.kill('SIGTERM');
  expect(await third.ended).toMatchObject({ code: 1, signal: null });
});
