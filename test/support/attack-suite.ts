/**
 * Runs the attack of packages/attack against a test server, where it can also observe SQL statements, the log and the
 * rows. The tenant acme attacks globex.
 */
import type { FastifyBaseLogger } from 'fastify';
import pino from 'pino';
import { attack, callerOf, keyOf, type Observer, type Report } from 'tenantry-attack';
import { plantRows, rowsDigest, rowValues } from './planted-rows.js';
import { insertApiKey, insertInvitation } from './rows.js';
import { KEYS, sealAll } from './sealed-trails.js';
import type { TestServer } from './server.js';
import type { Statements } from './statements.js';

export interface SuiteOptions {
  /** The users of acme that attack. The first must have all permissions. */
  readonly attackers?: readonly string[];
  readonly quietMs?: number;
  /** What is known not to be attacked, by its names in the report. */
  readonly notAttacked?: readonly string[];
}

/** Runs every attack that the server's schema allows. Both tenants have canaries in every column. */
export async function attackServer(
  server: TestServer,
  statements: Statements,
  { attackers = ['owner', 'viewer'], quietMs = 150, notAttacked = [] }: SuiteOptions = {},
): Promise<Report> {
  const { database } = server;
  // Before rows are planted, whose times are no times of the log.
  await sealAll(database);
  await plantRows(database, 'acme');
  const withoutRow = await plantRows(database, 'globex');
  const secrets = await handOutSecrets(server);
  const tokens = await Promise.all(attackers.map(async (user) => (await server.as(user, 'acme')).token));
  const victim = await server.as('owner', 'globex');
  const observer: Observer = {
    statements: async (work) => (await statements.during(work)).length,
    log: captureLog(server.app.log),
    victimRows: () => rowsDigest(database, 'globex'),
    // The server runs in this process, so its CPU time is this process's.
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
  };
  const report = await attack({
    url: new URL(`${server.url}/graphql`),
    attackers: tokens.map((token, n) => callerOf(token, 'A', n)),
    lesser: await keysOfOnePermission(server),
    victims: [callerOf(victim.token, 'B', 0)],
    write: true,
    observer,
    victimValues: [...(await rowValues(database, 'globex')), ...secrets],
    ownValues: await rowValues(database, 'acme'),
    // The demo seed wrote this value into rows of both tenants, and one key seals the trails of both.
    shared: ['demo-seed', KEYS.id],
    quietMs,
    // Nothing changes by itself here: what differs once differs because of the attack.
    watchedForMs: 1_000,
    notAttacked,
  });
  const tables = withoutRow.map((why) => `rows of ${why}`);
  return { ...report, notAttacked: [...tables, ...report.notAttacked] };
}

/** For each permission, an API key of acme with only that permission. */
async function keysOfOnePermission({ database, services }: TestServer) {
  const { permissions } = services.api.roles;
  const keys = await Promise.all(
    permissions.map((permission) => insertApiKey(database, 'acme', { permissions: [permission] })),
  );
  return keys.map(({ key }, n) => keyOf(key, n, `an API key with ${permissions[n]!} alone`));
}

/** Secrets of the victim's users that no row contains, because the database stores only hashes. */
async function handOutSecrets({ database }: TestServer) {
  const { key } = await insertApiKey(database, 'globex');
  const { token } = await insertInvitation(database, 'globex');
  return [
    { value: key, kind: 'secret', at: 'an API key', planted: true },
    { value: token, kind: 'secret', at: 'the token of an invitation', planted: true },
  ] as const;
}

/** @returns a function that returns everything logged since its last call, of every level */
function captureLog(log: FastifyBaseLogger): () => Promise<string> {
  let lines: string[] = [];
  Object.assign(log, { [pino.symbols.streamSym]: { write: (line: string) => lines.push(line) } });
  log.level = 'trace';
  return async () => {
    const written = lines.join('');
    lines = [];
    return written;
  };
}
