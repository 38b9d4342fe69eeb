/** The metrics of load: the connections to the database, who waits for one, and the connections of clients. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Services } from '../services.js';

/** Adds them. */
export function showLoad(
  registry: Registry,
  {
    database,
    connections,
    shedding,
    activity,
    tenantUsage,
  }: Pick<Services, 'database' | 'connections' | 'shedding' | 'activity' | 'tenantUsage'>,
): void {
  new Gauge({
    name: 'tenantry_pool_connections',
    help: 'Connections to the database by state, and operations that wait for one.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { total, idle, waiting } = database.pool;
      this.set({ state: 'active' }, total - idle);
      this.set({ state: 'idle' }, idle);
      this.set({ state: 'waiting' }, waiting);
    },
  });
  new Gauge({
    name: 'tenantry_pool_waiting',
    help: 'Operations that wait for a connection to the database, by what keeps them from it.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      const { waiting, waitingForShare } = database.pool;
      this.set({ reason: 'connection' }, waiting);
      for (const [reason, count] of Object.entries(waitingForShare)) this.set({ reason }, count);
    },
  });
  new Counter({
    name: 'tenantry_pool_refused_total',
    help: 'Operations that were refused a connection to the database, by what kept them from it.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(database.pool.refused)) {
        this.inc({ reason }, count);
      }
    },
  });
  const waited = new Histogram({
    name: 'tenantry_pool_wait_seconds',
    help: 'How long operations waited for a connection to the database, of those that did not get one at once.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  });
  database.gate.onWaited((milliseconds) => waited.observe(milliseconds / 1_000));
  const held = new Histogram({
    name: 'tenantry_database_seconds',
    help: 'How long each operation on the database, usually a transaction, held its connection.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  database.gate.onHeld((tenantId, milliseconds) => {
    held.observe(milliseconds / 1_000);
    activity.add(tenantId, 'databaseMs', milliseconds);
    tenantUsage.add(tenantId, 'databaseMs', milliseconds);
  });
  const { replica } = database;
  if (replica) showReplica(registry, replica);
  new Counter({
    name: 'tenantry_shed_total',
    help: 'Requests refused before they were read, because the queue of their tenant or caller stays too long.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(shedding.count);
    },
  });
  new Gauge({
    name: 'tenantry_websocket_connections',
    help: 'Open WebSocket connections whose clients have said who they are.',
    registers: [registry],
    collect() {
      this.set(connections.websockets);
    },
  });
  new Gauge({
    name: 'tenantry_event_streams',
    help: 'Open event streams.',
    registers: [registry],
    collect() {
      this.set(connections.streams);
    },
  });
  new Gauge({
    name: 'tenantry_subscriptions',
    help: 'Subscriptions in force.',
    registers: [registry],
    collect() {
      this.set(connections.subscriptions);
    },
  });
}

function showReplica(registry: Registry, replica: NonNullable<Services['database']['replica']>): void {
  new Counter({
    name: 'tenantry_replica_reads_total',
    help: 'Batches of reads that were sent to the replica, by who has answered them.',
    labelNames: ['answered_by'],
    registers: [registry],
    collect() {
      const { answered, failed } = replica.state;
      this.reset();
      this.inc({ answered_by: 'replica' }, answered);
      this.inc({ answered_by: 'primary' }, failed);
    },
  });
  new Gauge({
    name: 'tenantry_replica_lag_seconds',
    help: 'How old the data of the replica is at most. No value while it is away or further behind than allowed.',
    labelNames: ['role'],
    registers: [registry],
    collect() {
      const { lagMs } = replica.state;
      this.reset();
      if (lagMs !== undefined) this.set({ role: 'replica' }, lagMs / 1_000);
    },
  });
}
