/** `tenantry console` runs its input with a client that is bound to one tenant, like every other client. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.js';

const database = useDatabase();

const signed = (): Record<string, string> => {
  const { contextKey } = database();
  return contextKey === undefined ? {} : { CONTEXT_SIGNING_KEY: contextKey };
};

async function evaluate(tenant: string, input: string, env: Record<string, string> = {}) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'src/cli/main.ts', 'console', '--tenant', tenant],
    {
      env: {
        PATH: process.env['PATH'],
        ENV_FILE: '/dev/null',
        DATABASE_URL: database().app,
        ...signed(),
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (said += text.toString()));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  return { code, said };
}

test('sees the rows of its tenant, and changes them in the name of its member', async () => {
  const asked = `(await db.membership.findMany({ select: { email: true } })).map(({ email }) => email)
    await db.tenant.updateMany({ data: { name: 'Renamed' } })\n`;
  const { code, said } = await evaluate('acme', asked);
  expect(code).toBe(0);
  expect(said).toContain('owner@acme.test');
  expect(said).not.toContain('globex.test');
  const names = await database().asSuperuser('SELECT slug, name FROM tenants ORDER BY slug');
  expect(names).toMatchObject([{ slug: 'acme', name: 'Renamed' }, { slug: 'globex' }]);
  expect(names[1]).not.toMatchObject({ name: 'Renamed' });
  expect(
    await database().asSuperuser("SELECT actor, request_id FROM audit_log WHERE request_id = 'console'"),
  ).toHaveLength(1);
});

test('is refused in production', async () => {
  const { code, said } = await evaluate('acme', '', { NODE_ENV: 'production' });
  expect(code).toBe(1);
  expect(said).toContain('not for production');
});
