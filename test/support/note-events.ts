/** Two servers on one database that publish changes of notes, and clients that subscribe to them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { createNotes, notesModule } from './notes.js';
import { untilHearing } from './hearing.js';
import { startTestServer, TEST_SECRET, type TestServer } from './server.js';
import { endSubscribersAfterEach, subscriberOf, type Watched } from './subscriber.js';
import { addMember, createTestTenant } from './tenant-fixtures.js';
import { until } from './until.js';

export const modules = [tenantModule, membershipModule, notesModule];

export const CHANGED = 'subscription { noteChanged { kind id note { text } } }';

export interface Who {
  readonly slug: string;
  readonly userId: string;
}

export const tokenOf = ({ slug, userId }: Who, seconds = 60): string =>
  issueToken(
    { userId, email: 'somebody@example.test', tenantId: slug },
    { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
    seconds,
  );

export const OWNER: Who = { slug: 'acme', userId: 'demo|acme|owner' };

export const arrived = (watched: Watched, count: number) =>
  until(`${count} messages arrive`, () => watched.messages.length >= count);

export const noteChanged = (kind: string, id: string, text: string | null) => ({
  data: { noteChanged: { kind, id, note: text === null ? null : { text } } },
});

/** Call it at the top level. */
export function useNoteEvents() {
  let database: TestDatabase;
  let server: TestServer;
  let replica: TestServer;

  beforeAll(async () => {
    database = await createTestDatabase();
    await createNotes(database);
    server = await startTestServer({ database, modules });
    replica = await startTestServer({ database, modules, env: { CORS_ORIGINS: 'https://app.example.com' } });
    await untilHearing(server, replica);
  });
  afterAll(async () => {
    await server.close();
    await replica.close();
    await database.drop();
  });
  endSubscribersAfterEach(() => [server, replica]);

  const clientOf = (who: Who, at = server) => subscriberOf(at, { token: tokenOf(who) });

  /** Creates a tenant with one member in addition to its owner. */
  async function memberOf(slug: string, role = 'member'): Promise<Who> {
    await createTestTenant(database, slug);
    const who = { slug, userId: `member|${slug}` };
    await addMember(database, { ...who, email: `member@${slug}.test`, role });
    return who;
  }

  const sql = (statement: string, ...values: readonly unknown[]) => database.asSuperuser(statement, values);

  /** Writes through the server's database, as a resolver does. */
  async function write(slug: string, statement: Prisma.Sql): Promise<void> {
    const tenantId = await database.tenantId(slug);
    const db = server.services.database.forTenant({
      tenantId,
      actor: { type: 'user', id: `owner|${slug}` },
      requestId: 'test',
    });
    await db.$executeRaw(statement);
  }

  async function addNote(
    slug: string,
    text: string,
    folder: string | null = null,
    id = randomUUID(),
  ): Promise<string> {
    await write(
      slug,
      Prisma.sql`INSERT INTO notes (id, text, folder_id) VALUES (${id}::uuid, ${text}, ${folder}::uuid)`,
    );
    return id;
  }

  return {
    database: () => database,
    server: () => server,
    replica: () => replica,
    clientOf,
    memberOf,
    sql,
    write,
    addNote,
  };
}
