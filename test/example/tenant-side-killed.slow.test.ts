/**
 * kill -9 during moves into a schema and back, at moments that differ from round to round, while clients write the tenant through a server
 * all the time; then the move goes on or is undone. No write that was accepted is lost or doubled, each that was refused is UNAVAILABLE,
 * and the sealed log verifies. `MOVE_KILLS` is the number of rounds.
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import type { Side } from '../../src/services/lifecycle/place-in-database.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { allowSchemas, bodiesOn, confirmOf, moveTo, undoOf } from '../support/moved-sides.js';
import { sealAll, sealerOf, verifyOf } from '../support/sealed-trails.js';
import { useServer } from '../support/server.js';
import { newTenant } from '../support/tenant-life.js';
import { until } from '../support/until.js';
import { userToken } from '../support/user-token.js';

endChildrenAfterAll();
const server = useServer();
const database = () => server().database;
beforeAll(() => allowSchemas(database()));

const KILLS = Number(process.env['MOVE_KILLS'] ?? 3);
const ROWS = 3_000;
const MINUTES = 60_000;
const SLUG = 'killed';
const OTHER: Readonly<Record<Side, Side>> = { shared: 'schema', schema: 'shared' };
const CREATE = `mutation($body: String!) {
  createConversation(input: { body: $body, subject: "s" }) { conversation { id } } }`;

/** Runs the move as a process that is killed after a while. */
async function killed(to: Side, afterMs: number): Promise<void> {
  const { operator, superuser, contextKey } = database();
  const env = {
    HOME_URL: operator,
    OWNER_URL: superuser,
    ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
  };
  const child = startChild('test/support/side-process.ts', ['move', SLUG, to], env, 'as npm start');
  await child.says(/it has begun/);
  await Promise.race([sleep(afterMs), child.ended]);
  child.kill('SIGKILL');
  await child.ended;
  // PostgreSQL ends the statement that runs, and then notices that its client is gone.
  await until('the connections are gone', async () => {
    const [open] = await database().asSuperuser<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database()
       AND usename = 'tenantry_operator'`,
    );
    return open!.count === 0;
  });
}

/** Writes the tenant all the time through the server, one write after the other. */
class Writer {
  readonly accepted: string[] = [];
  readonly unexpected: unknown[] = [];
  readonly #running: Promise<void>;
  #isOver = false;

  constructor(round: number) {
    this.#running = this.#run(round);
  }

  async #run(round: number): Promise<void> {
    for (let number = 0; !this.#isOver; number++) {
      const body = `${String(round)}: ${String(number)}`;
      const token = userToken({ sub: `${SLUG}|owner`, tenant_id: SLUG, email: `owner@${SLUG}.test` });
      const client = server().withHeaders({ authorization: `Bearer ${token}` });
      const { errors } = await client.query(CREATE, { body });
      if (errors.length === 0) this.accepted.push(body);
      else if (errors.some((error) => error.extensions.code !== 'UNAVAILABLE'))
        this.unexpected.push(...errors);
      // Not as fast as it can: the tenant would grow with each round, and so would the time of a move.
      await sleep(20);
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }
}

test(
  'A move that is killed loses nothing, and goes on or is undone',
  async () => {
    const id = await newTenant(database(), SLUG);
    const other = await newTenant(database(), 'bystander');
    for (const tenant of [id, other]) {
      await database().asSuperuser(
        `INSERT INTO conversations (tenant_id, id, user_id, subject, body, created_at, updated_at)
         SELECT $1, gen_random_uuid(), 'u', 's', 'row ' || n, now(), now() FROM generate_series(1, $2::int) n`,
        [tenant, ROWS],
      );
    }
    const { sealer, problems } = sealerOf(database());
    sealer.start();
    let here: Side = 'shared';
    const written: string[] = [];
    let takesMs = 1_000;
    try {
      for (let round = 0; round <= KILLS; round++) {
        const there: Side = OTHER[here];
        const writer = new Writer(round);
        let isUndone = false;
        try {
          const began = performance.now();
          // The first one is not killed, and says how long a move takes.
          if (round > 0) {
            await killed(there, (takesMs * 1.2 * round) / KILLS);
            isUndone = round % 3 === 0;
          }
          if (isUndone) await undoOf(database(), SLUG).catch(unlessItHasNotBegun);
          else await moveTo(database(), SLUG, there).catch(unlessItIsThere);
          if (round === 0) takesMs = performance.now() - began;
          const before = writer.accepted.length;
          await until(
            'a write is accepted afterwards',
            () => writer.accepted.length > before || writer.unexpected.length > 0,
          );
        } finally {
          await writer.end();
        }
        expect(writer.unexpected).toEqual([]);
        written.push(...writer.accepted);
        here = isUndone ? here : there;
        const bodies = (await bodiesOn(database(), id, here)).filter((body) => !body.startsWith('row '));
        expect(bodies.sort()).toEqual([...written].sort());
        await confirmOf(database(), SLUG).catch(unlessItIsNotFinished);
        expect(await bodiesOn(database(), id, here)).toHaveLength(ROWS + written.length);
        expect(await left(id, OTHER[here])).toBe(0);
      }
    } finally {
      await sealer.close();
    }
    expect(problems.filter((each) => each.startsWith('broken'))).toEqual([]);
    // Those who verify here read the tables of all.
    if (here === 'schema') await moveTo(database(), SLUG, 'shared');
    await sealAll(database());
    expect(await verifyOf(database(), SLUG)).toMatchObject({ intact: true, pending: 0 });
    expect(await bodiesOn(database(), other, 'shared')).toHaveLength(ROWS);
  },
  60 * MINUTES,
);

/** How many rows or schemas a side has of a tenant that is not there. */
async function left(id: string, side: Side): Promise<number> {
  if (side === 'shared') return (await bodiesOn(database(), id, side)).length;
  const found = await database().asSuperuser('SELECT FROM pg_namespace WHERE nspname = $1', [schemaOf(id)]);
  return found.length;
}

/** The move was over when it was killed. */
function unlessItIsThere(error: unknown): void {
  if (!String(error).includes('already')) throw error;
}

/** The move was killed before anything was begun; then there is nothing to undo, and to confirm. */
function unlessItHasNotBegun(error: unknown): void {
  if (!String(error).includes('There is no move')) throw error;
}

/** The move was undone. */
function unlessItIsNotFinished(error: unknown): void {
  if (!String(error).includes('There is no old copy')) throw error;
}
