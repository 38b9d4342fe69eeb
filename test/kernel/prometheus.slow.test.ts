/**
 * Proves that every expression of the alerts and of the dashboards in deploy/ can be evaluated by Prometheus and uses only
 * metrics that the server has, and who may read the metrics.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startPrometheus, type TestPrometheus } from '../support/prometheus.js';
import { startTestServer, useServer, type TestServer } from '../support/server.js';
import { freePort } from '../support/unprivileged.js';
import { until } from '../support/until.js';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const RULES = join(DEPLOY, 'prometheus/rules.yml');
const TOKEN = 'a token of the test, for Prometheus';

interface Named {
  readonly name: string;
  readonly expression: string;
}

const alerts = (
  parse(readFileSync(RULES, 'utf8')) as { groups: { rules: { alert: string; expr: string }[] }[] }
).groups.flatMap(({ rules }) => rules.map(({ alert, expr }): Named => ({ name: alert, expression: expr })));

const panels = readdirSync(join(DEPLOY, 'grafana')).flatMap((file) => {
  const { panels: all } = JSON.parse(readFileSync(join(DEPLOY, 'grafana', file), 'utf8')) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  return all.flatMap(({ title, targets }) =>
    targets.map(({ expr }): Named => ({ name: `${file}: ${title}`, expression: expr })),
  );
});

/** Metrics that exist only with Redis or an identity provider. */
const CONDITIONAL = new Set(['tenantry_rates_shared', 'tenantry_signing_keys_reachable']);
/** Names of metrics; those of functions and labels have no such prefix, and those of histograms a suffix. */
const METRIC = /\b(?:tenantry_|http_request_|process_)\w+|\bup\b/g;

const server = useServer({ env: { METRICS_TOKEN: TOKEN } });
let prometheus: TestPrometheus;
beforeAll(async () => {
  server().services.sealing.sealedAt = performance.now();
  prometheus = await startPrometheus(`${server().url}/metrics`, { ruleFile: RULES, token: TOKEN });
  const owner = await server().as('owner', 'acme');
  await until(
    'Prometheus has read the metrics twice',
    async () => {
      // Something happens in between.
      await owner.query('{ members { totalCount } }');
      const [series] = await prometheus.query('count_over_time(up{job="tenantry"}[1m])');
      const [up] = await prometheus.query('up{job="tenantry"}');
      return Number(series?.value[1]) >= 3 && up?.value[1] === '1';
    },
    100_000,
  );
}, 120_000);
afterAll(() => prometheus.close());

test('there are alerts and panels', () => {
  expect(alerts.length).toBeGreaterThan(10);
  expect(panels.length).toBeGreaterThan(20);
});

test.each([...alerts, ...panels])('$name', async ({ expression }) => {
  await prometheus.query(expression.replaceAll('$__rate_interval', '1m'));
  const names = [...new Set(expression.match(METRIC))];
  expect(names.length).toBeGreaterThan(0);
  const missing: string[] = [];
  for (const name of names) {
    if (CONDITIONAL.has(name)) continue;
    // A counter with labels has no series before the first event; its description is there all the same.
    if (!text.includes(`# TYPE ${name.replace(/_(?:bucket|count|sum)$/, '')} `) && name !== 'up')
      missing.push(name);
  }
  expect(missing).toEqual([]);
});

let text: string;
const read = (url: string, token?: string) =>
  fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
beforeAll(async () => {
  text = await (await read(`${server().url}/metrics`, TOKEN)).text();
});

test('Prometheus evaluates all rules', async () => {
  await until('all rules are evaluated', async () =>
    [...(await prometheus.rules()).values()].every((health) => health !== 'unknown'),
  );
  expect([...(await prometheus.rules())].filter(([, health]) => health !== 'ok')).toEqual([]);
});

test('a request counts for its tenant, in requests, cost and time of the database', async () => {
  const acme = `tenant_${await server().database.tenantId('acme')}`;
  for (const what of ['requests', 'cost', 'database_seconds']) {
    // There is none while a reading takes longer than Prometheus waits.
    await until(`Prometheus has ${what}`, async () => {
      const [own] = await prometheus.query(`sum(tenantry_tenant_${what}_total{tenant=~"${acme}|other"})`);
      return Number(own?.value[1]) > 0;
    });
  }
});

describe('who reads the metrics', () => {
  const started: TestServer[] = [];
  const start = async (env: Record<string, string>) => {
    const made = await startTestServer({ database: server().database, env });
    started.push(made);
    return made;
  };
  afterAll(async () => {
    for (const each of started) await each.close();
  });
  const PRODUCTION = {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgresql://tenantry_app@localhost/tenantry',
  };

  test('needs the token, if there is one', async () => {
    const at = `${server().url}/metrics`;
    for (const token of [undefined, '', 'x', `${TOKEN}x`, TOKEN.slice(1)]) {
      const answer = await read(at, token);
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain('tenantry_');
    }
    expect((await read(at, TOKEN)).status).toBe(200);
  });

  test('finds none in production without a token and without a port of their own', async () => {
    const { url, warnings } = await start(PRODUCTION);
    expect((await read(`${url}/metrics`)).status).toBe(404);
    expect(warnings.join()).toContain('METRICS_PORT');
  });

  test('finds them at the port of their own alone', async () => {
    const port = await freePort();
    const { url } = await start({ ...PRODUCTION, METRICS_PORT: String(port), METRICS_TOKEN: TOKEN });
    expect((await read(`${url}/metrics`, TOKEN)).status).toBe(404);
    const own = `http://127.0.0.1:${String(port)}`;
    expect((await read(`${own}/metrics`)).status).toBe(401);
    expect((await read(`${own}/metrics`, TOKEN)).status).toBe(200);
    for (const path of ['/', '/graphql', '/healthz'])
      expect((await read(own + path, TOKEN)).status).toBe(404);
  });
});
