/** Proves that a process that seals loses, doubles and reorders nothing, however often it is killed while others write. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiled } from '../support/compiled.js';
import { useDatabase } from '../support/database.js';
import { makeEntries, newSealKey, sealAll, verifyOf } from '../support/sealed-trails.js';
import { readSealKeys } from '../../src/services/audit-trail/seal-keys.js';

const KILLS = 50;
const KEY = newSealKey();
const database = useDatabase();
const children = new Set<ChildProcess>();
let folder: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-sealer-'));
  script = join(folder, 'seal.mjs');
  const imported = (file: string) => JSON.stringify(pathToFileURL(compiled(file)).href);
  await writeFile(
    script,
    `import { Sealer } from ${imported('src/services/audit-trail/sealer.ts')};
     import { readSealKeys } from ${imported('src/services/audit-trail/seal-keys.ts')};
     import { createSign } from ${imported('src/kernel/database/context-signature.ts')};
     const { URL, KEY, CONTEXT_KEY } = process.env;
     new Sealer({ url: URL, sign: createSign(CONTEXT_KEY), keys: readSealKeys(KEY), onProblem: () => {}, pauseMs: 0 }).start();
     process.stdout.write('sealing');`,
  );
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

async function startSealing(): Promise<ChildProcess> {
  const { app, contextKey } = database();
  const child = spawn(process.execPath, [script], {
    env: {
      PATH: process.env['PATH'],
      URL: app,
      KEY,
      ...(contextKey !== undefined && { CONTEXT_KEY: contextKey }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  await once(child.stdout, 'data');
  return child;
}

test(
  `killed ${String(KILLS)} times, it has sealed every entry once, in order`,
  { timeout: 1_800_000 },
  async () => {
    const state = { isWriting: true };
    const tenants = ['acme', 'globex'] as const;
    const writing = tenants.map(async (slug) => {
      let count = 0;
      for (; state.isWriting; count++) await makeEntries(database(), slug, 1);
      return count;
    });
    let sealing = startSealing();
    for (let kill = 0; kill < KILLS; kill++) {
      const [child] = await Promise.all([sealing, (sealing = startSealing())]);
      // The lease of the one that was killed before.
      await database().asSuperuser('UPDATE tenantry.audit_sealer SET holder = NULL');
      // Each time at another moment of a round.
      for (let moment = 0; moment < kill % 7; moment++) await database().asSuperuser('SELECT 1');
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    state.isWriting = false;
    const written = await Promise.all(writing);
    (await sealing).kill('SIGKILL');
    await database().asSuperuser('UPDATE tenantry.audit_sealer SET holder = NULL');
    const keys = readSealKeys(KEY);
    await sealAll(database(), { keys });
    for (const [at, slug] of tenants.entries()) {
      expect(await verifyOf(database(), slug, { keys: keys.trusted })).toMatchObject({
        intact: true,
        pending: 0,
      });
      const order = await database().asSuperuser<{ count: number; inOrder: boolean }>(
        `SELECT count(*)::int AS count, bool_and((e.id > before) IS NOT FALSE) AS "inOrder"
       FROM (SELECT l.entry_id, lag(l.entry_id) OVER (PARTITION BY l.tenant_id ORDER BY l.position) AS before, l.tenant_id
             FROM tenantry.audit_leaves l JOIN audit_log e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
             WHERE e.action = 'test.happened') AS each
       JOIN audit_log e ON e.tenant_id = each.tenant_id AND e.id = each.entry_id
       JOIN tenants t ON t.id = e.tenant_id WHERE slug = $1`,
        [slug],
      );
      expect(order).toEqual([{ count: written[at], inOrder: true }]);
    }
  },
);
