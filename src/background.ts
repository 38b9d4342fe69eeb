/** What a server does for each database beside answering requests: jobs, and writing down what was used. */
import type { AccessInvalidations } from './kernel/notifications/access-invalidations.js';
import type { ModuleContext } from './kernel/graphql/request-context.js';
import type { Database } from './kernel/tenancy/database.js';
import type { Plans } from './kernel/vocabulary/plan.js';
import type { Handlers } from './services/jobs/handlers.js';
import { Worker } from './services/jobs/worker.js';
import { UsageWriter, type Counts } from './services/telemetry/usage-writer.js';
import type { OpenCells, RunningCell } from './open-cells.js';

/** Of one database. */
export interface Background {
  readonly worker: Worker;
  /** Writes what tenants use. */
  readonly usageWriter: UsageWriter;
  /** Writes which parts of the schema they use. */
  readonly fieldWriter: UsageWriter;
}

/** Of a cell beside the default one. */
export interface CellBackground extends Background {
  readonly running: RunningCell;
}

export interface BackgroundParts {
  readonly cells: OpenCells;
  readonly handlers: Handlers;
  readonly plans: Plans;
  readonly context: ModuleContext;
  readonly slots: number;
  readonly onAttempt: (tenantId: string) => void;
  readonly tenantUsage: Counts;
  readonly fieldUsage: Counts;
  readonly warn: (problem: string) => void;
}

const FIELDS_WRITTEN_EVERY_MS = 60_000;

/** Creates the background of each cell, which share the slots of jobs equally; nothing of it runs yet. */
export function createBackgrounds({
  cells: { home, others, cellOf },
  handlers,
  plans,
  context,
  slots,
  onAttempt,
  tenantUsage,
  fieldUsage,
  warn,
}: BackgroundParts): { readonly home: Background; readonly others: readonly CellBackground[] } {
  const shared = Math.floor(slots / (others.length + 1));
  const each = slots === 0 ? 0 : Math.max(1, shared);
  const create = (
    { database, invalidations }: { readonly database: Database; readonly invalidations: AccessInvalidations },
    name?: string,
  ): Background => {
    const written = { database, warn, isHere: (tenantId: string) => cellOf(tenantId) === name };
    return {
      worker: new Worker({ database, handlers, plans, context, invalidations, onAttempt }, { slots: each }),
      usageWriter: new UsageWriter({ ...written, counts: tenantUsage, into: 'add_tenant_usage' }),
      fieldWriter: new UsageWriter(
        { ...written, counts: fieldUsage, into: 'add_field_usage' },
        FIELDS_WRITTEN_EVERY_MS,
      ),
    };
  };
  return {
    home: create(home),
    others: others.map((running) => ({ ...create(running.cell, running.name), running })),
  };
}
