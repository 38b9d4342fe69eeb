import type { AccessChange, AccessNews } from '../tenancy/access-news.js';
import { tryLater } from './closing.js';
import type { Connection } from './connection.js';
import { FairGate } from './fair-gate.js';

/** Of one user in one tenant, and of one tenant, to one server process. */
export const CONNECTIONS_PER_VIEWER = 20;
export const CONNECTIONS_PER_TENANT = 1_000;

/** The connections of this process whose clients have said who they are. */
export class Connections {
  /** Events read from the database, of which requests want their share. */
  readonly gate: FairGate;
  /** Counts the news of access, so that one who comes while it is told can tell. */
  changes = 0;
  private readonly byTenant = new Map<string, Set<Connection>>();

  constructor(news: AccessNews, poolSize: number) {
    this.gate = new FairGate(Math.max(1, Math.floor(poolSize / 2)));
    // After the access that was kept has been dropped: who listens first is told first.
    news.onChange((change) => this.checkAgain(change));
  }

  /** How many there are, for metrics. */
  get count(): number {
    return this.all().length;
  }

  /** How many subscriptions are in force, for metrics. */
  get subscriptions(): number {
    return this.all().reduce((sum, { subscriptions }) => sum + subscriptions, 0);
  }

  /** @throws Closing when there are too many */
  add(
    connection: Connection,
    { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
  ): void {
    const ofTenant = this.byTenant.get(tenantId) ?? new Set();
    const ofViewer = [...ofTenant].filter((other) => other.viewer?.userId === userId);
    if (ofTenant.size >= CONNECTIONS_PER_TENANT || ofViewer.length >= CONNECTIONS_PER_VIEWER) {
      throw tryLater('Too many connections.');
    }
    this.byTenant.set(tenantId, ofTenant.add(connection));
  }

  delete(connection: Connection, tenantId: string): void {
    const ofTenant = this.byTenant.get(tenantId);
    ofTenant?.delete(connection);
    if (ofTenant?.size === 0) this.byTenant.delete(tenantId);
  }

  private all(): Connection[] {
    return [...this.byTenant.values()].flatMap((connections) => [...connections]);
  }

  private checkAgain(change: AccessChange | undefined): void {
    this.changes++;
    const concerned = change ? [...(this.byTenant.get(change.tenantId) ?? [])] : this.all();
    for (const connection of concerned) {
      if ((change?.userId ?? connection.viewer?.userId) === connection.viewer?.userId) {
        // Of everybody at once, in turn: it would not be news if the database were at its best.
        void (change ? connection.checkAgain() : this.gate.run('', () => connection.checkAgain()));
      }
    }
  }
}
