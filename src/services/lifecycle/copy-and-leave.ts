/**
 * Copies a tenant while it works, until it has left its source: passes, then a last one during which writes are refused.
 * It may be cut off at any time, also by kill -9: the lock that refuses writes ends with its session, and only that session
 * commits that the tenant has left.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import type { OperatorConnection } from '../operator/operator-connection.js';
import type { TenantRow } from '../operator/tenants.js';
import { CopyOutOfStep, copyPass } from './copy-pass.js';
import { TenantLifeError } from './life-error.js';
import type { PlacedTable } from './placed-tables.js';

/** The steps, for whoever waits. `copied` is the first pass, and `frozen` may come again. */
export type MoveStep = 'begun' | 'copied' | 'frozen' | 'equal' | 'left' | 'placed' | 'served';

/** A pass with no more rows is small enough to be followed by the last one. */
const FEW_ROWS = 1_000;
/** The most rows of the last pass. */
const MOST_ROWS = 10_000;
/** After so many passes, none is expected to be smaller. */
const ENOUGH_PASSES = 5;
const MOST_PASSES = 30;
/** How often the last pass is tried. */
const MOST_TRIES = 50;
/** How long transactions of the tenant may keep the last pass waiting, in milliseconds. Writes are refused meanwhile. */
const PATIENCE_MS = 1_000;
/** How long the tenant works before the last pass is tried again, in milliseconds. */
const PAUSE_MS = 500;
/** How often the copy is begun anew, when it can follow no further. */
const MOST_COPIES = 3;
/** The SQLSTATE of a lock that was not got in time. */
export const LOCK_TIMEOUT = '55P03';

/** Where the copy is made, and the commit that makes it the tenant. */
export interface CopyPlace {
  /** Makes the place ready. @returns how far the copy there is; null: nothing is there */
  readonly open: () => Promise<string | null>;
  /** The tables that are copied, parents first. @throws TenantLifeError when both sides do not fit */
  readonly tables: () => Promise<readonly (readonly PlacedTable[])[]>;
  /** Erases the copy, so that another one can be made. */
  readonly erase: () => Promise<void>;
  /** Called by the session that refuses writes. @returns whether the tenant has left; otherwise it is tried again */
  readonly leave: () => Promise<boolean>;
}

export interface Leaving {
  readonly source: OperatorConnection;
  readonly target: OperatorConnection;
  readonly tenant: TenantRow;
  readonly place: CopyPlace;
  readonly onStep: (step: MoveStep) => void | Promise<void>;
}

/** Copies the tenant until it has left its source. @returns since when writes were refused */
export async function copyAndLeave(leaving: Leaving): Promise<number> {
  for (let attempts = 1; ; attempts++) {
    try {
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const through = await catchUp(leaving);
        const since = await lastPass(leaving, through);
        if (since !== undefined) return since;
        await sleep(PAUSE_MS);
      }
      throw new TenantLifeError(
        'Transactions of the tenant do not end, or write too much: go on with the move later, or undo it.',
      );
    } catch (error) {
      if (!(error instanceof CopyOutOfStep)) throw error;
      if (attempts === MOST_COPIES) throw new TenantLifeError(error.message, { cause: error });
      await leaving.place.erase();
    }
  }
}

/** Makes passes until one is small. @returns where the last one has ended. @throws TenantLifeError when none is small */
async function catchUp({ source, target, tenant, place, onStep }: Leaving): Promise<string> {
  for (let passes = 1; ; passes++) {
    const since = await place.open();
    const { rows, through } = (await copyPass({ source, target, tenant, since, tables: place.tables }))!;
    if (since === null) await onStep('copied');
    else if (rows <= (passes < ENOUGH_PASSES ? FEW_ROWS : MOST_ROWS)) return through;
    if (passes === MOST_PASSES) {
      throw new TenantLifeError(
        'The tenant writes faster than it is copied: go on with the move when it writes less, or undo it.',
      );
    }
  }
}

/**
 * Refuses writes, and makes the copy equal. The tenant works on when that fails.
 *
 * @param through where the pass before has ended
 * @returns since when writes are refused; undefined when the tenant had too much under way
 */
async function lastPass(
  { source, target, tenant, place, onStep }: Leaving,
  through: string,
): Promise<number | undefined> {
  const files = await filesOf(source);
  const since = performance.now();
  if (!(await lockWrites(source, tenant.id))) return undefined;
  try {
    await onStep('frozen');
    const pass = await copyPass({
      source,
      target,
      tenant,
      since: through,
      tables: place.tables,
      most: MOST_ROWS,
    });
    // A table that was written anew meanwhile looks empty to an older snapshot.
    if (!pass || (await filesOf(source)) !== files) return undefined;
    await onStep('equal');
    return (await place.leave()) ? since : undefined;
  } finally {
    await source
      .query(`SELECT pg_advisory_unlock(tenantry.writes_of($1))`, [tenant.id])
      .catch(() => undefined);
  }
}

/**
 * Waits for the transactions that may write the tenant, and refuses others from now on. The lock is the session's.
 *
 * @returns whether they have ended in time; otherwise the tenant works on
 */
async function lockWrites({ query }: OperatorConnection, tenantId: string): Promise<boolean> {
  await query(`SET lock_timeout = ${String(PATIENCE_MS)}`);
  try {
    await query('SELECT pg_advisory_lock(tenantry.writes_of($1))', [tenantId]);
    return true;
  } catch (error) {
    if (sqlState(error) === LOCK_TIMEOUT) return false;
    throw error;
  } finally {
    await query('RESET lock_timeout').catch(() => undefined);
  }
}

/** The files of all tables: they are others after a table was written anew, as by some changes of its columns. */
async function filesOf({ query }: OperatorConnection): Promise<string> {
  const [row] = await query<{ files: string }>(
    `SELECT md5(string_agg(c.oid || ' ' || c.relfilenode, ',' ORDER BY c.oid)) AS files FROM pg_catalog.pg_class c
     WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.relnamespace <> 'pg_catalog'::regnamespace`,
  );
  return row!.files;
}
