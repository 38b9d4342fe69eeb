/** What a server does for each database beside answering requests: jobs, and writing down what was used. */
import type { FastifyBaseLogger } from 'fastify';
import type { AccessInvalidations } from './kernel/notifications/access-invalidations.js';
import type { ModuleContext } from './kernel/graphql/request-context.js';
import type { Database } from './kernel/tenancy/database.js';
import type { Plans } from './kernel/vocabulary/plan.js';
import type { SealKeys } from './services/audit-trail/seal-keys.js';
import { Sealer } from './services/audit-trail/sealer.js';
import type { Handlers } from './services/jobs/handlers.js';
import { Worker } from './services/jobs/worker.js';
import { ErasureRunner } from './services/lifecycle/erasure-runner.js';
import type { ExternalStore } from './services/lifecycle/erase-tenant.js';
import { publishQuotas } from './services/limits/quotas.js';
import { withOperatorConnection } from './services/operator/operator-connection.js';
import { splitCounts } from './services/telemetry/split-counts.js';
import { UsageWriter, type Counts } from './services/telemetry/usage-writer.js';
import type { RunningServices } from './create-services.js';
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
  const isAlone = others.length === 0;
  const usageOf = isAlone ? () => tenantUsage : splitCounts(tenantUsage, cellOf);
  const fieldsOf = isAlone ? () => fieldUsage : splitCounts(fieldUsage, cellOf);
  const each = isAlone || slots === 0 ? slots : Math.max(1, Math.floor(slots / (others.length + 1)));
  const create = (
    { database, invalidations }: { readonly database: Database; readonly invalidations: AccessInvalidations },
    name?: string,
  ): Background => ({
    worker: new Worker({ database, handlers, plans, context, invalidations, onAttempt }, { slots: each }),
    usageWriter: new UsageWriter({ database, warn, counts: usageOf(name), into: 'add_tenant_usage' }),
    fieldWriter: new UsageWriter(
      { database, warn, counts: fieldsOf(name), into: 'add_field_usage' },
      FIELDS_WRITTEN_EVERY_MS,
    ),
  });
  return {
    home: create(home),
    others: others.map((running) => ({ ...create(running.cell, running.name), running })),
  };
}

export interface CellWorkParts {
  readonly services: RunningServices;
  readonly log: FastifyBaseLogger;
  readonly contextKey: string | undefined;
  /** Undefined: this process does not seal. */
  readonly sealKeys: SealKeys | undefined;
  /** Undefined: this process cannot erase. */
  readonly erasing:
    | {
        /** The operators' URL of the default cell, whose directory forgets what was erased. */
        readonly operatorUrl: string;
        readonly stores: readonly ExternalStore[];
        readonly keys: SealKeys | undefined;
      }
    | undefined;
}

/** Starts the background of the other cells, each as soon as it was checked. @returns what stops it */
export function startCells({
  services,
  log,
  contextKey,
  sealKeys,
  erasing,
}: CellWorkParts): (patienceMs: number) => Promise<void> {
  const { config, plans, limitedResources, problems, sealing } = services;
  const warn = (problem: string, fields: Readonly<Record<string, unknown>> = {}) => log.warn(fields, problem);
  const stops: (() => Promise<void>)[] = [];
  let isStopping = false;
  for (const { running, worker, usageWriter, fieldWriter } of services.others) {
    const { database } = running.cell;
    void running.checked
      .then(async (passed) => {
        if (!passed || isStopping) return;
        usageWriter.start();
        fieldWriter.start();
        if (config.jobSlots > 0) worker.start(log);
        if (sealKeys) {
          const sealer = new Sealer({
            url: running.config.url,
            sign: database.sign,
            keys: sealKeys,
            headSink: config.auditHeadSink,
            onProblem: (kind, detail) => problems.note(kind, detail),
            sealing,
          }).start();
          stops.push(() => sealer.close());
        }
        const url = running.config.operatorUrl;
        if (config.jobSlots > 0 && erasing && url !== undefined) {
          const { operatorUrl, stores, keys } = erasing;
          const onErased = (tenantId: string) =>
            withOperatorConnection(
              { url: operatorUrl, operator: 'erasure', contextKey },
              async ({ query }) => {
                await query('SELECT tenantry.place_tenant($1, NULL, $2)', [tenantId, running.name]);
              },
            );
          const erasures = new ErasureRunner({
            url,
            contextKey,
            stores,
            plans,
            keys,
            warn,
            onErased,
          }).start();
          stops.push(() => erasures.stop());
        }
        await publishQuotas(database, plans, limitedResources);
      })
      .catch((error: unknown) =>
        warn('the quotas of a cell are not those of PLANS_FILE', { err: error, cell: running.name }),
      );
  }
  return async (patienceMs) => {
    isStopping = true;
    await Promise.all(services.others.map(({ worker }) => worker.stop(patienceMs)));
    await Promise.all(stops.map((stop) => stop()));
  };
}
