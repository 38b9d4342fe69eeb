/**
 * Moves a tenant to another cell. A move has steps, and each of them is one commit that says in the databases how far it is:
 *
 *   1  the source refuses writes, and goes on to answer reads (`leaving`)
 *   2  the target has a copy that was compared with the source, and that nobody uses (`arriving`)
 *   3  the source refuses everything (`left`)
 *   4  the directory names the target
 *   5  the target answers
 *
 * So at every moment at most one cell accepts writes of the tenant, whatever a server believes about the directory. A move that
 * was cut off goes on when it is begun again, or is undone.
 */
import type { SealKeys } from '../audit-trail/seal-keys.js';
import { findCell, placeTenant } from '../operator/cells.js';
import { cellOfSlug, cellOfTenant, type OperatorCells } from '../operator/operator-cells.js';
import type { OperatorConnection, OperatorQuery } from '../operator/operator-connection.js';
import { findTenant, type TenantRow } from '../operator/tenants.js';
import { eraseTenant, olderTransactionsEnd } from './erase-tenant.js';
import { copyTenant } from './copy-tenant.js';
import { TenantLifeError } from './life-error.js';
import { notFound } from '../../kernel/vocabulary/errors.js';

/** What a cell says about a tenant that is moved. */
type MoveState = 'leaving' | 'arriving' | 'left';

/** The steps, for whoever waits. */
export type MoveStep = 'fenced' | 'quiet' | 'copied' | 'left' | 'placed' | 'served';

export interface MoveOrder {
  readonly slug: string;
  /** The name of the cell; undefined: the default one. */
  readonly to: string | undefined;
  /** For the audit log of the tenant. */
  readonly reason: string;
  /** Called after each step; the move ends when it throws, and can be taken up again. */
  readonly onStep?: ((step: MoveStep) => void | Promise<void>) | undefined;
}

export interface Moved {
  readonly slug: string;
  readonly from: string;
  readonly to: string;
  /** How long writes were refused, in milliseconds; undefined for a move that was taken up again. */
  readonly frozenMs: number | undefined;
}

const nameOfCell = (cell: string | undefined): string => cell ?? 'default';
const cellNamed = (name: string): string | undefined => (name === 'default' ? undefined : name);

/**
 * Moves a tenant, or goes on with a move that was cut off.
 *
 * @throws NOT_FOUND when there is no such tenant, or no such cell; TenantLifeError when the cells do not fit, the copy is not
 * equal, or another process moves the tenant; the errors of the databases. The tenant is then still where it was, or the move
 * can be taken up again
 */
export async function moveTenant(cells: OperatorCells, order: MoveOrder): Promise<Moved> {
  const { slug, to, onStep = () => undefined } = order;
  return alone(cells.home, slug, async () => {
    const from = await cellOfSlug(cells.home, slug);
    if (to !== undefined && (await findCell(cells.home, to)).draining) {
      throw new TenantLifeError(`The cell ${to} takes no tenants.`);
    }
    if (from === to) return goOn(cells, slug, to);
    const [source, target] = [cells.named(from), cells.named(to)];
    const tenant = await servedTenant(cells, slug, from);
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
    if (!begun) {
      await source.acting(tenant.id, { action: 'tenant_move_begun', reason: order.reason }, () =>
        Promise.resolve(),
      );
      frozenSince = performance.now();
      await fence(source, tenant.id, 'leaving', to);
    }
    await onStep('fenced');
    if (begun?.state !== 'left') {
      await olderTransactionsEnd(source);
      await onStep('quiet');
    }
    if (there?.state !== 'arriving') {
      await copyTenant(source, target, tenant, (query, id) => fenceIn(query, target, id, 'arriving', from));
    }
    await onStep('copied');
    await fence(source, tenant.id, 'left', to);
    await onStep('left');
    await placeTenant(cells.home, tenant, to ?? null);
    await onStep('placed');
    await fence(target, tenant.id, null, from);
    const frozenMs = frozenSince === undefined ? undefined : Math.round(performance.now() - frozenSince);
    await onStep('served');
    return { slug, from: nameOfCell(from), to: nameOfCell(to), frozenMs };
  });
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
  keys: SealKeys | undefined,
): Promise<{ readonly slug: string; readonly in: string }> {
  const { slug } = order;
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

/** The external stores of the tenant stay: eraseTenant knows that these rows are a copy. */
async function eraseCopy(
  connection: OperatorConnection,
  tenantId: string,
  keys: SealKeys | undefined,
): Promise<void> {
  await eraseTenant(connection, { tenantId, stores: [], keepTrail: false, keys });
  await fence(connection, tenantId, null, undefined);
}

/** The tenant with a slug, which may be that of an old copy. @throws NOT_FOUND */
async function servedTenant(
  cells: OperatorCells,
  slug: string,
  cell: string | undefined,
): Promise<TenantRow> {
  const tenant = await findTenant(cells.named(cell), slug);
  if ((await cellOfTenant(cells.home, tenant.id)) !== cell) throw notFound();
  return tenant;
}

async function stateOf(
  { query }: OperatorConnection,
  tenantId: string,
): Promise<{ readonly state: MoveState; readonly cell: string } | undefined> {
  const [row] = await query<{ state: MoveState; cell: string }>(
    'SELECT state, other_cell AS cell FROM tenantry.moves WHERE subject = $1',
    [tenantId],
  );
  return row;
}

const fence = (
  connection: OperatorConnection,
  tenantId: string,
  state: MoveState | null,
  other: string | undefined,
): Promise<void> => fenceIn(connection.query, connection, tenantId, state, other);

async function fenceIn(
  query: OperatorQuery,
  { sign }: OperatorConnection,
  tenantId: string,
  state: MoveState | null,
  other: string | undefined,
): Promise<void> {
  const cell = state === null ? null : nameOfCell(other);
  const { expires, signature } = sign('fence_tenant', tenantId.toLowerCase(), state ?? '', cell ?? '');
  await query('SELECT tenantry.fence_tenant($1, $2, $3, $4, $5)', [
    tenantId,
    state,
    cell,
    expires,
    signature,
  ]);
}

/** Runs `work` while no other process moves the tenant. The lock is the session's, so it ends with a process that is killed. */
async function alone<Result>(
  home: OperatorConnection,
  slug: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const name = [`move ${slug}`];
  const [lock] = await home.query<{ locked: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked',
    name,
  );
  if (!lock!.locked) throw new TenantLifeError('Another process moves the tenant at the moment.');
  try {
    return await work();
  } finally {
    await home.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', name).catch(() => undefined);
  }
}
