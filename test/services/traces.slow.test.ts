/**
 * Proves with a collector of OTLP over HTTP that one trace leads from the request of a client through the statements in the
 * database to the job and to the webhook that is sent; that no value is in it; and that a client cannot have itself traced.
 */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTracing, Trace } from '../../src/kernel/tracing/trace.js';
import { startTraces } from '../../src/services/telemetry/traces.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { bareId } from '../support/ids.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { socketClient } from '../support/socket-requests.js';
import { until } from '../support/until.js';

/** A value that must be in no span. */
const CANARY = 'canary-51c7e';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const attribute = ({ attributes }: Span, key: string) =>
  Object.values(attributes.find((each) => each.key === key)?.value ?? {})[0];

/** The spans that a collector has received. */
const spansAt = (collector: Receiver): Span[] =>
  collector.received.flatMap(({ body }) => {
    const { resourceSpans } = JSON.parse(body) as {
      resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
    };
    return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  });

test('without a collector nothing is traced', () => {
  expect(isTracing()).toBe(false);
  expect(Trace.begin('x', { kind: 'server', attributes: {} })).toBeUndefined();
});

describe('with a collector', () => {
  let collector: Receiver;
  let hooks: Receiver;
  let server: TestServer;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    collector = await startReceiver((_, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
    );
    hooks = await startReceiver();
    stop = await startTraces(
      { endpoint: collector.url, ratio: 1, serviceName: 'tenantry-test' },
      () => undefined,
    );
    server = await startTestServer({ env: { OUTGOING_ALLOWED_HOSTS: '127.0.0.1' } });
  });
  afterAll(async () => {
    await stop();
    await server.close();
    await hooks.close();
    await collector.close();
  });

  test('a trace leads from the client’s header to SQL, to the job and to the webhook', async () => {
    const owner = await server.as('owner', 'acme');
    const { errors } = await owner.query(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }',
      { input: { url: `${hooks.url}/${CANARY}`, events: ['tenant.updated'] } },
    );
    expect(errors).toEqual([]);
    const traceId = hex(16);
    const parent = hex(8);
    const traced = (flags: string) =>
      server.withHeaders({
        authorization: `Bearer ${owner.token}`,
        traceparent: `00-${traceId}-${parent}-${flags}`,
        'x-canary': CANARY,
      });
    const { errors: refused } = await traced('01').query(
      `mutation Rename($name: String!) { updateTenant(input: { name: $name }) { tenant { name } } }`,
      { name: CANARY },
    );
    expect(refused).toEqual([]);
    await traced('01').query('query Members { members(first: 3) { nodes { email } } }');
    await traced('00').query('query NotSampled { members(first: 3) { nodes { email } } }');
    server.services.worker.start(pino({ level: 'silent' }));
    await until('the webhook is sent', () => hooks.received.length === 1);
    await server.services.worker.stop(60_000);
    const socket = await socketClient(server, owner.token);
    await socket.ask({ query: 'query Socket { me { userId } }' });
    socket.socket.close();
    await until('the client has gone', () => socket.closed !== undefined);
    await stop();

    const all = spansAt(collector);
    const spans = all.filter((span) => span.traceId === traceId);
    const named = (name: string) => {
      const [span, ...others] = spans.filter((each) => each.name === name);
      expect(span, `${name} in ${spans.map((each) => each.name).join(', ')}`).toBeDefined();
      return { span: span!, others };
    };
    const tenantId = await server.database.tenantId('acme');
    const requests = spans.filter(({ name }) => name === 'POST /graphql');
    expect(requests.map((span) => attribute(span, 'graphql.operation.name')).sort()).toEqual([
      'Members',
      'Rename',
    ]);
    const rename = requests.find((span) => attribute(span, 'graphql.operation.name') === 'Rename')!;
    for (const request of requests) {
      expect(request.parentSpanId).toBe(parent);
      expect(attribute(request, 'tenant.id')).toBe(tenantId);
      expect(attribute(request, 'http.response.status_code')).toBe(200);
      const steps = spans
        .filter(({ parentSpanId }) => parentSpanId === request.spanId)
        .map(({ name }) => name);
      expect(steps).toEqual(expect.arrayContaining(['authenticate', 'read document']));
    }
    const execution = named('mutation Rename').span;
    expect(execution.parentSpanId).toBe(rename.spanId);
    for (const [operation, sql] of [
      ['mutation Rename', /UPDATE/],
      ['query Members', /SELECT .*memberships/],
    ] as const) {
      const { spanId } = named(operation).span;
      const steps = spans.filter(({ parentSpanId }) => parentSpanId === spanId);
      expect(steps.map(({ name }) => name)).toEqual(expect.arrayContaining(['transaction', 'SQL']));
      const texts = steps.map((span) => String(attribute(span, 'db.query.text')));
      expect(
        texts.some((text) => sql.test(text)),
        texts.join('\n'),
      ).toBe(true);
    }
    const job = named('job webhook.deliver').span;
    expect(job.parentSpanId).toBe(execution.spanId);
    expect(attribute(job, 'tenant.id')).toBe(tenantId);
    const sent = named('send webhook').span;
    expect(sent.parentSpanId).toBe(job.spanId);
    expect(hooks.received[0]!.headers['traceparent']).toBe(`00-${traceId}-${sent.spanId}-01`);
    const overSocket = all.find(({ name }) => name === 'WEBSOCKET /graphql');
    expect(attribute(overSocket!, 'graphql.operation.name')).toBe('Socket');
    const sentBodies = collector.received.map(({ body }) => body).join('\n');
    expect(sentBodies).toContain('tenantry-test');
    for (const secret of [CANARY, owner.token, 'owner@acme.test']) expect(sentBodies).not.toContain(secret);
    expect(bareId(tenantId)).toBe(tenantId);
  });
});

describe('what is kept', () => {
  const begun = (traceparent: string | undefined) =>
    Trace.begin('x', { kind: 'server', attributes: {}, traceparent });

  test('is decided by the server, not by a client that asks for it', async () => {
    const stop = await startTraces(
      { endpoint: 'http://127.0.0.1:9', ratio: 0, serviceName: 'x' },
      () => undefined,
    );
    for (let n = 0; n < 50; n++) expect(begun(`00-${hex(16)}-${hex(8)}-01`)).toBeUndefined();
    await stop();
  });

  test('begins anew after a header that is none', async () => {
    const stop = await startTraces(
      { endpoint: 'http://127.0.0.1:9', ratio: 1, serviceName: 'x' },
      () => undefined,
    );
    for (const wrong of [
      undefined,
      '',
      'x',
      `00-${'0'.repeat(32)}-${hex(8)}-01`,
      `ff-${hex(16)}-${hex(8)}-01`,
    ]) {
      const trace = begun(wrong);
      expect(trace?.traceparent, wrong).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      trace?.end();
    }
    await stop();
  });

  test('a collector that does not answer is reported, and nothing fails', async () => {
    const problems: string[] = [];
    const stop = await startTraces(
      { endpoint: 'http://127.0.0.1:9', ratio: 1, serviceName: 'x' },
      (problem) => problems.push(problem),
    );
    begun(undefined)!.end('FORBIDDEN');
    await stop();
    expect(problems).not.toEqual([]);
    expect(isTracing()).toBe(false);
  });
});
