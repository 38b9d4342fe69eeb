/**
 * Small requests that would keep a careless server busy (the table of `npm run attack`, packages/attack/src/hostile-documents.ts):
 * reading, refusing or answering each takes less than 20 ms of CPU, whichever way it comes.
 */
import { writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { hostileRequests } from 'tenantry-attack';
import { readTrustedDocuments } from '../../src/services/documents/trusted-documents.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { modules } from '../../src/modules.js';
import { useServer } from '../support/server.js';

/** Of one request, the client of the test included, which is the same process. */
const MOST_CPU_MS = 20;
/** The least of so many tries counts: others use the machine, and the first runs code that is not compiled yet. */
const TRIES = 60;

const server = useServer({
  env: { NODE_ENV: 'production', DATABASE_URL: 'postgresql://tenantry_app@localhost/tenantry' },
});
let token: string;
let socket: WebSocket;
beforeAll(async () => {
  ({ token } = await server().as('owner', 'acme'));
  socket = new WebSocket(`${server().url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await new Promise((resolve) => socket.once('open', resolve));
  const acknowledged = frame();
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
  await acknowledged;
});
afterAll(() => socket.close());

const frame = () =>
  new Promise<string>((resolve) => socket.once('message', (data: Buffer) => resolve(data.toString())));

const { schema } = buildApi(modules);
const table = [100_000, 60_000].flatMap((bytes) => hostileRequests(schema, { bytes, write: true }));
const requests = [...new Map(table.map((request) => [request.json, request])).values()];
const short = hostileRequests(schema, { bytes: 2_600, write: false });

/** How much slower than usual the machine is now, by a piece of work that is always the same. */
function slowness(): number {
  const source = `{ ${'a { b(c: 1) } '.repeat(1_000)} }`;
  const measured = Array.from({ length: 5 }, () => cpuOf(() => parse(source)));
  return Math.max(1, Math.min(...measured) / USUAL_MS);
}
/** Of this work, on a machine of today that does nothing else. */
const USUAL_MS = 0.6;

function cpuOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** The names of those that took more, with what they took. */
async function busy(names: readonly string[], send: (index: number) => Promise<unknown>): Promise<string[]> {
  const found: string[] = [];
  for (const [index, name] of names.entries()) {
    let least = Infinity;
    for (let attempt = 0; attempt < TRIES && least >= MOST_CPU_MS; attempt++) {
      const before = process.cpuUsage();
      await send(index);
      const { user, system } = process.cpuUsage(before);
      const measured = (user + system) / 1_000;
      // How slow the machine is at the moment matters only to what seems to take too long.
      least = Math.min(least, measured < MOST_CPU_MS ? measured : measured / slowness());
    }
    if (least >= MOST_CPU_MS) found.push(`${name}: ${least.toFixed(1)} ms`);
  }
  return found;
}

const post = async (body: string) => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const answer = await fetch(`${server().url}/graphql`, { method: 'POST', headers, body });
  const text = await answer.text();
  expect(text).not.toContain('"code":"INTERNAL_SERVER_ERROR"');
};

const namesOf = (of: readonly { readonly name: string }[]) => of.map(({ name }) => name);

test('there are many', () => {
  expect(requests.length).toBeGreaterThan(150);
});

test('over HTTP', async () => {
  expect(await busy(namesOf(requests), (at) => post(requests[at]!.json))).toEqual([]);
}, 300_000);

test('in a URL', async () => {
  const urls = short.map(
    ({ query }) => `${server().url}/graphql?${new URLSearchParams({ query }).toString()}`,
  );
  const headers = { authorization: `Bearer ${token}`, 'apollo-require-preflight': '1' };
  const get = async (at: number) => (await fetch(urls[at]!, { headers })).text();
  expect(await busy(namesOf(short), get)).toEqual([]);
}, 300_000);

test('over WebSocket', async () => {
  const subscribe = async (at: number) => {
    const answered = frame();
    socket.send(`{"id":"${String(at)}","type":"subscribe","payload":${requests[at]!.json}}`);
    expect(await answered).not.toContain('"code":"INTERNAL_SERVER_ERROR"');
  };
  expect(await busy(namesOf(requests), subscribe)).toEqual([]);
}, 300_000);

test('with their hash, to be registered', async () => {
  const texts = table.slice(0, 60);
  const bodies = texts.map(({ query }) =>
    JSON.stringify({
      query,
      extensions: {
        persistedQuery: { version: 1, sha256Hash: createHash('sha256').update(query).digest('hex') },
      },
    }),
  );
  expect(await busy(namesOf(texts), (at) => post(bodies[at]!))).toEqual([]);
}, 300_000);

test('in a manifest of trusted documents', async () => {
  const file = join(tmpdir(), `hostile-${String(process.pid)}.json`);
  const read = async (at: number) => {
    await writeFile(file, JSON.stringify({ document: table[at]!.query }));
    try {
      readTrustedDocuments(file, schema);
    } catch {
      // Most are refused.
    }
  };
  expect(await busy(namesOf(table.slice(0, 60)), read)).toEqual([]);
}, 300_000);
