import type { AccessChange, AccessInvalidations } from '../../kernel/notifications/access-invalidations.js';
import { AccessChecks, type Checked } from './access-checks.js';
import { Answers } from './answers.js';
import { tryLater } from './closing.js';
import { FairGate } from './fair-gate.js';

/** Of one user in one tenant, and of one tenant, to one server process. */
export const CONNECTIONS_PER_VIEWER = 20;
export const CONNECTIONS_PER_TENANT = 1_000;
/** Of one tenant to one server process, and the bytes in which they were asked for. */
export const SUBSCRIPTIONS_PER_TENANT = 5_000;
export const SUBSCRIBED_BYTES_PER_TENANT = 16 * 1024 * 1024;

/** What has to be known of an open connection. */
interface Open extends Checked {
  /** How many of its subscriptions are in force. */
  readonly subscriptions: number;
}

interface Tenant {
  readonly connections: Set<Open>;
  subscriptions: number;
  bytes: number;
}

/** The connections of this process whose clients have said who they are, and what they share. */
export class Connections {
  /** Events read from the database, of which requests want their share. */
  readonly gate: FairGate;
  readonly answers = new Answers();
  /** Counts the news of access, so that one who comes while it is told can tell. */
  changes = 0;
  readonly #checks: AccessChecks;
  readonly #tenants = new Map<string, Tenant>();
  #count = 0;

  constructor(invalidations: AccessInvalidations, poolSize: number) {
    this.gate = new FairGate(Math.max(1, Math.floor(poolSize / 2)));
    this.#checks = new AccessChecks(Math.max(1, Math.floor(poolSize / 4)));
    // After the access that was kept has been dropped: who listens first is told first.
    invalidations.onChange((change) => this.#hear(change));
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** How many subscriptions are in force, for metrics. */
  get subscriptions(): number {
    return this.#all().reduce((sum, { subscriptions }) => sum + subscriptions, 0);
  }

  /** @throws Closing when there are too many */
  add(connection: Open, { tenantId, userId }: { readonly tenantId: string; readonly userId: string }): void {
    const tenant = this.#tenants.get(tenantId) ?? {
      connections: new Set<Open>(),
      subscriptions: 0,
      bytes: 0,
    };
    const ofViewer = [...tenant.connections].filter((other) => other.viewer?.userId === userId);
    if (tenant.connections.size >= CONNECTIONS_PER_TENANT || ofViewer.length >= CONNECTIONS_PER_VIEWER) {
      throw tryLater('Too many connections.');
    }
    tenant.connections.add(connection);
    this.#count++;
    this.#tenants.set(tenantId, tenant);
  }

  delete(connection: Open, tenantId: string): void {
    const tenant = this.#tenants.get(tenantId);
    if (tenant?.connections.delete(connection)) this.#count--;
    this.#forgetUnused(tenantId);
  }

  /** Counts a subscription of the tenant; false when it has as many as it may. */
  reserve(tenantId: string, bytes: number): boolean {
    const tenant = this.#tenants.get(tenantId);
    if (
      !tenant ||
      tenant.subscriptions >= SUBSCRIPTIONS_PER_TENANT ||
      tenant.bytes + bytes > SUBSCRIBED_BYTES_PER_TENANT
    ) {
      return false;
    }
    tenant.subscriptions++;
    tenant.bytes += bytes;
    return true;
  }

  /** One that was reserved is over. */
  release(tenantId: string, bytes: number): void {
    const tenant = this.#tenants.get(tenantId);
    if (!tenant) return;
    tenant.subscriptions--;
    tenant.bytes -= bytes;
    this.#forgetUnused(tenantId);
  }

  /** Looks up again what the client of a connection may do. */
  check(connection: Open): void {
    this.#checks.check(connection);
  }

  #forgetUnused(tenantId: string): void {
    const tenant = this.#tenants.get(tenantId);
    if (tenant?.connections.size === 0 && tenant.subscriptions === 0) this.#tenants.delete(tenantId);
  }

  #all(): Open[] {
    return [...this.#tenants.values()].flatMap(({ connections }) => [...connections]);
  }

  #hear(change: AccessChange | undefined): void {
    this.changes++;
    const concerned = change ? (this.#tenants.get(change.tenantId)?.connections ?? []) : this.#all();
    for (const connection of concerned) {
      const memberId = connection.viewer?.memberId;
      if ((change?.userId ?? memberId) === memberId) this.check(connection);
    }
  }
}
