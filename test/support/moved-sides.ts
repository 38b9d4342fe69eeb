/** Moves of tenants of a test's database into a schema of their own, and back. */
import { OWNER_ROLE } from '../../src/kernel/database/owner-connection.js';
import { schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import type { MoveStep } from '../../src/services/lifecycle/copy-and-leave.js';
import {
  confirmSide,
  moveSide,
  undoSide,
  type MovedSide,
  type SideOrder,
} from '../../src/services/lifecycle/move-side.js';
import type { Side } from '../../src/services/lifecycle/place-in-database.js';
import { OperatorCells } from '../../src/services/operator/operator-cells.js';
import type { TestDatabase } from './database.js';
import { asOperatorOf } from './tenant-life.js';

export type OnStep = (step: MoveStep) => void | Promise<void>;

/** Lets the owner of a clone make schemas. */
export const allowSchemas = (database: TestDatabase): Promise<unknown> =>
  database.asSuperuser(`GRANT CREATE ON DATABASE ${database.name} TO ${OWNER_ROLE}`);

const orderOf = (database: TestDatabase, slug: string, onStep?: OnStep): Omit<SideOrder, 'to'> => ({
  slug,
  reason: 'INC-7',
  onStep,
  connect: (_cell, work) => asOperatorOf(database, work),
  ownerUrl: () => Promise.resolve(database.superuser),
});

const asCells = <Result>(database: TestDatabase, work: (cells: OperatorCells) => Promise<Result>) =>
  asOperatorOf(database, (home) => work(new OperatorCells(home, new Map())));

export const moveTo = (database: TestDatabase, slug: string, to: Side, onStep?: OnStep): Promise<MovedSide> =>
  asCells(database, (cells) => moveSide(cells, { ...orderOf(database, slug, onStep), to }));

export const undoOf = (database: TestDatabase, slug: string) =>
  asCells(database, (cells) => undoSide(cells, orderOf(database, slug)));

export const confirmOf = (database: TestDatabase, slug: string) =>
  asCells(database, (cells) => confirmSide(cells, slug));

/** The hash of all rows of a tenant in the tables of the example, on one side. */
export async function hashOf(database: TestDatabase, tenantId: string, side: Side): Promise<string> {
  const schema = side === 'shared' ? 'public' : schemaOf(tenantId);
  const [row] = await database.asSuperuser<{ hash: string }>(
    `SELECT md5(coalesce(string_agg(line, ',' ORDER BY line COLLATE "C"), '')) AS hash FROM (
       SELECT 'c ' || row_to_json(c)::text AS line FROM ${schema}.conversations c WHERE tenant_id = $1
       UNION ALL SELECT 'm ' || row_to_json(m)::text FROM ${schema}.messages m WHERE tenant_id = $1
     ) AS lines`,
    [tenantId],
  );
  return row!.hash;
}

/** The bodies of its conversations on one side. */
export const bodiesOn = async (database: TestDatabase, tenantId: string, side: Side): Promise<string[]> =>
  (
    await database.asSuperuser<{ body: string }>(
      `SELECT body FROM ${side === 'shared' ? 'public' : schemaOf(tenantId)}.conversations
       WHERE tenant_id = $1 ORDER BY body`,
      [tenantId],
    )
  ).map(({ body }) => body);
