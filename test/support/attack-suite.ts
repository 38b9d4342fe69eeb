/**
 * The attack of packages/attack on a server of the tests, where everything can be looked at: the SQL statements, the log, the
 * rows. acme attacks globex.
 */
import type { FastifyBaseLogger } from 'fastify';
import pino from 'pino';
import { attack, callerOf, keyOf, type Observer, type Report } from 'tenantry-attack';
import { plantRows, rowsDigest, rowValues } from './planted-rows.js';
import { insertApiKey, insertInvitation } from './rows.js';
import type { TestServer } from './server.js';
import type { Statements } from './statements.js';

export interface SuiteOptions {
  /** The users of acme that attack: the first may do everything. */
  readonly attackers?: readonly string[];
  readonly quietMs?: number;
  /** What is known not to be attacked, by the names of the report. */
  readonly notAttacked?: readonly string[];
}

/** Every attack that the schema of the server gives rise to. Both tenants have canaries in every column. */
export async function attackServer(
  server: TestServer,
  statements: Statements,
  { attackers = ['owner', 'viewer'], quietMs = 150, notAttacked = [] }: SuiteOptions = {},
): Promise<Report> {
  const { database } = server;
  await plantRows(database, 'acme');
  const withoutRow = await plantRows(database, 'globex');
  const secrets = await handOutSecrets(server);
  const tokens = await Promise.all(attackers.map(async (user) => (await server.as(user, 'acme')).token));
  const victim = await server.as('owner', 'globex');
  const observer: Observer = {
    statements: async (work) => (await statements.during(work)).length,
    log: captureLog(server.app.log),
    victimRows: () => rowsDigest(database, 'globex'),
    // The server runs in this process.
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
    // Both were made by the demo's seed.
    shared: ['demo-seed'],
    quietMs,
    notAttacked,
  });
  const tables = withoutRow.map((why) => `rows of ${why}`);
  return { ...report, notAttacked: [...tables, ...report.notAttacked] };
}

/** For each permission there is, a caller of acme who holds it and no other. */
async function keysOfOnePermission({ database, services }: TestServer) {
  const { permissions } = services.api.roles;
  const keys = await Promise.all(
    permissions.map((permission) => insertApiKey(database, 'acme', { permissions: [permission] })),
  );
  return keys.map(({ key }, n) => keyOf(key, n, `an API key with ${permissions[n]!} alone`));
}

/** What the victim's users hold in their hands, and no row has: the database keeps hashes. */
async function handOutSecrets({ database }: TestServer) {
  const { key } = await insertApiKey(database, 'globex');
  const { token } = await insertInvitation(database, 'globex');
  return [
    { value: key, kind: 'secret', at: 'an API key', planted: true },
    { value: token, kind: 'secret', at: 'the token of an invitation', planted: true },
  ] as const;
}

/** @returns what has been logged since it was last asked, of every level */
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
