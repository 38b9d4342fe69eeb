/**
 * Proves that a database that cannot be used and an unsafe configuration are refused in one sentence. Tests with a
 * process cover what is specific to it; the other cases call the steps of the start.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import { prepareDatabase } from '../../src/kernel/database/preparation/prepare.js';
import { explain } from '../../src/explain.js';
import { endChildrenAfterAll } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { TEST_SECRET } from '../support/server.js';
import { start, expectSentence } from '../support/processes.js';

endChildrenAfterAll();

/** The sentence with which `npm start` refuses this environment. Runs the same steps in this process. */
async function refusal(env: Readonly<Record<string, string>>): Promise<string> {
  try {
    const prepared = await prepareDatabase(readConfig(env));
    await prepared.stop();
  } catch (error) {
    return explain(error);
  }
  throw new Error('what had to be refused was accepted');
}

function changed(url: string, change: (url: URL) => void): string {
  const parsed = new URL(url);
  change(parsed);
  return parsed.toString();
}

describe('a database that cannot be used is refused in one sentence without its password', () => {
  // Not the template of the run: other files cannot copy it while somebody is connected to it.
  const database = useDatabase();
  const app = () => database().app;
  const passwords = () => [app(), database().superuser].map((url) => new URL(url).password);
  const withPassword = (url: string, password: string) =>
    changed(url, (parsed) => {
      parsed.password = password;
    });
  type Case = readonly [env: () => Record<string, string>, sentence: RegExp];
  const IN_EARNEST: Readonly<Record<string, Case>> = {
    'no URL at all': [
      () => ({ DATABASE_URL: 'hunter2' }),
      /^DATABASE_URL must be a URL of the form postgresql:/,
    ],
    'a wrong password': [
      () => ({ DATABASE_URL: withPassword(app(), 'hunter2') }),
      /refused the login "tenantry_app"/,
    ],
    'a server that is not there': [
      () => ({ DATABASE_URL: 'postgresql://tenantry_app:hunter2@127.0.0.1:9/tenantry' }),
      /127\.0\.0\.1:9 cannot be reached/,
    ],
    'the superuser': [() => ({ DATABASE_URL: database().superuser }), /has to name the role tenantry_app/],
  };
  const CASES: Readonly<Record<string, Case>> = {
    'the URL of something else': [
      () => ({ DATABASE_URL: 'https://tenantry_app:hunter2@127.0.0.1/tenantry' }),
      /^DATABASE_URL must be a URL of the form postgresql:/,
    ],
    'a URL without a database': [
      () => ({ DATABASE_URL: 'postgresql://tenantry_app:hunter2@127.0.0.1:5432' }),
      /^DATABASE_URL must be a URL of the form postgresql:/,
    ],
    'a URL with a badly encoded password': [
      () => ({ DATABASE_URL: 'postgresql://tenantry_app:hunter2%@127.0.0.1:5432/tenantry' }),
      /is not of the form|cannot be reached/,
    ],
    'no password': [
      () => ({ DATABASE_URL: withPassword(app(), '') }),
      /asks for a password for "tenantry_app"/,
    ],
    'a database that is not there': [
      () => ({ DATABASE_URL: onDatabase(app(), 'not_there') }),
      /The database "not_there" does not exist/,
    ],
    'a host that is not there': [
      () => ({ DATABASE_URL: 'postgresql://tenantry_app:hunter2@no-such-host.invalid:5432/tenantry' }),
      /no-such-host\.invalid:5432 cannot be reached/,
    ],
    'the operator': [() => ({ DATABASE_URL: database().operator }), /has to name the role tenantry_app/],
    'an owner with a wrong password': [
      () => ({
        DATABASE_URL: app(),
        DATABASE_OWNER_URL: withPassword(database().superuser, 'hunter2'),
      }),
      /refused the login "postgres"/,
    ],
    'the application as the owner': [
      () => ({ DATABASE_URL: app(), DATABASE_OWNER_URL: app() }),
      /^DATABASE_OWNER_URL has to name/,
    ],
    'the superuser as the operator': [
      () => ({
        DATABASE_URL: app(),
        DATABASE_OWNER_URL: database().superuser,
        DATABASE_OPERATOR_URL: database().superuser,
      }),
      /^DATABASE_OPERATOR_URL has to name the role tenantry_operator/,
    ],
  };
  for (const [what, [env, sentence]] of Object.entries(IN_EARNEST)) {
    test.concurrent(`by the process: ${what}`, async () => {
      expectSentence(await start({ JWT_SECRET: TEST_SECRET, ...env() }), sentence, 'hunter2', ...passwords());
    });
  }
  for (const [what, [env, sentence]] of Object.entries(CASES)) {
    test.concurrent(what, async () => {
      const said = await refusal({ JWT_SECRET: TEST_SECRET, ...env() });
      expect(said).toMatch(sentence);
      expect(said).not.toContain('\n');
      for (const secret of ['hunter2', ...passwords()]) expect(said).not.toContain(secret);
    });
  }
});

describe('a configuration that is not safe does not start', () => {
  const production = {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgresql://tenantry_app:hunter2@127.0.0.1:9/tenantry',
  };
  type Case = readonly [env: Record<string, string>, sentence: RegExp];
  const development = `development-${randomBytes(32).toString('base64url')}`;
  const IN_EARNEST: Readonly<Record<string, Case>> = {
    'production without DATABASE_URL': [
      { NODE_ENV: 'production', JWT_SECRET: TEST_SECRET },
      /^DATABASE_URL is missing/,
    ],
    'production without JWT_SECRET': [production, /^JWT_SECRET or JWKS_URI is missing/],
    'production with a secret made for development': [
      { ...production, JWT_SECRET: development },
      /^JWT_SECRET looks like a development secret/,
    ],
  };
  const CASES: Readonly<Record<string, Case>> = {
    'production with an empty DATABASE_URL': [
      { NODE_ENV: 'production', DATABASE_URL: '', JWT_SECRET: TEST_SECRET },
      /^DATABASE_URL is missing/,
    ],
    'production with an empty JWT_SECRET': [
      { ...production, JWT_SECRET: '' },
      /^JWT_SECRET or JWKS_URI is missing/,
    ],
    'production with a short secret': [{ ...production, JWT_SECRET: 'hunter2' }, /^JWT_SECRET is too short/],
    'production with a placeholder': [
      { ...production, JWT_SECRET: 'change-me-hunter2-0123456789abcdefghij' },
      /^JWT_SECRET looks like/,
    ],
    'production with a monotonous secret': [
      { ...production, JWT_SECRET: 'ab'.repeat(32) },
      /^JWT_SECRET looks like/,
    ],
    'production with a weak secret beside a JWKS': [
      {
        ...{ ...production, JWT_SECRET: 'hunter2', JWKS_URI: 'https://identity.example/jwks' },
        ...{ JWT_ISSUER: 'https://identity.example', JWT_AUDIENCE: 'api' },
      },
      /^JWT_SECRET is too short/,
    ],
    'an owner’s URL alone': [
      { DATABASE_OWNER_URL: 'postgresql://postgres:hunter2@127.0.0.1:9/tenantry' },
      /^DATABASE_URL is missing/,
    ],
    'a port that is none': [{ PORT: 'hunter2' }, /^PORT must be a port number/],
    'a JWKS_URI that is none': [{ JWKS_URI: 'file:///hunter2' }, /^JWKS_URI must be an http or https URL/],
    'a base domain with a scheme': [
      { BASE_DOMAIN: 'https://hunter2.example' },
      /^BASE_DOMAIN must be a domain name/,
    ],
  };
  test('all that is wrong is told at once, one line each', async () => {
    const said = await refusal({ PORT: 'hunter2', JWKS_URI: 'file:///hunter2', JOB_SLOTS: '-1' });
    expect(said.split('\n')).toEqual([
      'PORT must be a port number.',
      'JWKS_URI must be an http or https URL.',
      expect.stringMatching(/^JOB_SLOTS must be/),
    ]);
    const together = await refusal({
      ...{ NODE_ENV: 'production', OIDC_ISSUER: 'https://identity.example', SMTP_URL: 'smtp://mail.example' },
      ...{
        OPERATOR_JWT_AUDIENCE: 'operators',
        CELL_EU_OWNER_URL: 'postgresql://o@127.0.0.1/x',
        LOG_SQL: 'explain',
      },
    });
    expect(together.split('\n').map((line) => line.split(' ')[0])).toEqual([
      ...['CELL_EU_URL', 'OPERATOR_JWT_SECRET', 'OIDC_ISSUER', 'DATABASE_URL', 'APP_URL', 'LOG_SQL=explain'],
      'JWT_SECRET',
    ]);
  });
  for (const [what, [env, sentence]] of Object.entries(IN_EARNEST)) {
    test.concurrent(`by the process: ${what}`, async () => {
      expectSentence(await start(env), sentence, 'hunter2', env['JWT_SECRET'] ?? 'hunter2');
    });
  }
  for (const [what, [env, sentence]] of Object.entries(CASES)) {
    test(what, async () => {
      const said = await refusal(env);
      expect(said).toMatch(sentence);
      expect(said).not.toMatch(/\n|hunter2/);
    });
  }
});
