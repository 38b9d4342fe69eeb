/** Secrets in files, and the `.env` file of a developer's checkout. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { ConfigError } from '../../src/kernel/config/config-error.js';
import { SECRET_VARIABLES } from '../../src/kernel/config/secret-files.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';

endChildrenAfterAll();

const SECRET = 'q3v9Zt1mX8cK5rL2wB7nY4pD6sF0gH1j';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-secrets-'));
});
afterAll(() => rm(folder, { recursive: true }));

const file = async (name: string, content: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
};

describe('a secret in a file', () => {
  test.each(['', '\n', '\r\n'])('is read without the line break %j at its end', async (end) => {
    const path = await file(`jwt${end.length}`, SECRET + end);
    expect(readConfig({ JWT_SECRET_FILE: path }).jwtSecret).toBe(SECRET);
  });

  test.each(SECRET_VARIABLES)('can be %s', async (variable) => {
    const value = variable.startsWith('DATABASE')
      ? 'postgresql://tenantry_app:hunter2@127.0.0.1:9/tenantry'
      : variable === 'SMTP_URL'
        ? 'smtp://user:hunter2@mail.test:587'
        : variable === 'REDIS_URL'
          ? 'redis://user:hunter2@127.0.0.1:9/0'
          : SECRET;
    const env = {
      DATABASE_URL: 'postgresql://tenantry_app:hunter2@127.0.0.1:9/tenantry',
      APP_URL: 'https://app.test',
      MAIL_FROM: 'a@b.test',
      ...(variable === 'OPERATOR_JWT_SECRET' && { OPERATOR_JWT_AUDIENCE: 'operators' }),
    };
    const rest = Object.fromEntries(Object.entries(env).filter(([name]) => name !== variable));
    const path = await file(variable, `${value}\n`);
    expect(readConfig({ ...rest, [`${variable}_FILE`]: path })).toEqual(
      readConfig({ ...rest, [variable]: value }),
    );
  });

  test('is checked like one in the environment, and never shown', async () => {
    const path = await file('weak', 'hunter2\n');
    const read = () =>
      readConfig({
        NODE_ENV: 'production',
        DATABASE_URL: 'postgresql://tenantry_app@127.0.0.1:9/tenantry',
        JWT_SECRET_FILE: path,
      });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/^JWT_SECRET is too short[^]*$/);
    expect(read).not.toThrow(/hunter2/);
  });

  test('that cannot be read stops the start', () => {
    expect(() => readConfig({ JWT_SECRET_FILE: join(folder, 'missing') })).toThrow(
      'JWT_SECRET_FILE names a file that cannot be read (ENOENT).',
    );
    expect(() => readConfig({ JWT_SECRET_FILE: folder })).toThrow(/EISDIR/);
  });

  test('and one in the environment exclude each other', async () => {
    const path = await file('twice', SECRET);
    expect(() => readConfig({ JWT_SECRET: SECRET, JWT_SECRET_FILE: path })).toThrow(/both set/);
    expect(readConfig({ JWT_SECRET: '', JWT_SECRET_FILE: path }).jwtSecret).toBe(SECRET);
    expect(readConfig({ JWT_SECRET: SECRET, JWT_SECRET_FILE: '' }).jwtSecret).toBe(SECRET);
  });
});

describe('a command', () => {
  const production = {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgresql://tenantry_app@127.0.0.1:9/tenantry',
  };

  test('needs no way to verify tokens', () => {
    expect(() => readConfig(production)).toThrow(/JWT_SECRET or JWKS_URI is missing/);
    expect(readConfig(production, 'command').production).toBe(true);
  });
});

describe('.env', () => {
  const ask = async (env: Record<string, string>) =>
    (await startChild('src/cli/main.ts', ['tenant', 'list'], env).ended).stderr;

  test('is read in development, under what is set already', async () => {
    const path = await file('.env', 'DATABASE_URL=hunter2\n');
    expect(await ask({ ENV_FILE: path })).toMatch(/^DATABASE_URL must be a URL/);
    const url = 'postgresql://tenantry_app@127.0.0.1:9/tenantry';
    expect(await ask({ ENV_FILE: path, DATABASE_URL: url })).toMatch(/^DATABASE_OPERATOR_URL is missing/);
  });

  test('is not read in production', async () => {
    const path = await file('.env', 'DATABASE_URL=hunter2\n');
    expect(await ask({ ENV_FILE: path, NODE_ENV: 'production' })).toMatch(/^DATABASE_URL is missing/);
  });
});
