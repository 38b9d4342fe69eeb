/** What a cell says about a tenant that is moved, in its table `moves`: docs/cells.md has what each state means. */
import { notFound } from '../../kernel/vocabulary/errors.js';
import type { SealKeys } from '../audit-trail/seal-keys.js';
import { cellOfTenant, type OperatorCells } from '../operator/operator-cells.js';
import type { OperatorConnection } from '../operator/operator-connection.js';
import { findTenant, type TenantRow } from '../operator/tenants.js';
import { eraseTenant } from './erase-tenant.js';
import { TenantLifeError } from './life-error.js';

/** What a cell says about a tenant that is moved. */
type MoveState = 'leaving' | 'arriving' | 'left';

/** What a cell has of a tenant: its state, the other cell, and in the target how far the copy is. */
export interface MoveRow {
  readonly state: MoveState;
  readonly cell: string;
  readonly through: string | null;
}

/** The other cell of a tenant that is moved within its database. No cell has this name. */
export const WITHIN = '';

/** The name of a cell in this table. */
export const nameOfCell = (cell: string | undefined): string => cell ?? 'default';

/** Undefined: the tenant is not moved, as far as this cell knows. */
export async function stateOf({ query }: OperatorConnection, tenantId: string): Promise<MoveRow | undefined> {
  const [row] = await query<MoveRow & Record<string, unknown>>(
    'SELECT state, other_cell AS cell, through::text AS through FROM tenantry.moves WHERE subject = $1',
    [tenantId],
  );
  return row;
}

/** Changes the state; null: the tenant is served here. */
export async function fence(
  { query, sign }: OperatorConnection,
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

/** Erases a copy. The external stores of the tenant stay: eraseTenant knows that these rows are a copy. */
export async function eraseCopy(
  connection: OperatorConnection,
  tenantId: string,
  keys: SealKeys | undefined,
): Promise<void> {
  await eraseTenant(connection, { tenantId, stores: [], keepTrail: false, keys });
  await fence(connection, tenantId, null, undefined);
}

/** Runs `work` while no other process moves the tenant. The lock is the session's, so it ends with a process that is killed. */
export async function alone<Result>(
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

/** The tenant with a slug, which may be that of an old copy. @throws NOT_FOUND */
export async function servedTenant(
  cells: OperatorCells,
  slug: string,
  cell: string | undefined,
): Promise<TenantRow> {
  const tenant = await findTenant(cells.named(cell), slug);
  if ((await cellOfTenant(cells.home, tenant.id)) !== cell) throw notFound();
  return tenant;
}
