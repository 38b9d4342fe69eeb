/**
 * One pass of the copy of a tenant to another cell or schema: the rows that were written since the pass before replace those with the
 * same keys, and rows that are gone are deleted. All or nothing, and afterwards the copy is what the source was at one moment.
 *
 * Why that is so. A pass reads one snapshot of the source, and remembers the oldest transaction that was under way then
 * (`through`). A version of a row that an older transaction has written was committed by then; so if it is there in the next
 * snapshot, it was there in this one, and its content never changes. Hence the next pass needs only the rows of `through` and
 * later transactions. (A part of a transaction, which PostgreSQL numbers by itself, has a higher number than the whole.)
 * These rows are inserted, or replace those with their keys. Now the copy has every row of the source, and perhaps more: when the
 * numbers of rows differ, keys are compared, and what the source has not is deleted.
 *
 * Why it is equal. The first pass compares every row. In a later one, each row is either of an older transaction, so that an
 * earlier pass has compared it, or it is compared now: what this pass has written into the copy, whether by lines or by
 * triggers, is read back, and must be exactly what was read from the source. The numbers of rows of all tables must be the same.
 * Nobody else writes the copy, which is fenced.
 */
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import type { OperatorConnection, OperatorQuery } from '../operator/operator-connection.js';
import type { TenantRow } from '../operator/tenants.js';
import { removeDeleted } from './copy-deletions.js';
import { TenantLifeError } from './life-error.js';
import type { PlacedTable } from './placed-tables.js';
import { LinesDigest, linesOf } from './row-lines.js';
import type { TenantTable } from './walk.js';

export interface PassOrder {
  readonly source: OperatorConnection;
  readonly target: OperatorConnection;
  readonly tenant: TenantRow;
  /** The tables that are copied, parents first. */
  readonly tables: () => Promise<readonly (readonly PlacedTable[])[]>;
  /** Where the pass before has ended; null for the first one. */
  readonly since: string | null;
  /** The most changed rows that are copied. Default: any number. */
  readonly most?: number;
}

export interface Pass {
  /** From where on the next pass reads. */
  readonly through: string;
  readonly rows: number;
}

/** What a database has of a table. */
interface Content {
  readonly rows: number;
  readonly changed: number;
}

/** The copy cannot follow the source any more: it is to be made anew. */
export class CopyOutOfStep extends Error {
  override readonly name = 'CopyOutOfStep';
}

const LOG = 'public.audit_log';
const LEAVES = 'tenantry.audit_leaves';
const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/**
 * Makes a pass.
 *
 * @returns undefined when there is more to copy than `most`; then nothing was
 * @throws CopyOutOfStep when a later pass cannot be made; TenantLifeError when the cells do not fit, or the first copy is not
 * equal; the errors of the databases
 */
export async function copyPass(order: PassOrder): Promise<Pass | undefined> {
  if (order.since === null) return pass(order, false).catch(explain);
  try {
    return await pass(order, false);
  } catch (error) {
    if (isTooOld(error)) throw new CopyOutOfStep('The last pass is too long ago.', { cause: error });
    if (!isConflict(error)) throw error;
  }
  // A row has taken over a value that is unique from one that is gone, so that must go first.
  return pass(order, true).catch((error: unknown) => {
    throw isConflict(error) ? new CopyOutOfStep('The changes do not fit.', { cause: error }) : error;
  });
}

const isConflict = (error: unknown): boolean =>
  [UNIQUE_VIOLATION, FOREIGN_KEY_VIOLATION].includes(sqlState(error) ?? '');

/** The number of the transaction says nothing any more: it is too old, or the database was restored. */
const isTooOld = (error: unknown): boolean => sqlState(error) === '55000';

function explain(error: unknown): never {
  if (!isConflict(error)) throw error;
  const detail = error instanceof Error ? error.message : '';
  throw new TenantLifeError(`A row of the tenant does not fit beside the rows that are there (${detail}).`, {
    cause: error,
  });
}

async function pass(order: PassOrder, deletesFirst: boolean): Promise<Pass | undefined> {
  const { source, target, tenant, since, most = Infinity } = order;
  const groups = await order.tables();
  const tables = groups.flat();
  const [here, there] = [tables.map((table) => table.here.oid), tables.map((table) => table.there.oid)];
  return source.inTenant(
    tenant.id,
    async (from) => {
      const [snapshot] = await from<{ xmin: string }>(
        'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin',
      );
      const through = snapshot!.xmin;
      const original = await contents(from, since ?? through, here);
      const wanted = (table: PlacedTable) => original.get(table.here.oid)!;
      // Entries are read again when they were sealed.
      const isSealed = ({ name }: PlacedTable) =>
        name === LOG && tables.some((each) => each.name === LEAVES && wanted(each).changed > 0);
      const rowsOf = (table: PlacedTable) => wanted(table).rows;
      const changed = tables.reduce((sum, table) => sum + wanted(table).changed, 0);
      if (since !== null && changed > most) return undefined;
      const rows = await target.inTransaction(async (into) => {
        const { expires, signature } = target.sign('open_arrival', tenant.id.toLowerCase(), target.operator);
        await into('SELECT tenantry.open_arrival($1, $2, $3, $4)', [
          tenant.id,
          target.operator,
          expires,
          signature,
        ]);
        await into('SET CONSTRAINTS ALL DEFERRED');
        const [own] = await into<{ number: string }>('SELECT pg_current_xact_id()::text AS number');
        const copy = { from, into, since, sent: new Map<PlacedTable, LinesDigest>() };
        const copied = () => contents(into, own!.number, there);
        const differing = (content: Awaited<ReturnType<typeof copied>>) => (table: PlacedTable) =>
          content.get(table.there.oid)!.rows !== wanted(table).rows;
        if (deletesFirst) {
          const differs = differing(await copied());
          await removeDeleted(
            from,
            into,
            groups,
            rowsOf,
            (table) => wanted(table).changed > 0 || differs(table),
          );
        }
        for (const group of groups) {
          const due = group.filter((table) =>
            since === null ? wanted(table).rows > 0 : wanted(table).changed > 0 || isSealed(table),
          );
          if (due.length > 0) await copyGroup(copy, due);
        }
        let arrived = await copied();
        if (tables.some(differing(arrived))) {
          const differs = differing(arrived);
          await removeDeleted(from, into, groups, rowsOf, differs);
          // Rows of such a table cannot be told apart.
          for (const table of tables.filter(({ key }) => key === null).filter(differs)) {
            await copyWhole(copy, table);
          }
          arrived = await copied();
        }
        await into('SET CONSTRAINTS ALL IMMEDIATE');
        const different = await differences(copy, tables, arrived, differing(arrived));
        if (different.length > 0) refuse(different, since);
        await into('SELECT tenantry.finish_arrival($1, $2)', [
          through,
          [...copy.sent.keys()].map(({ there }) => there.oid),
        ]);
        return [...copy.sent.values()].reduce((sum, digest) => sum + digest.rows, 0);
      });
      return { through, rows };
    },
    { snapshot: true, statementTimeoutMs: 0 },
  );
}

/** The first copy is refused for good; a later one may be made anew. */
function refuse(different: readonly string[], since: string | null): never {
  const sentence = `The copy is not equal in ${different.join(', ')}: nothing was moved.`;
  throw since === null ? new TenantLifeError(sentence) : new CopyOutOfStep(sentence);
}

interface Copy {
  readonly from: OperatorQuery;
  readonly into: OperatorQuery;
  readonly since: string | null;
  /** What was sent of each table. */
  readonly sent: Map<PlacedTable, LinesDigest>;
}

/** Copies the rows of tables that refer to each other; nearly always of one table alone. */
async function copyGroup(copy: Copy, group: readonly PlacedTable[]): Promise<void> {
  const staged: PlacedTable[] = [];
  for (const table of group) {
    if (table.key === null && copy.since !== null) await copyWhole(copy, table);
    else if (group.length > 1 || table.there.isSelfReferring) {
      await send(copy, table, copy.since, (lines) =>
        copy.into('SELECT tenantry.stage_rows($1, $2)', [table.there.oid, lines]),
      );
      staged.push(table);
    } else {
      await send(copy, table, copy.since, merging(copy, table));
    }
  }
  if (staged.length === 0) return;
  await copy.into('SELECT tenantry.merge_staged($1, $2)', [
    staged.map(({ there }) => there.oid),
    JSON.stringify(staged.map(({ there }) => columnsOf(there))),
  ]);
}

/** Copies a table without a key anew. */
async function copyWhole(copy: Copy, table: PlacedTable): Promise<void> {
  await copy.into('SELECT tenantry.remove_arrived($1, $2)', [[table.there.oid], '[null]']);
  await send(copy, table, null, merging(copy, table));
}

const merging =
  ({ into }: Copy, { there }: PlacedTable) =>
  (lines: readonly string[]) =>
    into('SELECT tenantry.merge_rows($1, $2, $3)', [there.oid, columnsOf(there), lines]);

/** Reads rows of the source, and gives them to `write`. */
async function send(
  { from, sent }: Copy,
  table: PlacedTable,
  since: string | null,
  write: (lines: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const digest = new LinesDigest();
  for await (const lines of changedLines(from, table.here, since)) {
    digest.add(lines);
    await write(lines);
  }
  sent.set(table, digest);
}

async function* changedLines(
  query: OperatorQuery,
  { oid }: TenantTable,
  since: string | null,
): AsyncGenerator<readonly string[]> {
  const [opened] = await query<{ cursor: string }>(
    'SELECT tenantry.open_changed_rows($1, $2)::text AS cursor',
    [oid, since],
  );
  yield* linesOf(query, opened!.cursor);
}

/** The tables in which the copy is not what was read from the source. */
async function differences(
  { into, sent }: Copy,
  tables: readonly PlacedTable[],
  arrived: ReadonlyMap<string, Content>,
  differs: (table: PlacedTable) => boolean,
): Promise<readonly string[]> {
  const [own] = await into<{ number: string }>('SELECT pg_current_xact_id()::text AS number');
  const different: string[] = [];
  for (const table of tables) {
    const expected = sent.get(table) ?? new LinesDigest();
    let isEqual = !differs(table) && arrived.get(table.there.oid)!.changed === expected.rows;
    if (isEqual && expected.rows > 0) {
      const written = new LinesDigest();
      for await (const lines of changedLines(into, table.there, own!.number)) written.add(lines);
      isEqual = String(written) === String(expected);
    }
    if (!isEqual) different.push(table.name);
  }
  return different;
}

/** How many rows of the tenant there are in each table, by its oid, and how many were written since a transaction. */
async function contents(
  query: OperatorQuery,
  since: string,
  tables: readonly string[],
): Promise<ReadonlyMap<string, Content>> {
  const rows = await query<Content & { oid: string }>(
    `SELECT c.target::text AS oid, c.rows::float8 AS rows, c.changed::float8 AS changed
     FROM tenantry.tenant_changes($1, $2) c`,
    [since, tables],
  );
  return new Map(rows.map(({ oid, ...content }) => [oid, content]));
}

const columnsOf = (table: TenantTable): string[] => table.columns.map(({ name }) => name);
