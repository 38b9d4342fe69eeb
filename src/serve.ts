/** The server: configuration → database → server → drain. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { buildApp } from './app.js';
import { encryptionKeys, signingSecret } from './kernel/auth/development-secret.js';
import { printBanner } from './banner.js';
import { startCells } from './start-cells.js';
import { readConfig, type Config } from './kernel/config/config.js';
import { prepareDatabase } from './kernel/database/preparation/prepare.js';
import { loadEnvironmentFile } from './kernel/config/environment-file.js';
import { demoOperators, demoUsers } from './demo-users.js';
import { explain } from './explain.js';
import { Drain } from './http/drain.js';
import { modules } from './modules.js';
import { announceServer } from './running-server.js';
import { sealKeys } from './services/audit-trail/seal-keys.js';
import { Sealer } from './services/audit-trail/sealer.js';
import { storesOf } from './services/lifecycle/erase-tenant.js';
import { ErasureRunner } from './services/lifecycle/erasure-runner.js';
import { publishQuotas } from './services/limits/quotas.js';
import { seedDemo } from './services/operator/demo-seed.js';
import { withOperatorConnection } from './services/operator/operator-connection.js';
import { startTraces, TRACES_NOT_SENT } from './services/telemetry/traces.js';
import { createServices, type ServiceOptions } from './create-services.js';

/** How long running requests, and jobs, may take to end after the server closes. */
const CLOSE_MS = 10_000;

async function run(): Promise<void> {
  const stopAsked = nextSignal();
  loadEnvironmentFile();
  const config = readConfig();
  // There is no log yet.
  const isTold = !config.production && ['trace', 'debug', 'info'].includes(config.logLevel);
  const tell = (step: string): void => {
    if (isTold) process.stdout.write(`${step} …\n`);
  };
  await refuseTakenPort(config);
  const prepared = await prepareDatabase(config, tell);
  const early: Parameters<ServiceOptions['warn']>[] = [];
  let ended = (): void => undefined;
  let jobsEnded = Promise.resolve();
  try {
    if (prepared.embedded) tell('Starting the server');
    const secret = await signingSecret(config);
    let traceProblem: (detail: string) => void = () => undefined;
    const stopTraces = await startTraces(config.traces, (detail) => traceProblem(detail));
    const keys = await sealKeys(config);
    // Collects warnings until there is a log: connections may fail before the server is built.
    let warn: ServiceOptions['warn'] = (problem, fields) => void early.push([problem, fields]);
    let inform: NonNullable<ServiceOptions['inform']> = () => undefined;
    const services = createServices({
      config,
      modules,
      databaseUrl: prepared.url,
      operatorUrl: prepared.operatorUrl,
      contextKey: prepared.contextKey,
      sealKeys: keys,
      secret,
      encryptionKeys: await encryptionKeys(config),
      inform: (what, fields) => inform(what, fields),
      warn: (problem, fields) => warn(problem, fields),
    });
    traceProblem = (detail) => services.problems.note(TRACES_NOT_SENT, detail);
    const drain = new Drain();
    const signing = { issuer: config.jwtIssuer, audience: config.jwtAudience };
    // Only where the database is the demo's and the secret was made for it.
    const users =
      prepared.embedded && secret !== undefined && config.jwtSecret === undefined
        ? demoUsers(services.database, { ...signing, secret })
        : undefined;
    const { operatorDoor } = config;
    const operators =
      prepared.embedded && !config.production && operatorDoor?.secret !== undefined
        ? demoOperators({ ...operatorDoor, secret: operatorDoor.secret })
        : undefined;
    const app = await buildApp(services, drain, { users, operators });
    warn = (problem, fields) => app.log.warn(fields ?? {}, problem);
    inform = (what, fields) => app.log.info(fields, what);
    for (const warning of early.splice(0)) warn(...warning);
    if (prepared.newerMigrations.length > 0) {
      warn('the database is newer than this version', { newerMigrations: prepared.newerMigrations });
    }
    if (prepared.schemaProblem !== undefined) warn(prepared.schemaProblem);
    // graphql-js drops the other promises of a list when one element throws; their rejections belong to no request.
    process.on('unhandledRejection', (error) => app.log.error({ err: error }, 'a promise was dropped'));
    let sealer: Sealer | undefined;
    let retract = (): Promise<void> => Promise.resolve();
    let erasures: ErasureRunner | undefined;
    let stopCells: ReturnType<typeof startCells> | undefined;
    try {
      if (prepared.embedded) {
        const { contextKey, embedded } = prepared;
        await withOperatorConnection(
          { url: embedded.operator, operator: 'demo-seed', contextKey },
          (connection) => seedDemo(connection, services.database, modules, services.plans.smallest.name),
        );
      }
      await services.operators?.pool.check();
      await Promise.all([
        publishQuotas(services.database, services.plans, services.limitedResources),
        app.ready(),
      ]);
      await app.listen({ host: config.host, port: config.port });
      const address = app.server.address();
      const port = typeof address === 'object' && address !== null ? address.port : config.port;
      if (prepared.embedded) retract = await announceServer(config.dataDir, port);
      if (keys) {
        sealer = new Sealer({
          url: prepared.url,
          sign: services.database.sign,
          keys,
          headSink: config.auditHeadSink,
          onProblem: (kind, detail) => services.problems.note(kind, detail),
          sealing: services.sealing,
        }).start();
      } else {
        warn('AUDIT_SEAL_KEY is not set: the audit log is not sealed');
      }
      services.usageWriter.start();
      services.fieldWriter.start();
      if (config.jobSlots > 0) services.worker.start(app.log);
      const operatorUrl = prepared.embedded?.operator ?? config.databaseOperatorUrl;
      if (config.jobSlots > 0 && operatorUrl !== undefined) {
        erasures = new ErasureRunner({
          url: operatorUrl,
          contextKey: prepared.contextKey,
          stores: storesOf(modules),
          plans: services.plans,
          keys,
          warn,
        }).start();
      }
      stopCells = startCells({
        services,
        log: app.log,
        contextKey: prepared.contextKey,
        sealKeys: keys,
        erasing: operatorUrl === undefined ? undefined : { operatorUrl, stores: storesOf(modules), keys },
      });
      if (!config.production) {
        await printBanner({ port, config, secret, database: services.database, embedded: prepared.embedded });
      }
      await stopAsked;
      drain.begin();
      const ending = [services.worker.stop(CLOSE_MS), stopCells(CLOSE_MS)];
      jobsEnded = Promise.all(ending).then(() => undefined);
      if (config.drainMs > 0) {
        app.log.info({ ms: config.drainMs }, 'told to stop: not ready any more, still answering');
        await setTimeout(config.drainMs);
      } else app.log.info('told to stop');
      ended = () => app.log.info('stopped');
    } finally {
      const impatience = globalThis.setTimeout(() => {
        app.log.warn('connections that were still in use are cut off');
        app.server.closeAllConnections();
      }, CLOSE_MS);
      await retract();
      await app.close();
      clearTimeout(impatience);
      await jobsEnded;
      await erasures?.stop();
      await sealer?.close();
      await services.close();
      await stopTraces();
    }
  } finally {
    // Not empty if the start failed before there was a log.
    for (const [problem] of early) process.stderr.write(`${problem}\n`);
    await prepared.stop();
    ended();
  }
}

/**
 * Fails when another program has the port, before a database is started or changed. The server itself listens at the end.
 *
 * @throws the error of Node
 */
async function refuseTakenPort({ host, port }: Pick<Config, 'host' | 'port'>): Promise<void> {
  const probe = createServer().listen({ host, port });
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}

/** Resolves at Ctrl-C or when a supervisor asks the server to stop. A second signal ends the process at once. */
async function nextSignal(): Promise<void> {
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
}

/** Runs the server until it is told to stop, and then ends the process: with the status 1 when it could not start. */
export async function serve(): Promise<void> {
  try {
    await run();
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
  // Everything is closed, but a ten-second timer of Prisma's migration engine would keep the process alive.
  process.exit();
}
