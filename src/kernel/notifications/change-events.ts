/**
 * Notifications of changed rows of published tables: ids, distributed by tenant. A watcher either receives every change
 * that is committed from then on, or is told that changes may be missing.
 *
 * The database announces changes only in tenants with a lease (`tenantry.listen`). This holds a lease for each watched
 * tenant, and does nothing without watchers.
 */
import { z } from 'zod';
import { unreachable } from '../vocabulary/errors.js';
import { ChangeLog, type LoggedChange } from './change-log.js';
import type { Database } from '../tenancy/database.js';
import { isId } from '../vocabulary/id.js';
import type { Notifications } from './notifications.js';
import { parseJson } from './parse-json.js';

export const CHANGES_CHANNEL = 'tenantry_changes';

export interface ChangeListener {
  heard(logged: LoggedChange): void;
  /** Changes may have been missed, and no more will follow. */
  lost(): void;
}

/** The changes in one tenant. */
export interface TenantChanges {
  /**
   * Resolves when every change of the entity that is committed from now on will be received.
   *
   * @returns a function that stops watching
   * @throws UNAVAILABLE when notifications do not arrive; Error when the entity's table is not published
   */
  watch(entity: string, listener: ChangeListener): Promise<() => void>;
}

export interface ChangeEvents {
  forTenant(tenantId: string): TenantChanges;
  close(): void;
}

/** A third of the duration of a lease, one minute. */
const RENEW_MS = 20_000;
const LEASE_MS = 60_000;
/** How long to wait for the listener after a start or a lost connection. */
const PATIENCE_MS = 3_000;

const message = z.object({
  tenantId: z.string(),
  entity: z.string(),
  kind: z.enum(['CREATED', 'UPDATED', 'DELETED']),
  id: z.string().refine(isId),
  keys: z.record(z.string(), z.string().nullable()),
});

/** @param notifications must listen to {@link CHANGES_CHANNEL} */
export const changeEvents = (
  notifications: Notifications,
  database: Pick<Database, 'query'>,
  warn: (problem: string) => void,
): ChangeEvents => new News(notifications, database, warn);

/** A tenant with watchers. */
interface WatchedTenant {
  readonly watchers: Set<{ readonly entity: string; readonly listener: ChangeListener }>;
  /** By entity. */
  readonly logs: Map<string, ChangeLog>;
  /** The id of the lease. */
  readonly lease: Promise<string>;
}

class News implements ChangeEvents {
  private readonly tenants = new Map<string, WatchedTenant>();
  private readonly published = new Set<string>();
  private renewal: NodeJS.Timeout | undefined;
  private renewedAt = 0;
  private changes = 0;

  constructor(
    private readonly notifications: Notifications,
    private readonly database: Pick<Database, 'query'>,
    private readonly warn: (problem: string) => void,
  ) {
    notifications.onMessage(CHANGES_CHANNEL, (payload) => this.dispatch(payload));
    notifications.onGap(() => this.loseAll());
  }

  forTenant(tenantId: string): TenantChanges {
    return { watch: (entity, listener) => this.watch(tenantId, entity, listener) };
  }

  close(): void {
    clearInterval(this.renewal);
    this.loseAll();
  }

  private async watch(tenantId: string, entity: string, listener: ChangeListener): Promise<() => void> {
    await this.requirePublished(entity);
    if (!(await this.notifications.untilHearing(PATIENCE_MS))) throw unreachable();
    const tenant = this.tenants.get(tenantId) ?? this.lease(tenantId);
    const watcher = { entity, listener };
    tenant.watchers.add(watcher);
    const stop = () => {
      tenant.watchers.delete(watcher);
      if (tenant.watchers.size === 0) this.forget(tenantId, tenant);
    };
    try {
      await tenant.lease;
    } catch (error) {
      stop();
      throw error;
    }
    // Lost while the lease was requested: the listener was called, but there is no subscription yet.
    if (!tenant.watchers.has(watcher)) throw unreachable();
    return stop;
  }

  private async requirePublished(entity: string): Promise<void> {
    if (this.published.has(entity)) return;
    const [row] = await this.database.query<{ published: boolean }>(
      'SELECT tenantry.is_published($1) AS published',
      [entity],
      { purpose: 'changes' },
    );
    if (!row?.published) {
      throw new Error(`changes of ${entity} are not announced: its table needs tenantry.publish`);
    }
    this.published.add(entity);
  }

  private lease(tenantId: string): WatchedTenant {
    const lease = this.ask([tenantId]).then((leases) => {
      const given = leases.get(tenantId);
      if (given === undefined) throw new Error(`there is no tenant ${tenantId}`);
      return given;
    });
    // All waiters get the error; a rejection without waiters is not an error.
    lease.catch(() => undefined);
    const tenant = { watchers: new Set<never>(), logs: new Map<string, ChangeLog>(), lease };
    if (this.tenants.size === 0) {
      this.renewedAt = performance.now();
      this.renewal = setInterval(() => void this.renew(), RENEW_MS).unref();
    }
    this.tenants.set(tenantId, tenant);
    return tenant;
  }

  private async ask(tenantIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.database.query<{ tenant_id: string; lease: string }>(
      'SELECT tenant_id, lease FROM tenantry.listen($1)',
      [tenantIds],
      { purpose: 'changes' },
    );
    return new Map(rows.map(({ tenant_id: tenantId, lease }) => [tenantId, lease]));
  }

  /** Extends the leases. A lease with a new id had expired: changes meanwhile were not announced. */
  private async renew(): Promise<void> {
    const renewed = [...this.tenants];
    const startedAt = performance.now();
    try {
      const leases = await this.ask(renewed.map(([tenantId]) => tenantId));
      this.renewedAt = startedAt;
      for (const [tenantId, tenant] of renewed) {
        const lease = await tenant.lease.catch(() => undefined);
        if (lease !== leases.get(tenantId)) this.lose(tenantId, tenant);
      }
    } catch (error) {
      if (performance.now() - this.renewedAt < LEASE_MS) return;
      this.warn(`subscriptions were ended: ${error instanceof Error ? error.message : String(error)}`);
      this.loseAll();
    }
  }

  private dispatch(payload: string): void {
    if (this.tenants.size === 0) return;
    const told = message.safeParse(parseJson(payload)).data;
    const tenant = told && this.tenants.get(told.tenantId);
    if (!tenant) return;
    const watchers = [...tenant.watchers].filter(({ entity }) => entity === told.entity);
    if (watchers.length === 0) return;
    const log = tenant.logs.get(told.entity) ?? new ChangeLog();
    tenant.logs.set(told.entity, log);
    const logged = log.add({ ...told, number: ++this.changes });
    for (const { listener } of watchers) listener.heard(logged);
  }

  private loseAll(): void {
    for (const [tenantId, tenant] of this.tenants) this.lose(tenantId, tenant);
  }

  private lose(tenantId: string, tenant: WatchedTenant): void {
    this.forget(tenantId, tenant);
    const watchers = [...tenant.watchers];
    tenant.watchers.clear();
    for (const { listener } of watchers) listener.lost();
  }

  private forget(tenantId: string, tenant: WatchedTenant): void {
    if (this.tenants.get(tenantId) === tenant) this.tenants.delete(tenantId);
    if (this.tenants.size === 0) clearInterval(this.renewal);
  }
}
