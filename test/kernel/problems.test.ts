/**
 * Proves what an operator is told of refused credentials and of a database that is not available: the cause and the
 * count, and no token.
 */
import { createHmac, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { unavailable, withCause } from '../../src/kernel/vocabulary/errors.js';
import { LeavingErrors } from '../../src/services/telemetry/leaving-errors.js';
import { Problems, type WriteProblem } from '../../src/services/telemetry/problems.js';
import { createTestDatabase } from '../support/database.js';
import { startTestServer, TEST_SECRET, useServer, type TestServer } from '../support/server.js';

afterEach(() => {
  vi.useRealTimers();
});

const kind = (reason: string) => ({ name: 'auth', reason, sentence: `because of ${reason}` });

function recorded(): { readonly problems: Problems; readonly lines: Parameters<WriteProblem>[] } {
  const lines: Parameters<WriteProblem>[] = [];
  return { problems: new Problems((...line) => void lines.push(line)), lines };
}

describe('a problem', () => {
  test('is told at once, and then once a minute with the number of times', () => {
    vi.useFakeTimers();
    const { problems, lines } = recorded();
    for (let time = 0; time < 1_000; time++) problems.note(kind('expired'), `cause ${String(time)}`);
    problems.note(kind('issuer'));
    expect(lines).toEqual([
      ['because of expired', { problem: 'auth', reason: 'expired', count: 1, detail: 'cause 0' }],
      ['because of issuer', { problem: 'auth', reason: 'issuer', count: 1 }],
    ]);
    vi.advanceTimersByTime(59_999);
    expect(lines).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(lines.slice(2)).toEqual([
      ['because of expired', { problem: 'auth', reason: 'expired', count: 999, detail: 'cause 1' }],
    ]);
    vi.advanceTimersByTime(600_000);
    expect(lines).toHaveLength(3);
    problems.note(kind('expired'));
    expect(lines).toHaveLength(4);
    expect(problems.counts('auth')).toEqual(
      new Map([
        ['expired', 1_001],
        ['issuer', 1],
      ]),
    );
  });

  test('that was counted only is told when the server stops', () => {
    vi.useFakeTimers();
    const { problems, lines } = recorded();
    for (let time = 0; time < 3; time++) problems.note(kind('expired'));
    problems.close();
    expect(lines.map(([, { count }]) => count)).toEqual([1, 2]);
    vi.advanceTimersByTime(600_000);
    expect(lines).toHaveLength(2);
  });

  test('takes no memory for each time, nor for kinds without end, and no control character to a terminal', () => {
    const { problems, lines } = recorded();
    for (let time = 0; time < 5_000; time++) problems.note(kind(randomUUID()));
    expect(problems.counts('auth').size).toBe(200);
    problems.note(kind('more'), `\u001b]0;title\u0007\n${'x'.repeat(10_000)}`);
    problems.close();
    const details = lines.flatMap(([, { detail }]) => detail ?? []);
    expect(details).toEqual([expect.stringMatching(/^\]0;title x{150,200}$/)]);
  });
});

describe('the cause of UNAVAILABLE is found behind whatever it was wrapped in', () => {
  const postgres = (code: string) => Object.assign(new Error(`refused by ${code}`), { code });
  const CASES: Readonly<Record<string, unknown>> = {
    statement_timeout: postgres('57014'),
    lock_timeout: postgres('55P03'),
    too_many_connections: postgres('53300'),
    read_only: postgres('25006'),
    connection_lost: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
    no_connection: new Error('timeout exceeded when trying to connect'),
    no_answer: new Error('Query read timeout'),
    other: new Error('something else'),
  };
  for (const [reason, cause] of Object.entries(CASES)) {
    test(reason, () => {
      const { problems, lines } = recorded();
      const leaving = new LeavingErrors(problems);
      leaving.see('UNAVAILABLE', withCause(unavailable(), cause));
      leaving.see('UNAVAILABLE', withCause(new Error('wrapped'), withCause(unavailable(), cause)));
      expect(problems.counts('database')).toEqual(new Map([[reason, 2]]));
      expect(lines[0]?.[1].detail).toContain((cause as Error).message);
      expect(leaving.codes).toEqual(new Map([['UNAVAILABLE', 2]]));
    });
  }

  test('and where there is none, the server itself is the cause, not the database', () => {
    const { problems } = recorded();
    new LeavingErrors(problems).see('UNAVAILABLE', unavailable());
    expect(problems.counts('database').size).toBe(0);
    expect(problems.counts('server')).toEqual(new Map([['unavailable', 1]]));
  });
});

describe('a running server', () => {
  const server = useServer();

  const counter = async (
    { url }: TestServer,
    name: string,
    label: string,
    value: string,
  ): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(new RegExp(`^${name}\\{${label}="${value}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  };
  const refusals = (reason: string) => counter(server(), 'tenantry_auth_refusals_total', 'reason', reason);
  const hs256 = (claims: object, options: jwt.SignOptions = {}, secret = TEST_SECRET): string =>
    jwt.sign({ tenant_id: 'acme', ...claims }, secret, {
      subject: 'top-secret-subject',
      issuer: 'tenantry',
      audience: 'tenantry',
      expiresIn: 300,
      ...options,
    });
  const unsigned = (header: object, payload: object): string => {
    const parts = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    return `${parts.join('.')}.${createHmac('sha256', 'x').update(parts.join('.')).digest('base64url')}`;
  };

  const CREDENTIALS: Readonly<Record<string, () => string | undefined>> = {
    missing: () => undefined,
    malformed: () => 'Bearer top-secret-subject',
    algorithm: () => `Bearer ${unsigned({ alg: 'RS256', kid: 'top-secret-subject' }, {})}`,
    issuer: () => `Bearer ${hs256({}, { issuer: 'https://top-secret-subject.test' })}`,
    audience: () => `Bearer ${hs256({}, { audience: 'https://top-secret-subject.test' })}`,
    signature: () => `Bearer ${hs256({}, {}, 'another secret, as long as it has to be')}`,
    expired: () => `Bearer ${hs256({}, { expiresIn: -300 })}`,
    not_yet_valid: () => `Bearer ${hs256({}, { notBefore: 300 })}`,
    claims: () => `Bearer ${hs256({ tenant_id: { 'top-secret-subject': true } })}`,
    api_key: () => `Bearer tk_${'topsecretsubject'.repeat(3)}`,
  };
  for (const [reason, authorization] of Object.entries(CREDENTIALS)) {
    test(`counts and tells, once, that credentials are refused: ${reason}`, async () => {
      const before = await refusals(reason);
      const headers: Record<string, string> = {};
      const value = authorization();
      if (value !== undefined) headers['authorization'] = value;
      for (let time = 0; time < 3; time++) {
        expect((await server().withHeaders(headers).query('{ me { userId } }')).status).toBe(401);
      }
      expect((await refusals(reason)) - before).toBe(3);
    });
  }

  test('names neither a token nor anything in it', async () => {
    for (const authorization of Object.values(CREDENTIALS)) {
      const value = authorization();
      const headers = value === undefined ? {} : { authorization: value };
      await server().withHeaders(headers).query('{ me { userId } }');
    }
    const said = server().warnings.join('\n');
    // The same is told again after a minute, and a slow machine may be late with a notification.
    const told = server().warnings.filter((each) => !each.includes('notifications do not arrive'));
    expect(new Set(told).size).toBe(Object.keys(CREDENTIALS).length);
    expect(said).toMatch(/another issuer than JWT_ISSUER/);
    expect(said).not.toMatch(/top-?secret/);
  });

  test('counts UNAVAILABLE inside an answer with status 200, and tells its cause', async () => {
    const database = await createTestDatabase();
    await database.asSuperuser(
      `ALTER ROLE tenantry_app IN DATABASE ${database.name} SET lock_timeout = '100ms'`,
    );
    const locked = await startTestServer({ database });
    const holder = new pg.Client({ connectionString: database.superuser });
    await holder.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE audit_log');
      const owner = await locked.as('owner', 'acme');
      const { status, errors } = await owner.query('{ auditLog(first: 1) { nodes { id } } }');
      expect({ status, code: errors[0]?.extensions.code }).toEqual({ status: 200, code: 'UNAVAILABLE' });
      expect(await counter(locked, 'tenantry_errors_total', 'code', 'UNAVAILABLE')).toBe(1);
      expect(await counter(locked, 'tenantry_database_refusals_total', 'reason', 'lock_timeout')).toBe(1);
      expect(locked.warnings).toContainEqual(expect.stringMatching(/waited too long for a lock/));
    } finally {
      await holder.end();
      await locked.close();
      await database.drop();
    }
  });
});
