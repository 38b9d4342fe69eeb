/**
 * Ids of the API: what the start refuses of their declarations, and what resolvers see of ids in arguments, inputs and
 * answers.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeId, idPrefix, NO_ROW, readId } from '../../src/kernel/vocabulary/id.js';
import { defineModule, type Module } from '../../src/kernel/graphql/module.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { ask } from '../support/tiny-modules.js';

const READ = '@requires(permission: NOTES_READ)';
const WRITE = '@requires(permission: NOTES_WRITE)';
const ID = randomUUID();

type Parts = Partial<Pick<Module, 'nodes' | 'rules'>> & { readonly resolvers?: object };

const apiOf = (typeDefs: string, { resolvers = {}, ...rest }: Parts = {}) =>
  buildApi([
    defineModule({
      name: 'notes',
      typeDefs: `extend enum Permission { NOTES_READ NOTES_WRITE } ${typeDefs}`,
      resolvers,
      permissions: { 'notes:read': ['owner', 'viewer'], 'notes:write': ['owner'] },
      ...rest,
    }),
  ]);

const NOTE = `type Note implements Node ${READ} { id: ID! text: String }`;
const nodes = { Note: () => Promise.resolve([]) };

describe('an id in its parts', () => {
  test('is the type in snake case and the UUID', () => {
    expect(idPrefix('AuditEntry')).toBe('audit_entry_');
    expect(encodeId('ApiKey', ID)).toBe(`api_key_${ID}`);
    expect(readId(`api_key_${ID.toUpperCase()}`)).toEqual({ prefix: 'api_key_', uuid: ID });
    expect(readId(ID)).toEqual({ prefix: '', uuid: ID });
  });

  test.each([
    '',
    'x',
    `_${ID}`,
    `Note_${ID}`,
    `note${ID}`,
    `note-${ID}`,
    `${ID}_note`,
    ` note_${ID}`,
    `note_\n${ID}`,
  ])('does not have the form of %j', (text) => {
    expect(readId(text)).toBeUndefined();
  });
});

describe('the start refuses', () => {
  test.each([
    [
      'a type whose ids begin like those of another',
      `${NOTE} type note implements Node ${READ} { id: ID! } extend type Query { note: Note ${READ} other: note ${READ} }`,
      'the ids of Note and note would begin alike',
    ],
    [
      '@id of a type that is no Node',
      `${NOTE} extend type Query { note(id: ID! @id(of: "Memo")): Note ${READ} }`,
      'Query.note(id:): @id names Memo, which is no type that implements Node',
    ],
    [
      '@id on what is no ID',
      `${NOTE} input Which { note: String @id(of: "Note") } extend type Query { note(which: Which): Note ${READ} }`,
      'Which.note: @id is for values of type ID',
    ],
    [
      'a Node that other fields do not show to everybody who may read the type',
      `${NOTE} type Vault ${WRITE} { note: Note ${READ} } extend type Query { vault: Vault ${WRITE} }`,
      'Note is a Node, and every field that leads to it demands more than its type does',
    ],
  ])('%s', (_what, typeDefs, message) => {
    const all = { ...nodes, ...(typeDefs.includes('type note ') && { note: nodes.Note }) };
    expect(() => apiOf(typeDefs, { nodes: all })).toThrow(message);
  });

  test('a Node that nobody says how to read, and a reader of what is no Node', () => {
    const typeDefs = `${NOTE} extend type Query { note: Note ${READ} }`;
    expect(() => apiOf(typeDefs)).toThrow('Note implements Node and is no model');
    expect(() => apiOf(typeDefs, { nodes: { ...nodes, Memo: nodes.Note } })).toThrow(
      'a module reads Memo, which is no type that implements Node',
    );
  });
});

describe('resolvers', () => {
  const typeDefs = `
    ${NOTE}
    input Which { ids: [ID!] @id(of: "Note") and: [Which!] other: ID }
    type Seen ${READ} { args: String first: ID @id(of: "Note") all: [ID] @id(of: "Note") other: ID }
    extend type Query { note: Note ${READ} seen(id: ID @id(of: "Note"), which: Which): Seen ${READ} }`;
  const answers = { first: ID, all: Promise.resolve([ID, null]), other: ID };
  const api = apiOf(typeDefs, {
    nodes,
    resolvers: {
      Query: {
        note: () => ({ id: ID }),
        seen: (_parent: unknown, args: object) => ({ args: JSON.stringify(args), ...answers }),
      },
    },
  });
  const seen = async (args: string) => {
    const { data, errors } = await ask(api, `{ seen(${args}) { args } }`, ['notes:read']);
    return {
      args: JSON.parse((data?.['seen'] as { args: string } | null)?.args ?? 'null') as unknown,
      errors,
    };
  };

  test('answer UUIDs, and clients get typed ids, where the schema says so', async () => {
    const { data } = await ask(api, '{ note { id } seen { first all other } }', ['notes:read']);
    expect(data).toEqual({
      note: { id: `note_${ID}` },
      seen: { first: `note_${ID}`, all: [`note_${ID}`, null], other: ID },
    });
  });

  test('get UUIDs of ids at any depth, and other texts as they are', async () => {
    const { args, errors } = await seen(
      `id: "note_${ID}", which: { ids: ["${ID}"], other: "memo_${ID}", and: [{ ids: ["note_${ID}"] }] }`,
    );
    expect(errors).toBeUndefined();
    expect(args).toEqual({ id: ID, which: { ids: [ID], other: `memo_${ID}`, and: [{ ids: [ID] }] } });
  });

  test('get a UUID that no row has for an id of another type', async () => {
    expect((await seen(`which: { ids: ["memo_${ID}"] }`)).args).toEqual({ which: { ids: [NO_ROW] } });
  });

  test('are not called for what is no id; the error says where it stands, to those who may use the field', async () => {
    const { errors } = await seen('which: { and: [{ ids: ["x"] }] }');
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'which.and[0].ids[0]' } }]);
    const refused = await ask(api, '{ seen(id: "x") { args } }', []);
    expect(refused.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', requires: 'notes:read' } }]);
  });
});
