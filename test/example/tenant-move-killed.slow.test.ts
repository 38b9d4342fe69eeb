/**
 * kill -9 during moves, at moments that differ from round to round, while the tenant is written all the time; then the move goes
 * on or is undone. No write that was accepted is lost or doubled, the tenant is never written in two cells, and its sealed log
 * verifies. `MOVE_KILLS` is the number of rounds.
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import { confirmMove, moveTenant, undoMove } from '../../src/services/lifecycle/move-tenant.js';
import { CELL, useCells } from '../support/cells.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { KEYS, sealAll, sealerOf, verifyOf } from '../support/sealed-trails.js';
import { newTenant } from '../support/tenant-life.js';
import { until } from '../support/until.js';

endChildrenAfterAll();
const cells = useCells();

const KILLS = Number(process.env['MOVE_KILLS'] ?? 3);
const ROWS = 3_000;
const MINUTES = 60_000;
const SLUG = 'killed';
const NAMES = ['default', CELL] as const;
type Cell = 0 | 1;

const order = { slug: SLUG, reason: 'test', keys: KEYS };
/** It is moved, or its copy is erased; it has left during the transaction; no row of it is there. */
const REFUSALS: ReadonlySet<string> = new Set(['TE003', 'TE001', '40001', '23503', '42501']);
const moveTo = (cell: Cell) =>
  cells().asOperators((all) => moveTenant(all, { ...order, to: cell === 0 ? undefined : CELL }));

const databases = () => [cells().home, cells().cell] as const;

/** Runs the move as a process that is killed after a while. */
async function killed(to: Cell, afterMs: number): Promise<void> {
  const { operator, contextKey } = cells().home;
  const env = {
    HOME_URL: operator,
    CELL_URL: cells().cell.operator,
    ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
  };
  const child = startChild('test/support/move-process.ts', ['move', SLUG, NAMES[to]], env, 'as npm start');
  await child.says(/it has begun/);
  await Promise.race([sleep(afterMs), child.ended]);
  child.kill('SIGKILL');
  await child.ended;
  // PostgreSQL ends the statement that runs, and then notices that its client is gone.
  for (const database of databases()) {
    await until('the connection is gone', async () => {
      const [open] = await database.asSuperuser<{ count: number }>(
        "SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND usename = 'tenantry_operator'",
      );
      return open!.count === 0;
    });
  }
}

/** Writes the tenant all the time, in turns in both cells, one write after the other. */
class Writer {
  /** In which cell which write was accepted, in order. */
  readonly accepted: { readonly body: string; readonly cell: Cell }[] = [];
  readonly unexpected: unknown[] = [];
  readonly #clients: readonly [TenantClient, TenantClient];
  readonly #running: Promise<void>;
  #isOver = false;

  constructor(tenantId: string) {
    const [home, cell] = cells().server.services.database.all.map((database) =>
      database.forTenant({ tenantId, actor: { type: 'user', id: 'writer' }, requestId: 'r' }),
    );
    this.#clients = [home!, cell!];
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#isOver; number++) {
      for (const cell of [0, 1] as const) {
        const body = `${String(number)} in ${String(cell)}`;
        const written = this.#clients[cell].conversation.create({
          data: { body, subject: 's', userId: 'writer' },
        });
        await written.then(
          () => this.accepted.push({ body, cell }),
          (error: unknown) => {
            if (!REFUSALS.has(sqlState(error) ?? '')) this.unexpected.push(error);
          },
        );
      }
      // Not as fast as it can: the tenant would grow with each round, and so would the time of a move.
      await sleep(20);
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }
}

/** The cells that have accepted writes, each time that it was another one. */
const cellsInTurn = (accepted: Writer['accepted']): readonly Cell[] =>
  accepted.map(({ cell }) => cell).filter((cell, place, all) => place === 0 || all[place - 1] !== cell);

test(
  'A move that is killed loses nothing, and goes on or is undone',
  async () => {
    const id = await newTenant(cells().home, SLUG);
    await cells().home.asSuperuser(
      `INSERT INTO conversations (tenant_id, id, user_id, subject, body, created_at, updated_at)
       SELECT $1, gen_random_uuid(), 'u', 's', 'row ' || n, now(), now() FROM generate_series(1, $2::int) n`,
      [id, ROWS],
    );
    const sealers = databases().map((database) => sealerOf(database));
    for (const { sealer } of sealers) sealer.start();
    let here: Cell = 0;
    const written = new Set<string>();
    let takesMs = 1_000;
    try {
      for (let round = 0; round <= KILLS; round++) {
        const there: Cell = here === 0 ? 1 : 0;
        const writer = new Writer(id);
        let isUndone = false;
        try {
          const began = performance.now();
          // The first one is not killed, and says how long a move takes.
          if (round > 0) {
            await killed(there, (takesMs * 1.2 * round) / KILLS);
            isUndone = round % 3 === 0;
          }
          if (isUndone)
            await cells()
              .asOperators((all) => undoMove(all, order))
              .catch(unlessThereIsNone);
          else await moveTo(there).catch(unlessItIsThere);
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
        const final: Cell = isUndone ? here : there;
        const turns = cellsInTurn(writer.accepted);
        // One that was undone after the cutover has been in the other cell.
        expect([[there], [here], [here, there], [here, there, here]]).toContainEqual(turns);
        expect(turns.at(-1)).toBe(final);
        for (const { body } of writer.accepted) written.add(`${String(round)}: ${body}`);
        await databases()[final].asSuperuser(
          'UPDATE conversations SET body = $2 || body WHERE tenant_id = $1 AND body ~ $3',
          [id, `${String(round)}: `, '^\\d+ in [01]$'],
        );
        const bodies = (
          await databases()[final].asSuperuser<{ body: string }>(
            "SELECT body FROM conversations WHERE tenant_id = $1 AND body NOT LIKE 'row %'",
            [id],
          )
        ).map(({ body }) => body);
        expect(bodies.sort()).toEqual([...written].sort());
        const counts = 'SELECT count(*)::int AS rows FROM conversations WHERE tenant_id = $1';
        expect(await databases()[final].asSuperuser(counts, [id])).toEqual([{ rows: ROWS + written.size }]);
        await cells()
          .asOperators((all) => confirmMove(all, SLUG, KEYS))
          .catch(unlessThereIsNone);
        const other = databases()[final === 0 ? 1 : 0];
        expect(await other.asSuperuser('SELECT FROM tenants WHERE id = $1', [id])).toEqual([]);
        here = final;
      }
    } finally {
      for (const { sealer } of sealers) await sealer.close();
    }
    expect(sealers.flatMap(({ problems }) => problems).filter((each) => each.startsWith('broken'))).toEqual(
      [],
    );
    await sealAll(databases()[here]);
    expect(await verifyOf(databases()[here], SLUG)).toMatchObject({ intact: true, pending: 0 });
  },
  60 * MINUTES,
);

/** The move was over when it was killed. */
function unlessItIsThere(error: unknown): void {
  if (!String(error).includes('already')) throw error;
}

/** The move was undone, or killed, before anything was copied. */
function unlessThereIsNone(error: unknown): void {
  if (!String(error).includes('No cell has an old copy')) throw error;
}
