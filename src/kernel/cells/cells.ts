/**
 * Several databases as one: each call goes to the cell of its tenant. A tenant is never looked for in two cells at once: what
 * a cell answers about a tenant counts only if the directory says that the tenant is there.
 */
import type { ApiKeyResolver } from '../auth/resolve-api-key.js';
import type { AccessResolver } from '../auth/resolve-access.js';
import type { ImpersonationResolver } from '../auth/resolve-impersonation.js';
import type { AccessInvalidations } from '../notifications/access-invalidations.js';
import type { ChangeEvents } from '../notifications/change-events.js';
import type { Database } from '../tenancy/database.js';
import { PublicError } from '../vocabulary/errors.js';
import type { Directory } from './directory.js';

/** One database with its tenants. */
export interface Cell {
  readonly database: Database;
  readonly invalidations: AccessInvalidations;
  readonly access: AccessResolver;
  readonly apiKeys: ApiKeyResolver;
  readonly impersonations: ImpersonationResolver;
  readonly changes: ChangeEvents;
  /** Closes its connections. Call it when no request is running. */
  close(): Promise<void>;
}

/** A cell beside the default one. */
export interface OtherCell extends Cell {
  /** Whether its database was checked as the default one is at the start. Until then its tenants are answered UNAVAILABLE. */
  readonly isChecked: boolean;
}

const AWAY = 'The database of this tenant is not available. Try again later.';

/**
 * The cells of a server as one.
 *
 * @param home the default cell
 * @param others the other cells, by their names
 */
export function joinCells(home: Cell, others: ReadonlyMap<string, OtherCell>, directory: Directory): Cell {
  const all = [home, ...others.values()];
  const named = (name: string | undefined): Cell => {
    if (name === undefined) return home;
    const cell = others.get(name);
    // A cell that this server was not told of, or that it has not seen yet.
    if (!cell?.isChecked) throw new PublicError('UNAVAILABLE', AWAY);
    return cell;
  };
  const of = (tenantId: string): Cell => named(directory.cellOf(tenantId));
  const isAt = (cell: Cell, { tenantId }: { readonly tenantId: string }): boolean => {
    const name = directory.cellOf(tenantId);
    return cell === (name === undefined ? home : others.get(name));
  };
  /** Asks the cell of the tenant that a secret names; all cells for an older one, which names none. */
  const bySecret = async <Found extends { readonly tenantId: string }>(
    tenantId: string | undefined,
    ask: (cell: Cell) => Promise<Found | undefined>,
  ): Promise<Found | undefined> => {
    await directory.ready();
    const known = [home, ...[...others.values()].filter(({ isChecked }) => isChecked)];
    const asked = tenantId === undefined ? known : [of(tenantId)];
    const answers = await Promise.allSettled(
      asked.map(async (cell) => {
        const found = await ask(cell);
        return found && isAt(cell, found) ? found : undefined;
      }),
    );
    for (const answer of answers) if (answer.status === 'fulfilled' && answer.value) return answer.value;
    const failure = answers.find((answer) => answer.status === 'rejected');
    if (failure) throw failure.reason;
    return undefined;
  };
  return {
    database: joinDatabases(
      home.database,
      all.map(({ database }) => database),
      (tenantId) => of(tenantId).database,
      (tenantId) => {
        const own = of(tenantId);
        const names = [...directory.cells];
        const checked = names.flatMap((name) => others.get(name) ?? []).filter(({ isChecked }) => isChecked);
        const served: readonly Cell[] = [home, ...checked];
        return {
          served: served.filter((cell) => cell !== own).map(({ database }) => database),
          isAll: served.length === names.length + 1,
        };
      },
    ),
    invalidations: {
      get isLive() {
        return all.every(({ invalidations }) => invalidations.isLive);
      },
      onChange: (listener) => {
        for (const { invalidations } of all) invalidations.onChange(listener);
      },
    },
    access: {
      resolve: async (tenantRef, userId) => {
        const cell = named(await directory.find(tenantRef));
        const access = await cell.access.resolve(tenantRef, userId);
        return access && isAt(cell, access) ? access : undefined;
      },
    },
    apiKeys: {
      resolve: (keyHash, beforeLookUp, tenantId) =>
        bySecret(tenantId, (cell) => cell.apiKeys.resolve(keyHash, beforeLookUp)),
    },
    impersonations: {
      resolve: (tokenHash, beforeLookUp, tenantId) =>
        bySecret(tenantId, (cell) => cell.impersonations.resolve(tokenHash, beforeLookUp)),
    },
    changes: {
      forTenant: (tenantId) => of(tenantId).changes.forTenant(tenantId),
      close: () => {
        for (const { changes } of all) changes.close();
      },
    },
    close: async () => {
      await directory.close();
      await Promise.all(all.map((cell) => cell.close()));
    },
  };
}

function joinDatabases(
  home: Database,
  all: readonly Database[],
  at: (tenantId: string) => Database,
  elsewhere: Database['elsewhere'],
): Database {
  const sum = (count: (database: Database) => number): number =>
    all.reduce((total, database) => total + count(database), 0);
  return {
    // What names no tenant: the look-ups of the directory, the signature, the models.
    ...home,
    at,
    all,
    elsewhere,
    forTenant: (context) => at(context.tenantId).forTenant(context),
    unitOfWork: (context, work) => at(context.tenantId).unitOfWork(context, work),
    tenantOnlyReads: (tenantId) => at(tenantId).tenantOnlyReads(tenantId),
    gate: {
      isOverloaded: (tenantId, actor) => at(tenantId).gate.isOverloaded(tenantId, actor),
      accessChanged: (change) => {
        for (const { gate } of all) gate.accessChanged(change);
      },
      endWaits: (error) => {
        for (const { gate } of all) gate.endWaits(error);
      },
      onWaited: (listener) => {
        for (const { gate } of all) gate.onWaited(listener);
      },
      onHeld: (listener) => {
        for (const { gate } of all) gate.onHeld(listener);
      },
    },
    get pool() {
      return {
        total: sum(({ pool }) => pool.total),
        idle: sum(({ pool }) => pool.idle),
        waiting: sum(({ pool }) => pool.waiting),
        waitingForShare: {
          tenant: sum(({ pool }) => pool.waitingForShare.tenant),
          caller: sum(({ pool }) => pool.waitingForShare.caller),
          door: sum(({ pool }) => pool.waitingForShare.door),
        },
        refused: {
          tenant: sum(({ pool }) => pool.refused.tenant),
          caller: sum(({ pool }) => pool.refused.caller),
          door: sum(({ pool }) => pool.refused.door),
        },
      };
    },
    close: async () => {
      await Promise.all(all.map((database) => database.close()));
    },
  };
}
