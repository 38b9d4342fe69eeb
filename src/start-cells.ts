/** Starts what a server does for the cells beside the default one: jobs, counts, seals, erasures. */
import type { FastifyBaseLogger } from 'fastify';
import type { SealKeys } from './services/audit-trail/seal-keys.js';
import { Sealer } from './services/audit-trail/sealer.js';
import { ErasureRunner } from './services/lifecycle/erasure-runner.js';
import type { ExternalStore } from './services/lifecycle/erase-tenant.js';
import { publishQuotas } from './services/limits/quotas.js';
import { withOperatorConnection } from './services/operator/operator-connection.js';
import type { RunningServices } from './create-services.js';

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
