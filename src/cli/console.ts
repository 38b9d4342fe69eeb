import { once } from 'node:events';
import process from 'node:process';
import repl from 'node:repl';
import { inspect } from 'node:util';
import { Command } from 'commander';
import { Prisma } from '../generated/prisma/client.js';
import { findMember } from '../kernel/auth/find-member.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { readConfig } from '../kernel/config/config.js';
import type { Database } from '../kernel/tenancy/database.js';
import { statementLog } from '../statement-log.js';
import { commandUrls, withDatabase } from './connect.js';

/**
 * `tenantry console` reads, evaluates and prints JavaScript, with `db`: the tenant-bound client of a member. Its
 * changes are permanent, and are in the audit log under that member. Refused in production.
 */
export const consoleCommand = (): Command =>
  new Command('console')
    .option('--tenant <slug or id>', 'the tenant', 'acme')
    .option('--user <e-mail or id>', 'the member; by default the owner of a demo tenant')
    .action(async ({ tenant, user = `owner@${tenant}.test` }: { tenant: string; user?: string }) => {
      const config = readConfig(process.env, 'command');
      if (config.production) throw new ConfigError('The console is not for production.');
      const log = statementLog(config, tell);
      const work = async (database: Database): Promise<void> => {
        const { tenantId, userId } = await findMember(database, tenant, user);
        const actor = { type: 'user', id: userId } as const;
        const db = database.forTenant({ tenantId, actor, requestId: 'console' });
        process.stderr.write(`db is bound to ${tenant} as ${user}: try await db.membership.findMany()\n`);
        // In a separate context, an object literal has another Object.prototype, and the client refuses it.
        const session = repl.start({ prompt: `${tenant}> `, useGlobal: true });
        Object.assign(session.context, { db, Prisma });
        const evaluations = inOrder(session);
        await once(session, 'exit');
        await evaluations();
      };
      await withDatabase(await commandUrls(config), work, log);
    });

/**
 * Has each input evaluated when the one before it is done. Node begins all lines of a piped input at once, and exits when
 * the first of them is done.
 *
 * @returns a function that waits for all that were begun
 */
function inOrder(session: repl.REPLServer): () => Promise<void> {
  const evaluate = session.eval;
  let last = Promise.resolve();
  const next: repl.REPLEval = (code, context, file, done) => {
    last = last.then(
      () =>
        new Promise((resolve) => {
          evaluate.call(session, code, context, file, (error, result) => {
            done(error, result);
            resolve();
          });
        }),
    );
  };
  Object.assign(session, { eval: next });
  return () => last;
}

const tell = (what: string, fields: object): void =>
  void process.stderr.write(`${what} ${inspect(fields, { breakLength: Infinity })}\n`);
