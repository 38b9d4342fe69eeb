/**
 * Moves a tenant to another cell, which goes on to work meanwhile. A move has steps, and each of them is one commit that says in
 * the databases how far it is:
 *
 *   1  the source knows that the tenant leaves: its transactions share a lock (`leaving`)
 *   2  the target has a copy that nobody uses (`arriving`), and that follows the source in passes (copy-pass.ts)
 *   3  the move takes the lock, so writes are refused; the last pass makes the copy equal
 *   4  the source refuses everything (`left`); this is committed by the session that has the lock
 *   5  the directory names the target
 *   6  the target answers
 *
 * So at every moment at most one cell accepts writes of the tenant, whatever a server believes about the directory. A move that
 * was cut off before step 4 lets the tenant work on where it is. It goes on when it is begun again, or is undone.
 */
import type { SealKeys } from '../audit-trail/seal-keys.js';
import { findCell, placeTenant } from '../operator/cells.js';
import { cellOfSlug, type OperatorCells } from '../operator/operator-cells.js';
import type { OperatorConnection } from '../operator/operator-connection.js';
import { findTenant, type TenantRow } from '../operator/tenants.js';
import { olderTransactionsEnd } from './erase-tenant.js';
import { copyAndLeave, type MoveStep } from './copy-and-leave.js';
import { TenantLifeError } from './life-error.js';
import { alone, eraseCopy, fence, nameOfCell, servedTenant, stateOf } from './move-state.js';
import { placeInCell } from './place-in-cell.js';
import { ownPlacement } from './place-in-database.js';
import { conflict } from '../../kernel/vocabulary/errors.js';

export interface MoveOrder {
  readonly slug: string;
  /** The name of the cell; undefined: the default one. */
  readonly to: string | undefined;
  /** Whether the cell must have no other tenant. */
  readonly alone?: boolean;
  /** For the audit log of the tenant. */
  readonly reason: string;
  /** Sign the certificate when a copy is erased that cannot go on. */
  readonly keys: SealKeys | undefined;
  /** Called after each step; the move ends when it throws, and can be taken up again. */
  readonly onStep?: ((step: MoveStep) => void | Promise<void>) | undefined;
}

export interface Moved {
  readonly slug: string;
  readonly from: string;
  readonly to: string;
  /** How long writes were refused, in milliseconds; undefined when the source had refused everything before. */
  readonly frozenMs: number | undefined;
}

const cellNamed = (name: string): string | undefined => (name === 'default' ? undefined : name);

/**
 * Moves a tenant, or goes on with a move that was cut off.
 *
 * @throws NOT_FOUND when there is no such tenant, or no such cell; CONFLICT when it is to be alone there and is not; TenantLifeError when the cells do not fit, the copy is not
 * equal, or another process moves the tenant; the errors of the databases. The tenant is then still where it was, or the move
 * can be taken up again
 */
export async function moveTenant(cells: OperatorCells, order: MoveOrder): Promise<Moved> {
  const { slug, to, keys, onStep = () => undefined } = order;
  return alone(cells.home, slug, async () => {
    const from = await cellOfSlug(cells.home, slug);
    const cell = to === undefined ? undefined : await findCell(cells.home, to);
    if (cell?.draining) throw new TenantLifeError(`The cell ${cell.name} takes no tenants.`);
    if (from === to) return goOn(cells, slug, to);
    if (order.alone && cell && cell.tenants > 0) {
      throw conflict(`The cell ${cell.name} has a tenant already: a database of its own is an empty cell.`);
    }
    const [source, target] = [cells.named(from), cells.named(to)];
    const tenant = await servedTenant(cells, slug, from);
    await refuseSchema(source, tenant.id);
    const begun = await stateOf(source, tenant.id);
    if (begun && begun.cell !== nameOfCell(to)) {
      throw new TenantLifeError(`The tenant is being moved to ${begun.cell}: go on there, or undo that.`);
    }
    const there = await stateOf(target, tenant.id);
    if (there?.state === 'left') {
      throw new TenantLifeError(
        `The cell ${nameOfCell(to)} has an old copy of the tenant: confirm that move first.`,
      );
    }
    let frozenSince: number | undefined;
    if (begun?.state !== 'left') {
      if (!begun) {
        await source.acting(tenant.id, { action: 'tenant_move_begun', reason: order.reason }, () =>
          Promise.resolve(),
        );
        await fence(source, tenant.id, 'leaving', to);
      }
      await onStep('begun');
      // Those which began before do not share the lock.
      await olderTransactionsEnd(source);
      const place = placeInCell({ source, target, tenant, from, to, keys });
      frozenSince = await copyAndLeave({ source, target, tenant, place, onStep });
    }
    await onStep('left');
    await placeTenant(cells.home, tenant, to ?? null);
    await onStep('placed');
    await fence(target, tenant.id, null, from);
    const frozenMs = frozenSince === undefined ? undefined : Math.round(performance.now() - frozenSince);
    await onStep('served');
    return { slug, from: nameOfCell(from), to: nameOfCell(to), frozenMs };
  });
}

/** @throws TenantLifeError for a tenant that is in a schema of its own, or has an old copy in one or beside it */
async function refuseSchema(source: OperatorConnection, tenantId: string): Promise<void> {
  const { side, copy } = await ownPlacement(source, tenantId);
  if (copy) {
    throw new TenantLifeError(
      'The tenant is being moved into a schema or out of one: confirm that move first, or undo it.',
    );
  }
  if (side === 'schema') {
    throw new TenantLifeError(
      'The tenant has a schema of its own: move it with `--to shared`, confirm that, and then move it to the other cell.',
    );
  }
}

/** The directory names the target already: the last step may be missing. */
async function goOn(cells: OperatorCells, slug: string, to: string | undefined): Promise<Moved> {
  const target = cells.named(to);
  const tenant = await findTenant(target, slug);
  const there = await stateOf(target, tenant.id);
  if (there?.state !== 'arriving') throw new TenantLifeError(`The tenant is in ${nameOfCell(to)} already.`);
  await fence(target, tenant.id, null, undefined);
  return { slug, from: there.cell, to: nameOfCell(to), frozenMs: undefined };
}

/**
 * Erases the copy that a move has left behind. Afterwards it can only be moved back.
 *
 * @throws TenantLifeError when there is none; NOT_FOUND
 */
export async function confirmMove(
  cells: OperatorCells,
  slug: string,
  keys: SealKeys | undefined,
): Promise<{ readonly slug: string; readonly erasedFrom: string }> {
  return alone(cells.home, slug, async () => {
    const { tenant, left } = await finishedMove(cells, slug);
    await eraseCopy(cells.named(cellNamed(left)), tenant.id, keys);
    return { slug, erasedFrom: left };
  });
}

/**
 * Undoes a move. Before the directory names the target, the copy there is erased, and the source accepts writes again. Later
 * the tenant has changed in its new cell, so it is moved back with its changes.
 *
 * @throws TenantLifeError when there is no move
 */
export async function undoMove(
  cells: OperatorCells,
  order: Omit<MoveOrder, 'to'>,
): Promise<{ readonly slug: string; readonly in: string }> {
  const { slug, keys } = order;
  const here = await cellOfSlug(cells.home, slug);
  const connection = cells.named(here);
  const tenant = await servedTenant(cells, slug, here);
  const state = await stateOf(connection, tenant.id);
  if (state && state.state !== 'arriving') {
    await alone(cells.home, slug, async () => {
      const target = cells.named(cellNamed(state.cell));
      if ((await stateOf(target, tenant.id))?.state === 'arriving') await eraseCopy(target, tenant.id, keys);
      await fence(connection, tenant.id, null, undefined);
    });
    return { slug, in: nameOfCell(here) };
  }
  if (state) await fence(connection, tenant.id, null, undefined);
  const { erasedFrom } = await confirmMove(cells, slug, keys);
  await moveTenant(cells, { ...order, to: cellNamed(erasedFrom) });
  return { slug, in: erasedFrom };
}

/** The tenant, and the cell that has its old copy. */
async function finishedMove(
  cells: OperatorCells,
  slug: string,
): Promise<{ readonly tenant: TenantRow; readonly left: string }> {
  const here = await cellOfSlug(cells.home, slug);
  const tenant = await findTenant(cells.named(here), slug);
  if (await stateOf(cells.named(here), tenant.id)) {
    throw new TenantLifeError('The move is not finished: begin it again, or undo it.');
  }
  for (const name of cells.names) {
    if (name !== here && (await stateOf(cells.named(name), tenant.id))?.state === 'left') {
      return { tenant, left: nameOfCell(name) };
    }
  }
  throw new TenantLifeError(`No cell has an old copy of ${slug}.`);
}
