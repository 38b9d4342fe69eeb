/**
 * A module with every defect that the attack must find: each of its fields leaks rows of other tenants in a different
 * way. It reads as the superuser, to whom row-level security does not apply.
 */
import { EventEmitter, on } from 'node:events';
import { GraphQLError, GraphQLScalarType } from 'graphql';
import pg from 'pg';
import { conflict, forbidden } from '../../src/kernel/vocabulary/errors.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { defineModule, type Module } from '../../src/kernel/graphql/module.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import type { TestDatabase } from './database.js';

interface Note {
  readonly id: string;
  readonly tenant_id: string;
  readonly text: string;
}

/** Uses the table `notes` of {@link createNotes}. Close it after the server. */
export function leakyModule(database: () => TestDatabase): { module: Module; close: () => Promise<void> } {
  let pool: pg.Pool | undefined;
  const everywhere = async (sql: string, ...values: readonly unknown[]): Promise<Note[]> => {
    pool ??= new pg.Pool({ connectionString: database().superuser, max: 1 });
    return (await pool.query<Note>(sql, [...values])).rows;
  };
  const added = new EventEmitter();
  const byId = (id: string) => everywhere('SELECT * FROM notes WHERE id::text = $1', id);
  const touch = ({ db }: RequestContext) => db.$queryRaw(Prisma.sql`SELECT 1 AS one`);

  const module = defineModule({
    name: 'leaky',
    typeDefs: SCHEMA,
    resolvers: {
      Money,
      Query: {
        allTexts: async () => (await everywhere('SELECT * FROM notes')).map(({ text }) => text),
        hidden: () => ({}),
        noteInError: async (_parent: unknown, { id }: { id: string }, { viewer }: RequestContext) => {
          const [note] = await byId(id);
          if (note && note.tenant_id !== viewer.tenantId)
            throw conflict(`The note "${note.text}" is not yours.`);
          return note?.text ?? null;
        },
        noteOrRefusal: async (_parent: unknown, { where }: ById, { viewer }: RequestContext) => {
          const [note] = await byId(where.either.id);
          if (note && note.tenant_id !== viewer.tenantId) throw conflict('This note is not yours.');
          return note?.text ?? null;
        },
        noteInOneMoreStatement: async (_parent: unknown, { id }: { id: string }, context: RequestContext) => {
          if ((await byId(id)).length > 0) await touch(context);
          return null;
        },
        noteInLog: async (_parent: unknown, { id }: { id: string }, { log }: RequestContext) => {
          for (const note of await byId(id)) log.info({ note }, 'looked at');
          return null;
        },
        countOfTexts: async (_parent: unknown, { contains }: { contains: string }) =>
          (await everywhere('SELECT * FROM notes WHERE position($1 in text) > 0', contains)).length,
        lastCursor: async () => {
          const [last] = await everywhere('SELECT * FROM notes ORDER BY text DESC LIMIT 1');
          return last ? Buffer.from(JSON.stringify(['text', last.text])).toString('base64url') : null;
        },
        // These two fields leak nothing. They show what the attack reports for a scalar that it does not know.
        countOver: () => null,
        busyness: async () => {
          const [row] = await everywhere('SELECT sum(version)::text AS text FROM tenants');
          return row?.text ?? null;
        },
      },
      Hidden: { deeper: () => ({}) },
      Deeper: {
        note: async (_parent: unknown, { id }: { id: string }) => (await byId(id))[0]?.text ?? null,
      },
      Mutation: {
        rewriteNote: async (_parent: unknown, { id }: { id: string }) => {
          await everywhere("UPDATE notes SET text = 'rewritten' WHERE id::text = $1", id);
          return null;
        },
        claimText: async (_parent: unknown, { text }: { text: string }) => {
          if ((await everywhere('SELECT * FROM notes WHERE text = $1', text)).length > 0) {
            throw conflict('This text is taken.');
          }
          return null;
        },
        payIn: () => 'paid',
        addNote: async (_parent: unknown, { text }: { text: string }, { db }: RequestContext) => {
          await db.$executeRaw(Prisma.sql`INSERT INTO notes (text) VALUES (${text})`);
          added.emit('note', text);
          return text;
        },
      },
      Subscription: {
        anyNoteAdded: {
          subscribe: async function* () {
            for await (const [text] of on(added, 'note')) yield { anyNoteAdded: text as string };
          },
        },
        // Refuses everybody, which is not an event.
        refused: {
          subscribe: () => {
            throw forbidden('audit:read');
          },
        },
      },
    } as object,
  });
  return { module, close: async () => pool?.end() };
}

interface ById {
  readonly where: { readonly either: { readonly id: string } };
}

/** A scalar whose form the attack cannot guess. */
const Money = new GraphQLScalarType<string, string>({
  name: 'Money',
  parseValue: (value) => {
    if (typeof value !== 'string' || !/^[A-Z]{3} \d+$/.test(value))
      throw new GraphQLError('Not a sum of money.');
    return value;
  },
});

const SCHEMA = `
  scalar Money
  type Hidden @authenticated { deeper: Deeper! }
  type Deeper @authenticated { note(id: ID!): String }
  input NoteWhere { either: NoteEither! }
  input NoteEither { id: ID! }
  extend type Query {
    allTexts: [String!] @authenticated
    hidden: Hidden @authenticated
    noteInError(id: ID!): String @authenticated
    noteOrRefusal(where: NoteWhere!): String @authenticated
    noteInOneMoreStatement(id: ID!): String @authenticated
    noteInLog(id: ID!): String @authenticated
    countOfTexts(contains: String!): Int @authenticated
    lastCursor: String @authenticated
    busyness: String @authenticated
    countOver(money: Money!): Int @authenticated
  }
  extend type Mutation {
    rewriteNote(id: ID!): String @authenticated
    claimText(text: String!): String @authenticated
    addNote(text: String!): String @authenticated
    payIn(money: Money!): String @authenticated
  }
  extend type Subscription {
    anyNoteAdded: String @authenticated
    refused: String @authenticated
  }
`;
