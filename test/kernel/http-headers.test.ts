/**
 * Proves that every answer has the security headers, which origins may send requests, and what the metrics and the
 * GraphiQL page contain.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LISTED, expectSafeHeaders, useFaultyServer } from '../support/faulty-server.js';
import { until } from '../support/until.js';

const { server, json, operation, send } = useFaultyServer();

describe('every answer', () => {
  test.each(['/graphql', '/healthz', '/readyz', '/metrics', '/graphiql', '/'])(
    'of %s has the safe headers',
    async (path) => {
      // A server is not ready while its database takes seconds to answer.
      await until('it is answered', async () => {
        const response = await fetch(server().url + path, {
          redirect: 'manual',
          ...(path === '/graphql' && operation('{ me { userId } }')),
        });
        await response.arrayBuffer();
        expectSafeHeaders(response.headers);
        return response.status < 400;
      });
    },
  );
});

describe('a page of another origin', () => {
  const from = async (
    origin: string,
    init: { method?: string; body?: null; headers?: Record<string, string> } = {},
  ) => {
    const response = await fetch(`${server().url}/graphql`, {
      ...operation('{ me { userId } }'),
      ...init,
      headers: { ...json(), origin, ...init.headers },
    });
    await response.arrayBuffer();
    return response.headers;
  };
  const asksFirst = {
    method: 'OPTIONS',
    body: null,
    headers: { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
  };

  test.each([LISTED, 'https://other.example.test'])(
    'may read answers when it is listed: %s',
    async (origin) => {
      for (const headers of [await from(origin), await from(origin, asksFirst)]) {
        expect(headers.get('access-control-allow-origin')).toBe(origin);
        expect(headers.get('vary')).toMatch(/origin/i);
        expect(headers.get('access-control-allow-credentials')).toBeNull();
      }
      expect((await from(origin)).get('access-control-expose-headers')).toContain('x-request-id');
      expect((await from(origin, asksFirst)).get('access-control-allow-headers')).toContain('authorization');
    },
  );

  test.each([
    'https://evil.test',
    'http://app.example.test',
    'https://app.example.test:8443',
    'https://app.example.test.evil.test',
    'https://sub.app.example.test',
    'null',
  ])('may not when it is not: %s', async (origin) => {
    for (const headers of [await from(origin), await from(origin, asksFirst)]) {
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

describe('the metrics', () => {
  test('have the durations of answers by route, and the connections of the pool', async () => {
    await send('/graphql', operation('{ me { userId } }'));
    const text = await (await fetch(`${server().url}/metrics`)).text();
    expect(text).toMatch(/^http_request_duration_seconds_bucket\{[^}]*route="\/graphql"[^}]*\} \d+$/m);
    expect(text).toMatch(/^http_request_duration_seconds_count\{.*status="200".*\} [1-9]\d*$/m);
    for (const state of ['active', 'idle', 'waiting']) {
      expect(text).toMatch(new RegExp(`^tenantry_pool_connections\\{state="${state}"\\} \\d+$`, 'm'));
    }
  });

  test('name tenants by their ids in metrics of tenants alone, no user and no path that a client made up', async () => {
    const made = randomUUID();
    await send(`/${made}`);
    await send('/graphql', operation('{ me { userId } }'));
    const text = await (await fetch(`${server().url}/metrics`)).text();
    for (const name of [made, 'acme', 'demo|']) expect(text).not.toContain(name);
    const acme = await server().database.tenantId('acme');
    const lines = text.split('\n').filter((line) => line.includes(acme));
    expect(lines.filter((line) => !line.startsWith('tenantry_tenant_'))).toEqual([]);
  });
});

describe('the GraphiQL page', () => {
  test('is served, and `/` leads to it', async () => {
    const response = await fetch(server().url);
    expect(new URL(response.url).pathname).toBe('/graphiql');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await response.text()).toContain('<title>Tenantry</title>');
  });

  test('loads nothing from elsewhere, and may not', async () => {
    const response = await fetch(`${server().url}/graphiql`);
    // Only the markup. The content of scripts and style sheets is the package's own.
    const markup = (await response.text()).replace(
      /(<(script|style)\b[^>]*>)[\s\S]*?<\/\2>/gi,
      (_all, tag: string) => tag,
    );
    const links = [
      ...markup.matchAll(/\b(?:src|href|action|data|poster)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/gi),
    ]
      .map(([, a, b, c]) => a ?? b ?? c ?? '')
      .filter((link) => !link.startsWith('data:'));
    expect(links.filter((link) => /^(?:[a-z]+:)?\/\//i.test(link))).toEqual([]);
    const policy = response.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toMatch(/https?:|\*/);
  });
});
