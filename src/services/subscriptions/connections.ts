import { FairShare } from '../../kernel/fair-share/fair-share.js';
import type { AccessChange, AccessInvalidations } from '../../kernel/notifications/access-invalidations.js';
import { AccessChecks, type Checked } from './access-checks.js';
import { Answers } from './answers.js';
import { tryLater } from './closing.js';

/** An event stream is a connection with one subscription. */
export type ConnectionKind = 'websocket' | 'stream';

/** The most connections per user and tenant, and per tenant, to one server process. */
export const CONNECTIONS_PER_VIEWER = 20;
export const STREAMS_PER_VIEWER = 50;
export const CONNECTIONS_PER_TENANT = 1_000;
/** The most subscriptions per tenant on one server process, and the bytes of their messages. */
export const SUBSCRIPTIONS_PER_TENANT = 5_000;
export const SUBSCRIBED_BYTES_PER_TENANT = 16 * 1024 * 1024;

const PER_VIEWER: Readonly<Record<ConnectionKind, number>> = {
  websocket: CONNECTIONS_PER_VIEWER,
  stream: STREAMS_PER_VIEWER,
};

/** The required properties of an open connection. */
interface Open extends Checked {
  readonly kind: ConnectionKind;
  /** The number of its active subscriptions. */
  readonly subscriptions: number;
}

interface Tenant {
  readonly connections: Set<Open>;
  subscriptions: number;
  bytes: number;
}

/** The authenticated connections of this process, and the state that they share. */
export class Connections {
  /** Limits events that read from the database, so that requests get connections too. */
  readonly gate: FairShare;
  readonly answers = new Answers();
  /** Counts changes of access, so that a connection that is being opened can detect one. */
  changes = 0;
  readonly #checks: AccessChecks;
  readonly #tenants = new Map<string, Tenant>();
  readonly #counts: Record<ConnectionKind, number> = { websocket: 0, stream: 0 };

  constructor(invalidations: AccessInvalidations, poolSize: number) {
    this.gate = new FairShare({ slots: Math.max(1, Math.floor(poolSize / 2)) });
    this.#checks = new AccessChecks(Math.max(1, Math.floor(poolSize / 4)));
    // Called after the access cache has dropped its entries, because listeners are called in order.
    invalidations.onChange((change) => this.#hear(change));
  }

  /** The number of WebSockets. */
  get websockets(): number {
    return this.#counts.websocket;
  }

  /** The number of event streams. */
  get streams(): number {
    return this.#counts.stream;
  }

  /** The number of active subscriptions, for metrics. */
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
    const ofViewer = [...tenant.connections].filter(
      ({ viewer, kind }) => viewer?.userId === userId && kind === connection.kind,
    );
    if (tenant.connections.size >= CONNECTIONS_PER_TENANT || ofViewer.length >= PER_VIEWER[connection.kind]) {
      throw tryLater('Too many connections.');
    }
    tenant.connections.add(connection);
    this.#counts[connection.kind]++;
    this.#tenants.set(tenantId, tenant);
  }

  delete(connection: Open, tenantId: string): void {
    const tenant = this.#tenants.get(tenantId);
    if (tenant?.connections.delete(connection)) this.#counts[connection.kind]--;
    this.#forgetUnused(tenantId);
  }

  /** Counts a subscription of the tenant; returns false when the limit is reached. */
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

  /** Ends a reservation. */
  release(tenantId: string, bytes: number): void {
    const tenant = this.#tenants.get(tenantId);
    if (!tenant) return;
    tenant.subscriptions--;
    tenant.bytes -= bytes;
    this.#forgetUnused(tenantId);
  }

  /** Looks up the access of a connection's client again. */
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
