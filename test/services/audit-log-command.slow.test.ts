/**
 * The sealed trail as processes: the server seals in the background, another one takes over from one that is killed,
 * and the commands verify and export what they have sealed.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TrustedKeys, newestHead, verifyExportFile } from 'tenantry-verify';
import { DEFAULT_PLANS_FILE } from '../../src/services/limits/plans.js';
import { endChildrenAfterAll, startChild, type Child } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { tenantry } from '../support/running-server.js';
import { makeEntries, newSealKey, tamper, unsealed } from '../support/sealed-trails.js';
import { TEST_SECRET } from '../support/server.js';
import { until } from '../support/until.js';

endChildrenAfterAll();
const database = useDatabase();
const KEY = newSealKey();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-audit-log-'));
});
afterAll(() => rm(folder, { recursive: true }));

const heads = (): string => join(folder, 'heads.ndjson');
const environment = (): Record<string, string> => {
  const { app, operator, contextKey } = database();
  return {
    NODE_ENV: 'production',
    DATABASE_URL: app,
    DATABASE_OPERATOR_URL: operator,
    AUDIT_SEAL_KEY: KEY,
    AUDIT_HEAD_SINK: heads(),
    JWT_SECRET: TEST_SECRET,
    ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
  };
};

async function startSealing(): Promise<Child> {
  const child = startChild('src/main.ts', [], {
    ...environment(),
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'info',
  });
  await child.says(/Server listening at/);
  return child;
}

/** Entries wait for the transactions of other tests on the same server. */
const everythingIsSealed = () =>
  until('everything is sealed', async () => (await unsealed(database())) === 0, 150_000);

test('servers seal in the background, and one takes over from another that is killed', async () => {
  const first = await startSealing();
  await everythingIsSealed();
  const second = await startSealing();
  await makeEntries(database(), 'acme', 5);
  first.kill('SIGKILL');
  await first.ended;
  await makeEntries(database(), 'acme', 5);
  await everythingIsSealed();
  second.kill('SIGTERM');
  expect((await second.ended).code).toBe(0);
  // A server that stops delivers the heads.
  const head = newestHead(await readFile(heads(), 'utf8'), await database().tenantId('acme'));
  const [count] = await database().asSuperuser<{ size: number }>(
    `SELECT count(*)::int AS size FROM audit_log e JOIN tenants t ON t.id = e.tenant_id WHERE slug = 'acme'`,
  );
  expect(head?.size).toBe(count!.size);
}, 600_000);

describe('tenantry audit-log', () => {
  test('verifies every tenant, by the heads that were delivered', async () => {
    const { code, stdout, stderr } = await tenantry(['audit-log', 'verify'], environment());
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^acme {2}intact {2}\d+ entries, 0 with deleted values, 0 not sealed yet; .*\nglobex {2}intact/,
    );
  });

  test('exports what the verifier takes, prints the head and the key, and records the export', async () => {
    const file = join(folder, 'export.ndjson');
    const exported = await tenantry(
      ['audit-log', 'export', '--tenant', 'acme', '--output', file],
      environment(),
    );
    expect(exported).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const { stdout: headLine } = await tenantry(['audit-log', 'head', '--tenant', 'acme'], environment());
    const { stdout: pem } = await tenantry(['audit-log', 'key'], environment());
    const result = await verifyExportFile(file, {
      keys: TrustedKeys.fromPem(pem),
      head: newestHead(headLine),
    });
    expect(result).toMatchObject({ intact: true, broken: null });
    const recorded = await database().asSuperuser(
      "SELECT actor_type FROM audit_log WHERE action = 'audit_log.exported'",
    );
    expect(recorded).toEqual([{ actor_type: 'operator' }]);
    // Nothing is overwritten.
    const again = await tenantry(
      ['audit-log', 'export', '--tenant', 'acme', '--output', file],
      environment(),
    );
    expect(again.code).toBe(1);
    const printed = await tenantry(['audit-log', 'export', '--tenant', 'acme'], environment());
    expect(printed.stdout).toBe(await readFile(file, 'utf8'));
  });

  test('exports a table, and compares only the hashes of what was sealed before a time', async () => {
    const table = await tenantry(
      ['audit-log', 'export', '--tenant', 'acme', '--format', 'csv'],
      environment(),
    );
    expect(table.stdout).toMatch(/^position,id,createdAt,.*\r\n0,"/);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const { code, stdout } = await tenantry(['audit-log', 'verify', '--from', tomorrow], environment());
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^acme {2}intact/) as string]);
    const wrong = await tenantry(['audit-log', 'verify', '--from', 'then'], environment());
    expect(wrong).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^--from must be a time/) as string,
    });
  });

  test('drops what the plan no longer keeps', async () => {
    const plans = join(folder, 'plans.json');
    const all = JSON.parse(await readFile(DEFAULT_PLANS_FILE, 'utf8')) as { plans: object[] };
    await writeFile(plans, JSON.stringify({ plans: all.plans.map((plan) => ({ ...plan, auditDays: 30 })) }));
    const prune = (...args: string[]) =>
      tenantry(['audit-log', 'prune', '--tenant', 'acme', ...args], { ...environment(), PLANS_FILE: plans });
    expect((await tenantry(['audit-log', 'prune'], environment())).stdout).toBe(
      'acme  keeps everything\nglobex  keeps everything\n',
    );
    expect((await prune()).stdout).toBe('acme  keeps 30 days; nothing to drop\n');
  });

  test('drops nothing of a tenant whose plan the file does not have, and says so', async () => {
    const plans = join(folder, 'other-plans.json');
    const all = JSON.parse(await readFile(DEFAULT_PLANS_FILE, 'utf8')) as { plans: object[] };
    const smallest = { ...all.plans[0], name: 'smallest', auditDays: 1 };
    await writeFile(plans, JSON.stringify({ plans: [smallest] }));
    const [tenant] = await database().asSuperuser<{ plan: string }>(
      "SELECT plan FROM tenants WHERE slug = 'acme'",
    );
    const { code, stdout } = await tenantry(['audit-log', 'prune', '--tenant', 'acme'], {
      ...environment(),
      PLANS_FILE: plans,
    });
    expect([code, stdout]).toEqual([1, `acme  keeps everything: PLANS_FILE has no plan "${tenant!.plan}"\n`]);
  });

  test('names what is broken, with exit status 1', async () => {
    const [entry] = await database().asSuperuser<{ id: string }>(
      `SELECT e.id FROM audit_log e JOIN tenants t ON t.id = e.tenant_id WHERE slug = 'globex' ORDER BY e.id LIMIT 1`,
    );
    await tamper(database(), `UPDATE audit_log SET actor = 'x' WHERE id = '${entry!.id}'`);
    const { code, stdout } = await tenantry(['audit-log', 'verify', '--json'], environment());
    expect(code).toBe(1);
    const results = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(results).toMatchObject([
      { slug: 'acme', intact: true },
      { slug: 'globex', intact: false, broken: { defect: 'changed', entryId: entry!.id } },
    ]);
    const one = await tenantry(['audit-log', 'verify', '--tenant', 'acme'], environment());
    expect(one.code).toBe(0);
  });

  test('goes on after a trail that cannot be read, and reports it at the end', async () => {
    const read = 'tenantry.inserted_audit_entry()';
    const [{ definition }] = (await database().asSuperuser<{ definition: string }>(
      `SELECT pg_get_functiondef('${read}'::regprocedure) AS definition`,
    )) as [{ definition: string }];
    await database().asSuperuser(
      `CREATE OR REPLACE FUNCTION ${read} RETURNS uuid LANGUAGE plpgsql AS $$
       BEGIN
         IF tenantry.current_tenant() = (SELECT id FROM tenants WHERE slug = 'acme') THEN
           RAISE EXCEPTION 'it cannot be read';
         END IF;
         RETURN NULL;
       END $$`,
    );
    const { code, stdout, stderr } = await tenantry(['audit-log', 'verify'], environment());
    await database().asSuperuser(definition);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^globex /);
    expect(stderr).toMatch(/^acme: .*it cannot be read/);
  });

  test('says what it lacks', async () => {
    const without = { ...environment(), AUDIT_SEAL_KEY: '' };
    const noKey = await tenantry(['audit-log', 'verify'], without);
    expect([noKey.code, noKey.stderr]).toEqual([
      1,
      expect.stringMatching(/^AUDIT_SEAL_KEY is missing/) as string,
    ]);
    const noFile = await tenantry(['audit-log', 'verify', '--head', '/nowhere'], environment());
    expect(noFile.stderr).toBe('/nowhere cannot be read (ENOENT).\n');
    const wrong = join(folder, 'wrong.json');
    await writeFile(wrong, '{}');
    const noHead = await tenantry(['audit-log', 'verify', '--head', wrong], environment());
    expect(noHead.stderr).toMatch(/^The file of --head cannot be used: /);
    const nobody = await tenantry(['audit-log', 'verify', '--tenant', 'nobody'], environment());
    expect(nobody.code).toBe(1);
  });
});
