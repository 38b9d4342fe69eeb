/**
 * Moves a tenant within its database: from the tables of all into a schema of its own, or back. The tenant works meanwhile. Its steps:
 *
 *   1  the tenant is fenced: its transactions that write share a lock (`leaving`)
 *   2  the other side has a copy that nobody uses, and that follows in passes (copy-pass.ts)
 *   3  the move takes the lock, so writes are refused; the last pass makes the copy equal
 *   4  one transaction of that database says that the tenant is where the copy is (`tenantry.switch_placement`)
 *   5  when every transaction has ended that was open then, the fence is gone
 *
 * `tenantry.bind` refuses a transaction that is written for another side than the tenant is on. So there is one side that is read and
 * written at any moment, whatever a server believes. A move that was cut off goes on when it is begun again, or is undone.
 */
import { cellOfSlug, type OperatorCells } from '../operator/operator-cells.js';
import type { OperatorConnection } from '../operator/operator-connection.js';
import type { TenantRow } from '../operator/tenants.js';
import { copyAndLeave, type MoveStep } from './copy-and-leave.js';
import { olderTransactionsEnd } from './erase-tenant.js';
import { TenantLifeError } from './life-error.js';
import { alone, fence, nameOfCell, servedTenant, stateOf, WITHIN } from './move-state.js';
import {
  eraseOwnCopy,
  ownPlacement,
  placeInDatabase,
  settle,
  type OwnPlacement,
  type Side,
} from './place-in-database.js';

export interface SideOrder {
  readonly slug: string;
  readonly to: Side;
  /** For the audit log of the tenant. */
  readonly reason: string;
  /** The URL of the owner of the objects in the tenant's cell. @throws ConfigError when it is not configured */
  readonly ownerUrl: () => Promise<string>;
  /** Runs `work` with one more connection to a cell. */
  readonly connect: <Result>(
    cell: string | undefined,
    work: (connection: OperatorConnection) => Promise<Result>,
  ) => Promise<Result>;
  /** Called after each step; the move ends when it throws, and can be taken up again. */
  readonly onStep?: ((step: MoveStep) => void | Promise<void>) | undefined;
}

export interface MovedSide {
  readonly slug: string;
  readonly from: Side;
  readonly to: Side;
  readonly cell: string;
  /** How long writes were refused, in milliseconds; undefined when the tenant had changed its side before. */
  readonly frozenMs: number | undefined;
}

/** A tenant, the connection to its cell, and its place there. */
interface Found extends OwnPlacement {
  readonly cell: string | undefined;
  readonly connection: OperatorConnection;
  readonly tenant: TenantRow;
  /** Whether a move within the database is under way. */
  readonly isMoving: boolean;
}

async function find(cells: OperatorCells, slug: string): Promise<Found> {
  const cell = await cellOfSlug(cells.home, slug);
  const connection = cells.named(cell);
  const tenant = await servedTenant(cells, slug, cell);
  const state = await stateOf(connection, tenant.id);
  if (state && state.cell !== WITHIN) {
    throw new TenantLifeError(`The tenant is being moved to another cell: go on with that, or undo it.`);
  }
  return {
    cell,
    connection,
    tenant,
    isMoving: state !== undefined,
    ...(await ownPlacement(connection, tenant.id)),
  };
}

const otherSide = (side: Side): Side => (side === 'shared' ? 'schema' : 'shared');

/**
 * Whether `undo` and `confirm` of the tenant concern a move within its database.
 *
 * @throws NOT_FOUND
 */
export async function hasMovedSide(cells: OperatorCells, slug: string): Promise<boolean> {
  const cell = await cellOfSlug(cells.home, slug);
  const connection = cells.named(cell);
  const tenant = await servedTenant(cells, slug, cell);
  const state = await stateOf(connection, tenant.id);
  return state?.cell === WITHIN || (await ownPlacement(connection, tenant.id)).copy !== undefined;
}

/**
 * Moves a tenant to the other side, or goes on with a move that was cut off.
 *
 * @throws NOT_FOUND when there is no such tenant; TenantLifeError when it is there already, the sides do not fit, the copy is not equal,
 * or another process moves the tenant; MigrationError when its schema cannot be made; the errors of the database. The tenant is then
 * still where it was, or the move can be taken up again
 */
export async function moveSide(cells: OperatorCells, order: SideOrder): Promise<MovedSide> {
  const { slug, to } = order;
  return alone(cells.home, slug, async () => {
    const found = await find(cells, slug);
    if (found.side !== to) return moveFound(cells, found, order);
    if (!found.isMoving) throw new TenantLifeError(`The tenant is in ${SIDES[to]} already.`);
    if (!found.copy?.isLeft) {
      throw new TenantLifeError(`The tenant is being moved to ${SIDES[otherSide(to)]}: undo that.`);
    }
    await settleFound(found);
    return { slug, from: otherSide(to), to, cell: nameOfCell(found.cell), frozenMs: undefined };
  });
}

const SIDES: Readonly<Record<Side, string>> = {
  shared: 'the tables of all',
  schema: 'a schema of its own',
};

async function moveFound(cells: OperatorCells, found: Found, order: SideOrder): Promise<MovedSide> {
  const { cell, connection: source, tenant } = found;
  const { slug, to, reason, ownerUrl, connect, onStep = () => undefined } = order;
  if (found.copy?.isLeft) {
    throw new TenantLifeError(
      `${capital(SIDES[to])} has an old copy of the tenant: confirm that move first.`,
    );
  }
  // Before anything is begun.
  if (to === 'schema') await ownerUrl();
  await refuseOldCopies(cells, found);
  if (!found.isMoving) {
    await source.acting(tenant.id, { action: 'tenant_move_begun', reason }, () => Promise.resolve());
    await fence(source, tenant.id, 'leaving', WITHIN);
  }
  await onStep('begun');
  // Those which began before do not share the lock.
  await olderTransactionsEnd(source);
  const frozenMs = await connect(cell, async (target) => {
    const place = placeInDatabase({ source, target, tenant, to, ownerUrl });
    const since = await copyAndLeave({ source, target, tenant, place, onStep });
    return Math.round(performance.now() - since);
  });
  await onStep('placed');
  await settleFound(found);
  await onStep('served');
  return { slug, from: otherSide(to), to, cell: nameOfCell(cell), frozenMs };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** One old copy at a time, so that it is clear what is confirmed and undone. */
async function refuseOldCopies(cells: OperatorCells, { cell, tenant }: Found): Promise<void> {
  for (const name of cells.names) {
    if (name !== cell && (await stateOf(cells.named(name), tenant.id))) {
      throw new TenantLifeError(
        `The cell ${nameOfCell(name)} has an old copy of the tenant: confirm that move first.`,
      );
    }
  }
}

/** A transaction that was open at the switch may have a snapshot of before; none of them may find the tenant without a fence. */
async function settleFound({ connection, tenant }: Found): Promise<void> {
  await olderTransactionsEnd(connection);
  await settle(connection, tenant.id);
}

/**
 * Erases the copy that a move has left behind.
 *
 * @throws TenantLifeError when there is none, or the move is not finished; NOT_FOUND
 */
export async function confirmSide(
  cells: OperatorCells,
  slug: string,
): Promise<{ readonly slug: string; readonly erasedFrom: Side }> {
  return alone(cells.home, slug, async () => {
    const found = await find(cells, slug);
    if (!found.copy?.isLeft) {
      throw new TenantLifeError(
        found.isMoving
          ? 'The move is not finished: begin it again, or undo it.'
          : `There is no old copy of ${slug}.`,
      );
    }
    await eraseLeft(found);
    return { slug, erasedFrom: otherSide(found.side) };
  });
}

async function eraseLeft(found: Found): Promise<void> {
  if (found.isMoving) await settleFound(found);
  await eraseOwnCopy(found.connection, found.tenant);
}

/**
 * Undoes a move. Before the tenant has changed its side, the copy is erased. Later it has changed its rows, so it is moved back with
 * these changes; what it leaves behind is kept until that move is confirmed.
 *
 * @throws TenantLifeError when there is no move; as {@link moveSide}
 */
export async function undoSide(
  cells: OperatorCells,
  order: Omit<SideOrder, 'to'>,
): Promise<{ readonly slug: string; readonly in: Side }> {
  const { slug } = order;
  const to = await alone(cells.home, slug, async () => {
    const found = await find(cells, slug);
    const { connection, tenant, copy, side } = found;
    if (copy?.isLeft) {
      const back = otherSide(side);
      if (back === 'schema') await order.ownerUrl();
      await eraseLeft(found);
      return back;
    }
    if (!copy && !found.isMoving) throw new TenantLifeError(`There is no move of ${slug}.`);
    if (copy) await eraseOwnCopy(connection, tenant);
    await fence(connection, tenant.id, null, undefined);
    return undefined;
  });
  if (to !== undefined) await moveSide(cells, { ...order, to });
  return { slug, in: to ?? (await find(cells, slug)).side };
}
