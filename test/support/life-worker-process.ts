/**
 * What a server does beside requests, as a process for tests that kill it: it writes exports and executes erasures. Its
 * leases are short, so that another worker goes on seconds after it was killed, and longer than a busy machine stands still.
 */
import process from 'node:process';
import { pino } from 'pino';
import { createServices } from '../../src/create-services.js';
import { readConfig } from '../../src/kernel/config/config.js';
import { modules } from '../../src/modules.js';
import { ErasureRunner } from '../../src/services/lifecycle/erasure-runner.js';
import { jobHandlers } from '../../src/services/jobs/handlers.js';
import { Worker } from '../../src/services/jobs/worker.js';
import { KEYS } from './sealed-trails.js';

const {
  DATABASE_URL: databaseUrl = '',
  DATABASE_OPERATOR_URL: url = '',
  CONTEXT_SIGNING_KEY: contextKey,
} = process.env;
const warn = (problem: string, fields: object = {}) => console.error(problem, fields);
const services = createServices({
  config: readConfig(process.env, 'command'),
  modules,
  databaseUrl,
  contextKey,
  sealKeys: KEYS,
  secret: undefined,
  warn,
});
const { database, plans, moduleContext: context } = services;
new Worker(
  { database, handlers: jobHandlers(modules), plans, context },
  { slots: 4, pollMs: 50, leaseMs: 4_000 },
).start(pino({ level: 'error' }));
process.stdout.write('the worker is running\n');
const runner = new ErasureRunner({ url, contextKey, stores: [], plans, keys: KEYS, warn });
for (;;) {
  // What fails is said, and tried again with the next round.
  await runner.round().catch((error: unknown) => warn('no erasure', { error }));
  await new Promise((resolve) => setTimeout(resolve, 50));
}
