/**
 * kill -9 during an export, an import and an erasure, at moments that differ from round to round; then each is done again and
 * completes, with nothing lost, doubled or left. `LIFE_KILLS` is the number of rounds of each.
 */
import { existsSync, rmSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { checkArchive } from '../../src/services/lifecycle/check-archive.js';
import { scanFor } from '../../src/services/lifecycle/scan.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import {
  asOperatorOf,
  createTables,
  erased,
  exported,
  fillTables,
  hashesOf,
  imported,
  newTenant,
  useFolder,
} from '../support/tenant-life.js';

endChildrenAfterAll();
const database = useDatabase();
const file = useFolder();

const KILLS = Number(process.env['LIFE_KILLS'] ?? 3);
const ROWS = 3_000;
const MINUTES = 60_000;

beforeAll(() => createTables(database()));

/** Runs the work as a process that is killed after a while. */
async function killed(args: readonly string[], afterMs: number): Promise<void> {
  const { operator, contextKey } = database();
  const env = {
    DATABASE_OPERATOR_URL: operator,
    ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
  };
  const child = startChild('test/support/life-process.ts', args, env, 'as npm start');
  await child.says(/it has begun/);
  await Promise.race([sleep(afterMs), child.ended]);
  child.kill('SIGKILL');
  await child.ended;
  // PostgreSQL ends the statement that runs, and then notices that its client is gone.
  await until('the connection is gone', async () => {
    const [open] = await database().asSuperuser<{ count: number }>(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND usename = 'tenantry_operator'",
    );
    return open!.count === 0;
  });
}

/** The moments at which rounds are killed: from at once to about the time that the work takes. */
const moment = (round: number): number => Math.round((round / KILLS) * 600);

async function tenantWithRows(slug: string): Promise<string> {
  const id = await newTenant(database(), slug);
  await fillTables(database(), id);
  await database().asSuperuser(
    `INSERT INTO crm.events SELECT n, $1, '2026-05-06' FROM generate_series(1, $2::int) AS n`,
    [id, ROWS],
  );
  return id;
}

const rowsOf = async (id: string): Promise<number> => {
  const [row] = await database().asSuperuser<{ rows: number }>(
    'SELECT count(*)::int AS rows FROM crm.events WHERE tenant_id = $1',
    [id],
  );
  return row!.rows;
};

test(
  'an export that is killed leaves no file that looks complete, and is done again',
  async () => {
    await tenantWithRows('exported');
    const whole = hashesOf(await exported(database(), 'exported', file('whole.tar.gz')));
    for (let round = 0; round < KILLS; round++) {
      const path = file('killed.tar.gz');
      await killed(['export', 'exported', path], moment(round));
      // It may have been complete, and killed before it said so.
      if (existsSync(path)) expect(hashesOf((await checkArchive(path)).manifest)).toEqual(whole);
      rmSync(path, { force: true });
      const again = await exported(database(), 'exported', path);
      expect(hashesOf(again)).toEqual(whole);
      expect(existsSync(`${path}.part`)).toBe(false);
      rmSync(path);
    }
  },
  30 * MINUTES,
);

test(
  'an import that is killed has imported nothing, and is done again',
  async () => {
    const id = await tenantWithRows('moved');
    const before = hashesOf(await exported(database(), 'moved', file('moved.tar.gz')));
    for (let round = 0; round < KILLS; round++) {
      await erased(database(), id);
      await killed(['import', 'moved', file('moved.tar.gz')], moment(round));
      const rows = await rowsOf(id);
      expect([0, ROWS + 1]).toContain(rows);
      if (rows === 0) await imported(database(), file('moved.tar.gz'));
      const path = file(`moved-${String(round)}.tar.gz`);
      expect(hashesOf(await exported(database(), 'moved', path))).toEqual(before);
      rmSync(path);
    }
  },
  30 * MINUTES,
);

test(
  'an erasure that is killed goes on, and what it says was erased is what there was',
  async () => {
    const others = await rowsOf(await tenantWithRows('other'));
    for (let round = 0; round < KILLS; round++) {
      const slug = `erased-${String(round)}`;
      const id = await tenantWithRows(slug);
      await killed(['erase', id], moment(round));
      await killed(['erase', id], moment(round));
      const result = await erased(database(), id);
      const [certificates] = await database().asSuperuser<{ count: number; rows: string }>(
        `SELECT count(*)::int AS count, min(certificate) AS rows FROM tenantry.erasure_certificates
         WHERE certificate LIKE '%"tenant":"' || encode(sha256(convert_to($1::text, 'UTF8')), 'hex') || '"%'`,
        [id],
      );
      expect(certificates!.count).toBe(1);
      expect(certificates!.rows).toContain(`{"rows":${String(ROWS + 1)},"table":"crm.events"}`);
      expect(result === undefined || result.certificate === certificates!.rows).toBe(true);
      expect((await asOperatorOf(database(), ({ query }) => scanFor(query, id))).found).toEqual([]);
    }
    expect(await rowsOf(await database().tenantId('other'))).toBe(others);
  },
  30 * MINUTES,
);
