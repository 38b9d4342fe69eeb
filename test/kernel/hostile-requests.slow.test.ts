/**
 * Small requests that could keep a server busy (the table of `npm run attack`,
 * packages/attack/src/hostile-documents.ts). Reading, refusing or answering each takes less than 20 ms of CPU time on
 * every way into the server.
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

/** The CPU time for one request. It includes the test's client, which runs in the same process. */
const MOST_CPU_MS = 20;
/**
 * The number of attempts, of which the fastest counts: other processes use the machine, and the first attempts run code
 * that is not compiled yet.
 */
const TRIES = 60;

const server = useServer({
  env: {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgresql://tenantry_app@localhost/tenantry',
    FEDERATION: 'true',
  },
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

/** All frames about an operation, when the last one has come. */
const lastFrameOf = (id: string) =>
  new Promise<string>((resolve) => {
    const frames: string[] = [];
    const read = (data: Buffer) => {
      const text = data.toString();
      // Not parsed: that is the work of a client, and an answer may have half a megabyte.
      const [, about, type] = /^\{"id":"(\d+)","type":"(\w+)"/.exec(text) ?? [];
      if (about !== id) return;
      frames.push(text);
      if (type === 'next') return;
      socket.off('message', read);
      resolve(frames.join('\n'));
    };
    socket.on('message', read);
  });

const { schema } = buildApi(modules, { federation: true });
const table = [100_000, 60_000].flatMap((bytes) => hostileRequests(schema, { bytes, write: true }));
const requests = [...new Map(table.map((request) => [request.json, request])).values()];
const short = hostileRequests(schema, { bytes: 2_600, write: false });

/** How many times slower than usual the machine is now, measured with a fixed piece of work. */
function slowness(): number {
  const source = `{ ${'a { b(c: 1) } '.repeat(1_000)} }`;
  const measured = Array.from({ length: 5 }, () => cpuOf(() => parse(source)));
  return Math.max(1, Math.min(...measured) / USUAL_MS);
}
/** The CPU time of this work, in ms, on an idle machine. */
const USUAL_MS = 0.6;

function cpuOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** The names of the requests that took longer, with their times. */
async function busy(names: readonly string[], send: (index: number) => Promise<unknown>): Promise<string[]> {
  const found: string[] = [];
  for (const [index, name] of names.entries()) {
    let least = Infinity;
    for (let attempt = 0; attempt < TRIES && least >= MOST_CPU_MS; attempt++) {
      const before = process.cpuUsage();
      await send(index);
      const { user, system } = process.cpuUsage(before);
      const measured = (user + system) / 1_000;
      // The speed of the machine is measured only when a request seems to take too long.
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
  const names = namesOf(requests);
  for (const field of ['nodes', '_entities'])
    expect(names).toContain(`variables: 1000 ids for ${field} under aliases`);
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
  let sent = 0;
  const subscribe = async (at: number) => {
    const id = String(++sent);
    const answered = lastFrameOf(id);
    socket.send(`{"id":"${id}","type":"subscribe","payload":${requests[at]!.json}}`);
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
      // Most of these documents are refused.
    }
  };
  expect(await busy(namesOf(table.slice(0, 60)), read)).toEqual([]);
}, 300_000);
