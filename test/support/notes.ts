/** A published table for tests, and its module, written as a product would write them: notes in folders. */
import { defineModule, type Module } from '../../src/kernel/graphql/module.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import { changesOf } from '../../src/services/subscriptions/changes-of.js';
import type { RowChange } from '../../src/kernel/notifications/row-change.js';
import type { TestDatabase } from './database.js';

/** Creates the table as a migration does: it belongs to tenantry_owner. */
export async function createNotes(database: TestDatabase): Promise<void> {
  await database.asSuperuser(`
    SET ROLE tenantry_owner;
    CREATE TABLE public.notes (
      tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES public.tenants (id),
      id uuid NOT NULL DEFAULT tenantry.uuid_v7(),
      folder_id uuid,
      text text,
      tags json,
      PRIMARY KEY (tenant_id, id)
    );
    SELECT tenantry.protect('notes');
    SELECT tenantry.publish('notes', 'folder_id');
    RESET ROLE;
  `);
}

interface NoteRow {
  readonly id: string;
  readonly folderId: string | null;
  readonly text: string | null;
}

const readNote = async ({ id }: RowChange, { db }: RequestContext): Promise<NoteRow | null> => {
  const [note] = await db.$queryRaw<NoteRow>(
    Prisma.sql`SELECT id, folder_id AS "folderId", text FROM notes WHERE id = ${id}::uuid`,
  );
  return note ?? null;
};

/**
 * The module of notes. A viewer has neither permission, and a member cannot read secrets. Some fields contain a defect
 * that a module of a product could have.
 */
export const notesModule: Module = defineModule({
  name: 'notes',
  typeDefs: `
    extend enum Permission { NOTES_READ NOTES_WRITE }
    type Note @requires(permission: NOTES_READ) {
      id: ID!
      text: String
      secret: String @requires(permission: NOTES_WRITE)
      role: String
      itself: Note
    }
    type NoteChange @requires(permission: NOTES_READ) { kind: ChangeKind! id: ID! note: Note }
    extend type Subscription {
      noteChanged: NoteChange @requires(permission: NOTES_READ)
      noteAdded(folderId: ID!): Note @requires(permission: NOTES_READ)
      anyNote(times: Int = 1): String @authenticated
      brokenNote: String @authenticated
      unpublished: String @authenticated
    }
  `,
  permissions: { 'notes:read': ['owner', 'admin', 'member'], 'notes:write': ['owner', 'admin'] },
  resolvers: {
    Note: {
      secret: ({ text }: NoteRow) => `the secret of ${text ?? 'nothing'}`,
      itself: (note: NoteRow) => note,
      role: (_note: NoteRow, _args: object, { viewer }: RequestContext) => viewer.role,
    },
    Subscription: {
      noteChanged: changesOf('Note', {
        payload: async (change, _args, context) => {
          const note = change.kind === 'DELETED' ? null : await readNote(change, context);
          return note || change.kind === 'DELETED' ? { kind: change.kind, id: change.id, note } : null;
        },
      }),
      noteAdded: changesOf('Note', {
        kinds: ['CREATED'],
        where: ({ folderId }: { folderId: string }) => ({ folder_id: folderId }),
        payload: async (change, { folderId }, context) => {
          const note = await readNote(change, context);
          return note?.folderId === folderId.toLowerCase() ? note : null;
        },
      }),
      anyNote: changesOf('Note', {
        payload: async (change, { times }: { times: number }, context) =>
          (await readNote(change, context))?.text?.repeat(times) ?? null,
      }),
      brokenNote: changesOf('Note', {
        payload: () => {
          throw new Error('the secret of the resolver');
        },
      }),
      unpublished: changesOf('Nothing', { payload: () => 'never' }),
    },
  } as object,
});
