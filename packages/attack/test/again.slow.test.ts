/**
 * Proves that the attack says the same when it is run again: it writes values of the victim into the attacker's tenant,
 * and must neither take them for leaks the next time nor overlook a leak because of them.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { buildSchema, graphql } from 'graphql';
import { expect, test } from 'vitest';
import { callerOf } from '../src/callers.js';
import { lootValue, Loot } from '../src/loot.js';
import type { Report } from '../src/report.js';
import { attack } from '../src/run.js';
import { certain } from '../src/search.js';

const schema = buildSchema(`
  type Note { id: ID! text: String! about: String createdAt: String! }
  type Query {
    notes: [Note!]!
    note(id: ID!): Note
    notesAbout(about: String!): [Note!]!
  }
  type Mutation { addNote(text: String!, about: String): Note! }
`);

interface Note {
  readonly id: string;
  readonly tenant: string;
  readonly text: string;
  readonly about: string | null;
  readonly createdAt: string;
}

/** Keeps notes of two tenants. The token of a caller is the name of the tenant. */
async function startNotes(isLeaking: boolean): Promise<{ url: URL; close: () => Promise<void> }> {
  const seeded = new Date(Date.UTC(2026, 0, 1, 0, 0, 0, 123)).toISOString();
  const notes: Note[] = ['acme', 'globex'].map((tenant) => ({
    id: randomUUID(),
    tenant,
    text: `the first note of ${tenant}`,
    about: null,
    createdAt: seeded,
  }));
  const rootOf = (tenant: string) => {
    const own = () => notes.filter((note) => note.tenant === tenant);
    return {
      notes: own,
      note: ({ id }: { id: string }) => (isLeaking ? notes : own()).find((note) => note.id === id) ?? null,
      notesAbout: ({ about }: { about: string }) => own().filter((note) => note.about === about),
      addNote: ({ text, about = null }: { text: string; about?: string | null }) => {
        const note = { id: randomUUID(), tenant, text, about, createdAt: new Date().toISOString() };
        notes.push(note);
        return note;
      },
    };
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { query: source = '', variables } = JSON.parse(Buffer.concat(chunks).toString()) as {
      query?: string;
      variables?: Record<string, unknown>;
    };
    const tenant = (request.headers.authorization ?? '').replace('Bearer ', '');
    const result = await graphql({
      schema,
      source,
      rootValue: rootOf(tenant),
      ...(variables && { variableValues: variables }),
    });
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(result));
  };
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: new URL(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function attackThreeTimes(isLeaking: boolean): Promise<Report[]> {
  const { url, close } = await startNotes(isLeaking);
  const reports: Report[] = [];
  try {
    for (let run = 0; run < 3; run++) {
      reports.push(
        await attack({
          url,
          attackers: [callerOf('acme', 'A', 0)],
          victims: [callerOf('globex', 'B', 0)],
          write: true,
          quietMs: 10,
        }),
      );
    }
  } finally {
    await close();
  }
  return reports;
}

/** What a hostile request delays depends on the machine. */
const found = ({ breaches }: Report) =>
  breaches
    .filter(({ attack }) => attack !== 'hostile request')
    .map(({ attack, breach, at, evidence }) => `${attack}: ${breach} at ${at} (${evidence})`);

test('a second and a third run find no breach where there is none', async () => {
  const [first, ...later] = await attackThreeTimes(false);
  expect(found(first!)).toEqual([]);
  for (const report of later) {
    expect(found(report)).toEqual([]);
    expect(report.notAttacked).toEqual(first!.notAttacked);
    expect(report.notChecked.join('\n')).toContain('an earlier run with --write');
  }
}, 600_000);

test('they find a leak as the first does', async () => {
  const reports = await attackThreeTimes(true);
  for (const report of reports)
    expect(found(report)).toContainEqual(expect.stringContaining('id: answers differ at Query.note(id:)'));
}, 600_000);

test('a time of a second in which both tenants made rows proves nothing', () => {
  const own = new Loot([lootValue('Note.createdAt', '2026-01-01T10:00:00.120Z')]);
  const isCertain = certain(own, () => false);
  const at = (time: string) => isCertain(lootValue('Note.createdAt', time));
  expect(at('2026-01-01T10:00:00.999Z')).toBe(false);
  expect(at('2026-01-01T10:00:01.120Z')).toBe(true);
  expect(isCertain(lootValue('Note.due', '2026-01-01'))).toBe(true);
});
