import { once } from 'node:events';
import process from 'node:process';
import { Command, InvalidArgumentError } from 'commander';
import { pino } from 'pino';
import { startCells } from '../start-cells.js';
import { createServices } from '../create-services.js';
import { loggerOptions } from '../http/logging.js';
import { encryptionKeys } from '../kernel/auth/development-secret.js';
import { readConfig } from '../kernel/config/config.js';
import { checkRuntimeRole } from '../kernel/database/preparation/prepare.js';
import { modules } from '../modules.js';
import { sealKeys } from '../services/audit-trail/seal-keys.js';
import { storesOf } from '../services/lifecycle/erase-tenant.js';
import { startTraces, TRACES_NOT_SENT } from '../services/telemetry/traces.js';
import { ErasureRunner } from '../services/lifecycle/erasure-runner.js';
import { commandUrls } from './connect.js';

/** How long running jobs may take to end after the worker is told to stop, in milliseconds. */
const PATIENCE_MS = 10_000;

/** When neither the option nor JOB_SLOTS says more than 0. */
const DEFAULT_SLOTS = 10;

/** `tenantry worker` runs the jobs of all tenants until it is told to stop. */
export const workerCommand = (): Command =>
  new Command('worker')
    .option('--slots <number>', 'the most jobs at once (default: JOB_SLOTS)', parseSlots)
    .action(async ({ slots }: { slots?: number }) => {
      const stopAsked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
      const configured = readConfig(process.env, 'command');
      const config = { ...configured, jobSlots: slots ?? (configured.jobSlots || DEFAULT_SLOTS) };
      const urls = await commandUrls(config);
      await checkRuntimeRole(urls.app, urls.contextKey);
      const { stream, ...options } = loggerOptions(config);
      const log = pino(options, stream);
      const services = createServices({
        config,
        modules,
        databaseUrl: urls.app,
        contextKey: urls.contextKey,
        secret: config.jwtSecret,
        encryptionKeys: await encryptionKeys(config),
        inform: (what, fields) => log.info(fields, what),
        warn: (problem, fields) => log.warn(fields ?? {}, problem),
      });
      const stopTraces = await startTraces(config.traces, (detail) =>
        services.problems.note(TRACES_NOT_SENT, detail),
      );
      let erasures: ErasureRunner | undefined;
      try {
        services.worker.start(log);
        services.usageWriter.start();
        if (urls.operator !== undefined) {
          erasures = new ErasureRunner({
            url: urls.operator,
            contextKey: urls.contextKey,
            stores: storesOf(modules),
            plans: services.plans,
            keys: await sealKeys(config),
            warn: (problem, fields) => log.warn(fields ?? {}, problem),
          }).start();
        }
        const stopCells = startCells({
          services,
          log,
          contextKey: urls.contextKey,
          sealKeys: undefined,
          erasing:
            urls.operator === undefined
              ? undefined
              : { operatorUrl: urls.operator, stores: storesOf(modules), keys: await sealKeys(config) },
        });
        log.info({ slots: config.jobSlots }, 'the worker is running');
        await stopAsked;
        log.info('told to stop');
        // A second signal ends the process at once.
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
        await Promise.all([services.worker.stop(PATIENCE_MS), stopCells(PATIENCE_MS)]);
        await erasures?.stop();
      } finally {
        await services.close();
        await stopTraces();
      }
    });

function parseSlots(value: string): number {
  const slots = Number(value);
  if (!Number.isInteger(slots) || slots < 1 || slots > 1_000)
    throw new InvalidArgumentError('It is not a whole number from 1 to 1000.');
  return slots;
}
